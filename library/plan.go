package library

import (
	"fmt"
	"slices"

	"tagma/errs"
)

// What says what becomes of a definition.
type What string

// The kinds of changes.
const (
	Add     What = "add"
	Alter   What = "change"
	Rename  What = "rename" // and perhaps changed or restored at the same time
	Retire  What = "retire"
	Restore What = "restore" // and perhaps changed at the same time
	Same    What = "same"
)

// Change is what an edit does to one definition.
type Change struct {
	Kind   Kind
	Key    string
	Was    string // the key before, for Rename
	What   What
	Fields []string // what differs from the version before, sorted: "cases", "name", …; none for Add

	after definition
}

// Edit is a change of the library that has been planned and not yet applied.
type Edit struct {
	Set      *Set         // the library as it will be
	Changes  []Change     // one for every definition of the file in its order, Same included; then what is retired
	Warnings []errs.Fault // what can be applied all the same, but should be looked at; see Warn

	base *Set
}

// Empty says that the edit changes nothing.
func (e *Edit) Empty() bool {
	return !slices.ContainsFunc(e.Changes, func(c Change) bool { return c.What != Same })
}

// planner plans one edit.
type planner struct {
	base     *Set
	next     uint32
	after    map[uint32]definition // by ID
	renamed  map[Ref]Ref           // from the key before to the key after
	retired  map[Ref]bool
	changes  []Change
	faults   located
	warnings located
}

// Plan says what the file would change. What the file does not mention stays; with prune it is retired, schema,
// measures and categories included. A key that was retired is restored, with what the file says.
//
// Everything that does not fit is told at once, in an errs.Error of kind Invalid. The rules' texts are not
// checked: call Compile on the new set for that.
func (s *Set) Plan(file *File, prune bool) (*Edit, error) {
	p := s.planner()
	mentioned := map[uint32]bool{}
	for _, k := range kinds {
		if err := p.definitions(file.definitions(k), mentioned); err != nil {
			return nil, err
		}
	}
	if prune {
		for i := len(kinds) - 1; i >= 0; i-- { // what refers to others first
			for _, d := range slices.Backward(s.byKind[kinds[i]]) {
				if !mentioned[d.head().ID] {
					p.retire(d)
				}
			}
		}
	}
	return p.edit("change or retire those first, or keep it in the file")
}

// Retire says what it would change to take definitions out, which are active now. What others refer to is refused,
// with its users; the error is NotFound when there is no such definition.
func (s *Set) Retire(of ...Ref) (*Edit, error) {
	p := s.planner()
	for _, r := range of {
		d := s.byRef[r]
		switch {
		case d == nil:
			return nil, errs.New(errs.NotFound, "there is no %s", r)
		case d.head().State == Active && !p.retired[r]:
			p.retire(p.after[d.head().ID])
		}
	}
	return p.edit("change or retire those first")
}

func (s *Set) planner() *planner {
	p := &planner{base: s, next: s.next, after: map[uint32]definition{}, renamed: map[Ref]Ref{}, retired: map[Ref]bool{}}
	for _, d := range s.all {
		if h := *d.head(); h.place.file != "" { // it is not this file's
			h.place = place{}
			d = d.with(h)
		}
		p.after[d.head().ID] = d
	}
	return p
}

// edit holds what was planned against the standards. inUse is the cure where something cannot be retired.
func (p *planner) edit(inUse string) (*Edit, error) {
	list := make([]definition, 0, len(p.after))
	for _, d := range p.after {
		list = append(list, d)
	}
	e := &Edit{Set: newSet(p.base.Revision, p.next, list), Changes: p.changes, base: p.base}
	if !e.Empty() {
		e.Set.Revision++
	}
	if len(p.faults.lines) == 0 { // clashing keys would make the rest misleading
		p.check(e.Set, inUse)
	}
	if err := errs.Faulty("the definitions cannot be applied", p.faults.sorted()); err != nil {
		return nil, err
	}
	e.Warnings = p.warnings.sorted()
	return e, nil
}

func (p *planner) fault(d definition, field, hint, format string, args ...any) {
	p.faults.about(d, field, hint, format, args...)
}

func (p *planner) warn(d definition, field, hint, format string, args ...any) {
	p.warnings.about(d, field, hint, format, args...)
}

// about adds a fault of a definition, at the line of a field when it comes from a file.
func (l *located) about(d definition, field, hint, format string, args ...any) {
	at := d.head().place
	l.add(at.line(field), errs.Fault{Place: at.about(d.ref(), field, ""), Message: fmt.Sprintf(format, args...), Hint: hint})
}

// definitions plans the file's definitions of a kind.
func (p *planner) definitions(list []definition, mentioned map[uint32]bool) error {
	moved := map[string]bool{} // keys that this file renames away
	for _, d := range list {
		h := d.head()
		if before := p.base.byRef[Ref{d.ref().Kind, h.Was}]; h.Was != "" && before != nil {
			moved[h.Was] = true
		}
	}
	for _, d := range list {
		h := *d.head()
		k := d.ref().Kind
		before := p.base.byRef[d.ref()]
		if moved[h.Key] {
			before = nil // that one gets another key; this one is new, or was another
		}
		what := Alter
		if old := p.base.byRef[Ref{k, h.Was}]; h.Was != "" && old != nil {
			if before != nil {
				p.fault(d, "was", "leave out was:, or choose another key", "%s cannot be renamed to %s: %s exists already%s", old.ref(), h.Key, d.ref(), stateNote(before))
				continue
			}
			before, what = old, Rename
			p.renamed[old.ref()] = d.ref()
		} else if h.Was != "" && before == nil {
			p.warn(d, "was", "leave out was: if it is new", "there is no %s %s that could be renamed, so this is a new one", k, h.Was)
		}
		if err := p.put(d, before, what, mentioned); err != nil {
			return err
		}
	}
	return nil
}

func stateNote(d definition) string {
	if d.head().State == Retired {
		return ", retired"
	}
	return ""
}

// put makes d the next version of before, or a new definition.
func (p *planner) put(d, before definition, what What, mentioned map[uint32]bool) error {
	h := *d.head()
	h.State = Active
	c := Change{Kind: d.ref().Kind, Key: h.Key, What: what}
	if before == nil {
		h.ID, h.Version = p.next, 1
		p.next++
		c.What = Add
	} else {
		b := before.head()
		h.ID, h.Version = b.ID, b.Version+1
		fields, err := differences(before, d)
		if err != nil {
			return err
		}
		c.Fields = fields
		switch {
		case what == Rename:
			c.Was = b.Key
		case b.State == Retired:
			c.What = Restore
		case len(fields) == 0:
			c.What, h.Version = Same, b.Version
		}
	}
	h.Was = ""
	c.after = d.with(h)
	mentioned[h.ID] = true
	p.after[h.ID] = c.after
	p.changes = append(p.changes, c)
	return nil
}

func (p *planner) retire(d definition) {
	h := *d.head()
	h.State, h.place = Retired, place{}
	h.Version++
	c := Change{Kind: d.ref().Kind, Key: h.Key, What: Retire, after: d.with(h)}
	p.after[h.ID] = c.after
	p.changes = append(p.changes, c)
	p.retired[d.ref()] = true
}
