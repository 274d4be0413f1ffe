package library

import (
	"bytes"
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

// draftName is the name of the file in places, which are rewritten.
const draftName = "draft"

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
		return nil, DraftFaults(err)
	}
	return f, nil
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
			f.Place, f.Message = field, rest
		}
		f.Excerpt = ""
		out[i] = f
	}
	return &errs.Error{Kind: errs.KindOf(err), Faults: out}
}

var draftFields = map[string]bool{"key": true, "was": true, "name": true, "category": true, "purpose": true, "owner": true, "refresh": true, "kind": true, "keep": true,
	"rfm": true, "multi": true, "cases": true, "value": true, "bands": true, "values": true, "classes": true, "when": true}
