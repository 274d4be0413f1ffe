package ingest

import (
	"fmt"
	"math"

	"tagma/event"
	"tagma/stream"
	"tagma/warehouse"
)

// The kinds of entries in the event log.
const (
	// EntryBlock holds records themselves: what was accepted at one moment. Its payload is a Block.
	EntryBlock uint8 = 1
	// EntryLoad names a bulk load whose records are staged in the warehouse. Its payload is a LoadNote.
	EntryLoad uint8 = 2
)

// The versions of payloads. Version 1 of either knew no consents; it is still read.
const (
	blockVersion = 2
	loadVersion  = 2
)

// Block is records that were accepted together. Each has a place in the order of arrival: the entry's first
// offset, then profiles, identifiers, traits, consents and events as they stand. Seen keys are not records.
type Block struct {
	Profiles    []event.NewProfile
	Identifiers []event.Identifier
	Traits      []event.Trait
	Consents    []event.Trait
	Events      []event.Event
	System      []event.Event
	Seen        []warehouse.Seen
}

// Count is the number of records.
func (b *Block) Count() uint64 {
	return uint64(len(b.Profiles) + len(b.Identifiers) + len(b.Traits) + len(b.Consents) + len(b.Events) + len(b.System))
}

// nameTable numbers the names of a block in the order of their first use.
type nameTable struct {
	index map[string]uint64
	list  []string
}

func (n *nameTable) put(s string) uint64 {
	i, ok := n.index[s]
	if !ok {
		i = uint64(len(n.list))
		n.index[s] = i
		n.list = append(n.list, s)
	}
	return i
}

// usualRecord is about how many bytes a record takes, usualSeen a seen key.
const usualRecord, usualSeen = 64, 18

// Encode writes the block as an entry's payload. Arrivals are not in it: they follow from the entry's offset.
func (b *Block) Encode() []byte {
	names := &nameTable{index: map[string]uint64{}}
	body := event.AppendUvarint(make([]byte, 0, usualRecord*b.Count()+usualSeen*uint64(len(b.Seen))), uint64(len(b.Profiles)))
	for _, p := range b.Profiles {
		person := byte(0)
		if p.Person {
			person = 1
		}
		body = append(event.AppendUvarint(body, uint64(p.Profile)), byte(p.Entity), person)
		body = event.AppendVarint(body, int64(p.Seen))
	}
	body = event.AppendUvarint(body, uint64(len(b.Identifiers)))
	for _, i := range b.Identifiers {
		body = event.AppendUvarint(body, uint64(i.Profile))
		body = event.AppendUvarint(body, names.put(i.Kind))
		body = event.AppendText(body, i.Value)
	}
	for _, dated := range [][]event.Trait{b.Traits, b.Consents} {
		body = event.AppendUvarint(body, uint64(len(dated)))
		for _, t := range dated {
			body = event.AppendUvarint(body, uint64(t.Profile))
			body = event.AppendUvarint(body, names.put(t.Name))
			body = event.AppendVarint(body, int64(t.Time))
			body = t.Value.AppendBinary(body)
		}
	}
	for _, events := range [][]event.Event{b.Events, b.System} {
		body = event.AppendUvarint(body, uint64(len(events)))
		for i := range events {
			e := &events[i]
			body = event.AppendUvarint(body, uint64(e.Profile))
			body = event.AppendUvarint(body, names.put(e.Name))
			body = event.AppendUvarint(body, names.put(e.Source))
			body = event.AppendVarint(body, int64(e.Time))
			body = event.AppendUvarint(body, uint64(len(e.Props)))
			for _, p := range e.Props {
				body = event.AppendUvarint(body, names.put(p.Name))
				body = p.Value.AppendBinary(body)
			}
		}
	}
	body = event.AppendUvarint(body, uint64(len(b.Seen)))
	for _, s := range b.Seen {
		body = event.AppendUvarint(body, uint64(s.Key.Partition))
		body = append(body, s.Key.Hash[:]...)
		body = event.AppendText(body, string(s.Value))
	}
	room := len(body) + 16
	for _, n := range names.list {
		room += len(n) + 5
	}
	out := event.AppendUvarint(append(make([]byte, 0, room), blockVersion), uint64(len(names.list)))
	for _, n := range names.list {
		out = event.AppendText(out, n)
	}
	return append(out, body...)
}

// arrive gives the records their places in the order of arrival, as DecodeBlock does.
func (b *Block) arrive(first uint64) {
	for i := range b.Profiles {
		b.Profiles[i].Arrival = first + uint64(i)
	}
	first += uint64(len(b.Profiles) + len(b.Identifiers))
	for _, dated := range [][]event.Trait{b.Traits, b.Consents} {
		for i := range dated {
			dated[i].Arrival = first + uint64(i)
		}
		first += uint64(len(dated))
	}
	for _, events := range [][]event.Event{b.Events, b.System} {
		for i := range events {
			events[i].Arrival = first + uint64(i)
		}
		first += uint64(len(events))
	}
}

// BlockOf returns the records of an entry of kind EntryBlock, which may be shared with others who read it: they are not to
// be changed.
func BlockOf(e *stream.Entry) (*Block, error) {
	if b, ok := e.Records.(*Block); ok {
		return b, nil
	}
	return DecodeBlock(e.Payload, e.First)
}

