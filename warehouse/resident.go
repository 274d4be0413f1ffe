package warehouse

import (
	"fmt"
	"slices"
	"sync"

	"tagma/event"
)

// Resident keeps rows of some series in memory, packed, and takes in what is appended to the history afterwards. The rows
// of any few profiles can then be had without reading and decoding the blocks that they lie in. What is not there is read
// when it is wanted, and what takes too much memory is let go. Several goroutines may gather at once, each with a Gatherer
// of its own, and several may Keep; else it is not safe for concurrent use.
type Resident struct {
	series []SeriesRequest
	places map[residentKey]int
	blocks [][]*residentBlock // of each series, by number of block; nil: not there
	bytes  int64
	limit  int64
	uses   uint64 // counts Use calls

	hand    int      // where shrink stands
	snap    Snapshot // that readers are of
	readers []Reader
	dicts   [][]event.Dict // of each series the columns'; nil: snap has not been asked for them
	read1   Block          // that readers fill in
	writers []tableWriter  // of each series, for fold
	every   [][]int        // of each series the places of its columns

	packers sync.Pool
	mu      sync.RWMutex // guards blocks, bytes and what reads missing blocks, while several gather or keep
}

type residentKey struct {
	kind SeriesKind
	name string
}

// NewResident returns one for the series and columns of a request, whose times do not count: all rows are kept. It holds
// about limit bytes.
func NewResident(request Request, limit int64) *Resident {
	r := &Resident{places: map[residentKey]int{}, limit: limit}
	for _, s := range request.Series {
		s.From, s.To = 0, 0
		r.places[residentKey{s.Kind, s.Name}] = len(r.series)
		r.series = append(r.series, s)
		every := make([]int, len(s.Columns))
		for k := range every {
			every[k] = k
		}
		r.every = append(r.every, every)
		r.writers = append(r.writers, newTableWriter(s.Columns, every))
	}
	r.blocks = make([][]*residentBlock, len(r.series))
	r.readers = make([]Reader, len(r.series))
	r.dicts = make([][]event.Dict, len(r.series))
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
	clear(r.dicts)
	r.snap = snap
	r.uses++
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
			r.drop(place, int(id.Profile)/BlockSize)
		}
	}
}

func (r *Resident) event(kind SeriesKind, e *event.Event) {
	place, b := r.loaded(kind, e.Name, e.Profile, e.Arrival)
	if b == nil {
		return
	}
	before := b.tail.bytes()
	b.tail.add(uint8(e.Profile), e.Time, e.Arrival)
	dicts := r.dictsOf(place)
	for k, name := range r.series[place].Columns {
		b.tail.put(property(e, name), dicts[k])
	}
	r.grown(place, b, before)
}

func (r *Resident) dated(kind SeriesKind, t *event.Trait) {
	place, b := r.loaded(kind, t.Name, t.Profile, t.Arrival)
	if b == nil {
		return
	}
	before := b.tail.bytes()
	b.tail.add(uint8(t.Profile), t.Time, t.Arrival)
	for _, dict := range r.dictsOf(place) {
		b.tail.put(t.Value, dict)
	}
	r.grown(place, b, before)
}

// loaded finds the block that a record belongs to, with a tail; nil where it is not in memory, or has the record.
func (r *Resident) loaded(kind SeriesKind, name string, p event.ProfileID, arrival uint64) (int, *residentBlock) {
	place, ok := r.places[residentKey{kind, name}]
	if !ok {
		return 0, nil
	}
	b := r.block(place, int(p)/BlockSize)
	if b == nil || arrival < b.upTo {
		return 0, nil
	}
	if b.tail == nil {
		b.tail = &residentTail{}
		b.size += tailBytes
		r.bytes += tailBytes
	}
	return place, b
}

// grown notes what a row took that was put into a tail of before bytes. A tail that is long beside the rows that are packed is put among
// them: each row that comes then costs packing a few others again, whatever the size of the block.
func (r *Resident) grown(place int, b *residentBlock, before int64) {
	more := b.tail.bytes() - before
	b.size += more
	r.bytes += more
	if b.tail.len() >= max(foldRows, int(b.rows)/8) && r.snap != nil {
		r.fold(place, b)
	}
}

// foldRows are the fewest rows of a tail that are packed.
const foldRows = 16

// fold puts the appended rows of a block among the others.
func (r *Resident) fold(place int, b *residentBlock) {
	w := &r.writers[place]
	w.dicts = r.dictsOf(place)
	all := Rows{From: event.Always}
	for low := range BlockSize {
		w.find(b, uint8(low), &all)
	}
	var t Table
	w.write(&t, r.series[place].Arrivals)
	k := r.packer()
	fresh := k.pack(&t, 0, r.every[place], r.series[place].Arrivals, b.upTo)
	r.packers.Put(k)
	r.bytes += fresh.size - b.size
	*b = *fresh
}

