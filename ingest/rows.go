package ingest

import (
	"crypto/sha256"
	"encoding/binary"
	"sort"

	"tagma/event"
)

// batchRows is how many rows a Rows holds at most.
const batchRows = 4096

// Rows is neighbouring rows of a file. A text file's cells lie column by column; the rows of a file whose
// cells have types (JSON lines) are lists of properties. Nothing in it changes after it was read.
type Rows struct {
	N    int
	Row  []int64 // the data row's number in the file, from 1
	Line []int64 // the line it starts on, from 1

	cells   [][]string         // [column][row]; an empty cell is a missing value
	objects [][]event.Property // [row], sorted by name
	raw     []string           // [row], the JSON text
	null    map[string][]int32 // JSON lines: by dotted name, the rows in which it is null, ascending

	// Bad are rows that cannot be read at all; they are not among the N.
	Bad []BadRow
	// Bytes is about how much memory the rows hold.
	Bytes int64
}

// BadRow is a row that is refused, and why.
type BadRow struct {
	Row, Line int64
	// Reason is short and the same for all rows with the same trouble; Detail adds what stood there.
	Reason, Detail string
	Cells          []string
}

// text is what a person reads: the detail where there is one.
func (b *BadRow) text() string {
	if b.Detail != "" {
		return b.Detail
	}
	return b.Reason
}

// written returns the cells of row i as they stood in the file.
func (r *Rows) written(i int) []string {
	if r.raw != nil {
		return []string{r.raw[i]}
	}
	cells := make([]string, len(r.cells))
	for c := range cells {
		cells[c] = r.cells[c][i]
	}
	return cells
}

// rowHash is what tells rows apart: equal cells, equal hash, in whatever file, compression or form of
// line end they come.
type rowHash [16]byte

// hash returns the hash of row i; scratch is used and returned.
func (r *Rows) hash(i int, scratch []byte) (rowHash, []byte) {
	b := scratch[:0]
	if r.raw != nil {
		b = append(b, 1)
		for _, p := range r.objects[i] {
			b = p.Value.AppendBinary(event.AppendText(b, p.Name))
		}
	} else {
		b = append(b, 0)
		for c := range r.cells {
			b = event.AppendText(b, r.cells[c][i])
		}
	}
	sum := sha256.Sum256(b)
	return rowHash(sum[:16]), b
}

// property returns the value of a name in row i of typed rows.
func (r *Rows) property(i int, name string) event.Value {
	ps := r.objects[i]
	k := sort.Search(len(ps), func(k int) bool { return ps[k].Name >= name })
	if k < len(ps) && ps[k].Name == name {
		return ps[k].Value
	}
	return event.Value{}
}

// nulls are the rows in which a name stands with the value null; nil where there is none. Cells of text files are
// never null: an empty one says nothing.
func (r *Rows) nulls(name string) event.Bits {
	rows := r.null[name]
	if len(rows) == 0 {
		return nil
	}
	set := event.NewBits(r.N)
	for _, i := range rows {
		set.Set(int(i))
	}
	return set
}

// occurrences counts how many equal rows came before. It needs 8 to 16 bytes for every different row of a file.
type occurrences struct {
	once   []uint64 // open addressing, 0 is free
	used   int
	repeat map[uint64]uint32 // rows met more than once: how often
}

func newOccurrences() *occurrences {
	return &occurrences{once: make([]uint64, 1<<12), repeat: map[uint64]uint32{}}
}

// next returns how many rows of this hash were counted before, and counts this one. Two different rows share
// a count about once in 2^64 pairs, and then nothing is lost: the second is numbered 1 instead of 0, each time.
func (o *occurrences) next(h rowHash) uint32 {
	k := binary.LittleEndian.Uint64(h[:])
	if k == 0 {
		k = 1
	}
	if o.used*4 >= len(o.once)*3 {
		old := o.once
		o.once = make([]uint64, 2*len(old))
		for _, k := range old {
			if k != 0 {
				o.once[o.slot(k)] = k
			}
		}
	}
	s := o.slot(k)
	if o.once[s] == 0 {
		o.once[s] = k
		o.used++
		return 0
	}
	o.repeat[k]++
	return o.repeat[k]
}

// slot returns where k is, or where it belongs.
func (o *occurrences) slot(k uint64) int {
	mask := len(o.once) - 1
	i := int(k>>7) & mask
	for o.once[i] != 0 && o.once[i] != k {
		i = (i + 1) & mask
	}
	return i
}
