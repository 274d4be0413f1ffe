package tagindex

import (
	"encoding/binary"
	"iter"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// Set is an immutable set of customers, divided into chunks of 65,536. The nil Set is empty. It is safe for
// concurrent use.
//
// It holds what a roaring bitmap holds. It is a type of its own for two reasons that roaring's interface leaves
// no room for: a change of one customer copies a part of one chunk and no more, and an expression is evaluated chunk by chunk.
type Set struct {
	epoch  uint64
	keys   []uint16 // the upper halves of the members, ascending
	chunks []*chunk // never nil, never empty
	card   int
}

// Count is the number of members.
func (s *Set) Count() int {
	if s == nil {
		return 0
	}
	return s.card
}

// find returns the place of a key, or where it would stand.
func (s *Set) find(key uint16) (int, bool) {
	if s == nil {
		return 0, false
	}
	if i := int(key); i < len(s.keys) && s.keys[i] == key { // usual: no chunk is missing
		return i, true
	}
	return slices.BinarySearch(s.keys, key)
}

func (s *Set) chunk(key uint16) *chunk {
	if i, ok := s.find(key); ok {
		return s.chunks[i]
	}
	return nil
}

// Contains says whether a customer is a member.
func (s *Set) Contains(customer uint32) bool {
	return s.chunk(uint16(customer >> 16)).contains(uint16(customer))
}

// All gives the members ascending.
func (s *Set) All() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		if s == nil {
			return
		}
		for i, c := range s.chunks {
			high := uint32(s.keys[i]) << 16
			if !c.each(func(low uint16) bool { return yield(high | uint32(low)) }) {
				return
			}
		}
	}
}

// Equal says whether two sets have the same members.
func (s *Set) Equal(t *Set) bool {
	if s.Count() != t.Count() {
		return false
	}
	if s.Count() == 0 || s == t {
		return true
	}
	return slices.Equal(s.keys, t.keys) && slices.EqualFunc(s.chunks, t.chunks, (*chunk).equal)
}

// wordsAt writes the bits of the customers from first on, a multiple of 64, to dst. They must lie in one chunk.
func (s *Set) wordsAt(first uint32, dst []uint64) {
	s.chunk(uint16(first>>16)).wordsAt(int(first&(chunkSize-1))>>6, dst)
}

// own returns a set whose directory the epoch may write.
func (s *Set) own(epoch uint64) *Set {
	switch {
	case s == nil:
		return &Set{epoch: epoch}
	case s.epoch == epoch && epoch != 0:
		return s
	}
	return &Set{epoch: epoch, keys: slices.Clip(s.keys), chunks: slices.Clone(s.chunks), card: s.card}
}

// put replaces the chunk at a key; nil takes it away. s must be owned. The keys may be those of other sets too.
func (s *Set) put(key uint16, c *chunk) {
	i, ok := s.find(key)
	switch {
	case ok && c == nil:
		s.keys, s.chunks = slices.Delete(slices.Clone(s.keys), i, i+1), slices.Delete(s.chunks, i, i+1)
	case ok:
		s.chunks[i] = c
	case c != nil:
		s.keys, s.chunks = slices.Insert(slices.Clip(s.keys), i, key), slices.Insert(s.chunks, i, c)
	}
}

func (c *chunk) count() int {
	if c == nil {
		return 0
	}
	return int(c.card)
}

// or returns s ∪ t as a set of the epoch.
func (s *Set) or(t *Set, epoch uint64) *Set {
	if t.Count() == 0 {
		return s
	}
	s = s.own(epoch)
	for i, key := range t.keys {
		old := s.chunk(key)
		was := old.count()
		c := old.or(t.chunks[i].shared(epoch), epoch)
		s.put(key, c)
		s.card += c.count() - was
	}
	return s
}

// andNot returns s without t as a set of the epoch, or s itself when nothing changes.
func (s *Set) andNot(t *Set, epoch uint64) *Set {
	if s.Count() == 0 || t.Count() == 0 {
		return s
	}
	for i, key := range t.keys {
		old := s.chunk(key)
		if !old.intersects(t.chunks[i]) {
			continue
		}
		s = s.own(epoch)
		was := old.count()
		c := old.andNot(t.chunks[i], epoch)
		s.put(key, c)
		s.card += c.count() - was
	}
	return s
}

// and returns s ∩ t, a new set, which later writes of the epoch do not change.
func (s *Set) and(t *Set, epoch uint64) *Set {
	out := &Set{}
	if s == nil || t == nil {
		return out
	}
	for i, key := range s.keys {
		if c := s.chunks[i].and(t.chunk(key), epoch); c != nil {
			out.add(key, c)
		}
	}
	return out
}

