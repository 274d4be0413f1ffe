package warehouse

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"tagma/event"
)

// Resident keeps rows of some series in memory, as a reader decodes them, and takes in what is appended to the history
// afterwards. The rows of any few profiles can then be had without reading and decoding the blocks that they lie in. What
// is not there is read when it is wanted, and what takes too much memory is let go. It is not safe for concurrent use.
type Resident struct {
	series []SeriesRequest
	places map[residentKey]int
	blocks [][]*residentBlock // of each series, by number of block; nil: not there
	bytes  int64
	limit  int64
	round  uint64 // counts Gather calls: what the present one uses is not let go

	hand    uint32   // where shrink stands
	snap    Snapshot // that readers are of
	readers []Reader
	read1   Block // that readers fill in
}

type residentKey struct {
	kind SeriesKind
	name string
}

// residentBlock is the rows of a series in a block: those read, and behind them those appended since.
type residentBlock struct {
	upTo  uint64 // arrivals below it were read
	start [BlockSize + 1]int32
	times []event.Time
	// arrivals are there when the series was asked for with them.
	arrivals []uint64
	columns  [][]event.Column
	tail     []residentRow
	lows     []uint8 // whose rows those of tail are
	bytes    int64
	used     uint64
}

// residentRow is a row that was appended.
type residentRow struct {
	low     uint8
	time    event.Time
	arrival uint64
	values  []event.Value // of the wanted columns
}

// NewResident returns one for the series and columns of a request, whose times do not count: all rows are kept. It holds
// about limit bytes.
func NewResident(request Request, limit int64) *Resident {
	r := &Resident{places: map[residentKey]int{}, limit: limit}
	for _, s := range request.Series {
		s.From, s.To = 0, 0
		r.places[residentKey{s.Kind, s.Name}] = len(r.series)
		r.series = append(r.series, s)
	}
	r.blocks = make([][]*residentBlock, len(r.series))
	r.readers = make([]Reader, len(r.series))
	return r
}

// Bytes is about the memory that the rows take.
func (r *Resident) Bytes() int64 { return r.bytes }

// Use sets the snapshot that missing blocks are read from. It must hold all that was given to Append. Close the one
// before only afterwards.
func (r *Resident) Use(snap Snapshot) {
	for i, reader := range r.readers {
		if reader != nil {
			reader.Close()
			r.readers[i] = nil
		}
	}
	r.snap = snap
}

// Append takes in records of a batch that the history has, with their arrivals. What is not in memory is passed over.
func (r *Resident) Append(b *Batch) {
	for i := range b.Events {
		r.event(Events, &b.Events[i])
	}
	for i := range b.System {
		r.event(SystemEvents, &b.System[i])
	}
	for i := range b.Traits {
		r.dated(Traits, &b.Traits[i])
	}
	for i := range b.Consents {
		r.dated(Consents, &b.Consents[i])
	}
	for i := range b.Identifiers { // they have no order of their own, so they are read again
		id := &b.Identifiers[i]
		if place, ok := r.places[residentKey{Identifiers, id.Kind}]; ok {
			r.drop(place, uint32(id.Profile)/BlockSize)
		}
	}
}

func (r *Resident) event(kind SeriesKind, e *event.Event) {
	place, b := r.loaded(kind, e.Name, e.Profile, e.Arrival)
	if b == nil {
		return
	}
	r.add(b, rowOf(e, r.series[place].Columns))
}

// rowOf is an event as a row of these columns.
func rowOf(e *event.Event, columns []string) residentRow {
	row := residentRow{low: uint8(e.Profile), time: e.Time, arrival: e.Arrival}
	if len(columns) == 0 {
		return row
	}
	row.values = make([]event.Value, len(columns))
	for k, name := range columns {
		if name == SourceColumn {
			if e.Source != "" {
				row.values[k] = event.Text(e.Source)
			}
			continue
		}
		at, ok := slices.BinarySearchFunc(e.Props, name, func(p event.Property, name string) int { return strings.Compare(p.Name, name) })
		if ok {
			row.values[k] = e.Props[at].Value
		}
	}
	return row
}

