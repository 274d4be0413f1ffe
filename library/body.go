package library

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"tagma/event"
	"tagma/rule"
)

// The bodies are what definitions and their versions are in the database. A body holds the key and the state
// too, so that a version tells all by itself.
type (
	tagBody struct {
		Key      string     `json:"key"`
		State    State      `json:"state"`
		Name     string     `json:"name"`
		Category string     `json:"category"`
		Purpose  string     `json:"purpose"`
		Owner    string     `json:"owner"`
		Refresh  Refresh    `json:"refresh"`
		Kind     string     `json:"kind"`
		Multi    bool       `json:"multi,omitempty"`
		Keep     string     `json:"keep,omitempty"`
		Cases    []caseBody `json:"cases,omitempty"`
		Value    string     `json:"value,omitempty"`
		Bands    []bandBody `json:"bands,omitempty"`
		Values   []literal  `json:"values,omitempty"`
		Classes  []string   `json:"classes,omitempty"`
		RFM      string     `json:"rfm,omitempty"`
		Entity   string     `json:"entity"`
	}
	caseBody struct {
		Value literal `json:"value"`
		When  string  `json:"when"`
	}
	bandBody struct {
		Below *literal `json:"below,omitempty"`
		Value string   `json:"value"`
	}
	segmentBody struct {
		Key     string `json:"key"`
		State   State  `json:"state"`
		Name    string `json:"name"`
		Purpose string `json:"purpose,omitempty"`
		Owner   string `json:"owner,omitempty"`
		When    string `json:"when"`
	}
	measureBody struct {
		Key   string `json:"key"`
		State State  `json:"state"`
		When  string `json:"when,omitempty"`
		Value string `json:"value"`
	}
	categoryBody struct {
		Key    string `json:"key"`
		State  State  `json:"state"`
		Name   string `json:"name"`
		Prefix string `json:"prefix,omitempty"`
		Class  string `json:"class,omitempty"`
	}
	tableBody struct {
		Key   string            `json:"key"`
		State State             `json:"state"`
		Name  string            `json:"name,omitempty"`
		By    string            `json:"by"`
		Types map[string]string `json:"types,omitempty"`
		CSV   string            `json:"csv"`
	}
	declarationBody struct {
		Key        string                  `json:"key"`
		State      State                   `json:"state"`
		Properties map[string]declaredBody `json:"properties,omitempty"`
		Trait      *declaredBody           `json:"trait,omitempty"`
		Name       string                  `json:"name,omitempty"`
	}
)

// literal is a value in a body: texts, numbers and bools as in JSON, dates and times as {"date": …}, {"time": …}.
type literal struct{ event.Value }

// MarshalJSON writes numbers exactly.
func (l literal) MarshalJSON() ([]byte, error) {
	switch l.Kind() {
	case event.TextKind:
		return marshal(l.Text())
	case event.NumberKind:
		return []byte(l.Number().Exact()), nil
	case event.BoolKind:
		return json.Marshal(l.Bool())
	case event.DateKind:
		return json.Marshal(map[string]string{"date": l.Date().String()})
	case event.TimeKind:
		return json.Marshal(map[string]string{"time": l.Time().String()})
	}
	return nil, fmt.Errorf("a %s cannot be a tag's value", l.Kind())
}

// UnmarshalJSON reads what MarshalJSON writes.
func (l *literal) UnmarshalJSON(data []byte) error {
	if data[0] == '{' {
		var m map[string]string
		if err := json.Unmarshal(data, &m); err != nil {
			return err
		}
		if text, ok := m["date"]; ok {
			d, err := event.ParseDate(text)
			l.Value = event.Civil(d)
			return err
		}
		t, err := time.Parse(time.RFC3339Nano, m["time"])
		l.Value = event.Instant(event.At(t))
		return err
	}
	var x any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&x); err != nil {
		return err
	}
	if l.Value = event.FromJSON(x); !l.Present() {
		return fmt.Errorf("%s is no value of a tag", data)
	}
	return nil
}

// declaredBody is what is declared in a body: the kind's name, or {"type": …, "coerce": true}.
type declaredBody struct{ Declared }

// coercedBody is the longer form.
type coercedBody struct {
	Type   string `json:"type"`
	Coerce bool   `json:"coerce"`
}

// MarshalJSON writes the short form where it says all, so that bodies stay what they were.
func (d declaredBody) MarshalJSON() ([]byte, error) {
	if !d.Coerce {
		return json.Marshal(d.Word())
	}
	return json.Marshal(coercedBody{d.Kind.String(), true})
}

// UnmarshalJSON reads both forms.
func (d *declaredBody) UnmarshalJSON(data []byte) error {
	var long coercedBody
	if data[0] == '{' {
		if err := json.Unmarshal(data, &long); err != nil {
			return err
		}
	} else if err := json.Unmarshal(data, &long.Type); err != nil {
		return err
	}
	d.Coerce = long.Coerce
	if long.Type == anyWord {
		d.Kind = event.Missing
		return nil
	}
	var ok bool
	if d.Kind, ok = event.ParseKind(long.Type); !ok {
		return fmt.Errorf("there is no kind %q", long.Type)
	}
	return nil
}

