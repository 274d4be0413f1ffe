package pebble

import (
	"encoding/binary"
	"runtime"
	"slices"
	"sync/atomic"

	"tagma/errs"
	"tagma/event"
	"tagma/warehouse"
)

// stage gathers rows in compact form and gives them back as segments, key by key. A batch and a bulk load both
// pass through it.
type stage struct {
	registry   *registry
	properties map[string]*property // what was looked up already
	names      map[seriesName]*staged
	order      []*staged

	// Rows lie behind one another in blocks; a row's place is block<<blockBits | offset.
	blocks [][]byte
	row    []byte
	bytes  int64

	builder warehouse.Builder
	sorter  sorter
}

const blockBits = 20

// staged is the rows of one series, in the order in which they were added.
type staged struct {
	*series
	profiles []event.ProfileID
	times    []event.Time
	arrivals []uint64
	places   []uint32
	kinds    []uint8              // by property: kinds that occur, as bits
	lists    map[uint32]*elements // by list property; kept when the rows are forgotten
}

// occurs notes that a property has a value of a kind.
func (s *staged) occurs(p *property, kind event.Kind) {
	if int(p.id) >= len(s.kinds) {
		s.kinds = append(s.kinds, make([]uint8, int(p.id)+8-len(s.kinds))...)
	}
	s.kinds[p.id] |= 1 << kind
}

func newStage(r *registry) *stage {
	return &stage{registry: r, properties: map[string]*property{}, names: map[seriesName]*staged{}}
}

// reset forgets the rows and gives back memory that a usual batch does not need.
func (st *stage) reset() {
	for _, s := range st.order {
		if len(s.profiles) == 0 {
			continue
		}
		s.profiles, s.times, s.arrivals, s.places = s.profiles[:0], s.times[:0], s.arrivals[:0], s.places[:0]
		clear(s.kinds)
	}
	if len(st.blocks) > 0 {
		clear(st.blocks[1:])
		st.blocks = st.blocks[:1]
		st.blocks[0] = st.blocks[0][:0]
	}
	st.bytes = 0
}

func (st *stage) series(kind warehouse.SeriesKind, name string) (*staged, error) {
	n := seriesName{kind, name}
	if s, ok := st.names[n]; ok {
		return s, nil
	}
	found, err := st.registry.seriesOf(n)
	if err != nil {
		return nil, err
	}
	s := &staged{series: found}
	st.names[n] = s
	st.order = append(st.order, s)
	return s, nil
}

func (st *stage) property(name string) (*property, error) {
	if p, ok := st.properties[name]; ok {
		return p, nil
	}
	p, err := st.registry.property(name)
	if err == nil {
		st.properties[p.name] = p
	}
	return p, err
}

func (st *stage) event(kind warehouse.SeriesKind, e *event.Event) error {
	s, err := st.series(kind, e.Name)
	if err != nil {
		return err
	}
	st.row = st.row[:0]
	if e.Source != "" {
		if err := st.put(s, warehouse.SourceColumn, event.Text(e.Source)); err != nil {
			return err
		}
	}
	for i := range e.Props {
		if i+1 < len(e.Props) && e.Props[i].Name == e.Props[i+1].Name {
			continue // a row has one value of a property; the last wins
		}
		if err := st.put(s, e.Props[i].Name, e.Props[i].Value); err != nil {
			return err
		}
	}
	return st.add(s, e.Profile, e.Time, e.Arrival)
}

// dated adds a value from an instant on: a trait's or a consent's.
func (st *stage) dated(kind warehouse.SeriesKind, t event.Trait) error {
	if k := t.Value.Kind(); kind == warehouse.Consents && k != event.BoolKind && k != event.Missing {
		return errs.New(errs.Invalid, "warehouse: the consent %s has the value %s: a consent is true, false or missing", t.Name, t.Value)
	}
	s, err := st.series(kind, t.Name)
	if err != nil {
		return err
	}
	st.row = st.row[:0]
	if err := st.put(s, warehouse.ValueColumn, t.Value); err != nil {
		return err
	}
	return st.add(s, t.Profile, t.Time, t.Arrival)
}