func (r *Resident) dated(kind SeriesKind, t *event.Trait) {
	place, b := r.loaded(kind, t.Name, t.Profile, t.Arrival)
	if b == nil {
		return
	}
	row := residentRow{low: uint8(t.Profile), time: t.Time, arrival: t.Arrival}
	for range r.series[place].Columns {
		row.values = append(row.values, t.Value)
	}
	r.add(b, row)
}

// loaded finds the block that a record belongs to; nil where it is not in memory, or has the record.
func (r *Resident) loaded(kind SeriesKind, name string, p event.ProfileID, arrival uint64) (int, *residentBlock) {
	place, ok := r.places[residentKey{kind, name}]
	if !ok {
		return 0, nil
	}
	b := r.block(place, uint32(p)/BlockSize)
	if b == nil || arrival < b.upTo {
		return 0, nil
	}
	return place, b
}

func (r *Resident) add(b *residentBlock, row residentRow) {
	b.tail, b.lows = append(b.tail, row), append(b.lows, row.low)
	cost := int64(32 + 64*len(row.values))
	b.bytes += cost
	r.bytes += cost
}

// block is a block that is there, or nil.
func (r *Resident) block(place int, n uint32) *residentBlock {
	if list := r.blocks[place]; n < uint32(len(list)) {
		return list[n]
	}
	return nil
}

// drop lets a block go.
func (r *Resident) drop(place int, n uint32) {
	if b := r.block(place, n); b != nil {
		r.bytes -= b.bytes
		r.blocks[place][n] = nil
	}
}

// Forget lets everything go.
func (r *Resident) Forget() {
	for place := range r.blocks {
		clear(r.blocks[place])
	}
	r.bytes = 0
}

// shrink lets blocks go that the present round has not used, until the rest is within the limit. It goes round and round,
// so that which goes is left to chance.
func (r *Resident) shrink() {
	if r.bytes <= r.limit {
		return
	}
	goal := r.limit - r.limit/8
	longest := 0
	for _, list := range r.blocks {
		longest = max(longest, len(list))
	}
	for range longest {
		if r.hand++; r.hand >= uint32(longest) {
			r.hand = 0
		}
		for place := range r.blocks {
			if b := r.block(place, r.hand); b != nil && b.used != r.round {
				r.drop(place, r.hand)
			}
		}
		if r.bytes <= goal {
			return
		}
	}
}

// get returns a block, read where it has to be.
func (r *Resident) get(place int, n uint32) (*residentBlock, error) {
	b := r.block(place, n)
	if b == nil {
		var err error
		if b, err = r.read(place, n); err != nil {
			return nil, err
		}
		for uint32(len(r.blocks[place])) <= n {
			r.blocks[place] = append(r.blocks[place], nil)
		}
		r.blocks[place][n] = b
		r.bytes += b.bytes
	}
	b.used = r.round
	if len(b.tail) > max(64, len(b.times)/16) {
		r.fold(place, b)
	}
	return b, nil
}

func (r *Resident) read(place int, n uint32) (*residentBlock, error) {
	reader := r.readers[place]
	if reader == nil {
		var err error
		if reader, err = r.snap.Reader(Request{Series: r.series[place : place+1]}); err != nil {
			return nil, err
		}
		r.readers[place] = reader
	}
	if err := reader.Blocks(n, 1, &r.read1); err != nil {
		return nil, err
	}
	t := &r.read1.Tables[0]
	b := &residentBlock{upTo: r.snap.Offset(), times: slices.Clone(t.Times), arrivals: slices.Clone(t.Arrivals), columns: make([][]event.Column, len(t.Columns))}
	copy(b.start[:], t.Start)
	for k, parts := range t.Columns {
		for i := range parts {
			b.columns[k] = append(b.columns[k], clonedColumn(&parts[i]))
		}
	}
	b.measure()
	return b, nil
}

