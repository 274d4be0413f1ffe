package rule

import (
	"slices"

	"tagma/event"
)

// opIn: args an element and a list of constants (aux *constSet), or an element and a list value.
var opIn = &op{name: "in", text: func(x *Expr, arg func(int) string) string {
	if len(x.args) == 2 {
		return "(" + arg(0) + " in " + arg(1) + ")"
	}
	return "(" + arg(0) + " in " + x.val.String() + ")"
}, eval: func(w *worker, x *Expr, args []*vec) *vec {
	n, single := w.frame(x)
	v := w.condVec(n, single)
	a := args[0]
	if len(args) == 2 {
		lists := args[1].part(event.ListKind)
		if lists == nil {
			return v
		}
		e := a.value(0)
		if a.single && !args[1].single && e.Kind() == event.TextKind {
			if index := w.listIndex(w.plan.args[w.node][1], lists); index != nil {
				if id, ok := index.ids[e.Text()]; ok && index.has[id] != nil {
					copy(v.cond, index.has[id])
				}
				return v
			}
		}
		for i := 0; i < n; i++ {
			j := args[1].idx(i)
			if !lists.Present(j) {
				continue
			}
			if !a.single {
				e = a.value(i)
			}
			if holds(lists.Values[j].List(), e) {
				v.cond.Set(i)
			}
		}
		return v
	}
	set := x.aux.(*constSet)
	if a.isCond {
		for i := 0; i < n; i++ {
			if set.keys[a.value(i).Key()] {
				v.cond.Set(i)
			}
		}
		return v
	}
	for p := range a.parts {
		c := &a.parts[p]
		if c.Kind == event.TextKind && !a.single {
			set.inTexts(w, c, v.cond)
			continue
		}
		if len(set.values) <= 4 && !a.single {
			for _, k := range set.values {
				if k.Kind() == c.Kind {
					set.equal(w, c, k, v.cond)
				}
			}
			continue
		}
		for i := 0; i < n; i++ {
			if j := a.idx(i); c.Present(j) && set.keys[c.Value(j).Key()] {
				v.cond.Set(i)
			}
		}
	}
	return v
}}

// listIndex is the lists of a value turned round: who has a text among them. Many ask that of the same trait.
type listIndex struct {
	epoch int
	ids   map[string]int // of the texts that were met so far
	has   []event.Bits   // by id, in the block; nil: nobody
}

// maxListTexts is the number of texts up to which lists are turned round.
const maxListTexts = 4096

// listIndex turns the lists of the value at a place round, once a block; nil where fewer than two ask, or where there are
// too many texts.
func (w *worker) listIndex(place int32, lists *event.Column) *listIndex {
	if w.plan.listed[place] < 2 {
		return nil
	}
	x := w.lists[place]
	if x == nil {
		x = &listIndex{ids: map[string]int{}}
		if w.lists == nil {
			w.lists = map[int32]*listIndex{}
		}
		w.lists[place] = x
	}
	if len(x.ids) > maxListTexts {
		return nil
	}
	if x.epoch == w.epoch {
		return x
	}
	x.epoch = w.epoch
	clear(x.has)
	for i := range lists.Len {
		if !lists.Present(i) {
			continue
		}
		list := lists.Values[i].List()
		for k := range list {
			if list[k].Kind() != event.TextKind {
				continue
			}
			id, ok := x.ids[list[k].Text()]
			if !ok {
				if id = len(x.ids); id > maxListTexts {
					return nil
				}
				x.ids[list[k].Text()] = id
				x.has = append(x.has, nil)
			}
			if x.has[id] == nil {
				x.has[id] = w.bits(lists.Len)
			}
			x.has[id].Set(i)
		}
	}
	return x
}

// holds says whether a list has an element equal to e.
func holds(list []event.Value, e event.Value) bool {
	if e.Kind() != event.TextKind {
		return slices.ContainsFunc(list, e.Equal)
	}
	text := e.Text()
	for i := range list {
		if list[i].Kind() == event.TextKind && list[i].Text() == text {
			return true
		}
	}
	return false
}

// constSet is a list of constants to look a value up in.
type constSet struct {
	values []event.Value
	keys   map[string]bool
}

func newConstSet(values []event.Value) *constSet {
	s := &constSet{keys: map[string]bool{}}
	for _, v := range values {
		if k := v.Key(); v.Present() && !s.keys[k] {
			s.keys[k] = true
			s.values = append(s.values, v)
		}
	}
	return s
}

// equal sets the bits of the elements of a column that equal one of the constants.
func (s *constSet) equal(w *worker, c *event.Column, k event.Value, out event.Bits) {
	hit := w.bits(c.Len)
	switch {
	case c.Ints != nil:
		lo, hi := limits(equal, c, k)
		within(c.Ints[:c.Len], lo, hi, hit)
	default:
		for i := 0; i < c.Len; i++ {
			if c.Present(i) && c.Value(i).Equal(k) {
				hit.Set(i)
			}
		}
	}
	for i := range hit {
		if c.Has != nil {
			hit[i] &= c.Has[i]
		}
		out[i] |= hit[i]
	}
}

// tabulate makes the table of the codes.
func (m *memo) tabulate() {
	m.table = nil
	for _, code := range m.codes {
		for int(code) >= len(m.table) {
			m.table = append(m.table, 0)
		}
		m.table[code] = 1
	}
}

func (s *constSet) inTexts(w *worker, c *event.Column, out event.Bits) {
	m := &w.memos[w.node]
	if !m.ready || m.dict != c.Dict {
		m.ready, m.dict, m.codes = true, c.Dict, m.codes[:0]
		for _, v := range s.values {
			if v.Kind() == event.TextKind && c.Dict != nil {
				if code, ok := c.Dict.Code(v.Text()); ok {
					m.codes = append(m.codes, code)
				}
			}
		}
		m.tabulate()
	}
	hit := w.bits(c.Len)
	switch {
	case len(m.codes) > 0 && len(m.codes) <= 3:
		for _, code := range m.codes {
			equalCodes(c.Codes[:c.Len], code, hit)
		}
	case len(m.codes) > 0:
		amongCodes(c.Codes[:c.Len], m.table, hit)
	}
	if len(c.Inline) > 0 {
		for i, code := range c.Codes[:c.Len] {
			if code&event.Inline != 0 && c.Present(i) && s.keys[event.Text(c.Inline[code&^event.Inline]).Key()] {
				hit.Set(i)
			}
		}
	}
	for i := range hit {
		if c.Has != nil {
			hit[i] &= c.Has[i]
		}
		out[i] |= hit[i]
	}
}
