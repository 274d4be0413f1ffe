package tagindex

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"tagma/event"
)

var (
	errShort    = errors.New("it ends too early")
	errChecksum = errors.New("a checksum is wrong")
	errForm     = errors.New("its parts do not fit together")
)

func readSnapshot(f *os.File) (*View, Meta, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, Meta{}, err
	}
	size := info.Size()
	head := make([]byte, preambleSize)
	if _, err := f.ReadAt(head, 0); err != nil {
		return nil, Meta{}, errShort
	}
	if err := checkPreamble(head); err != nil {
		return nil, Meta{}, err
	}
	footer := make([]byte, footerSize)
	if size < preambleSize+footerSize {
		return nil, Meta{}, errShort
	}
	if _, err := f.ReadAt(footer, size-footerSize); err != nil {
		return nil, Meta{}, err
	}
	at, length := binary.LittleEndian.Uint64(footer), binary.LittleEndian.Uint64(footer[8:])
	if at > uint64(size) || length > uint64(size) || at+length+footerSize != uint64(size) {
		return nil, Meta{}, errShort
	}
	contents := make([]byte, length)
	if _, err := f.ReadAt(contents, int64(at)); err != nil {
		return nil, Meta{}, err
	}
	if crc32.Checksum(contents, castagnoli) != binary.LittleEndian.Uint32(footer[16:]) {
		return nil, Meta{}, errChecksum
	}
	return readContents(f, contents, at)
}

// section is where in the file a slot is.
type section struct {
	slot          *slot
	at, dir, size uint64
	sum           uint32
}

// readContents reads the sections that the contents list; they lie before end. Reading, checksums and decoding are
// shared by as many goroutines as there are processors.
func readContents(f io.ReaderAt, contents []byte, end uint64) (*View, Meta, error) {
	r := event.NewReader(contents)
	v := &View{offset: r.Uvarint()}
	meta := Meta{AsOf: event.Time(r.Varint()), Note: append([]byte(nil), r.Bytes()...)}
	n := r.Uvarint()
	var sections []section
	for i := uint64(0); i < n && r.Err == nil; i++ {
		s := &slot{id: uint32(r.Uvarint()), changed: event.Time(r.Varint()), run: r.Uvarint()}
		x := section{s, r.Uvarint(), r.Uvarint(), r.Uvarint(), uint32(r.Uvarint())}
		if r.Err != nil || x.at > end || x.size > end || x.at+x.size > end || x.dir > x.size || x.size%8 != 0 || i > 0 && s.id <= v.ids[i-1] {
			return nil, meta, errForm
		}
		sections = append(sections, x)
		v.add(s)
	}
	if r.Err != nil || r.Len() != 0 {
		return nil, meta, errForm
	}
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var readers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		readers.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(sections) {
					return
				}
				if err := sections[i].read(f); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	readers.Wait()
	if err := failed.Load(); err != nil {
		return nil, meta, *err
	}
	return v, meta, nil
}

// read fills the slot from its section.
func (x *section) read(f io.ReaderAt) error {
	// One piece of memory for a slot: what a later change replaces stays only as long as the rest of its slot does.
	memory := make([]uint64, x.size/8)
	b := bytesOf(memory)
	if _, err := f.ReadAt(b, int64(x.at)); err != nil {
		return err
	}
	if crc32.Checksum(b, castagnoli) != x.sum {
		return errChecksum
	}
	in := &input{Reader: event.NewReader(b[:x.dir]), memory: memory[(x.dir+7)/8:]}
	in.content(&x.slot.content)
	if in.Err != nil || in.Len() != 0 || len(in.memory) != 0 {
		return fmt.Errorf("slot %d: %w", x.slot.id, errForm)
	}
	return nil
}

func bytesOf(memory []uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(memory))), 8*len(memory))
}

// input reads a section: a directory, and the memory that it describes.
type input struct {
	*event.Reader
	memory []uint64
}

func (in *input) fail() { in.Err = errForm }

// take returns the next n bytes of the memory, which are aligned to 8; nil when there are not so many.
func (in *input) take(n int) []uint64 {
	w := (n + 7) / 8
	if in.Err != nil || n < 0 || w > len(in.memory) {
		in.fail()
		return nil
	}
	out := in.memory[:w:w]
	in.memory = in.memory[w:]
	return out
}

// number reads a number below limit.
func (in *input) number(limit int) int {
	n := in.Uvarint()
	if n >= uint64(limit) {
		in.fail()
		return 0
	}
	return int(n)
}

func (in *input) content(c *Content) {
	c.kind = event.Kind(in.Byte())
	c.multi = in.Byte() == 1
	values, column, bands := in.Byte() == 1, in.Byte() == 1, in.Byte() == 1
	if values {
		c.values = in.table()
	}
	if bands {
		c.bands = in.table()
	}
	if column {
		c.column = in.column()
	}
}

