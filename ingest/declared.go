package ingest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tagma/errs"
	"tagma/event"
	"tagma/library"
)

// declarations are the types that the schema declares, ready to hold values against. They serve one goroutine.
type declarations struct {
	events map[string]map[string]*declared // by event and property
	traits map[string]*declared
}

// declared is what is declared of a property or trait.
type declared struct {
	library.Declared         // Kind is Missing when only elements are declared
	reading          reading // how text becomes the kind
	// elements are declared of what a list's maps hold, by the name behind the brackets: "sku" of products[].sku.
	elements map[string]*declared
}

// newDeclarations makes a schema ready; nil where it declares no types. Text that is coerced to a time or date is read
// in the zone.
func newDeclarations(schema library.Schema, zone *event.Zone) *declarations {
	d := &declarations{events: map[string]map[string]*declared{}, traits: map[string]*declared{}}
	for name, properties := range schema.Events {
		d.events[name] = declaredOf(properties, zone)
	}
	d.traits = declaredOf(schema.Traits, zone)
	if len(d.events) == 0 && len(d.traits) == 0 {
		return nil
	}
	return d
}

func declaredOf(names map[string]library.Declared, zone *event.Zone) map[string]*declared {
	out := map[string]*declared{}
	of := func(name string) *declared {
		if out[name] == nil {
			out[name] = &declared{}
		}
		return out[name]
	}
	for name, x := range names {
		if x.Kind == event.Missing {
			continue
		}
		d := declared{Declared: x, reading: reading{as: x.Kind, layout: &layout{clock: true}, separator: ",", zone: zone}}
		if list, element, inside := strings.Cut(name, "[]."); inside {
			holder := of(list)
			if holder.elements == nil {
				holder.elements = map[string]*declared{}
			}
			holder.elements[element] = &d
			continue
		}
		d.elements = of(name).elements
		out[name] = &d
	}
	return out
}

// property is what is declared of an event's property, nil when nothing is.
func (d *declarations) property(event, name string) *declared {
	if d == nil {
		return nil
	}
	return d.events[event][name]
}

// anywhere says whether a property is declared of some event.
func (d *declarations) anywhere(name string) bool {
	if d == nil {
		return false
	}
	for _, properties := range d.events {
		if properties[name] != nil {
			return true
		}
	}
	return false
}

func (d *declarations) trait(name string) *declared {
	if d == nil {
		return nil
	}
	return d.traits[name]
}

// always says that values which are all of one kind cannot but fit. Missing stands for kinds that are not known.
func (d *declared) always(kind event.Kind) bool {
	return d == nil || kind != event.Missing && kind == d.Kind && (d.elements == nil || kind != event.ListKind)
}

// misfit is why a value does not fit what is declared.
type misfit struct {
	element  string // of which element, as "[].price"; "" for the value itself
	expected event.Kind
	found    event.Value
	coerce   bool // it was tried to coerce it
	could    bool // it would fit if the declaration said coerce
}

// fit returns the value as it is declared, coerced where the declaration says so.
func (d *declared) fit(v event.Value) (event.Value, *misfit) {
	if !v.Present() {
		return v, nil
	}
	if d.Kind != event.Missing && v.Kind() != d.Kind {
		if !d.Coerce {
			_, could := d.coerced(v)
			return v, &misfit{expected: d.Kind, found: v, could: could}
		}
		c, ok := d.coerced(v)
		if !ok {
			return v, &misfit{expected: d.Kind, found: v, coerce: true}
		}
		v = c
	}
	if d.elements == nil || v.Kind() != event.ListKind {
		return v, nil
	}
	return d.fitElements(v)
}

// coerced turns text into a number, bool, time or date, as a mapping's `as` reads it, and a number into text.
// Blank text becomes a missing value, as an empty cell is.
func (d *declared) coerced(v event.Value) (event.Value, bool) {
	switch {
	case v.Kind() == event.NumberKind && d.Kind == event.TextKind:
		return event.Text(v.Number().Exact()), true
	case v.Kind() != event.TextKind || d.Kind == event.ListKind:
		return v, false
	case v.Text() == "":
		return event.Value{}, true
	}
	c, t := d.reading.text(v.Text())
	return c, t == nil
}

// fitElements is fit for what a list holds. The list is made anew only when something in it changes.
func (d *declared) fitElements(list event.Value) (event.Value, *misfit) {
	var fresh []event.Value
	for i, e := range list.List() {
		fitted, bad := d.fitElement("", e)
		if bad != nil {
			return list, bad
		}
		if fresh == nil && !same(fitted, e) {
			fresh = append(make([]event.Value, 0, len(list.List())), list.List()[:i]...)
		}
		if fresh != nil && fitted.Present() {
			fresh = append(fresh, fitted)
		}
	}
	if fresh == nil {
		return list, nil
	}
	return event.List(fresh...), nil
}

