package event

import (
	"bytes"
	"encoding/json"
	"math/big"
	"sort"
	"strconv"
	"strings"
)

// Kind is the type of a value.
type Kind uint8

// The kinds of values. Missing is the absence of one.
const (
	Missing Kind = iota
	BoolKind
	NumberKind
	TextKind
	TimeKind
	DateKind
	ListKind
	MapKind // only inside lists: an element of a list property such as products[]
)

var kindNames = [...]string{"missing", "bool", "number", "text", "time", "date", "list", "map"}

// String is the word that rules and messages use.
func (k Kind) String() string { return kindNames[k] }

// ParseKind reads bool, number, text, time, date or list.
func ParseKind(s string) (Kind, bool) {
	for k := BoolKind; k <= ListKind; k++ {
		if kindNames[k] == s {
			return k, true
		}
	}
	return Missing, false
}

// Value is one value of a trait, a property or a rule. The zero Value is the missing one. Values are immutable.
type Value struct {
	kind  Kind
	scale int16
	i     int64
	s     string
	x     any // *big.Int of a large number; []Value of a list; []Property of a map
}

// Property is a named value.
type Property struct {
	Name  string
	Value Value
}

// Bool returns a bool value.
func Bool(b bool) Value {
	v := Value{kind: BoolKind}
	if b {
		v.i = 1
	}
	return v
}

// Num returns a number value.
func Num(n Number) Value {
	v := Value{kind: NumberKind, scale: n.scale, i: n.c}
	if n.big != nil {
		v.x = n.big
	}
	return v
}

// Text returns a text value.
func Text(s string) Value { return Value{kind: TextKind, s: s} }

// Instant returns a time value.
func Instant(t Time) Value { return Value{kind: TimeKind, i: int64(t)} }

// Civil returns a date value.
func Civil(d Date) Value { return Value{kind: DateKind, i: int64(d)} }

// List returns a list value; it takes the slice over.
func List(vs ...Value) Value { return Value{kind: ListKind, x: vs} }

// Map returns a map value with its properties sorted by name; it takes the slice over.
func Map(ps []Property) Value {
	sort.Slice(ps, func(i, j int) bool { return ps[i].Name < ps[j].Name })
	return Value{kind: MapKind, x: ps}
}

// Kind returns the type of v.
func (v Value) Kind() Kind { return v.kind }

// Present says that v is not the missing value.
func (v Value) Present() bool { return v.kind != Missing }

// Bool returns a bool value's content; false for other kinds.
func (v Value) Bool() bool { return v.kind == BoolKind && v.i != 0 }

// Number returns a number value's content; 0 for other kinds.
func (v Value) Number() Number {
	if v.kind != NumberKind {
		return Number{}
	}
	b, _ := v.x.(*big.Int)
	return Number{c: v.i, big: b, scale: v.scale}
}

// Text returns a text value's content; empty for other kinds.
func (v Value) Text() string { return v.s }

// Time returns a time value's content.
func (v Value) Time() Time { return Time(v.i) }

// Date returns a date value's content.
func (v Value) Date() Date { return Date(v.i) }

// List returns a list value's elements; they must not be changed.
func (v Value) List() []Value { l, _ := v.x.([]Value); return l }

// Map returns a map value's properties, sorted by name; they must not be changed.
func (v Value) Map() []Property { m, _ := v.x.([]Property); return m }

// Equal says whether two values are the same. Values of different kinds never are, and the missing value
// equals nothing, not even itself.
func (v Value) Equal(w Value) bool {
	if v.kind != w.kind || v.kind == Missing {
		return false
	}
	return v.Compare(w) == 0
}

// Compare orders values: by kind first, then by content; lists and maps element by element.
func (v Value) Compare(w Value) int {
	if v.kind != w.kind {
		return int(v.kind) - int(w.kind)
	}
	switch v.kind {
	case Missing:
		return 0
	case NumberKind:
		return v.Number().Cmp(w.Number())
	case TextKind:
		return strings.Compare(v.s, w.s)
	case ListKind:
		a, b := v.List(), w.List()
		for i := 0; i < len(a) && i < len(b); i++ {
			if c := a[i].Compare(b[i]); c != 0 {
				return c
			}
		}
		return len(a) - len(b)
	case MapKind:
		a, b := v.Map(), w.Map()
		for i := 0; i < len(a) && i < len(b); i++ {
			if c := strings.Compare(a[i].Name, b[i].Name); c != 0 {
				return c
			}
			if c := a[i].Value.Compare(b[i].Value); c != 0 {
				return c
			}
		}
		return len(a) - len(b)
	}
	switch {
	case v.i < w.i:
		return -1
	case v.i > w.i:
		return 1
	}
	return 0
}

