package ingest

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"tagma/errs"
	"tagma/event"
)

// mappingParser walks a mapping's YAML nodes and collects faults.
type mappingParser struct {
	file   string
	zone   *event.Zone
	faults []errs.Fault
}

func (p *mappingParser) place(n *yaml.Node, path string) string {
	s := p.file + ":" + strconv.Itoa(n.Line)
	if path != "" {
		s += ": " + path
	}
	return s
}

func (p *mappingParser) fault(n *yaml.Node, path, message, hint string) {
	p.faults = append(p.faults, errs.Fault{Place: p.place(n, path), Message: message, Hint: hint})
}

var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

// syntax reports that the text is no YAML.
func (p *mappingParser) syntax(err error) {
	f := errs.Fault{Place: p.file, Message: "not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		f.Place, f.Message = p.file+":"+m[1], "not YAML: "+m[2]
	}
	p.faults = append(p.faults, f)
}

// entry is a key of a YAML mapping with its value.
type entry struct {
	key        string
	node, name *yaml.Node
}

// entries returns the keys of a mapping node in order; keys given twice are faults. Aliases are followed.
func (p *mappingParser) entries(n *yaml.Node, path, expected string) []entry {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		p.fault(n, path, "expected "+expected, "")
		return nil
	}
	var out []entry
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode {
			p.fault(k, path, "a key must be a plain word", "")
			continue
		}
		if seen[k.Value] {
			p.fault(k, path, fmt.Sprintf("%s is given twice", k.Value), "")
			continue
		}
		seen[k.Value] = true
		out = append(out, entry{k.Value, resolve(n.Content[i+1]), k})
	}
	return out
}

func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

func (p *mappingParser) unknown(e entry, path string, known ...string) {
	hint := didYouMean(e.key, known)
	if hint == "" {
		hint = "possible are " + strings.Join(known, ", ")
	}
	p.fault(e.name, path, fmt.Sprintf("unknown key %q", e.key), hint)
}

// scalar returns a plain value's text; false with a fault when it is empty or no plain value.
func (p *mappingParser) scalar(n *yaml.Node, path string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Value == "" {
		p.fault(n, path, "expected a text", "")
		return "", false
	}
	return n.Value, true
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + ": " + key
}

func (p *mappingParser) mapping(m *Mapping, root *yaml.Node) {
	top := p.entries(root, "", "a mapping with source, rows and so on")
	// The zone first: layouts are read in it, wherever it stands.
	p.zone = m.zone
	for _, e := range top {
		if e.key == "timezone" {
			if text, ok := p.scalar(e.node, e.key); ok {
				zone, err := event.LoadZone(text)
				if err != nil {
					p.fault(e.node, "timezone", err.Error(), "")
				} else {
					m.zone, p.zone = zone, zone
				}
			}
		}
	}
	rows := false
	for _, e := range top {
		switch e.key {
		case "timezone":
		case "source":
			if text, ok := p.scalar(e.node, e.key); ok {
				m.Source = text
				if len(text) > maxName {
					p.fault(e.node, e.key, fmt.Sprintf("a source's name has at most %d bytes", maxName), "")
				}
			}
		case "delimiter":
			if text, ok := p.scalar(e.node, e.key); ok {
				if text == `\t` || text == "tab" {
					text = "\t"
				}
				if text != Blanks && (len(text) != 1 || strings.ContainsAny(text, "\"\r\n") || text[0] >= 0x80) {
					p.fault(e.node, e.key, fmt.Sprintf("%q cannot separate cells", text), `write one character such as ";" or "\t", or whitespace`)
				}
				m.form.delimiter = text
			}
		case "encoding":
			if text, ok := p.scalar(e.node, e.key); ok {
				if _, err := textEncoding(text); err != nil {
					p.fault(e.node, e.key, err.Error(), "")
				}
				m.form.encoding = text
			}
		case "sheet":
			m.form.sheet, _ = p.scalar(e.node, e.key)
		case "columns":
			m.form.columns = p.names(e.node, e.key)
		case "tables":
			p.tables(m, e.node)
		case "traits_time":
			m.traitsTime = p.momentCell(e.node, e.key, "traits_time")
		case "consents_time":
			m.consentsTime = p.momentCell(e.node, e.key, "consents_time")
		case "rows":
			rows = true
			p.rows(m, e.node)
		default:
			p.unknown(e, "", "source", "timezone", "delimiter", "encoding", "sheet", "columns", "tables", "traits_time", "consents_time", "rows")
		}
	}
	if !rows && len(top) > 0 {
		p.fault(root, "", "there is no rows", "rows says what a row gives: identify, traits, consents, events")
	}
}

// names reads a list of different names.
func (p *mappingParser) names(n *yaml.Node, path string) []string {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		p.fault(n, path, "expected a list of names", "")
		return nil
	}
	var out []string
	for _, c := range n.Content {
		if name, ok := p.scalar(resolve(c), path); ok {
			if contains(out, name) {
				p.fault(c, path, fmt.Sprintf("%s is given twice", name), "")
			}
			out = append(out, name)
		}
	}
	return out
}