// DecodeBlock reads an entry's payload; first is the entry's first offset, from which arrivals are counted.
func DecodeBlock(payload []byte, first uint64) (*Block, error) {
	r := &blockReader{Reader: event.NewReader(payload)}
	version := r.Byte()
	if (version == 0 || version > blockVersion) && r.Err == nil {
		return nil, fmt.Errorf("import: a block of records of version %d, this program knows %d: upgrade the program", version, blockVersion)
	}
	for range r.count(1) {
		r.names = append(r.names, r.Text())
	}
	b := &Block{}
	for range r.count(4) {
		p := event.NewProfile{Profile: r.profile(), Arrival: first}
		p.Entity, p.Person = event.Entity(r.Byte()), r.Byte() == 1
		p.Seen = event.Time(r.Varint())
		b.Profiles = append(b.Profiles, p)
		first++
	}
	for range r.count(3) {
		b.Identifiers = append(b.Identifiers, event.Identifier{Profile: r.profile(), Kind: r.name(), Value: r.Text()})
		first++
	}
	b.Traits, first = r.dated(first)
	if version >= 2 {
		b.Consents, first = r.dated(first)
		for _, c := range b.Consents {
			if k := c.Value.Kind(); k != event.BoolKind && k != event.Missing {
				r.bad()
			}
		}
	}
	b.Events, first = r.events(first)
	b.System, _ = r.events(first)
	for range r.count(18) {
		s := warehouse.Seen{Key: warehouse.SeenKey{Partition: r.uint32()}}
		for i := range s.Key.Hash {
			s.Key.Hash[i] = r.Byte()
		}
		s.Value = append([]byte{}, r.Bytes()...)
		b.Seen = append(b.Seen, s)
	}
	if r.Err == nil && r.Len() > 0 {
		r.Err = event.ErrCorrupt
	}
	if r.Err != nil {
		return nil, fmt.Errorf("import: a block of records in the event log: %w", r.Err)
	}
	return b, nil
}

type blockReader struct {
	*event.Reader
	names []string
	props []event.Property // to be used
}

// propertySize is about the bytes of a property in a block, and maxPiece how many are made room for at once.
const (
	propertySize = 6
	maxPiece     = 4096
)

func (r *blockReader) bad() { r.Err = event.ErrCorrupt }

// count reads how many items follow, of at least size bytes each; 0 after a failure.
func (r *blockReader) count(size int) uint64 {
	n := r.Uvarint()
	if r.Err != nil || n > uint64(r.Len()/size) {
		r.bad()
		return 0
	}
	return n
}

func (r *blockReader) uint32() uint32 {
	n := r.Uvarint()
	if n > math.MaxUint32 {
		r.bad()
	}
	return uint32(n)
}

func (r *blockReader) profile() event.ProfileID { return event.ProfileID(r.uint32()) }

func (r *blockReader) name() string {
	i := r.Uvarint()
	if i >= uint64(len(r.names)) {
		r.bad()
		return ""
	}
	return r.names[i]
}

// dated reads traits or consents.
func (r *blockReader) dated(first uint64) ([]event.Trait, uint64) {
	var list []event.Trait
	for range r.count(4) {
		list = append(list, event.Trait{Profile: r.profile(), Name: r.name(), Time: event.Time(r.Varint()), Value: r.Value(), Arrival: first})
		first++
	}
	return list, first
}

func (r *blockReader) events(first uint64) ([]event.Event, uint64) {
	n := r.count(5)
	if n == 0 {
		return nil, first
	}
	events := make([]event.Event, 0, n)
	for range n {
		if r.Err != nil {
			break
		}
		e := event.Event{Profile: r.profile(), Name: r.name(), Source: r.name(), Time: event.Time(r.Varint()), Arrival: first}
		// The properties of all events lie behind one another, in pieces.
		n := int(r.count(2))
		if n > len(r.props) {
			r.props = make([]event.Property, max(n, min(r.Len()/propertySize, maxPiece)))
		}
		if n > 0 {
			e.Props, r.props = r.props[:n:n], r.props[n:]
		}
		for k := range e.Props {
			e.Props[k] = event.Property{Name: r.name(), Value: r.Value()}
			if k > 0 && e.Props[k].Name < e.Props[k-1].Name {
				r.bad()
			}
		}
		events = append(events, e)
		first++
	}
	return events, first
}

// LoadNote is what the event log says of a bulk load.
type LoadNote struct {
	ID     string // in the warehouse
	Source string
	Counts Counts
}

// Counts are numbers of records.
type Counts struct{ Profiles, Identifiers, Traits, Events, Consents uint64 }

// Records is the number of all.
func (c Counts) Records() uint64 {
	return c.Profiles + c.Identifiers + c.Traits + c.Events + c.Consents
}

// fields are the counts in the order in which a note has them.
func (c *Counts) fields() []*uint64 {
	return []*uint64{&c.Profiles, &c.Identifiers, &c.Traits, &c.Events, &c.Consents}
}

// Encode writes the note as an entry's payload.
func (n *LoadNote) Encode() []byte {
	b := event.AppendText([]byte{loadVersion}, n.ID)
	b = event.AppendText(b, n.Source)
	for _, c := range n.Counts.fields() {
		b = event.AppendUvarint(b, *c)
	}
	return b
}

// DecodeLoadNote reads an entry's payload.
func DecodeLoadNote(payload []byte) (*LoadNote, error) {
	r := event.NewReader(payload)
	version := r.Byte()
	if (version == 0 || version > loadVersion) && r.Err == nil {
		return nil, fmt.Errorf("import: a note of a load of version %d, this program knows %d: upgrade the program", version, loadVersion)
	}
	n := &LoadNote{ID: r.Text(), Source: r.Text()}
	counts := n.Counts.fields()
	if version == 1 {
		counts = counts[:4] // consents came with version 2
	}
	for _, c := range counts {
		*c = r.Uvarint()
	}
	if r.Err == nil && (r.Len() > 0 || n.ID == "") {
		r.Err = event.ErrCorrupt
	}
	if r.Err != nil {
		return nil, fmt.Errorf("import: a note of a load in the event log: %w", r.Err)
	}
	return n, nil
}