// Key is a text that is the same for equal values and differs for others: a map key.
func (v Value) Key() string {
	switch v.kind {
	case NumberKind:
		return "n" + v.Number().Exact()
	case TextKind:
		return "t" + v.s
	case ListKind:
		var b strings.Builder
		b.WriteByte('l')
		for _, e := range v.List() {
			k := e.Key()
			b.WriteString(strconv.Itoa(len(k)))
			b.WriteByte(':')
			b.WriteString(k)
		}
		return b.String()
	case MapKind:
		var b strings.Builder
		b.WriteByte('m')
		for _, p := range v.Map() {
			k := p.Value.Key()
			b.WriteString(strconv.Itoa(len(p.Name)) + ":" + p.Name + strconv.Itoa(len(k)) + ":" + k)
		}
		return b.String()
	}
	return kindNames[v.kind][:2] + strconv.FormatInt(v.i, 10)
}

// Format writes v for people and for --values: numbers in plain decimal, times in the zone, lists joined by commas.
func (v Value) Format(z *Zone) string {
	switch v.kind {
	case BoolKind:
		return strconv.FormatBool(v.i != 0)
	case NumberKind:
		return v.Number().String()
	case TextKind:
		return v.s
	case TimeKind:
		return z.Format(v.Time())
	case DateKind:
		return v.Date().String()
	case ListKind:
		parts := make([]string, len(v.List()))
		for i, e := range v.List() {
			parts[i] = e.Format(z)
		}
		return strings.Join(parts, ",")
	case MapKind:
		b, _ := json.Marshal(v.JSON(z))
		return string(b)
	}
	return ""
}

// JSON returns what encoding/json writes for v: numbers exact, times in RFC 3339 in the zone, dates as text.
func (v Value) JSON(z *Zone) any {
	switch v.kind {
	case BoolKind:
		return v.i != 0
	case NumberKind:
		return json.Number(v.Number().String())
	case TextKind:
		return v.s
	case TimeKind, DateKind:
		return v.Format(z)
	case ListKind:
		out := make([]any, len(v.List()))
		for i, e := range v.List() {
			out[i] = e.JSON(z)
		}
		return out
	case MapKind:
		out := map[string]any{}
		for _, p := range v.Map() {
			out[p.Name] = p.Value.JSON(z)
		}
		return out
	}
	return nil
}

// FromJSON returns the value of what a json.Decoder with UseNumber gives: text, json.Number, bool, nil,
// []any, map[string]any. Numbers beyond the range of Number are missing.
func FromJSON(x any) Value {
	switch x := x.(type) {
	case string:
		return Text(x)
	case bool:
		return Bool(x)
	case json.Number:
		if n, err := ParseNumber(x.String()); err == nil {
			return Num(n)
		}
	case []any:
		vs := make([]Value, 0, len(x))
		for _, e := range x {
			if v := FromJSON(e); v.Present() {
				vs = append(vs, v)
			}
		}
		return List(vs...)
	case map[string]any:
		ps := make([]Property, 0, len(x))
		for k, e := range x {
			if v := FromJSON(e); v.Present() {
				ps = append(ps, Property{k, v})
			}
		}
		return Map(ps)
	}
	return Value{}
}

// Flatten returns the properties of a JSON object with nested objects as dotted names:
// {"context":{"campaign":{"term":"x"}}} is context.campaign.term. Lists stay lists. Sorted by name; of
// equal names the last wins.
func Flatten(object map[string]any) []Property {
	var out []Property
	var walk func(prefix string, m map[string]any)
	walk = func(prefix string, m map[string]any) {
		for k, x := range m {
			if sub, ok := x.(map[string]any); ok {
				walk(prefix+k+".", sub)
			} else if v := FromJSON(x); v.Present() {
				out = append(out, Property{prefix + k, v})
			}
		}
	}
	walk("", object)
	sort.SliceStable(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// AppendBinary appends the exact encoding of v that blocks and log records hold. DecodeValue reads it.
func (v Value) AppendBinary(b []byte) []byte {
	b = append(b, byte(v.kind))
	switch v.kind {
	case BoolKind, TimeKind, DateKind:
		b = appendVarint(b, v.i)
	case NumberKind:
		if n := v.Number(); n.big != nil {
			b = append(b, 1)
			b = appendText(b, n.Exact())
		} else {
			b = append(b, 0)
			b = appendUvarint(b, uint64(n.scale))
			b = appendVarint(b, n.c)
		}
	case TextKind:
		b = appendText(b, v.s)
	case ListKind:
		b = appendUvarint(b, uint64(len(v.List())))
		for _, e := range v.List() {
			b = e.AppendBinary(b)
		}
	case MapKind:
		b = appendUvarint(b, uint64(len(v.Map())))
		for _, p := range v.Map() {
			b = p.Value.AppendBinary(appendText(b, p.Name))
		}
	}
	return b
}

// MarshalText lets values stand in messages and tests.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// String writes v as a rule would: texts quoted, times in UTC.
func (v Value) String() string {
	switch v.kind {
	case TextKind:
		return strconv.Quote(v.s)
	case TimeKind:
		return v.Time().String()
	case ListKind:
		var b bytes.Buffer
		b.WriteByte('[')
		for i, e := range v.List() {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(e.String())
		}
		b.WriteByte(']')
		return b.String()
	case Missing:
		return "null"
	}
	return v.Format(NewUTC())
}