func (p *mappingParser) tables(m *Mapping, n *yaml.Node) {
	for _, e := range p.entries(n, "tables", "tables by name") {
		path := join("tables", e.key)
		t := tableSpec{name: e.key, place: p.place(e.name, path)}
		if e.key == "row" || e.key == "line" || !plainName(e.key) {
			p.fault(e.name, path, fmt.Sprintf("a table cannot be called %q", e.key), "use letters, digits and _, and neither row nor line")
		}
		for _, f := range p.entries(e.node, path, "{file, key}") {
			switch f.key {
			case "file":
				t.file, _ = p.scalar(f.node, join(path, f.key))
			case "key":
				t.key, _ = p.scalar(f.node, join(path, f.key))
			default:
				p.unknown(f, path, "file", "key")
			}
		}
		if t.file == "" || t.key == "" {
			p.fault(e.name, path, "expected file and key", "write {file: products.csv, key: product_id}")
		}
		m.table = append(m.table, t)
	}
}

func plainName(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != ""
}

func (p *mappingParser) rows(m *Mapping, n *yaml.Node) {
	identified := false
	for _, e := range p.entries(n, "rows", "what a row gives: skip, identify, traits, consents, tags, events") {
		path := join("rows", e.key)
		switch e.key {
		case "skip":
			m.skip = p.condition(e.node, path, "skip")
		case "identify":
			identified = true
			for _, f := range p.entries(e.node, path, "identifiers by kind, such as user_id: column") {
				if !p.name(f.name, join(path, f.key), f.key) {
					continue
				}
				if c := p.cell(f.node, join(path, f.key), "identifier "+f.key); c != nil {
					m.identify = append(m.identify, identify{f.key, *c})
				}
			}
		case "traits":
			for _, f := range p.entries(e.node, path, "traits by name, such as country: column") {
				if !p.name(f.name, join(path, f.key), f.key) {
					continue
				}
				if c := p.cell(f.node, join(path, f.key), "trait "+f.key); c != nil {
					m.dated = append(m.dated, dated{name: f.key, cell: *c})
				}
			}
		case "consents":
			for _, f := range p.entries(e.node, path, "consents by name, such as sms: column") {
				if !p.name(f.name, join(path, f.key), f.key) {
					continue
				}
				c := p.cell(f.node, join(path, f.key), "consent "+f.key)
				if c == nil {
					continue
				}
				switch c.reading.as {
				case event.Missing:
					c.reading.as = event.BoolKind
				case event.BoolKind:
				default:
					p.fault(f.node, join(path, f.key), fmt.Sprintf("a consent is a bool, it cannot be read as %s", c.reading.as), "leave as out")
				}
				m.dated = append(m.dated, dated{name: f.key, consent: true, cell: *c})
			}
		case "tags":
			p.tagsOf(m, e.node, path)
		case "tags_reason":
			if m.assign.reason = p.cell(e.node, path, "tags_reason"); m.assign.reason != nil && m.assign.reason.reading.as == event.Missing {
				m.assign.reason.reading.as = event.TextKind
			}
		case "tags_until":
			m.assign.until = p.endCell(e.node, path)
		case "events":
			p.events(m, e.node, path)
		default:
			p.unknown(e, "rows", "skip", "identify", "traits", "consents", "tags", "tags_reason", "tags_until", "events")
		}
	}
	if !identified {
		p.fault(n, "rows", "there is no identify", "identify says who the row is about, as in identify: {user_id: column}")
	}
}

// maxName bounds names of sources, kinds, traits, events and properties, in bytes.
const maxName = 200

func (p *mappingParser) name(n *yaml.Node, path, name string) bool {
	wrong := nameFault(name)
	if wrong != "" {
		p.fault(n, path, wrong, "")
	}
	return wrong == ""
}

// nameFault says what is wrong with a name, "" when nothing is.
func nameFault(name string) string {
	switch {
	case name == "":
		return "a name is empty"
	case len(name) > maxName:
		return fmt.Sprintf("a name has at most %d bytes", maxName)
	case strings.ContainsFunc(name, unicode.IsControl):
		return "a name has no control characters"
	}
	return ""
}

