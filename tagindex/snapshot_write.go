package tagindex

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"
	"unsafe"

	"tagma/event"
)

// The forms of a chunk in a directory.
const (
	listForm  = 0
	runsForm  = 1
	wordsForm = 2
)

const wideWidth = 255 // in a directory: the page's values stand there, and not in its bytes

func writeSnapshot(w io.Writer, v *View, meta Meta) error {
	buffered := bufio.NewWriterSize(w, 1<<20)
	o := &output{w: buffered}
	o.write(preamble())
	contents := event.AppendUvarint(nil, v.offset)
	contents = event.AppendVarint(contents, int64(meta.AsOf))
	contents = event.AppendText(contents, string(meta.Note))
	contents = event.AppendUvarint(contents, uint64(len(v.ids)))
	for i, id := range v.ids {
		s := v.slots[v.ords[i]]
		o.pad()
		o.sum = 0
		at := o.at
		dir := s.content.directory()
		o.write(dir)
		o.pad()
		s.content.payload(o)
		contents = event.AppendUvarint(contents, uint64(id))
		contents = event.AppendVarint(contents, int64(s.changed))
		contents = event.AppendUvarint(contents, s.run)
		contents = event.AppendUvarint(contents, uint64(at))
		contents = event.AppendUvarint(contents, uint64(len(dir)))
		contents = event.AppendUvarint(contents, uint64(o.at-at))
		contents = event.AppendUvarint(contents, uint64(o.sum))
	}
	footer := binary.LittleEndian.AppendUint64(nil, uint64(o.at))
	footer = binary.LittleEndian.AppendUint64(footer, uint64(len(contents)))
	footer = binary.LittleEndian.AppendUint32(footer, crc32.Checksum(contents, castagnoli))
	o.write(contents)
	o.write(append(footer, 0, 0, 0, 0))
	if o.err != nil {
		return o.err
	}
	return buffered.Flush()
}

// directory describes a content; payload writes the bytes that it speaks of, in its order.
func (c *Content) directory() []byte {
	b := []byte{byte(c.kind), flag(c.multi), flag(c.values != nil), flag(c.column != nil), flag(c.bands != nil)}
	for _, t := range []*table{c.values, c.bands} {
		if t != nil {
			b = t.directory(b)
		}
	}
	if c.column != nil {
		b = c.column.directory(b)
	}
	return b
}

func flag(on bool) byte {
	if on {
		return 1
	}
	return 0
}

func (c *Content) payload(o *output) {
	for _, t := range []*table{c.values, c.bands} {
		if t == nil {
			continue
		}
		for _, s := range t.stored() {
			for _, k := range s.chunks {
				o.write(k.raw())
				o.pad()
			}
		}
	}
	if c.column != nil {
		c.column.pages(func(_ uint32, p *page) {
			if p.values == nil {
				for _, x := range p.has {
					o.write(binary.LittleEndian.AppendUint64(nil, x))
				}
				o.write(p.data)
				o.pad()
			}
		})
	}
}

// stored are the sets of a table, and present last when it has one.
func (t *table) stored() []*Set {
	list := make([]*Set, 0, len(t.sets)+1)
	for _, s := range t.sets {
		if s == nil {
			s = &Set{}
		}
		list = append(list, s.settled())
	}
	if t.only == many {
		list = append(list, t.present.settled())
	}
	return list
}

func (t *table) directory(b []byte) []byte {
	b = append(b, byte(t.kind), flag(t.multi))
	b = event.AppendVarint(b, int64(t.only))
	b = t.dict.directory(b)
	b = event.AppendUvarint(b, uint64(len(t.sets)))
	for _, s := range t.stored() {
		b = event.AppendUvarint(b, uint64(len(s.keys)))
		for i, k := range s.chunks {
			b = event.AppendUvarint(b, uint64(s.keys[i]))
			switch {
			case k.words != nil:
				b = append(b, wordsForm)
			case k.runs:
				b = event.AppendUvarint(append(b, runsForm), uint64(len(k.list)))
			default:
				b = append(b, listForm)
			}
			b = event.AppendUvarint(b, uint64(k.card))
		}
	}
	return b
}

// directory writes the lengths of the texts, then all of them as one.
func (d *dict) directory(b []byte) []byte {
	texts := *d.texts.Load()
	b = event.AppendUvarint(b, uint64(len(texts)))
	size := 0
	for _, t := range texts {
		b = event.AppendUvarint(b, uint64(len(t)))
		size += len(t)
	}
	b = event.AppendUvarint(b, uint64(size))
	for _, t := range texts {
		b = append(b, t...)
	}
	return b
}

func (c *column) directory(b []byte) []byte {
	b = append(b, byte(c.kind), flag(c.dict != nil))
	if c.dict != nil {
		b = c.dict.directory(b)
	}
	n := 0
	c.pages(func(uint32, *page) { n++ })
	b = event.AppendUvarint(b, uint64(n))
	c.pages(func(number uint32, p *page) {
		b = event.AppendUvarint(b, uint64(number))
		if p.values == nil {
			b = event.AppendVarint(append(b, p.width, p.scale), p.base)
			return
		}
		b = append(b, wideWidth)
		for _, x := range p.has {
			b = event.AppendUvarint(b, x)
		}
		for _, v := range p.values {
			b = v.AppendBinary(b)
		}
	})
	return b
}

// raw is the chunk's members as they lie in the file.
func (c *chunk) raw() []byte {
	if !littleEndian {
		return c.swapped()
	}
	if c.words != nil {
		return unsafe.Slice((*byte)(unsafe.Pointer(c.words)), chunkWords*8)
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(c.list))), 2*len(c.list))
}

// littleEndian says that numbers lie in memory as they do in the file.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

func (c *chunk) swapped() (b []byte) {
	if c.words != nil {
		for _, x := range c.words {
			b = binary.LittleEndian.AppendUint64(b, x)
		}
	}
	for _, x := range c.list {
		b = binary.LittleEndian.AppendUint16(b, x)
	}
	return b
}