// union returns the members of all sets, a new set. It is for sets that nobody writes any more.
func union(sets []*Set) *Set {
	keys := map[uint16]int{}
	for _, s := range sets {
		if s != nil {
			for _, key := range s.keys {
				keys[key]++
			}
		}
	}
	out := &Set{}
	var w words
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		n, one := 0, (*chunk)(nil)
		for _, s := range sets {
			if c := s.chunk(key); c != nil {
				if one = c; n == 0 {
					c.fill(&w)
				} else {
					c.orInto(&w)
				}
				if n++; n == keys[key] {
					break
				}
			}
		}
		if n > 1 {
			one = fromWords(&w, 0)
		}
		out.add(key, one)
	}
	return out
}

// add appends a chunk behind all others.
func (s *Set) add(key uint16, c *chunk) {
	s.keys, s.chunks, s.card = append(s.keys, key), append(s.chunks, c), s.card+int(c.card)
}

// SetOf returns the set of these customers, in any order.
func SetOf(customers ...uint32) *Set {
	list := slices.Clone(customers)
	slices.Sort(list)
	list = slices.Compact(list)
	out := &Set{}
	for i := 0; i < len(list); {
		key, j := uint16(list[i]>>16), i
		for j < len(list) && uint16(list[j]>>16) == key {
			j++
		}
		low := make([]uint16, j-i)
		for k := range low {
			low[k] = uint16(list[i+k])
		}
		c := &chunk{list: low, card: int32(len(low))}
		if len(low) > maxArray {
			var w words
			c.fill(&w)
			c = fromWords(&w, 0)
		}
		out.add(key, c)
		i = j
	}
	return out
}

// Range returns the set of the customers first … end-1.
func Range(first, end uint32) *Set {
	out := &Set{}
	for first < end {
		key := first >> 16
		last := min(end-1, key<<16|(chunkSize-1))
		out.add(uint16(key), &chunk{list: []uint16{uint16(first), uint16(last)}, card: int32(last - first + 1), runs: true})
		if last == ^uint32(0) {
			break
		}
		first = last + 1
	}
	return out
}

// The portable roaring format. https://github.com/RoaringBitmap/RoaringFormatSpec
const (
	cookieRuns     = 12347
	cookiePlain    = 12346
	offsetsFrom    = 4 // a file with runs and fewer chunks has no offsets
	plainWordBytes = chunkWords * 8
)

// Roaring returns the set as a bitmap, which is the caller's. It costs a copy of the set's bytes.
func (s *Set) Roaring() *roaring.Bitmap {
	b := roaring.New()
	if s.Count() == 0 {
		return b
	}
	if s.card <= 16 {
		for c := range s.All() {
			b.Add(c)
		}
		return b
	}
	// The bytes are made here and belong to nobody else, so the bitmap may point into them.
	if _, err := b.FromBuffer(s.portable()); err != nil {
		b = roaring.New() // not to be reached: the portable form is right by construction
		for c := range s.All() {
			b.Add(c)
		}
	}
	return b
}

func (s *Set) portable() []byte {
	s = s.settled()
	n, anyRuns, size := len(s.keys), false, 0
	for _, c := range s.chunks {
		anyRuns = anyRuns || c.runs
		size += c.portableSize()
	}
	b := make([]byte, 0, 16+n*9+size)
	if anyRuns {
		b = binary.LittleEndian.AppendUint32(b, cookieRuns|uint32(n-1)<<16)
		flags := make([]byte, (n+7)/8)
		for i, c := range s.chunks {
			if c.runs {
				flags[i/8] |= 1 << (i % 8)
			}
		}
		b = append(b, flags...)
	} else {
		b = binary.LittleEndian.AppendUint32(b, cookiePlain)
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
	}
	for i, c := range s.chunks {
		b = binary.LittleEndian.AppendUint16(b, s.keys[i])
		b = binary.LittleEndian.AppendUint16(b, uint16(c.card-1))
	}
	if !anyRuns || n >= offsetsFrom {
		at := len(b) + 4*n
		for _, c := range s.chunks {
			b = binary.LittleEndian.AppendUint32(b, uint32(at))
			at += c.portableSize()
		}
	}
	for _, c := range s.chunks {
		b = c.appendPortable(b)
	}
	return b
}

func (c *chunk) portableSize() int {
	switch {
	case c.runs:
		return 2 + 2*len(c.list)
	case c.card <= maxArray:
		return 2 * int(c.card)
	}
	return plainWordBytes
}

func (c *chunk) appendPortable(b []byte) []byte {
	switch {
	case c.runs:
		b = binary.LittleEndian.AppendUint16(b, uint16(len(c.list)/2))
		for i := 0; i < len(c.list); i += 2 {
			b = binary.LittleEndian.AppendUint16(b, c.list[i])
			b = binary.LittleEndian.AppendUint16(b, c.list[i+1]-c.list[i])
		}
	case c.words == nil:
		for _, x := range c.list {
			b = binary.LittleEndian.AppendUint16(b, x)
		}
	case c.card <= maxArray:
		for _, x := range c.words.memberList(int(c.card)) {
			b = binary.LittleEndian.AppendUint16(b, x)
		}
	default:
		for _, x := range c.words {
			b = binary.LittleEndian.AppendUint64(b, x)
		}
	}
	return b
}

