package library

import (
	"cmp"
	"iter"
	"slices"
)

// Set is the whole library at a moment, active and retired definitions. It is immutable.
type Set struct {
	// Revision counts the edits of the library, from 0. Two sets of one workspace with equal revisions are equal.
	Revision uint64

	next   uint32 // the next ID
	all    []definition
	byRef  map[Ref]definition
	roots  []*Category
	byKind map[Kind][]definition // active ones, by ID
}

// newSet takes the list over.
func newSet(revision uint64, next uint32, list []definition) *Set {
	s := &Set{Revision: revision, next: next, byRef: map[Ref]definition{}, byKind: map[Kind][]definition{}}
	slices.SortFunc(list, func(a, b definition) int { return cmp.Compare(a.head().ID, b.head().ID) })
	for i, d := range list {
		if c, ok := d.(*Category); ok { // its children are those of this set
			copied := *c
			copied.Children = nil
			d, list[i] = &copied, &copied
		}
		s.byRef[d.ref()] = d
		if d.head().State == Active {
			k := d.ref().Kind
			s.byKind[k] = append(s.byKind[k], d)
		}
	}
	s.all = list
	for _, d := range s.byKind[KindCategory] {
		c := d.(*Category)
		if parent := s.category(parentPath(c.Key)); parent != nil {
			parent.Children = append(parent.Children, c)
		} else {
			s.roots = append(s.roots, c)
		}
	}
	return s
}

// Tag returns the tag of a key, active or retired; false when there is none.
func (s *Set) Tag(key string) (*Tag, bool) { return find[*Tag](s, KindTag, key) }

// Head returns the head of any definition, active or retired; false when there is none.
func (s *Set) Head(r Ref) (Head, bool) {
	if d := s.byRef[r]; d != nil {
		return *d.head(), true
	}
	return Head{}, false
}

// Segment returns the segment of a key, active or retired; false when there is none.
func (s *Set) Segment(key string) (*Segment, bool) { return find[*Segment](s, KindSegment, key) }

// Measure returns the measure of a key, active or retired; false when there is none.
func (s *Set) Measure(key string) (*Measure, bool) { return find[*Measure](s, KindMeasure, key) }

// Table returns the lookup table of a key, active or retired; false when there is none.
func (s *Set) Table(key string) (*Table, bool) { return find[*Table](s, KindTable, key) }

// Category returns the category of a path, active or retired; false when there is none.
func (s *Set) Category(path string) (*Category, bool) { return find[*Category](s, KindCategory, path) }

func find[D definition](s *Set, k Kind, key string) (D, bool) {
	d, ok := s.byRef[Ref{k, key}].(D)
	return d, ok
}

// category returns an active category, or nil.
func (s *Set) category(path string) *Category {
	if c, ok := s.Category(path); ok && c.State == Active {
		return c
	}
	return nil
}

// active returns an active definition, or nil.
func (s *Set) active(r Ref) definition {
	if d := s.byRef[r]; d != nil && d.head().State == Active {
		return d
	}
	return nil
}

// Tags yields the active tags in order of creation.
func (s *Set) Tags() iter.Seq[*Tag] { return activeOf[*Tag](s, KindTag) }

// Segments yields the active segments in order of creation.
func (s *Set) Segments() iter.Seq[*Segment] { return activeOf[*Segment](s, KindSegment) }

// Measures yields the active measures in order of creation.
func (s *Set) Measures() iter.Seq[*Measure] { return activeOf[*Measure](s, KindMeasure) }

// Tables yields the active lookup tables in order of creation.
func (s *Set) Tables() iter.Seq[*Table] { return activeOf[*Table](s, KindTable) }

// Categories yields the active top categories in order of creation.
func (s *Set) Categories() iter.Seq[*Category] { return slices.Values(s.roots) }

// Retired yields the retired definitions in order of creation.
func (s *Set) Retired() iter.Seq[Ref] {
	return func(yield func(Ref) bool) {
		for _, d := range s.all {
			if d.head().State == Retired && !yield(d.ref()) {
				return
			}
		}
	}
}

func activeOf[D definition](s *Set, k Kind) iter.Seq[D] {
	return func(yield func(D) bool) {
		for _, d := range s.byKind[k] {
			if !yield(d.(D)) {
				return
			}
		}
	}
}

// Keys lists the keys of the active definitions of a kind, in order of creation.
func (s *Set) Keys(k Kind) []string { return s.keys(k) }

func (s *Set) keys(k Kind) []string {
	out := make([]string, 0, len(s.byKind[k]))
	for _, d := range s.byKind[k] {
		out = append(out, d.head().Key)
	}
	return out
}

// Schema returns the active declarations.
func (s *Set) Schema() Schema {
	out := Schema{Events: map[string]map[string]Declared{}, Traits: map[string]Declared{}}
	for d := range activeOf[*Declaration](s, KindSchema) {
		if name, ok := d.event(); ok {
			out.Events[name] = d.Properties
		} else if name, ok := d.trait(); ok {
			out.Traits[name] = d.Trait
		} else if name, ok := d.consent(); ok {
			out.Consents = append(out.Consents, name)
		}
	}
	slices.Sort(out.Consents)
	return out
}

// Prefix returns what the names of tags in a category must begin with: its own prefix or the nearest above.
func (s *Set) Prefix(path string) string {
	for ; path != ""; path = parentPath(path) {
		if c := s.category(path); c != nil && c.Prefix != "" {
			return c.Prefix
		}
	}
	return ""
}

// Users returns the active definitions that refer to one directly: rules that speak of it, tags and categories in it.
// See the function Users for those that reach it through others, and DirectUsers for many at once.
func (s *Set) Users(of Ref) []Ref { return s.DirectUsers()[of] }

// DirectUsers returns, for all definitions that active ones refer to, those that refer to them directly. It reads every
// rule once.
func (s *Set) DirectUsers() map[Ref][]Ref {
	out := map[Ref][]Ref{}
	for _, k := range kinds {
		for _, d := range s.byKind[k] {
			for _, to := range references(d) {
				out[to] = append(out[to], d.ref())
			}
		}
	}
	return out
}

// Users returns all active definitions of a set that refer to one, directly and through others: what a change of it
// could change. The nearest come first.
func Users(set *Set, of Ref) []Ref {
	users := set.DirectUsers()
	var out []Ref
	seen := map[Ref]bool{of: true}
	for next := []Ref{of}; len(next) > 0; next = next[1:] {
		for _, r := range users[next[0]] {
			if !seen[r] {
				seen[r] = true
				out, next = append(out, r), append(next, r)
			}
		}
	}
	return out
}
