package tagindex

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tagma/event"
)

// A row comes back as it was written, whatever stands beside it, however wide rows are, and when they grow wider.
func TestRowPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s rowScratch
		page := rowPage("")
		want := make([][]uint64, rowsPerPage)
		full := rapid.SampledFrom([]int{1, 3, 8, 9, 40, 125, 255, 256, 300}).Draw(t, "bytes")
		for range rapid.IntRange(1, 20).Draw(t, "writes") {
			if rapid.IntRange(0, 5).Draw(t, "wider") == 0 {
				full += rapid.IntRange(1, 70).Draw(t, "more")
			}
			words := make([]uint64, (full+7)/8)
			for range rapid.SampledFrom([]int{0, 1, 3, 40, 3 * full}).Draw(t, "bits") {
				at := rapid.IntRange(0, 8*full-1).Draw(t, "bit")
				words[at>>6] |= 1 << (at & 63)
			}
			low := rapid.Uint16Range(0, 200).Draw(t, "customer")
			first, last, _ := page.place(low)
			s.row = words
			page = s.with(page, low, first, last, full)
			want[low%rowsPerPage] = words
			if len(page) > rowHead+rowsPerPage*(lengthSize(full)+full) {
				t.Fatalf("%d bytes for rows of %d", len(page), full)
			}
			for i, w := range want {
				row, was := page.row(uint16(i))
				got := make([]uint64, len(words))
				unpackRow(row, was, got)
				if !slices.Equal(got[:len(w)], w) || slices.ContainsFunc(got[len(w):], func(x uint64) bool { return x != 0 }) {
					t.Fatalf("row %d is %x, want %x", i, got, w)
				}
				for k := range words {
					if rowWord(row, was, k) != got[k] {
						t.Fatalf("word %d of row %d is %x, want %x", k, i, rowWord(row, was, k), got[k])
					}
				}
			}
		}
	})
}

// The rows of one customer are made when it is asked after, and follow what comes; those of others are not made.
func TestRowsOnDemand(t *testing.T) {
	x := New()
	var changes []Change
	for slot := range uint32(70) {
		changes = append(changes, enters(slot, "a", 5, 6, 200_000))
	}
	if err := x.Apply(changes, 1); err != nil {
		t.Fatal(err)
	}
	if x.View().Memory().Rows != 0 {
		t.Error("rows that nobody asked for take memory")
	}
	old := x.ViewOf(5)
	if missing := x.MissingRows(); missing != 3 {
		t.Errorf("%d chunks are without rows, want the other 3", missing)
	}
	if err := x.Apply([]Change{enters(3, "b", 5), enters(70, "a", 5, 200_000)}, 2); err != nil {
		t.Fatal(err)
	}
	if v := x.ViewOf(5); v != x.View() || v.Value(3, 5).Text() != "b" || len(v.Customer(5, nil)) != 71 {
		t.Errorf("after a change: %v", v.Customer(5, nil))
	}
	if got := old.Customer(5, nil); len(got) != 70 || !got[3].Value.Equal(event.Text("a")) {
		t.Errorf("the old view moved: %v", got)
	}
	if got := fmt.Sprint(x.ViewOf(200_000).Of(200_000, []uint32{70, 3, 99}, nil)); got != fmt.Sprint([]event.Value{event.Text("a"), event.Text("a"), {}}) {
		t.Errorf("got %s", got)
	}
}