func (p *mappingParser) events(m *Mapping, n *yaml.Node, path string) {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode {
		p.fault(n, path, "expected a list of events", "each begins with - name: …")
		return
	}
	if len(n.Content) > maxEvents {
		p.fault(n, path, fmt.Sprintf("a row gives at most %d events", maxEvents), "")
		return
	}
	same := map[string]int{}
	for i, item := range n.Content {
		item = resolve(item)
		at := path + "[" + strconv.Itoa(i+1) + "]"
		spec := eventSpec{}
		named, timed := false, false
		for _, e := range p.entries(item, at, "an event with name, time and so on") {
			sub := join(at, e.key)
			switch e.key {
			case "name":
				named = true
				if text, ok := p.scalar(e.node, sub); ok {
					spec.ident = text
					if strings.HasPrefix(text, "=") {
						spec.nameFrom = &cell{text: text[1:], label: "event name", place: p.place(e.node, sub)}
						spec.nameFrom.reading = reading{as: event.TextKind, zone: p.zone}
					} else if spec.name = text; p.name(e.node, sub, text) {
						at = path + "[" + strconv.Itoa(i+1) + "] " + text
					}
				}
			case "when":
				spec.when = p.condition(e.node, sub, "when")
			case "time":
				timed = true
				if c := p.momentCell(e.node, sub, "time"); c != nil {
					spec.time = *c
				}
			case "message_id":
				if spec.messageID = p.cell(e.node, sub, "message_id"); spec.messageID != nil && spec.messageID.reading.as == event.Missing {
					spec.messageID.reading.as = event.TextKind
				}
			case "properties":
				for _, f := range p.entries(e.node, sub, "properties by name, such as quantity: column") {
					if !p.name(f.name, join(sub, f.key), f.key) {
						continue
					}
					if c := p.cell(f.node, join(sub, f.key), "property "+f.key); c != nil {
						spec.props = append(spec.props, property{f.key, *c})
					}
				}
			default:
				p.unknown(e, at, "name", "when", "time", "message_id", "properties")
			}
		}
		if item.Kind == yaml.MappingNode {
			if !named {
				p.fault(item, at, "the event has no name", "")
			}
			if !timed {
				p.fault(item, at, "the event has no time", "name the column that says when it happened, as in time: {from: date, layout: yyyy-MM-dd}")
			}
		}
		sort.SliceStable(spec.props, func(a, b int) bool { return spec.props[a].name < spec.props[b].name })
		// Events are told apart by name, and of one name by their order: a mapping that gets another event,
		// wherever it stands, keeps what it had.
		same[spec.ident]++
		spec.ident += "\x00" + strconv.Itoa(same[spec.ident])
		m.events = append(m.events, spec)
	}
}

// condition reads an expression that is true or false.
func (p *mappingParser) condition(n *yaml.Node, path, label string) *cell {
	text, ok := p.scalar(n, path)
	if !ok {
		return nil
	}
	return &cell{text: strings.TrimPrefix(text, "="), label: label, place: p.place(n, path), reading: reading{zone: p.zone}}
}

// momentCell reads where a time comes from.
func (p *mappingParser) momentCell(n *yaml.Node, path, label string) *cell {
	c := p.cell(n, path, label)
	if c == nil {
		return nil
	}
	switch c.reading.as {
	case event.Missing, event.DateKind:
		c.reading.as = event.TimeKind
	case event.TimeKind:
	default:
		p.fault(n, path, fmt.Sprintf("a time cannot be read as %s", c.reading.as), "leave as out")
	}
	if c.reading.layout == nil {
		c.reading.layout = &layout{clock: true}
	}
	return c
}

// cell reads a column's name, = and an expression, or {from, as, layout, separator}.
func (p *mappingParser) cell(n *yaml.Node, path, label string) *cell {
	n = resolve(n)
	c := &cell{place: p.place(n, path), label: label, reading: reading{separator: ",", zone: p.zone}}
	var from *yaml.Node
	switch n.Kind {
	case yaml.ScalarNode:
		from = n
	case yaml.MappingNode:
		for _, e := range p.entries(n, path, "") {
			sub := join(path, e.key)
			switch e.key {
			case "from":
				from = e.node
			case "as":
				text, ok := p.scalar(e.node, sub)
				if !ok {
					break
				}
				if c.reading.as, ok = event.ParseKind(text); !ok {
					p.fault(e.node, sub, fmt.Sprintf("%q is not a type", text), "possible are number, bool, time, date, list, text")
				}
			case "layout":
				text, ok := p.scalar(e.node, sub)
				if !ok {
					break
				}
				l, err := newLayout(text)
				if err != nil {
					p.fault(e.node, sub, err.Error(), "")
					break
				}
				c.reading.layout = l
			case "separator":
				c.reading.separator, _ = p.scalar(e.node, sub)
			default:
				p.unknown(e, path, "from", "as", "layout", "separator")
			}
		}
		if from == nil {
			p.fault(n, path, "there is no from", "from names a column, or is = and an expression")
			return nil
		}
	default:
		p.fault(n, path, "expected a column's name, = and an expression, or {from, as, layout}", "")
		return nil
	}
	text, ok := p.scalar(from, path)
	if !ok {
		return nil
	}
	if strings.HasPrefix(text, "=") {
		c.text = text[1:]
	} else {
		c.column = text
		c.label = "column " + text
	}
	r := &c.reading
	if r.layout != nil && r.as == event.Missing {
		if r.as = event.TimeKind; !r.layout.clock {
			r.as = event.DateKind
		}
	}
	switch {
	case r.layout != nil && r.as != event.TimeKind && r.as != event.DateKind:
		p.fault(n, path, fmt.Sprintf("a layout is for times and dates, not for %s", r.as), "")
	case r.layout == nil && (r.as == event.TimeKind || r.as == event.DateKind):
		r.layout = &layout{clock: true}
	}
	return c
}
