package library

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"tagma/errs"
	"tagma/event"
)

// TagDraft is a tag as somebody filled it in, not looked at yet. File reads it by the rules of a definitions file, so
// that there is one judge of what a tag may be.
type TagDraft struct {
	Key, Was                                      string
	Name, Category, Purpose, Owner, Refresh, Kind string
	Keep, RFM                                     string
	Multi                                         bool
	Cases                                         []Case
	Value                                         string
	Bands                                         []BandDraft
	Values                                        []event.Value
	Classes                                       []string
}

// BandDraft is a band; Below is a number as written, "" for the rest.
type BandDraft struct{ Below, Value string }

// File returns a definitions file of the tag alone. Faults are Invalid, all of them; their places are fields, as
// "cases".
func (d TagDraft) File() (*File, error) {
	n := mapping(false)
	n.text("key", d.Key)
	n.text("was", d.Was)
	n.text("name", d.Name)
	n.text("category", d.Category)
	n.text("purpose", d.Purpose)
	n.text("owner", d.Owner)
	n.text("refresh", d.Refresh)
	n.text("kind", d.Kind)
	n.text("keep", d.Keep)
	n.text("rfm", d.RFM)
	n.yes("multi", d.Multi)
	classes, cases, bands, values := list(), list(), list(), list()
	for _, c := range d.Classes {
		classes.Content = append(classes.Content, scalar(c, 0))
	}
	for _, c := range d.Cases {
		item := mapping(false)
		item.value("value", c.Value)
		item.quoted("when", c.When)
		cases.add(item)
	}
	for _, b := range d.Bands {
		item := mapping(false)
		if b.Below != "" {
			item.Content = append(item.Content, scalar("below", 0), &yaml.Node{Kind: yaml.ScalarNode, Value: b.Below})
		}
		item.quoted("value", b.Value)
		bands.add(item)
	}
	for _, v := range d.Values {
		values.Content = append(values.Content, valueNode(v))
	}
	n.put("classes", classes)
	n.put("cases", cases)
	if d.Value != "" {
		n.quoted("value", d.Value)
	}
	n.put("bands", bands)
	n.put("values", values)
	return draftFile("tags", n)
}

// SegmentDraft is a segment as somebody filled it in.
type SegmentDraft struct{ Key, Was, Name, Purpose, Owner, When string }

// File is as that of TagDraft.
func (d SegmentDraft) File() (*File, error) {
	n := mapping(false)
	n.text("key", d.Key)
	n.text("was", d.Was)
	n.text("name", d.Name)
	n.text("purpose", d.Purpose)
	n.text("owner", d.Owner)
	n.quoted("when", d.When)
	return draftFile("segments", n)
}

// MeasureDraft is a named measure as somebody filled it in.
type MeasureDraft struct{ Key, When, Value string }

// File is as that of TagDraft.
func (d MeasureDraft) File() (*File, error) {
	n, all, top := mapping(false), mapping(false), mapping(false)
	if d.When != "" {
		n.quoted("when", d.When)
	}
	n.quoted("value", d.Value)
	all.put(d.Key, n)
	top.put("measures", all)
	return parseDraft(top)
}

// CategoryDraft is a node of the tree as somebody filled it in; Key is its path. Those above it must be there.
type CategoryDraft struct{ Key, Name, Prefix, Class string }

// File is as that of TagDraft.
func (d CategoryDraft) File() (*File, error) {
	parent := parentPath(d.Key)
	n := mapping(false)
	n.text("key", strings.TrimPrefix(strings.TrimPrefix(d.Key, parent), "/"))
	n.text("name", d.Name)
	n.text("prefix", d.Prefix)
	n.text("class", d.Class)
	f, err := draftFile("categories", n)
	if err != nil {
		return nil, err
	}
	if strings.Count(d.Key, "/") >= maxDepth {
		return nil, errs.Faulty("", []errs.Fault{{Place: "key", Message: fmt.Sprintf("the tree has more than %d levels", maxDepth)}})
	}
	f.Categories[0].Key = d.Key
	return f, nil
}

