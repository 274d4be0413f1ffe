package warehouse

import (
	"fmt"
	"slices"
	"sort"

	"tagma/event"
)

// Resident keeps rows of some series in memory, as a reader decodes them, and takes in what is appended to the history
// afterwards. The rows of any few profiles can then be had without reading and decoding the blocks that they lie in. What
// is not there is read when it is wanted, and what takes too much memory is let go. It is not safe for concurrent use.
type Resident struct {
	series []SeriesRequest
	places map[residentKey]int
	blocks []map[uint32]*residentBlock // of each series, by number of block
	bytes  int64
	limit  int64
	round  uint64 // counts Gather calls: what the present one uses is not let go

	snap    Snapshot // that readers are of
	readers []Reader
	block   Block // that readers fill in
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
		r.blocks = append(r.blocks, map[uint32]*residentBlock{})
	}
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
	row := residentRow{low: uint8(e.Profile), time: e.Time, arrival: e.Arrival}
	if names := r.series[place].Columns; len(names) > 0 {
		row.values = make([]event.Value, len(names))
		for k, name := range names {
			if name == SourceColumn {
				if e.Source != "" {
					row.values[k] = event.Text(e.Source)
				}
				continue
			}
			if at, ok := slices.BinarySearchFunc(e.Props, name, func(p event.Property, name string) int {
				if p.Name < name {
					return -1
				} else if p.Name > name {
					return 1
				}
				return 0
			}); ok {
				row.values[k] = e.Props[at].Value
			}
		}
	}
	r.add(b, row)
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
	b := r.blocks[place][uint32(p)/BlockSize]
	if b == nil || arrival < b.upTo {
		return 0, nil
	}
	return place, b
}

func (r *Resident) add(b *residentBlock, row residentRow) {
	b.tail = append(b.tail, row)
	cost := int64(32 + 64*len(row.values))
	b.bytes += cost
	r.bytes += cost
}

// drop lets a block go.
func (r *Resident) drop(place int, block uint32) {
	if b := r.blocks[place][block]; b != nil {
		r.bytes -= b.bytes
		delete(r.blocks[place], block)
	}
}

// Forget lets everything go.
func (r *Resident) Forget() {
	for place := range r.blocks {
		clear(r.blocks[place])
	}
	r.bytes = 0
}

// shrink lets blocks go that the present round has not used, until the rest is within the limit. Which is left to chance.
func (r *Resident) shrink() {
	if r.bytes <= r.limit {
		return
	}
	goal := r.limit - r.limit/8
	for place := range r.blocks {
		for n, b := range r.blocks[place] {
			if r.bytes <= goal {
				return
			}
			if b.used != r.round {
				r.drop(place, n)
			}
		}
	}
}

// get returns a block, read where it has to be.
func (r *Resident) get(place int, n uint32) (*residentBlock, error) {
	b := r.blocks[place][n]
	if b == nil {
		var err error
		if b, err = r.read(place, n); err != nil {
			return nil, err
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
	if err := reader.Blocks(n, 1, &r.block); err != nil {
		return nil, err
	}
	t := &r.block.Tables[0]
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
		p := b.piece(uint8(low), event.Always)
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

// piece is the rows of one profile in a block.
type piece struct {
	block    *residentBlock
	from, to int32         // of those read
	tail     []residentRow // in order of time, then arrival
}

func (p *piece) rows() int { return int(p.to-p.from) + len(p.tail) }

// piece finds the rows of a profile from an instant on.
func (b *residentBlock) piece(low uint8, from event.Time) piece {
	p := piece{block: b, from: b.start[low], to: b.start[int(low)+1]}
	if from != event.Always {
		p.from += int32(sort.Search(int(p.to-p.from), func(i int) bool { return b.times[int(p.from)+i] >= from }))
	}
	for i := range b.tail {
		if row := &b.tail[i]; row.low == low && row.time >= from {
			p.tail = append(p.tail, *row)
		}
	}
	if len(p.tail) > 1 { // they came in order of arrival
		slices.SortStableFunc(p.tail, func(a, b residentRow) int {
			switch {
			case a.time < b.time:
				return -1
			case a.time > b.time:
				return 1
			}
			return 0
		})
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
// each series rows from the instant in from on are given. What it fills in is valid until its next call.
func (g *Gatherer) Gather(profiles []event.ProfileID, from []event.Time, into *Block) error {
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
			one := b.piece(uint8(p), from[i])
			total += one.rows()
			g.pieces = append(g.pieces, one)
		}
		w := &g.writers[i]
		w.dicts = w.dicts[:0]
		for _, name := range w.names {
			w.dicts = append(w.dicts, r.snap.Dict(name))
		}
		w.write(&into.Tables[i], g.pieces, total, g.request.Series[i].Arrivals)
	}
	r.shrink()
	return nil
}
