package tagindex

import (
	"math/bits"
	"slices"
	"strings"

	"tagma/event"
)

// MaxValues is the number of values up to which a slot keeps a set for each; beyond it, a column.
const MaxValues = 4096

// table holds a set of customers for each value of a slot, numbered by the slot's dictionary.
type table struct {
	epoch uint64
	kind  event.Kind // text or bool
	multi bool
	dict  *dict
	sets  []*Set // by code; may be nil or empty
	// only is the one code that anybody holds, or nobody or many. Just with many is there a need for present,
	// the customers that hold any value.
	only    int32
	present *Set
}

const (
	nobody int32 = -1
	many   int32 = -2
)

// who returns the customers that hold any value; it may be nil.
func (t *table) who() *Set {
	switch {
	case t == nil || t.only == nobody:
		return nil
	case t.only == many:
		return t.present
	}
	return t.sets[t.only]
}

func newTable(kind event.Kind, multi bool, epoch uint64) *table {
	t := &table{epoch: epoch, kind: kind, multi: multi, only: nobody}
	if kind == event.BoolKind {
		t.dict = newDict(slices.Clone(boolTexts))
	} else {
		t.dict = newDict(nil)
	}
	return t
}

func (t *table) own(epoch uint64) *table {
	if t.epoch == epoch && epoch != 0 {
		return t
	}
	u := *t
	u.epoch, u.sets = epoch, slices.Clone(t.sets)
	return &u
}

// text is what the dictionary has for a value, and false when the value is of another kind.
func (t *table) text(v event.Value) (string, bool) {
	if v.Kind() != t.kind {
		return "", false
	}
	if t.kind == event.BoolKind {
		if v.Bool() {
			return boolTexts[0], true
		}
		return boolTexts[1], true
	}
	return v.Text(), true
}

// value is the value of a code.
func (t *table) value(code uint32) event.Value {
	if t.kind == event.BoolKind {
		return event.Bool(code == 0)
	}
	return event.Text(t.dict.Text(code))
}

// set returns the customers that hold a value; it may be nil.
func (t *table) set(v event.Value) *Set {
	if t == nil {
		return nil
	}
	if text, ok := t.text(v); ok {
		if code, ok := t.dict.Code(text); ok && int(code) < len(t.sets) {
			return t.sets[code]
		}
	}
	return nil
}

// put returns the code of a value, a new one when it has none. t must be owned.
func (t *table) put(v event.Value) uint32 {
	text, _ := t.text(v)
	code := t.dict.put(text)
	for int(code) >= len(t.sets) {
		t.sets = append(t.sets, nil)
	}
	return code
}

// op is what happened to one value of a slot, for the rows: to a set of customers, or to a few.
type op struct {
	code  uint32
	enter bool
	set   *Set
	few   []uint32
}

// apply moves the sets on. t must be owned by the epoch.
func (t *table) apply(changes []SetChange, epoch uint64) (ops []op) {
	gone := &Set{}
	var ones []uint32 // of those gone: the few
	for _, ch := range changes {
		if none(ch.Left) {
			continue
		}
		text, ok := t.text(ch.Value)
		if !ok {
			continue
		}
		code, ok := t.dict.Code(text)
		if !ok || int(code) >= len(t.sets) {
			continue
		}
		if list, ok := oneByOne(ch.Left); ok {
			list = slices.DeleteFunc(list, func(c uint32) bool {
				had := t.sets[code].Count()
				t.sets[code] = t.sets[code].without(c, epoch)
				return t.sets[code].Count() == had
			})
			if len(list) > 0 {
				ones, ops = append(ones, list...), append(ops, op{code: code, few: list})
			}
			continue
		}
		ops = t.leave(code, FromRoaring(ch.Left).and(t.sets[code], epoch), epoch, &gone, ops)
	}
	for _, c := range ones {
		t.forgetOne(c, epoch)
	}
	if gone.Count() > 0 {
		t.forget(gone, epoch)
	}
	for _, ch := range changes {
		if none(ch.Entered) {
			continue
		}
		code := t.put(ch.Value)
		if list, ok := oneByOne(ch.Entered); ok {
			for _, c := range list {
				t.enterOne(code, c, epoch)
			}
			ops = append(ops, op{code: code, enter: true, few: list})
			continue
		}
		entered := FromRoaring(ch.Entered)
		if !t.multi {
			if moved := entered.and(t.who(), epoch).andNot(t.sets[code], 0); moved.Count() > 0 {
				for other := range t.sets {
					if other != int(code) {
						t.sets[other] = t.sets[other].andNot(moved, epoch)
					}
				}
			}
		}
		t.enter(code, entered, epoch)
		ops = append(ops, op{code: code, enter: true, set: entered})
	}
	return ops
}

// enter adds customers to one value.
func (t *table) enter(code uint32, entered *Set, epoch uint64) {
	t.widen(code, epoch)
	t.sets[code] = t.sets[code].or(entered, epoch)
	if t.only == many {
		t.present = t.present.or(entered, epoch)
	}
}

// widen prepares only and present for somebody entering a value.
func (t *table) widen(code uint32, epoch uint64) {
	switch {
	case t.only == int32(code):
	case t.only == nobody, t.only != many && t.sets[t.only].Count() == 0:
		t.only = int32(code)
	case t.only != many:
		t.present = (&Set{}).or(t.sets[t.only], epoch)
		t.only = many
	}
}