func (st *stage) identifier(i event.Identifier) error {
	s, err := st.series(warehouse.Identifiers, i.Kind)
	if err != nil {
		return err
	}
	st.row = st.row[:0]
	if err := st.put(s, warehouse.ValueColumn, event.Text(i.Value)); err != nil {
		return err
	}
	return st.add(s, i.Profile, event.Always, 0)
}

// put writes a value of the current row: property<<4 | type, then the value.
func (st *stage) put(s *staged, name string, v event.Value) error {
	kind := v.Kind()
	if kind == event.Missing {
		return nil
	}
	p, err := st.property(name)
	if err != nil {
		return err
	}
	s.occurs(p, kind)
	head := func(t warehouse.ColumnType) []byte { return binary.AppendUvarint(st.row, uint64(p.id)<<4|uint64(t)) }
	switch kind {
	case event.BoolKind:
		b := byte(0)
		if v.Bool() {
			b = 1
		}
		st.row = append(head(warehouse.BoolColumn), b)
	case event.NumberKind:
		n := v.Number()
		if n.Scale() > 18 {
			n = n.Normal()
		}
		if n.Scale() <= 18 {
			if c, ok := n.Coefficient(n.Scale()); ok {
				st.row = binary.AppendVarint(append(head(warehouse.NumberColumn), byte(n.Scale())), c)
				return nil
			}
		}
		st.blob(head(warehouse.ExactColumn), event.Num(n))
	case event.TextKind:
		text := v.Text()
		if code, ok := st.registry.code(s.series, p, text); ok {
			st.row = binary.AppendUvarint(head(warehouse.CodeColumn), uint64(code))
		} else {
			st.row = event.AppendText(head(warehouse.InlineColumn), text)
		}
	case event.TimeKind:
		st.row = binary.AppendVarint(head(warehouse.TimeColumn), int64(v.Time()))
	case event.DateKind:
		st.row = binary.AppendVarint(head(warehouse.DateColumn), int64(v.Date()))
	case event.ListKind:
		st.blob(head(warehouse.ListColumn), v)
		if eventful(s.kind) {
			return st.elements(s, p, v)
		}
	case event.MapKind:
		st.blob(head(warehouse.MapColumn), v)
	}
	return nil
}

func (st *stage) blob(row []byte, v event.Value) {
	b := v.AppendBinary(nil)
	st.row = append(binary.AppendUvarint(row, uint64(len(b))), b...)
}

func (st *stage) add(s *staged, p event.ProfileID, t event.Time, arrival uint64) error {
	if p >= 1<<32-1 {
		return errs.New(errs.Invalid, "warehouse: the profile number %d is out of range", p)
	}
	st.row = append(st.row, 0)
	last := len(st.blocks) - 1
	if last < 0 || len(st.blocks[last]) > 0 && len(st.blocks[last])+len(st.row) > 1<<blockBits {
		if last+1 >= 1<<(32-blockBits) {
			return errs.New(errs.Conflict, "warehouse: more than 4 GB were staged at once: finish the load in parts")
		}
		size := 0 // the first grows, for most batches are small
		if last >= 0 {
			size = 1 << blockBits
		}
		st.blocks = append(st.blocks, make([]byte, 0, max(size, len(st.row))))
		st.bytes += int64(size)
		last++
	}
	if last == 0 {
		st.bytes += int64(len(st.row))
	}
	place := uint32(last)<<blockBits | uint32(len(st.blocks[last]))
	st.blocks[last] = append(st.blocks[last], st.row...)
	s.profiles = append(s.profiles, p)
	s.times = append(s.times, t)
	s.arrivals = append(s.arrivals, arrival)
	s.places = append(s.places, place)
	st.bytes += 28
	return nil
}