func (in *input) table() *table {
	t := &table{kind: event.Kind(in.Byte()), multi: in.Byte() == 1}
	only := in.Varint()
	t.dict = in.dict()
	n := in.number(t.dict.len() + 1)
	if in.Err != nil || !inSets(t.kind) || only < int64(many) || only >= int64(n) || t.kind == event.BoolKind && t.dict.len() != 2 {
		in.fail()
		return nil
	}
	t.only = int32(only)
	t.sets = make([]*Set, n)
	for i := range t.sets {
		t.sets[i] = in.set()
	}
	if t.only == many {
		t.present = in.set()
	}
	return t
}

func (in *input) dict() *dict {
	n := in.number(in.Len() + 1)
	ends := make([]int, n)
	end := 0
	for i := range ends {
		end += in.number(in.Len() + 1)
		ends[i] = end
	}
	all := in.Text()
	if in.Err != nil || len(all) != end {
		in.fail()
		return newDict(nil)
	}
	texts := make([]string, n)
	start := 0
	for i, end := range ends {
		if end < start || end > len(all) {
			in.fail()
			return newDict(nil)
		}
		texts[i], start = all[start:end], end
	}
	return newDict(texts)
}

func (in *input) set() *Set {
	n := in.number(in.Len() + 1)
	if in.Err != nil {
		return nil
	}
	s := &Set{keys: make([]uint16, 0, n), chunks: make([]*chunk, 0, n)}
	heads := make([]chunk, n)
	for i := range heads {
		key := uint16(in.number(chunkSize))
		c := &heads[i]
		form := in.Byte()
		length := 0
		if form == runsForm {
			length = in.number(chunkSize + 1)
		}
		c.card = int32(in.number(chunkSize + 1))
		switch form {
		case wordsForm:
			if w := in.take(chunkWords * 8); w != nil {
				c.words = wordsOf(w)
			}
		case runsForm:
			c.runs = true
			c.list = listOf(in.take(2*length), length)
		case listForm:
			c.list = listOf(in.take(2*int(c.card)), int(c.card))
		default:
			in.fail()
		}
		if in.Err != nil || c.card < 1 || i > 0 && key <= s.keys[i-1] || c.runs && length%2 != 0 || c.words == nil && !c.valid() {
			in.fail()
			return nil
		}
		s.add(key, c)
	}
	return s
}

func wordsOf(memory []uint64) *words {
	if littleEndian {
		return (*words)(memory)
	}
	w := new(words)
	b := bytesOf(memory)
	for i := range w {
		w[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return w
}

func listOf(memory []uint64, n int) []uint16 {
	if len(memory)*4 < n || n == 0 {
		return nil
	}
	if littleEndian {
		return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(memory))), n)
	}
	list := make([]uint16, n)
	b := bytesOf(memory)
	for i := range list {
		list[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return list
}

func (in *input) column() *column {
	c := &column{kind: event.Kind(in.Byte())}
	if in.Byte() == 1 {
		c.dict = in.dict()
	}
	n := in.number(in.Len() + 1)
	if in.Err != nil || c.kind < event.BoolKind || c.kind > event.ListKind || (c.kind == event.TextKind) != (c.dict != nil) {
		in.fail()
		return nil
	}
	pages := make([]page, n)
	last := -1
	for i := range pages {
		number := in.number(chunkSize * pagesPerGroup)
		p := &pages[i]
		in.page(p, c)
		if in.Err != nil || number <= last || p.card == 0 {
			in.fail()
			return nil
		}
		c.put(uint32(number), p, building)
		last = number
	}
	return c
}

func (in *input) page(p *page, c *column) {
	p.width = in.Byte()
	if p.width == wideWidth {
		p.width = 0
		for i := range p.has {
			p.has[i] = in.Uvarint()
			p.card += int32(bits.OnesCount64(p.has[i]))
		}
		p.values = make([]event.Value, p.card)
		for i := range p.values {
			if p.values[i] = in.Value(); p.values[i].Kind() != c.kind {
				in.fail()
				return
			}
		}
		return
	}
	p.scale, p.base = in.Byte(), in.Varint()
	if p.width > 8 || p.width&(p.width-1) != 0 || p.scale > maxScale || c.kind == event.ListKind {
		in.fail()
		return
	}
	has := in.take(pageWords * 8)
	for i := range has {
		p.has[i] = binary.LittleEndian.Uint64(bytesOf(has[i : i+1]))
		p.card += int32(bits.OnesCount64(p.has[i]))
	}
	size := int(p.card) * int(p.width)
	if data := in.take(size); data != nil && size > 0 {
		p.data = bytesOf(data)[:size:size]
	}
	if in.Err == nil && c.kind == event.TextKind {
		for rank := range int(p.card) {
			if x := p.nth(rank); x < 0 || x >= int64(c.dict.len()) {
				in.fail()
				return
			}
			if p.width == 0 {
				return
			}
		}
	}
}