// fitElement fits an element, or a map inside it: path is what it is called behind the brackets.
func (d *declared) fitElement(path string, v event.Value) (event.Value, *misfit) {
	if one := d.elements[path]; one != nil {
		fitted, bad := one.fit(v)
		if bad != nil {
			bad.element = "[]." + path
		}
		return fitted, bad
	}
	if v.Kind() != event.MapKind {
		return v, nil
	}
	var fresh []event.Property
	for i, p := range v.Map() {
		name := p.Name
		if path != "" {
			name = path + "." + name
		}
		fitted, bad := d.fitElement(name, p.Value)
		if bad != nil {
			return v, bad
		}
		if fresh == nil && !same(fitted, p.Value) {
			fresh = append(make([]event.Property, 0, len(v.Map())), v.Map()[:i]...)
		}
		if fresh != nil && fitted.Present() {
			fresh = append(fresh, event.Property{Name: p.Name, Value: fitted})
		}
	}
	if fresh == nil {
		return v, nil
	}
	return event.Map(fresh), nil
}

// same says whether fitting left a value as it was. What is coerced changes its kind; lists and maps are made anew
// only when something in them changed.
func same(a, b event.Value) bool {
	switch {
	case a.Kind() != b.Kind():
		return false
	case a.Kind() == event.ListKind:
		x, y := a.List(), b.List()
		return len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0])
	case a.Kind() == event.MapKind:
		x, y := a.Map(), b.Map()
		return len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0])
	}
	return true
}

// declaredIn is what the schema declares now, nil when that is nothing.
func declaredIn(ctx context.Context, d Deps) (*declarations, error) {
	set, err := library.Load(ctx, d.DB.Read())
	if err != nil {
		return nil, err
	}
	return newDeclarations(set.Schema(), d.Zone), nil
}

// record holds a record against what is declared. What has to be coerced is changed in a copy.
func (d *declarations) record(r *Record) error {
	whole := func(bad *misfit, ofEvent, name string) error {
		_, detail := bad.in(ofEvent, name, "")
		return errs.New(errs.Invalid, "%s: %s", r.Identifiers[0], detail)
	}
	own := false
	for i := 0; i < len(r.Traits); i++ {
		t := &r.Traits[i]
		one := d.traits[t.Name]
		if one == nil {
			continue
		}
		v, bad := one.fit(t.Value)
		if bad != nil {
			return whole(bad, "", t.Name)
		}
		if same(v, t.Value) {
			continue
		}
		if !own {
			r.Traits, own = slices.Clone(r.Traits), true
		}
		if r.Traits[i].Value = v; !v.Present() { // blank text says nothing, it does not remove the trait
			r.Traits = slices.Delete(r.Traits, i, i+1)
			i--
		}
	}
	own = false
	for i := range r.Events {
		e := &r.Events[i]
		declared := d.events[e.Name]
		if declared == nil {
			continue
		}
		for k := 0; k < len(e.Props); k++ {
			one := declared[e.Props[k].Name]
			if one == nil {
				continue
			}
			v, bad := one.fit(e.Props[k].Value)
			if bad != nil {
				return whole(bad, e.Name, e.Props[k].Name)
			}
			if same(v, e.Props[k].Value) {
				continue
			}
			if !own {
				r.Events, own = slices.Clone(r.Events), true
				e = &r.Events[i]
			}
			e.Props = slices.Clone(e.Props)
			if e.Props[k].Value = v; !v.Present() {
				e.Props = slices.Delete(e.Props, k, k+1)
				k--
			}
		}
	}
	return nil
}

// in says what is wrong, with the cure where there is one: the same for all rows with this trouble, and with the value.
// The name is that of a property of an event, or of a trait where there is no event; the column is "" where there is
// none.
func (m *misfit) in(ofEvent, name, column string) (reason, detail string) {
	place := "trait " + name + m.element
	if ofEvent != "" {
		place = "property " + name + m.element + " of " + ofEvent
	}
	if column != "" {
		place = column + " (" + place + ")"
	}
	expected, found := m.expected.String(), m.found.Kind().String()
	switch {
	case m.coerce:
		reason = fmt.Sprintf("%s: expected %s, found %s that cannot become one", place, expected, found)
	case m.could && column != "" && m.element == "":
		reason = fmt.Sprintf("%s: expected %s, found %s (read it as: %s in the mapping, or declare {type: %s, coerce: true} in the schema)", place, expected, found, expected, expected)
	case m.could:
		reason = fmt.Sprintf("%s: expected %s, found %s (declare {type: %s, coerce: true} in the schema to have it read)", place, expected, found, expected)
	default:
		reason = fmt.Sprintf("%s: expected %s, found %s", place, expected, found)
	}
	return reason, fmt.Sprintf("%s: %q", reason, clip(m.found.Format(event.NewUTC())))
}