// count finds out what only and present are; the sets were put there from outside.
func (t *table) count() {
	t.only, t.present = nobody, nil
	for code, s := range t.sets {
		switch {
		case s.Count() == 0:
		case t.only == nobody:
			t.only = int32(code)
		default:
			t.only = many
		}
	}
	if t.only == many {
		t.present = union(t.sets)
	}
}

// clear takes customers out of all values.
func (t *table) clear(customers *Set, epoch uint64) (ops []op) {
	gone := &Set{}
	for code, s := range t.sets {
		ops = t.leave(uint32(code), customers.and(s, epoch), epoch, &gone, ops)
	}
	if t.only == many {
		t.present = t.present.andNot(gone, epoch)
	}
	return ops
}

// leave takes customers, who all hold it, out of one value and notes them in gone.
func (t *table) leave(code uint32, left *Set, epoch uint64, gone **Set, ops []op) []op {
	if left.Count() == 0 {
		return ops
	}
	t.sets[code] = t.sets[code].andNot(left, epoch)
	*gone = (*gone).or(left, 0)
	return append(ops, op{code: code, set: left})
}

// forget takes those who left a value, and hold no other, out of present.
func (t *table) forget(gone *Set, epoch uint64) {
	if t.only != many {
		return
	}
	if t.multi {
		for _, s := range t.sets {
			gone = gone.andNot(s, 0)
		}
	}
	t.present = t.present.andNot(gone, epoch)
}

// live is the number of values that somebody holds.
func (t *table) live() int {
	n := 0
	for _, s := range t.sets {
		if s.Count() > 0 {
			n++
		}
	}
	return n
}

// renumber returns the table with a new dictionary of the values that somebody holds, in the order of the texts.
func (t *table) renumber(epoch uint64) *table {
	u := newTable(t.kind, t.multi, epoch)
	for _, code := range t.order() {
		u.sets[u.put(t.value(code))] = t.sets[code]
	}
	if u.only = t.only; u.only == many {
		u.present = t.present
	} else {
		u.count()
	}
	return u
}

// order returns the codes that somebody holds, in the order of their values.
func (t *table) order() []uint32 {
	if t == nil {
		return nil
	}
	var codes []uint32
	for code, s := range t.sets {
		if s.Count() > 0 {
			codes = append(codes, uint32(code))
		}
	}
	slices.SortFunc(codes, func(a, b uint32) int { return strings.Compare(t.dict.Text(a), t.dict.Text(b)) })
	return codes
}

// codeOf returns the code that a customer holds in a table that is not multi.
func (t *table) codeOf(customer uint32) (uint32, bool) {
	key, low := uint16(customer>>16), uint16(customer)
	for code, s := range t.sets {
		if s.chunk(key).contains(low) {
			return uint32(code), true
		}
	}
	return 0, false
}

// valueAt returns what a customer holds: a list of texts, sorted, when the table is multi.
func (t *table) valueAt(customer uint32) event.Value {
	if !t.who().Contains(customer) {
		return event.Value{}
	}
	if !t.multi {
		if code, ok := t.codeOf(customer); ok {
			return t.value(code)
		}
		return event.Value{}
	}
	var list []event.Value
	for code, s := range t.sets {
		if s.Contains(customer) {
			list = append(list, t.value(uint32(code)))
		}
	}
	slices.SortFunc(list, event.Value.Compare)
	return event.List(list...)
}

// column returns the content as a column: of texts, or of lists when the table is multi.
func (t *table) column(epoch uint64) *column {
	kind := t.kind
	if t.multi {
		kind = event.ListKind
	}
	col := newColumn(kind, epoch)
	who := t.who()
	if who.Count() == 0 {
		return col
	}
	order := t.order()
	lists := make([][]event.Value, pageSize)
	var buf pageBuffer
	var w [pageWords]uint64
	for i, key := range who.keys {
		for p := range pagesPerGroup {
			if who.chunks[i].wordsAt(p*pageWords, w[:]); w == ([pageWords]uint64{}) {
				continue
			}
			buf.reset()
			for _, code := range order {
				c, v := t.sets[code].chunk(key), t.value(code)
				if c == nil {
					continue
				}
				c.wordsAt(p*pageWords, w[:])
				for at, x := range w {
					for ; x != 0; x &= x - 1 {
						j := at<<6 + bits.TrailingZeros64(x)
						if t.multi {
							lists[j] = append(lists[j], v)
						} else {
							buf.set(j, v, col.dict)
						}
					}
				}
			}
			for j, list := range lists {
				if list != nil {
					buf.set(j, event.List(list...), nil)
					lists[j] = nil
				}
			}
			col.put(uint32(key)*pagesPerGroup+uint32(p), buf.pack(kind), epoch)
		}
	}
	return col
}

// bytes is about the memory that the sets take.
func (t *table) bytes() int {
	if t == nil {
		return 0
	}
	n := t.dict.bytes() + 8*cap(t.sets)
	for _, s := range t.sets {
		n += s.bytes()
	}
	if t.only == many {
		n += t.present.bytes()
	}
	return n
}