// measure sets what the block takes.
func (b *residentBlock) measure() {
	b.bytes = int64(BlockSize*4+128) + int64(8*cap(b.times)+8*cap(b.arrivals))
	for _, parts := range b.columns {
		for i := range parts {
			c := &parts[i]
			b.bytes += int64(160 + 8*cap(c.Ints) + 4*cap(c.Codes) + 32*cap(c.Nums) + 8*cap(c.Has) + 64*cap(c.Values))
			for _, text := range c.Inline {
				b.bytes += int64(16 + len(text))
			}
		}
	}
}

func clonedColumn(c *event.Column) event.Column {
	out := *c
	out.Has, out.Ints, out.Nums, out.Codes = slices.Clone(c.Has), slices.Clone(c.Ints), slices.Clone(c.Nums), slices.Clone(c.Codes)
	out.Inline, out.Values = slices.Clone(c.Inline), slices.Clone(c.Values)
	return out
}

// fold puts the appended rows of a block among the others.
func (r *Resident) fold(place int, b *residentBlock) {
	w := tableWriter{names: r.series[place].Columns, dicts: r.dicts(place)}
	pieces := make([]piece, 0, BlockSize)
	total := 0
	for low := range BlockSize {
		p := b.piece(uint8(low), Rows{From: event.Always})
		total += p.rows()
		pieces = append(pieces, p)
	}
	var t Table
	w.write(&t, pieces, total, r.series[place].Arrivals)
	fresh := &residentBlock{upTo: b.upTo, times: slices.Clone(t.Times), arrivals: slices.Clone(t.Arrivals), columns: make([][]event.Column, len(t.Columns)), used: b.used}
	copy(fresh.start[:], t.Start)
	for k, parts := range t.Columns {
		for i := range parts {
			fresh.columns[k] = append(fresh.columns[k], clonedColumn(&parts[i]))
		}
	}
	fresh.measure()
	r.bytes += fresh.bytes - b.bytes
	*b = *fresh
}

func (r *Resident) dicts(place int) []event.Dict {
	out := make([]event.Dict, len(r.series[place].Columns))
	for k, name := range r.series[place].Columns {
		out[k] = r.snap.Dict(name)
	}
	return out
}

// Rows says which rows of a profile are wanted.
type Rows struct {
	From event.Time // and later
	// Ends wants only the first of them, the last that is not later than Now, and those later than Now. Others may be given
	// as well.
	Ends bool
	Now  event.Time
}

// piece is the rows of one profile in a block.
type piece struct {
	block    *residentBlock
	from, to int32 // of those read
	// Those from gap on that are left out are so many.
	gap, left int32
	tail      []residentRow // in order of time, then arrival
}

func (p *piece) rows() int { return int(p.to-p.from-p.left) + len(p.tail) }

// piece finds the rows of a profile.
func (b *residentBlock) piece(low uint8, want Rows) piece {
	p := piece{block: b, from: b.start[low], to: b.start[int(low)+1]}
	if want.From != event.Always && p.from < p.to && b.times[p.from] < want.From {
		p.from += int32(sort.Search(int(p.to-p.from), func(i int) bool { return b.times[int(p.from)+i] >= want.From }))
	}
	if want.Ends && p.to-p.from > 2 {
		last := p.to - 1
		for last > p.from && b.times[last] > want.Now {
			last--
		}
		p.gap, p.left = p.from+1, max(0, last-p.from-1)
	}
	for i, l := range b.lows {
		if l == low && b.tail[i].time >= want.From {
			p.tail = append(p.tail, b.tail[i])
		}
	}
	if len(p.tail) > 1 {
		inTime(p.tail)
	}
	return p
}

// Gatherer puts the rows of some profiles together as a request wants them.
type Gatherer struct {
	of      *Resident
	places  []int   // of each series of the request; -1: there is none
	columns [][]int // of each, the places of its columns
	request Request
	writers []tableWriter
	pieces  []piece
	byName  map[string]int // the tables of events
}