func (r *Resident) packer() *packer {
	if k, ok := r.packers.Get().(*packer); ok {
		return k
	}
	return &packer{}
}

// dictsOf are the dictionaries of the columns of a series; nil ones when there is no snapshot.
func (r *Resident) dictsOf(place int) []event.Dict {
	if r.dicts[place] == nil {
		names := r.series[place].Columns
		list := make([]event.Dict, len(names))
		if r.snap == nil {
			return list
		}
		for k, name := range names {
			list[k] = r.snap.Dict(name)
		}
		r.dicts[place] = list
	}
	return r.dicts[place]
}

// block is a block that is there, or nil.
func (r *Resident) block(place, slot int) *residentBlock {
	if list := r.blocks[place]; slot < len(list) {
		return list[slot]
	}
	return nil
}

// put takes a block in.
func (r *Resident) put(place, slot int, b *residentBlock) {
	list := r.blocks[place]
	before := cap(list)
	for len(list) <= slot {
		list = append(list, nil)
	}
	list[slot] = b
	r.blocks[place] = list
	r.bytes += b.size + 8*int64(cap(list)-before)
}

// drop lets a block go.
func (r *Resident) drop(place, slot int) {
	if b := r.block(place, slot); b != nil {
		r.bytes -= b.size
		r.blocks[place][slot] = nil
	}
}

// Forget lets everything go.
func (r *Resident) Forget() {
	clear(r.blocks)
	r.bytes = 0
}

// shrink lets blocks go until the rest is within the limit. It goes round and round, so that which goes is left to chance.
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
		if r.hand++; r.hand >= longest {
			r.hand = 0
		}
		for place := range r.blocks {
			if b := r.block(place, r.hand); b != nil {
				r.drop(place, r.hand)
			}
		}
		if r.bytes <= goal {
			return
		}
	}
}

// get returns a block, read where it has to be. Whoever calls it holds the lock for reading.
func (r *Resident) get(place int, n uint32) (b *residentBlock, err error) {
	if b = r.block(place, int(n)); b == nil {
		r.mu.RUnlock()
		r.mu.Lock()
		if b = r.block(place, int(n)); b == nil { // else another came first
			if b, err = r.read(place, n); err == nil {
				r.put(place, int(n), b)
			}
		}
		r.mu.Unlock()
		r.mu.RLock()
		if err != nil {
			return nil, err
		}
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
	k := r.packer()
	defer r.packers.Put(k)
	return k.pack(&r.read1.Tables[0], 0, r.every[place], r.series[place].Arrivals, r.snap.Offset()), nil
}

// Keep takes in the rows of a block that a reader of request filled in, so that they need not be read again. What is there
// already stays, as do series of which the request lacks columns or arrivals, and nothing is taken in beyond seven eighths
// of the limit. upTo is the offset of the reader's snapshot: what arrived later is to be given to Append.
//
// Rows that lie before the From of a series are missing ever after, until the block is let go: it is for requests whose
// bounds hold for whatever is gathered. Several goroutines may call it at once, but none while another method is called.
func (r *Resident) Keep(b *Block, request Request, upTo uint64) {
	if b.Profiles != nil || b.N%BlockSize != 0 || len(b.Tables) != len(request.Series) {
		return
	}
	for i := range request.Series {
		place, ok := r.places[residentKey{request.Series[i].Kind, request.Series[i].Name}]
		if !ok {
			continue
		}
		columns, err := r.series[place].within(&request.Series[i])
		if err != nil {
			continue
		}
		for first := 0; first < b.N; first += BlockSize {
			if !r.keep(&b.Tables[i], first, place, (int(b.First)+first)/BlockSize, columns, upTo) {
				return
			}
		}
	}
}

// keep takes in a block of a table; false when there is no room for more.
func (r *Resident) keep(t *Table, first, place, slot int, columns []int, upTo uint64) bool {
	room := func() bool { return r.bytes < r.limit-r.limit/8 }
	r.mu.Lock()
	there, more := r.block(place, slot) != nil, room()
	r.mu.Unlock()
	if there || !more {
		return more
	}
	k := r.packer()
	fresh := k.pack(t, first, columns, r.series[place].Arrivals, upTo)
	r.packers.Put(k)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.block(place, slot) == nil {
		r.put(place, slot, fresh)
	}
	return room()
}

// within gives the places that the columns of a request have in another that is to have them all, and arrivals where s
// has them.
func (s *SeriesRequest) within(other *SeriesRequest) ([]int, error) {
	columns := make([]int, len(s.Columns))
	for k, name := range s.Columns {
		if columns[k] = slices.Index(other.Columns, name); columns[k] < 0 {
			return nil, fmt.Errorf("the column %q of %q is not there", name, s.Name)
		}
	}
	if s.Arrivals && !other.Arrivals {
		return nil, fmt.Errorf("the arrivals of %q are not there", s.Name)
	}
	return columns, nil
}
