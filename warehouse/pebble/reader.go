package pebble

import (
	"fmt"
	"math"

	pdb "github.com/cockroachdb/pebble/v2"

	"tagma/errs"
	"tagma/event"
	"tagma/warehouse"
)

// reader reads the series of one request. Each series has an iterator of its own, which only moves forward while
// blocks are asked for in ascending order.
type reader struct {
	store  *Store
	series []seriesReader
	closed bool
}

type seriesReader struct {
	name      seriesName
	id        uint16
	it        *pdb.Iterator // nil where the series does not exist
	from, to  uint16        // chunks, both included
	untimed   bool          // rows without time are wanted
	assembler *warehouse.Assembler
	key       []byte

	placed bool
	at     []byte // it stands at the first key from here on
	atEnd  bool   // there is none
}

var _ warehouse.Reader = (*reader)(nil)

// Reader prepares to read the series of a request.
func (v *snapshot) Reader(req warehouse.Request) (warehouse.Reader, error) {
	if err := v.store.reading(); err != nil {
		return nil, err
	}
	r := &reader{store: v.store, series: make([]seriesReader, len(req.Series))}
	for i, want := range req.Series {
		if err := r.series[i].open(v, want); err != nil {
			r.Close()
			return nil, fmt.Errorf("warehouse: read %q: %w", want.Name, err)
		}
	}
	return r, nil
}

func (s *seriesReader) open(v *snapshot, want warehouse.SeriesRequest) (err error) {
	s.name = seriesName{want.Kind, want.Name}
	wanted := make([]warehouse.Wanted, len(want.Columns))
	for i, name := range want.Columns {
		if p := v.store.registry.findProperty(name); p == nil {
			wanted[i].Absent = true
		} else {
			wanted[i] = warehouse.Wanted{Property: p.id, Dict: &p.dict, Recode: name == warehouse.ValueColumn}
		}
	}
	s.assembler = warehouse.NewAssembler(wanted, want.Arrivals)
	found := v.store.registry.findSeries(s.name)
	if found == nil {
		return nil
	}
	s.id = found.id
	s.untimed, s.from, s.to = true, 1, math.MaxUint16
	if eventful(want.Kind) && (want.From != 0 || want.To != 0) {
		s.untimed = want.From == event.Always
		if s.from = chunkOf(want.From); s.untimed {
			s.from = 1
		}
		s.to = chunkOf(want.To)
		if want.To == event.Always || want.To <= want.From {
			return nil
		}
	}
	s.it, err = v.db.NewIter(&pdb.IterOptions{LowerBound: appendKey(nil, s.id, 0, 0), UpperBound: appendKey(nil, s.id+1, 0, 0)})
	return err
}

// Close ends the reader.
func (r *reader) Close() {
	for i := range r.series {
		s := &r.series[i]
		if s.it != nil {
			s.it.Close() // its error was given by the read that met it
			s.it = nil
		}
		if s.assembler != nil {
			s.assembler.Release()
		}
	}
	r.closed = true
}

// Blocks reads the rows of neighbouring blocks.
func (r *reader) Blocks(first uint32, most int, into *warehouse.Block) error {
	into.First, into.N = event.ProfileID(first)*warehouse.BlockSize, most*warehouse.BlockSize
	return r.read(first, most, -1, into)
}

// Profile reads the rows of one profile.
func (r *reader) Profile(p event.ProfileID, into *warehouse.Block) error {
	into.First, into.N = p, 1
	return r.read(uint32(p>>8), 1, int(p&0xff), into)
}

func (r *reader) read(block uint32, blocks, low int, into *warehouse.Block) error {
	if r.closed {
		return errs.New(errs.Conflict, "warehouse: the reader is closed")
	}
	if cap(into.Tables) < len(r.series) {
		into.Tables = make([]warehouse.Table, len(r.series))
	}
	into.Tables = into.Tables[:len(r.series)]
	for i := range r.series {
		s := &r.series[i]
		s.assembler.Reset(low)
		var err error
		for k := 0; k < blocks && err == nil; k++ {
			if k > 0 {
				s.assembler.Next()
			}
			err = s.read(block + uint32(k))
		}
		if err == nil {
			err = s.assembler.Table(&into.Tables[i])
		}
		if err != nil {
			return fmt.Errorf("warehouse: read %q, profiles from %d: %w", s.name.name, block<<8, err)
		}
	}
	return nil
}

// read adds the block's values to the assembler.
func (s *seriesReader) read(block uint32) error {
	if s.it == nil || block >= 1<<24 {
		return nil
	}
	if s.untimed {
		s.seek(block, untimed)
	} else {
		s.seek(block, s.from)
	}
	for !s.atEnd {
		_, b, chunk := splitKey(s.it.Key())
		if b != block {
			return nil
		}
		if chunk > s.to {
			return nil
		}
		if chunk != untimed && chunk < s.from {
			s.seek(block, s.from)
			continue
		}
		value, err := s.it.ValueAndErr()
		if err == nil {
			err = s.assembler.Add(value, int(chunk))
		}
		if err != nil {
			return err
		}
		s.at = append(append(s.at[:0], s.it.Key()...), 0)
		s.atEnd = !s.it.Next()
	}
	return s.it.Error()
}

// seek goes to the first key from a place on, unless it stands there already.
func (s *seriesReader) seek(block uint32, chunk uint16) {
	s.key = appendKey(s.key[:0], s.id, block, chunk)
	if s.placed && string(s.at) <= string(s.key) {
		if s.atEnd || string(s.it.Key()) >= string(s.key) {
			s.at = append(s.at[:0], s.key...)
			return
		}
	}
	s.at = append(s.at[:0], s.key...)
	s.placed = true
	s.atEnd = !s.it.SeekGE(s.key)
}
