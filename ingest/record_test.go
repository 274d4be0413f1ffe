package ingest

import (
	"bytes"
	"reflect"
	"testing"

	"tagma/event"
	"tagma/warehouse"
)

func sampleBlock() *Block {
	return &Block{
		Profiles:    []event.NewProfile{{Profile: 7, Person: true, Seen: event.Always, Arrival: 100}, {Profile: 8, Entity: 1, Seen: 5, Arrival: 101}},
		Identifiers: []event.Identifier{{Profile: 7, Kind: "phone", Value: "138"}},
		Traits:      []event.Trait{{Profile: 7, Name: "city", Time: 12, Value: event.Text("上海"), Arrival: 103}, {Profile: 7, Name: "city", Time: 13, Arrival: 104}},
		Events: []event.Event{{Profile: 7, Name: "buy", Time: -5, Source: "web", Arrival: 105,
			Props: []event.Property{{Name: "amount", Value: event.Num(event.Scaled(1250, 2))}, {Name: "tags", Value: event.List(event.Text("a"), event.Bool(true))}}},
			{Profile: 8, Name: "see", Time: 5, Source: "web", Arrival: 106}},
		System: []event.Event{{Profile: 8, Name: "sent", Time: 6, Source: "tagma", Arrival: 107}},
		Seen:   []warehouse.Seen{{Key: warehouse.SeenKey{Partition: 3, Hash: [16]byte{1, 2}}, Value: []byte{}}, {Value: []byte("x")}},
	}
}

func TestBlockRoundTrip(t *testing.T) {
	for _, b := range []*Block{sampleBlock(), {}} {
		payload := b.Encode()
		got, err := DecodeBlock(payload, 100)
		if err != nil || !reflect.DeepEqual(got, b) {
			t.Errorf("got %+v, %v\nwant %+v", got, err, b)
		}
		for n := range payload {
			if _, err := DecodeBlock(payload[:n], 0); err == nil {
				t.Errorf("the first %d of %d bytes are read as a block", n, len(payload))
			}
		}
		if _, err := DecodeBlock(append(payload, 0), 0); err == nil {
			t.Error("a byte too many is not noticed")
		}
	}
	if n := sampleBlock().Count(); n != 8 {
		t.Errorf("%d records", n)
	}
	if _, err := DecodeBlock([]byte{blockVersion + 1}, 0); err == nil {
		t.Error("a newer version is read")
	}
}

func TestLoadNoteRoundTrip(t *testing.T) {
	n := &LoadNote{ID: "load-1", Source: "shop", Counts: Counts{1, 2, 3, 4}}
	if got, err := DecodeLoadNote(n.Encode()); err != nil || !reflect.DeepEqual(got, n) || n.Counts.Records() != 10 {
		t.Errorf("%+v, %v", got, err)
	}
	for i := range n.Encode() {
		if _, err := DecodeLoadNote(n.Encode()[:i]); err == nil {
			t.Errorf("%d bytes are read as a note", i)
		}
	}
}

// What decodes, encodes to what decodes to the same.
func FuzzBlock(f *testing.F) {
	f.Add(sampleBlock().Encode())
	f.Add((&Block{}).Encode())
	f.Fuzz(func(t *testing.T, payload []byte) {
		b, err := DecodeBlock(payload, 5)
		if err != nil {
			return
		}
		again, err := DecodeBlock(b.Encode(), 5)
		if err != nil {
			t.Fatalf("its own encoding is not read: %v", err)
		}
		if !bytes.Equal(again.Encode(), b.Encode()) {
			t.Fatalf("%+v became %+v", b, again)
		}
	})
}

func FuzzLoadNote(f *testing.F) {
	f.Add((&LoadNote{ID: "a", Source: "b", Counts: Counts{1, 2, 3, 4}}).Encode())
	f.Fuzz(func(t *testing.T, payload []byte) {
		n, err := DecodeLoadNote(payload)
		if err != nil {
			return
		}
		if again, err := DecodeLoadNote(n.Encode()); err != nil || !reflect.DeepEqual(n, again) {
			t.Fatalf("%+v became %+v, %v", n, again, err)
		}
	})
}