// build reads a row, which a 0 ends, into a builder.
func build(to *warehouse.Builder, row []byte) {
	for {
		head, n := binary.Uvarint(row)
		row = row[n:]
		if head == 0 {
			return
		}
		p, typ := uint32(head>>4), warehouse.ColumnType(head&15)
		switch typ {
		case warehouse.BoolColumn:
			to.Int(p, typ, int64(row[0]))
			row = row[1:]
		case warehouse.NumberColumn:
			c, n := binary.Varint(row[1:])
			to.Number(p, c, row[0])
			row = row[1+n:]
		case warehouse.CodeColumn:
			c, n := binary.Uvarint(row)
			to.Int(p, typ, int64(c))
			row = row[n:]
		case warehouse.TimeColumn, warehouse.DateColumn:
			c, n := binary.Varint(row)
			to.Int(p, typ, c)
			row = row[n:]
		default:
			size, n := binary.Uvarint(row)
			row = row[n:]
			to.Bytes(p, typ, row[:size:size])
			row = row[size:]
		}
	}
}

// manyRows is the number of staged rows from which on several goroutines encode them.
const manyRows = 20_000

// flush gives the staged rows as segments, in order of key. Key and value are valid during the call only.
func (st *stage) flush(emit func(key, value []byte) error) error {
	slices.SortFunc(st.order, func(a, b *staged) int { return int(a.id) - int(b.id) })
	rows := 0
	for _, s := range st.order {
		rows += len(s.profiles)
	}
	if rows >= manyRows {
		return st.flushMany(emit)
	}
	for _, s := range st.order {
		if err := st.encode(s, &st.sorter, &st.builder, emit); err != nil {
			return err
		}
	}
	return nil
}

// encode gives the rows of one series as segments, in order of key.
func (st *stage) encode(s *staged, sorter *sorter, builder *warehouse.Builder, emit func(key, value []byte) error) error {
	if len(s.profiles) == 0 {
		return nil
	}
	var key [keyLen]byte
	var value []byte
	cut := eventful(s.kind)
	return sorter.groups(s, cut, func(block uint32, chunk uint16, rows []sortRow) error {
		builder.Reset()
		for i := range rows {
			r := &rows[i]
			builder.Row(r.low, r.time, r.arrival)
			build(builder, st.blocks[r.place>>blockBits][r.place&(1<<blockBits-1):])
		}
		value = builder.AppendTo(value[:0])
		return emit(appendKey(key[:0], s.id, block, chunk), value)
	})
}

// flushMany is flush with the series encoded by several goroutines, each ahead of the one that emits them in order.
func (st *stage) flushMany(emit func(key, value []byte) error) error {
	type encoded struct {
		pairs []byte // key, length of the value, value, again and again
		err   error
	}
	done := make([]chan encoded, len(st.order))
	for i := range done {
		done[i] = make(chan encoded, 1)
	}
	var next atomic.Int32
	for range runtime.GOMAXPROCS(0) {
		go func() {
			var sorter sorter
			var builder warehouse.Builder
			for {
				i := int(next.Add(1)) - 1
				if i >= len(st.order) {
					return
				}
				var out encoded
				out.err = st.encode(st.order[i], &sorter, &builder, func(key, value []byte) error {
					out.pairs = append(out.pairs, key...)
					out.pairs = binary.AppendUvarint(out.pairs, uint64(len(value)))
					out.pairs = append(out.pairs, value...)
					return nil
				})
				done[i] <- out
			}
		}()
	}
	var failed error
	for i := range done { // all of them, so that nobody uses the stage afterwards
		out := <-done[i]
		if failed == nil {
			failed = out.err
		}
		for rest := out.pairs; failed == nil && len(rest) > 0; {
			size, n := binary.Uvarint(rest[keyLen:])
			from := keyLen + n
			failed = emit(rest[:keyLen], rest[from:from+int(size)])
			rest = rest[from+int(size):]
		}
	}
	return failed
}

// counts gives what flush adds to the rows and inventories of the series: nil kinds where nothing is new.
func (st *stage) counts(f func(s *series, rows uint64, kinds []byte) error) error {
	for _, s := range st.order {
		if len(s.profiles) == 0 {
			continue
		}
		known := *s.inventory.Load()
		var kinds []byte
		for p, k := range s.kinds {
			if k&^known[uint32(p)] != 0 {
				kinds = appendKinds(kinds, uint32(p), k)
			}
		}
		if err := f(s.series, uint64(len(s.profiles)), kinds); err != nil {
			return err
		}
	}
	return nil
}