// Gatherer prepares to gather what a request wants, of the series and columns that the resident has.
func (r *Resident) Gatherer(request Request) (*Gatherer, error) {
	g := &Gatherer{of: r, request: request, writers: make([]tableWriter, len(request.Series))}
	for i, s := range request.Series {
		place, ok := r.places[residentKey{s.Kind, s.Name}]
		if !ok {
			return nil, fmt.Errorf("warehouse: gather: the series %q is not resident", s.Name)
		}
		var columns []int
		for _, name := range s.Columns {
			at := slices.Index(r.series[place].Columns, name)
			if at < 0 {
				return nil, fmt.Errorf("warehouse: gather: the column %q of %q is not resident", name, s.Name)
			}
			columns = append(columns, at)
		}
		if s.Arrivals && !r.series[place].Arrivals {
			return nil, fmt.Errorf("warehouse: gather: the arrivals of %q are not resident", s.Name)
		}
		g.places, g.columns = append(g.places, place), append(g.columns, columns)
		g.writers[i] = tableWriter{names: s.Columns, from: columns}
	}
	return g, nil
}

// Gather fills in the rows of profiles, at most 65,535 of them, as a block of its own: profile i of it is profiles[i]. Of
// each series the rows wanted are given. What it fills in is valid until its next call.
func (g *Gatherer) Gather(profiles []event.ProfileID, want []Rows, into *Block) error {
	r := g.of
	r.round++
	into.First, into.N, into.Profiles = 0, len(profiles), profiles
	if len(profiles) > 0 {
		into.First = profiles[0]
	}
	if cap(into.Tables) < len(g.places) {
		into.Tables = make([]Table, len(g.places))
	}
	into.Tables = into.Tables[:len(g.places)]
	for i, place := range g.places {
		g.pieces = g.pieces[:0]
		total := 0
		for _, p := range profiles {
			b, err := r.get(place, uint32(p)/BlockSize)
			if err != nil {
				return err
			}
			one := b.piece(uint8(p), want[i])
			total += one.rows()
			g.pieces = append(g.pieces, one)
		}
		w := g.writer(i)
		w.write(&into.Tables[i], g.pieces, total, g.request.Series[i].Arrivals)
	}
	r.shrink()
	return nil
}

// Only fills in the rows of these events and no others, as a block: profile i of it is profiles[i], and of it are the
// events i. What it fills in is valid until its next call.
func (g *Gatherer) Only(profiles []event.ProfileID, events [][]*event.Event, into *Block) {
	into.First, into.N, into.Profiles = profiles[0], len(profiles), profiles
	if cap(into.Tables) < len(g.places) {
		into.Tables = make([]Table, len(g.places))
	}
	into.Tables = into.Tables[:len(g.places)]
	pieces := make([][]piece, len(g.places))
	rows := make([]int, len(g.places))
	if g.byName == nil {
		g.byName = map[string]int{}
		for k, s := range g.request.Series {
			if s.Kind == Events {
				g.byName[s.Name] = k
			}
		}
	}
	for k := range pieces {
		pieces[k] = make([]piece, len(profiles))
	}
	for i, list := range events {
		for _, e := range list {
			k, ok := g.byName[e.Name]
			if !ok {
				continue
			}
			p := &pieces[k][i]
			p.tail = append(p.tail, rowOf(e, g.request.Series[k].Columns))
			rows[k]++
		}
		for k := range pieces {
			if p := &pieces[k][i]; len(p.tail) > 1 {
				inTime(p.tail)
			}
		}
	}
	for k := range pieces {
		w := g.writer(k)
		from := w.from
		w.from = nil // the rows have just the columns of the request
		w.write(&into.Tables[k], pieces[k], rows[k], g.request.Series[k].Arrivals)
		w.from = from
	}
}

// writer is the writer of a table, with the dictionaries of the present snapshot.
func (g *Gatherer) writer(k int) *tableWriter {
	w := &g.writers[k]
	w.dicts = w.dicts[:0]
	for _, name := range w.names {
		w.dicts = append(w.dicts, g.of.snap.Dict(name))
	}
	return w
}

// inTime brings rows that came in order of arrival into order of time.
func inTime(rows []residentRow) {
	slices.SortStableFunc(rows, func(a, b residentRow) int { return cmp.Compare(a.time, b.time) })
}