// marshal is json.Marshal without escaping < > &, which rules are full of.
func marshal(x any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(x); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func (t *Tag) body() any {
	b := tagBody{Key: t.Key, State: t.State, Name: t.Name, Category: t.Category, Purpose: t.Purpose, Owner: t.Owner,
		Refresh: t.Refresh, Kind: t.Kind, Multi: t.Multi, Keep: t.Keep.String(), Value: t.Value, Classes: t.Classes, RFM: t.RFM, Entity: t.Entity}
	for _, c := range t.Cases {
		b.Cases = append(b.Cases, caseBody{literal{c.Value}, c.When})
	}
	for _, band := range t.Bands {
		out := bandBody{Value: band.Value}
		if band.Below.Present() {
			out.Below = &literal{band.Below}
		}
		b.Bands = append(b.Bands, out)
	}
	for _, v := range t.Values {
		b.Values = append(b.Values, literal{v})
	}
	return b
}

func (b tagBody) definition(h Head) definition {
	t := &Tag{Head: h, Name: b.Name, Category: b.Category, Purpose: b.Purpose, Owner: b.Owner, Refresh: b.Refresh,
		Kind: b.Kind, Multi: b.Multi, Value: b.Value, Classes: b.Classes, RFM: b.RFM, Entity: b.Entity}
	t.Keep, _ = parseKeep(b.Keep)
	for _, c := range b.Cases {
		t.Cases = append(t.Cases, Case{c.Value.Value, c.When})
	}
	for _, band := range b.Bands {
		out := rule.Band{Value: band.Value}
		if band.Below != nil {
			out.Below = band.Below.Value
		}
		t.Bands = append(t.Bands, out)
	}
	for _, v := range b.Values {
		t.Values = append(t.Values, v.Value)
	}
	return t
}

func (s *Segment) body() any {
	return segmentBody{s.Key, s.State, s.Name, s.Purpose, s.Owner, s.When}
}

func (b segmentBody) definition(h Head) definition {
	return &Segment{Head: h, Name: b.Name, Purpose: b.Purpose, Owner: b.Owner, When: b.When}
}

func (m *Measure) body() any { return measureBody{m.Key, m.State, m.When, m.Value} }

func (b measureBody) definition(h Head) definition {
	return &Measure{Head: h, When: b.When, Value: b.Value}
}

func (c *Category) body() any { return categoryBody{c.Key, c.State, c.Name, c.Prefix, c.Class} }

func (b categoryBody) definition(h Head) definition {
	return &Category{Head: h, Name: b.Name, Prefix: b.Prefix, Class: b.Class}
}

func (t *Table) body() any {
	b := tableBody{Key: t.Key, State: t.State, Name: t.Name, By: t.By, CSV: t.CSV}
	if len(t.Types) > 0 {
		b.Types = make(map[string]string, len(t.Types))
		for column, k := range t.Types {
			b.Types[column] = k.String()
		}
	}
	return b
}

func (b tableBody) definition(h Head) definition {
	t := &Table{Head: h, Name: b.Name, By: b.By, CSV: b.CSV}
	if len(b.Types) > 0 {
		t.Types = make(map[string]event.Kind, len(b.Types))
		for column, word := range b.Types {
			t.Types[column], _ = event.ParseKind(word)
		}
	}
	return t
}

func (d *Declaration) body() any {
	b := declarationBody{Key: d.Key, State: d.State, Name: d.Name}
	if _, ok := d.trait(); ok {
		b.Trait = &declaredBody{d.Trait}
	}
	if len(d.Properties) > 0 {
		b.Properties = map[string]declaredBody{}
		for name, p := range d.Properties {
			b.Properties[name] = declaredBody{p}
		}
	}
	return b
}

func (b declarationBody) definition(h Head) definition {
	d := &Declaration{Head: h, Name: b.Name}
	if b.Trait != nil {
		d.Trait = b.Trait.Declared
	}
	if _, ok := d.event(); ok {
		d.Properties = map[string]Declared{}
		for name, p := range b.Properties {
			d.Properties[name] = p.Declared
		}
	}
	return d
}

// decode reads a stored body.
func decode(k Kind, h Head, data []byte) (definition, error) {
	switch k {
	case KindTag:
		return decodeBody[tagBody](h, data)
	case KindSegment:
		return decodeBody[segmentBody](h, data)
	case KindMeasure:
		return decodeBody[measureBody](h, data)
	case KindCategory:
		return decodeBody[categoryBody](h, data)
	case KindTable:
		return decodeBody[tableBody](h, data)
	case KindSchema:
		return decodeBody[declarationBody](h, data)
	}
	return nil, fmt.Errorf("there is no kind of definition %q", k)
}

func decodeBody[B interface{ definition(Head) definition }](h Head, data []byte) (definition, error) {
	var b B
	if err := json.Unmarshal(data, &b); err != nil {
		return nil, err
	}
	return b.definition(h), nil
}

// differences lists the fields in which two definitions of a kind differ, sorted, key and state left out.
func differences(a, b definition) ([]string, error) {
	var fields [2]map[string]json.RawMessage
	for i, d := range [2]definition{a, b} {
		data, err := marshal(d.body())
		if err != nil {
			return nil, fmt.Errorf("library: write %s: %w", d.ref(), err)
		}
		if err := json.Unmarshal(data, &fields[i]); err != nil {
			return nil, fmt.Errorf("library: read %s: %w", d.ref(), err)
		}
		delete(fields[i], "key")
		delete(fields[i], "state")
	}
	names := maps.Clone(fields[0])
	maps.Copy(names, fields[1])
	var out []string
	for name := range names {
		if !bytes.Equal(fields[0][name], fields[1][name]) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}
