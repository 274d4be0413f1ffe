package ingest

import (
	"bytes"
	"encoding/hex"
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
		Consents:    []event.Trait{{Profile: 8, Name: "sms", Time: 14, Value: event.Bool(true), Arrival: 105}, {Profile: 8, Name: "city", Time: event.Always, Arrival: 106}},
		Events: []event.Event{{Profile: 7, Name: "buy", Time: -5, Source: "web", Arrival: 107,
			Props: []event.Property{{Name: "amount", Value: event.Num(event.Scaled(1250, 2))}, {Name: "tags", Value: event.List(event.Text("a"), event.Bool(true))}}},
			{Profile: 8, Name: "see", Time: 5, Source: "web", Arrival: 108}},
		System: []event.Event{{Profile: 8, Name: "sent", Time: 6, Source: "tagma", Arrival: 109}},
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
	if n := sampleBlock().Count(); n != 10 {
		t.Errorf("%d records", n)
	}
	if _, err := DecodeBlock([]byte{blockVersion + 1}, 0); err == nil {
		t.Error("a newer version is read")
	}
}

func TestLoadNoteRoundTrip(t *testing.T) {
	n := &LoadNote{ID: "load-1", Source: "shop", Counts: Counts{1, 2, 3, 4, 5}}
	if got, err := DecodeLoadNote(n.Encode()); err != nil || !reflect.DeepEqual(got, n) || n.Counts.Records() != 15 {
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
	f.Add((&LoadNote{ID: "a", Source: "b", Counts: Counts{1, 2, 3, 4, 5}}).Encode())
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

// What earlier versions wrote, before there were consents, is read as it was.
func TestOldPayloads(t *testing.T) {
	block, err := hex.DecodeString("01090570686f6e650463697479036275790377656206616d6f756e740474616773037365650473656e74057461676d61" +
		"02070001ffffffffffffffffff010801000a01070003313338020701180306e4b88ae6b5b707011a0002070203090204020002c41305060203016101020806030a00" +
		"010807080c000203010200000000000000000000000000000000000000000000000000000000000000000178")
	if err != nil {
		t.Fatal(err)
	}
	want := sampleBlock()
	want.Consents = nil
	want.Events[0].Arrival, want.Events[1].Arrival, want.System[0].Arrival = 105, 106, 107
	if got, err := DecodeBlock(block, 100); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	note, err := hex.DecodeString("01066c6f61642d310473686f7001020304")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeLoadNote(note); err != nil || *got != (LoadNote{ID: "load-1", Source: "shop", Counts: Counts{Profiles: 1, Identifiers: 2, Traits: 3, Events: 4}}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// The readers of the log get the records as they were taken, or decoded: both are the same.
func TestRecordsInMemoryAreThoseInTheLog(t *testing.T) {
	d := newDeps(t)
	list := []Sent{sentBy(1), sentBy(12), sentBy(1)}
	list[1].Traits = []Trait{{Name: "city", Time: 5, Value: event.Text("x")}, {Name: "gone", Time: 6}}
	list[1].Consents = []Trait{{Name: "sms", Time: 7, Value: event.Bool(true)}}
	if _, _, err := Collect(t.Context(), d, list); err != nil {
		t.Fatal(err)
	}
	entries, err := d.Log.Read(t.Context(), 0, 1<<20)
	if err != nil || len(entries) != 1 || entries[0].Records == nil {
		t.Fatalf("%+v, %v", entries, err)
	}
	kept, err := BlockOf(&entries[0])
	if err != nil || kept != entries[0].Records {
		t.Fatal("it is decoded", err)
	}
	decoded, err := DecodeBlock(entries[0].Payload, entries[0].First)
	if err != nil || !reflect.DeepEqual(kept, decoded) {
		t.Errorf("in memory %+v\nin the log %+v, %v", kept, decoded, err)
	}
}
