package rule

import (
	"bufio"
	"container/heap"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"sync"

	"tagma/errs"
	"tagma/event"
)

// Everybody's numbers, for functions across all customers. They are kept in memory up to a limit; what is more goes to a
// file as sorted runs, which are merged in the end. A mean needs no numbers, only their sum.

// populationMemory is what the numbers of a pass may take together, in bytes, where Run.Memory does not say.
const populationMemory = 128 << 20

// population is the numbers that one goroutine met: coefficients at one scale while they fit, which is nearly always.
type population struct {
	count int
	ints  []int64
	scale int
	nums  []event.Number
	spill *spill
	runs  []sortedRun
	err   error // of writing a run

	summed bool // only the sum is wanted
	sum    event.Number
	part   int64 // of the sum, at scale
	lost   bool  // the sum does not fit
}

// add takes in the elements of a number column that are in who.
func (p *population) add(c *event.Column, who event.Bits) {
	if p.summed {
		p.addUp(c, who)
		return
	}
	plain := c.Nums == nil && len(p.nums) == 0 && (len(p.ints) == 0 || c.Scale == p.scale)
	if !plain {
		p.spell()
	} else {
		p.scale = c.Scale
	}
	before := p.held()
	for wi, word := range who {
		for ; word != 0; word &= word - 1 {
			i := wi*64 + trailing(word)
			switch {
			case !c.Present(i):
			case plain:
				p.ints = append(p.ints, c.Ints[i])
			default:
				p.nums = append(p.nums, numberAt(c, i))
			}
		}
	}
	p.count += p.held() - before
	if p.spill.full(p) {
		p.flush()
	}
}

// addUp adds the elements that are in who to the sum.
func (p *population) addUp(c *event.Column, who event.Bits) {
	if c.Nums == nil && c.Scale != p.scale {
		p.carry()
		p.scale = c.Scale
	}
	for wi, word := range who {
		for ; word != 0; word &= word - 1 {
			i := wi*64 + trailing(word)
			if !c.Present(i) {
				continue
			}
			p.count++
			if c.Nums != nil {
				p.put(c.Nums[i])
				continue
			}
			s, fits := addInts(p.part, c.Ints[i])
			if !fits && c.Ints[i] != 0 {
				p.carry()
				s = c.Ints[i]
			}
			p.part = s
		}
	}
}

// carry brings the part of the sum that was added up in integers into it.
func (p *population) carry() {
	p.put(event.Scaled(p.part, p.scale))
	p.part = 0
}

func (p *population) put(n event.Number) {
	sum, ok := p.sum.Add(n)
	p.sum, p.lost = sum, p.lost || !ok
}

// total is the sum, false where it does not fit.
func (p *population) total() (event.Number, bool) {
	p.carry()
	return p.sum, !p.lost
}

// spell writes the coefficients as numbers.
func (p *population) spell() {
	for _, c := range p.ints {
		p.nums = append(p.nums, event.Scaled(c, p.scale))
	}
	p.ints = nil
}

// held is how many numbers are in memory.
func (p *population) held() int { return len(p.ints) + len(p.nums) }

// join takes in what another goroutine met.
func (p *population) join(q *population) {
	p.count += q.count
	p.runs = append(p.runs, q.runs...)
	p.err = errors.Join(p.err, q.err)
	if p.summed {
		q.carry()
		p.put(q.sum)
		p.lost = p.lost || q.lost
		return
	}
	if len(p.nums) == 0 && len(q.nums) == 0 && (len(p.ints) == 0 || len(q.ints) == 0 || p.scale == q.scale) {
		if len(q.ints) > 0 {
			p.scale = q.scale
		}
		p.ints = append(p.ints, q.ints...)
		return
	}
	p.spell()
	q.spell()
	p.nums = append(p.nums, q.nums...)
}

func (p *population) sort() {
	slices.Sort(p.ints)
	slices.SortFunc(p.nums, event.Number.Cmp)
}

// flush writes the numbers in memory as a run.
func (p *population) flush() {
	p.sort()
	run, err := p.spill.write(p.ints, p.scale, p.nums)
	if err != nil {
		p.err = errors.Join(p.err, err)
	} else {
		p.runs = append(p.runs, run)
	}
	p.ints, p.nums = p.ints[:0], p.nums[:0]
}

// ordered is numbers in ascending order. at must be asked for ascending places.
type ordered interface {
	at(i int) event.Number
	failed() error
}

// ascending gives all numbers in order.
func (p *population) ascending() (ordered, error) {
	if p.err != nil {
		return nil, p.err
	}
	p.sort()
	if len(p.runs) == 0 {
		return (*inMemory)(p), nil
	}
	m := &merged{place: -1}
	if p.held() > 0 {
		m.sources = append(m.sources, &source{ints: p.ints, scale: p.scale, nums: p.nums})
	}
	buffer := min(64<<10, max(4<<10, p.spill.memory/len(p.runs)))
	for _, run := range p.runs {
		in := bufio.NewReaderSize(io.NewSectionReader(p.spill.file, run.from, run.to-run.from), buffer)
		m.sources = append(m.sources, &source{in: in, plain: run.plain, scale: run.scale})
	}
	alive := m.sources[:0]
	for _, s := range m.sources {
		ok, err := s.next()
		if err != nil {
			return nil, err
		}
		if ok {
			alive = append(alive, s)
		}
	}
	m.sources = alive
	heap.Init(m)
	return m, nil
}