// FromRoaring returns the members of a bitmap, nil being the empty one. It copies them.
func FromRoaring(b *roaring.Bitmap) *Set {
	if b == nil || b.IsEmpty() {
		return &Set{}
	}
	if b.GetCardinality() <= 16 {
		return SetOf(b.ToArray()...)
	}
	data, err := b.ToBytes()
	if err == nil {
		if s, rest, ok := parsePortable(data); ok && len(rest) == 0 {
			return s
		}
	}
	return SetOf(b.ToArray()...)
}

// parsePortable reads the portable format and returns what follows it; false when it is damaged. The result holds copies.
func parsePortable(b []byte) (s *Set, rest []byte, ok bool) {
	if len(b) < 8 {
		return nil, nil, false
	}
	var n int
	var flags []byte
	switch cookie := binary.LittleEndian.Uint32(b); {
	case cookie&0xffff == cookieRuns:
		n = int(cookie>>16) + 1
		b = b[4:]
		k := (n + 7) / 8
		if len(b) < k {
			return nil, nil, false
		}
		flags, b = b[:k], b[k:]
	case cookie == cookiePlain:
		n = int(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
	default:
		return nil, nil, false
	}
	skip := 4 * n
	if flags != nil && n < offsetsFrom {
		skip = 0
	}
	if n > chunkSize || len(b) < 4*n+skip {
		return nil, nil, false
	}
	heads, b := b[:4*n], b[4*n+skip:]
	out := &Set{keys: make([]uint16, 0, n), chunks: make([]*chunk, 0, n)}
	for i := range n {
		key, card := binary.LittleEndian.Uint16(heads[4*i:]), int(binary.LittleEndian.Uint16(heads[4*i+2:]))+1
		if i > 0 && key <= out.keys[i-1] {
			return nil, nil, false
		}
		c, size, ok := parseChunk(b, card, flags != nil && flags[i/8]>>(i%8)&1 != 0)
		if !ok {
			return nil, nil, false
		}
		b = b[size:]
		out.add(key, c)
	}
	return out, b, true
}

func parseChunk(b []byte, card int, runs bool) (c *chunk, size int, ok bool) {
	c = &chunk{card: int32(card), runs: runs}
	switch {
	case runs:
		if len(b) < 2 {
			return nil, 0, false
		}
		n := int(binary.LittleEndian.Uint16(b))
		size = 2 + 4*n
		if len(b) < size {
			return nil, 0, false
		}
		c.list = make([]uint16, 2*n)
		for i := range n {
			first := binary.LittleEndian.Uint16(b[2+4*i:])
			c.list[2*i], c.list[2*i+1] = first, first+binary.LittleEndian.Uint16(b[4+4*i:])
		}
	case card <= maxArray:
		size = 2 * card
		if len(b) < size {
			return nil, 0, false
		}
		c.list = make([]uint16, card)
		for i := range c.list {
			c.list[i] = binary.LittleEndian.Uint16(b[2*i:])
		}
	default:
		size = plainWordBytes
		if len(b) < size {
			return nil, 0, false
		}
		c.words = new(words)
		for i := range c.words {
			c.words[i] = binary.LittleEndian.Uint64(b[8*i:])
		}
	}
	return c, size, c.valid()
}

// valid says whether the chunk keeps its promises: members ascending and as many as it says.
func (c *chunk) valid() bool {
	if c.card < 1 || c.card > chunkSize {
		return false
	}
	if c.words != nil {
		return c.words.count() == int(c.card)
	}
	if c.under != nil {
		s := c.settled(0)
		return s != nil && s.card == c.card && s.valid() && c.under.under == nil && len(c.list) <= maxFlips && slices.IsSorted(c.list)
	}
	if !c.runs {
		if len(c.list) != int(c.card) {
			return false
		}
		for i := 1; i < len(c.list); i++ {
			if c.list[i-1] >= c.list[i] {
				return false
			}
		}
		return true
	}
	n, next := 0, 0
	for i := 0; i+1 < len(c.list); i += 2 {
		first, last := int(c.list[i]), int(c.list[i+1])
		if first < next || last < first {
			return false
		}
		n, next = n+last-first+1, last+1
	}
	return len(c.list)%2 == 0 && n == int(c.card)
}

// bytes is the memory that the set takes.
func (s *Set) bytes() int {
	if s == nil {
		return 0
	}
	n := 72 + 2*cap(s.keys)
	for _, c := range s.chunks {
		n += c.bytes()
	}
	return n
}
