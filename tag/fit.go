package tag

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/uptrace/bun"

	"tagma/errs"
	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/tagindex"
)

// Assignable is the tags that can be assigned by hand, and what values they take. Close it.
type Assignable struct {
	d       Deps
	set     *library.Set
	decider *decider // nil until a tag by rule is asked for
	shapes  map[uint32]tagindex.Shape
}

// maxAssigned bounds an assigned text, in bytes.
const maxAssigned = 400

// OpenAssignable reads the library.
func OpenAssignable(ctx context.Context, d Deps) (*Assignable, error) {
	return d.assignable(ctx, d.DB.Read())
}

func (d Deps) assignable(ctx context.Context, idb bun.IDB) (*Assignable, error) {
	set, err := library.Load(ctx, idb)
	if err != nil {
		return nil, err
	}
	return &Assignable{d: d, set: set, shapes: map[uint32]tagindex.Shape{}}, nil
}

// Close lets go what it reads from.
func (a *Assignable) Close() {
	if a.decider != nil {
		a.decider.snap.Close()
	}
}

// Tag finds a tag that can be assigned. The fault says why there is none; the error is the machine's.
func (a *Assignable) Tag(key string) (*library.Tag, *errs.Fault, error) {
	t, ok := a.set.Tag(key)
	switch {
	case ok && t.State == library.Active:
	case ok:
		return nil, &errs.Fault{Message: fmt.Sprintf("the tag %s is retired", key), Hint: "apply its definition again to restore it"}, nil
	default:
		f := &errs.Fault{Message: fmt.Sprintf("there is no tag %q", key)}
		if s, ok := a.set.Segment(key); ok && s.State == library.Active {
			f.Hint = "it is a segment, whose members its rule alone decides: pin a tag that the rule reads"
			return nil, f, nil
		}
		var keys []string
		for t := range a.set.Tags() {
			keys = append(keys, t.Key)
		}
		if s := rule.Suggest(key, keys); s != "" {
			f.Hint = fmt.Sprintf("did you mean %q?", s)
		}
		return nil, f, nil
	}
	shape, err := a.shape(t)
	if err != nil {
		return nil, nil, err
	}
	if shape == nil {
		return nil, &errs.Fault{Message: fmt.Sprintf("the tag %s has faults at present and cannot be assigned", key), Hint: "`tagma compute` tells them: mend its definition first"}, nil
	}
	return t, nil, nil
}

// shape is how the index has a tag; nil when its rule has faults.
func (a *Assignable) shape(t *library.Tag) (*tagindex.Shape, error) {
	if shape, ok := a.shapes[t.ID]; ok {
		return &shape, nil
	}
	if t.Kind == library.ByHand {
		a.shapes[t.ID] = manualShape(t)
	} else {
		if a.decider == nil {
			var err error
			if a.decider, err = a.d.newDecider(a.d.DB.Read(), a.set); err != nil {
				return nil, err
			}
		}
		s := a.decider.subjects[t.ID]
		if s == nil {
			return nil, nil
		}
		a.shapes[t.ID] = s.shape()
	}
	shape := a.shapes[t.ID]
	return &shape, nil
}

// Fit returns the values of a tag, which Tag found, that a value stands for: itself, of a text what is written there,
// and of a list for a tag with several values each of its elements. The fault says why it cannot be a value.
func (a *Assignable) Fit(t *library.Tag, v event.Value) ([]event.Value, *errs.Fault) {
	if v.Kind() == event.ListKind && t.Multi {
		var out []event.Value
		for _, e := range v.List() {
			one, fault := a.Fit(t, e)
			if fault != nil {
				return nil, fault
			}
			out = append(out, one...)
		}
		return out, nil
	}
	wrong := func(hint, format string, args ...any) ([]event.Value, *errs.Fault) {
		return nil, &errs.Fault{Message: fmt.Sprintf(format, args...), Hint: hint}
	}
	text := v.Format(a.d.Zone)
	if v.Kind() == event.ListKind || v.Kind() == event.MapKind {
		return wrong("write multi: true into its definition if a customer can have several values", "the tag %s takes one value, this is a %s", t.Key, v.Kind())
	}
	if fixed := fixedValues(t); fixed != nil {
		texts := make([]string, len(fixed))
		for i, f := range fixed {
			if texts[i] = f.Format(a.d.Zone); f.Equal(v) || v.Kind() == event.TextKind && texts[i] == text {
				return []event.Value{f}, nil
			}
		}
		if s := rule.Suggest(text, texts); s != "" {
			return wrong(fmt.Sprintf("did you mean %q?", s), "%q is no value of the tag %s", text, t.Key)
		}
		const most = 8
		if len(texts) > most {
			texts = append(texts[:most:most], "…")
		}
		return wrong("possible are "+strings.Join(texts, ", "), "%q is no value of the tag %s", text, t.Key)
	}
	kind := a.shapes[t.ID].Kind
	if t.Kind == library.ByHand {
		kind = event.TextKind // also of a tag with several values, which are kept as lists of texts
	}
	if kind == v.Kind() && kind != event.TextKind {
		return []event.Value{v}, nil
	}
	if kind != event.TextKind && v.Kind() != event.TextKind {
		return wrong("", "the values of the tag %s are of kind %s, this is a %s", t.Key, kind, v.Kind())
	}
	var err error
	switch kind {
	case event.TextKind:
		switch {
		case strings.TrimSpace(text) == "":
			return wrong("", "the value is empty")
		case len(text) > maxAssigned:
			return wrong("", "a value has at most %d bytes", maxAssigned)
		case strings.ContainsFunc(text, unicode.IsControl):
			return wrong("", "a value has no control characters, such as line breaks")
		}
		v = event.Text(text)
	case event.NumberKind:
		var n event.Number
		n, err = event.ParseNumber(text)
		v = event.Num(n)
	case event.BoolKind:
		if !slices.Contains([]string{"true", "false"}, text) {
			return wrong("write true or false", "the values of the tag %s are true and false, this is %q", t.Key, text)
		}
		v = event.Bool(text == "true")
	case event.DateKind:
		var day event.Date
		day, err = event.ParseDate(text)
		v = event.Civil(day)
	case event.TimeKind:
		var at event.Time
		at, _, err = a.d.Zone.ParseInstant(text)
		v = event.Instant(at)
	default:
		return wrong("", "the values of the tag %s are of kind %s, which cannot be assigned", t.Key, kind)
	}
	if err != nil {
		return wrong("", "the values of the tag %s are of kind %s, this is %q", t.Key, kind, text)
	}
	return []event.Value{v}, nil
}