// inMemory is a sorted population without runs.
type inMemory population

func (p *inMemory) at(i int) event.Number {
	if len(p.nums) > 0 {
		return p.nums[i]
	}
	return event.Scaled(p.ints[i], p.scale)
}

func (p *inMemory) failed() error { return nil }

// merged merges sorted numbers: a heap of their sources.
type merged struct {
	sources []*source
	place   int // of the number that was given last
	last    event.Number
	err     error
}

func (m *merged) at(i int) event.Number {
	for m.place < i && m.err == nil {
		if len(m.sources) == 0 {
			m.err = event.ErrCorrupt
			break
		}
		s := m.sources[0]
		m.last = s.head
		m.place++
		switch ok, err := s.next(); {
		case err != nil:
			m.err = err
		case ok:
			heap.Fix(m, 0)
		default:
			heap.Pop(m)
		}
	}
	return m.last
}

func (m *merged) failed() error {
	if m.err != nil {
		return errs.New(errs.KindOf(m.err), "read numbers from a temporary file: %w", m.err)
	}
	return nil
}

func (m *merged) Len() int           { return len(m.sources) }
func (m *merged) Less(i, j int) bool { return m.sources[i].less(m.sources[j]) }
func (m *merged) Swap(i, j int)      { m.sources[i], m.sources[j] = m.sources[j], m.sources[i] }
func (m *merged) Push(x any)         { m.sources = append(m.sources, x.(*source)) }
func (m *merged) Pop() any {
	last := m.sources[len(m.sources)-1]
	m.sources = m.sources[:len(m.sources)-1]
	return last
}

// source is sorted numbers in memory or in the file. head is the next one.
type source struct {
	ints  []int64
	nums  []event.Number
	scale int
	plain bool
	in    *bufio.Reader
	buf   []byte
	head  event.Number
	whole int64 // the head's coefficient, when it has the source's scale
	exact bool  // it has
}

func (s *source) less(o *source) bool {
	if s.exact && o.exact && s.scale == o.scale {
		return s.whole < o.whole
	}
	return s.head.Cmp(o.head) < 0
}

// next goes on to the next number; false at the end.
func (s *source) next() (bool, error) {
	switch {
	case len(s.ints) > 0:
		s.set(s.ints[0])
		s.ints = s.ints[1:]
	case len(s.nums) > 0:
		s.head = s.nums[0]
		s.nums = s.nums[1:]
	case s.in == nil:
		return false, nil
	case s.plain:
		var b [8]byte
		if _, err := io.ReadFull(s.in, b[:]); err != nil {
			return false, atEnd(err)
		}
		s.set(int64(binary.LittleEndian.Uint64(b[:])))
	default:
		n, err := binary.ReadUvarint(s.in)
		if err != nil {
			return false, atEnd(err)
		}
		s.buf = grown(s.buf, int(n))
		if _, err := io.ReadFull(s.in, s.buf); err != nil {
			return false, err
		}
		r := event.NewReader(s.buf)
		if s.head = r.Value().Number(); r.Err != nil {
			return false, r.Err
		}
	}
	return true, nil
}

func (s *source) set(coefficient int64) {
	s.head, s.whole, s.exact = event.Scaled(coefficient, s.scale), coefficient, true
}

func atEnd(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// spill is the file for the numbers of a pass that are too many for the memory. It has a name only while it is made, so
// nothing of it stays, however the program ends.
type spill struct {
	dir    string // "": everything stays in memory
	memory int    // bytes for all numbers
	share  int    // bytes for those of one population
	mu     sync.Mutex
	file   *os.File
	named  bool // the system did not let go of the name
	size   int64
}

// sortedRun is a part of the file with numbers in ascending order.
type sortedRun struct {
	from, to int64
	plain    bool // coefficients at scale
	scale    int
}

func newSpill(dir string, memory, populations int) *spill {
	if memory <= 0 {
		memory = populationMemory
	}
	return &spill{dir: dir, memory: memory, share: memory / max(populations, 1)}
}

// full says that what a population has in memory is its share. A number that is no plain coefficient takes some forty
// bytes, and the array that holds it may be larger by a quarter.
func (s *spill) full(p *population) bool {
	return s.dir != "" && 10*len(p.ints)+50*len(p.nums) >= s.share
}

func (s *spill) write(ints []int64, scale int, nums []event.Number) (run sortedRun, err error) {
	var b, one []byte
	for _, c := range ints {
		b = binary.LittleEndian.AppendUint64(b, uint64(c))
	}
	for _, n := range nums {
		one = event.Num(n).AppendBinary(one[:0])
		b = append(binary.AppendUvarint(b, uint64(len(one))), one...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		if err := s.create(); err != nil {
			return run, errs.New(errs.KindOf(err), "make a temporary file: %w", err)
		}
	}
	if _, err := s.file.WriteAt(b, s.size); err != nil {
		return run, errs.New(errs.KindOf(err), "write numbers to a temporary file: %w", err)
	}
	run = sortedRun{s.size, s.size + int64(len(b)), len(nums) == 0, scale}
	s.size = run.to
	return run, nil
}

func (s *spill) create() (err error) {
	if err = os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	if s.file, err = os.CreateTemp(s.dir, "population-*"); err != nil {
		return err
	}
	s.named = os.Remove(s.file.Name()) != nil
	return nil
}

// close gives the file's room back.
func (s *spill) close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if s.named {
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	s.file = nil
	return err
}