// quoted adds a key with a text in quotes, also an empty one.
func (n *node) quoted(key, text string) {
	n.Content = append(n.Content, scalar(key, 0), scalar(text, yaml.DoubleQuotedStyle))
}

func draftFile(key string, n *node) (*File, error) {
	all, top := list(), mapping(false)
	all.add(n)
	top.put(key, all)
	return parseDraft(top)
}

// draftName is the name of the file in places, which are rewritten; no file of anybody is called so.
const draftName = "\x00draft"

// draftField names a field as a draft has it: the condition of the second case is cases[1].when.
func draftField(field string) string {
	if n, ok := strings.CutPrefix(field, "case"); ok {
		if _, err := strconv.Atoi(n); err == nil {
			return "cases[" + n + "].when"
		}
	}
	return field
}

func parseDraft(top *node) (*File, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	if err := enc.Encode(&top.Node); err != nil {
		return nil, errs.New(errs.Invalid, "the definition cannot be written: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, errs.New(errs.Invalid, "the definition cannot be written: %w", err)
	}
	f, err := ParseFile(b.Bytes(), draftName)
	if err != nil {
		return nil, DraftFaults(fieldFaults(err, b.Bytes()))
	}
	return f, nil
}

// fieldFaults puts the field of a draft in the place of its line in the file that the draft was turned into.
func fieldFaults(err error, text []byte) error {
	var root yaml.Node
	if yaml.Unmarshal(text, &root) != nil || len(root.Content) == 0 || len(root.Content[0].Content) < 2 {
		return err
	}
	def := root.Content[0].Content[1]
	if def.Kind == yaml.SequenceNode && len(def.Content) > 0 {
		def = def.Content[0]
	} else if def.Kind == yaml.MappingNode && len(def.Content) > 1 {
		def = def.Content[1] // of measures
	}
	fields := map[int]string{}
	fieldLines(def, "", fields)
	list := slices.Clone(errs.FaultsOf(err))
	for i := range list {
		rest, ok := strings.CutPrefix(list[i].Place, draftName+":")
		if !ok {
			continue
		}
		line, _, _ := strings.Cut(rest, ":")
		if n, bad := strconv.Atoi(line); bad == nil && fields[n] != "" {
			list[i].Place = fields[n]
		}
	}
	return &errs.Error{Kind: errs.KindOf(err), Faults: list}
}

// fieldLines finds the fields that the lines of a node are of, as cases[1].when.
func fieldLines(n *yaml.Node, at string, fields map[int]string) {
	switch n.Kind {
	case yaml.SequenceNode:
		for i, item := range n.Content {
			fieldLines(item, fmt.Sprintf("%s[%d]", at, i), fields)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i].Value
			if at != "" {
				name = at + "." + name
			}
			if fields[n.Content[i].Line] == "" {
				fields[n.Content[i].Line] = name
			}
			fieldLines(n.Content[i+1], name, fields)
		}
	default:
		if fields[n.Line] == "" {
			fields[n.Line] = at
		}
	}
}

// DraftFaults takes the lines of the file that a draft was turned into out of the places of an error's faults: what
// stays is the definition's field, where the message begins with one.
func DraftFaults(err error) error {
	list := errs.FaultsOf(err)
	if len(list) == 0 {
		return err
	}
	out := make([]errs.Fault, len(list))
	for i, f := range list {
		if strings.HasPrefix(f.Place, draftName+":") {
			f.Place = ""
		}
		if field, rest, ok := strings.Cut(f.Message, ": "); ok && draftFields[field] {
			if f.Message = rest; f.Place == "" {
				f.Place = field
			}
		}
		f.Excerpt = ""
		out[i] = f
	}
	return &errs.Error{Kind: errs.KindOf(err), Faults: out}
}

var draftFields = map[string]bool{"key": true, "was": true, "name": true, "category": true, "purpose": true, "owner": true, "refresh": true, "kind": true, "keep": true,
	"rfm": true, "prefix": true, "class": true, "multi": true, "cases": true, "value": true, "bands": true, "values": true, "classes": true, "when": true}
