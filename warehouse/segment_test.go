package warehouse

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tagma/errs"
	"tagma/event"
)

func TestBitpack(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for w := uint8(0); w <= 64; w++ {
		if w > maxWidth && w != 64 {
			continue
		}
		for _, n := range []int{1, 7, 8, 9, 100} {
			vals := make([]uint64, n)
			for i := range vals {
				if vals[i] = rnd.Uint64(); w < 64 {
					vals[i] &= 1<<w - 1
				}
			}
			packed := appendBits(nil, vals, w)
			if len(packed) != packedLen(n, w) {
				t.Fatalf("%d numbers of %d bits take %d bytes, want %d", n, w, len(packed), packedLen(n, w))
			}
			for from := range n {
				got := make([]uint64, n-from)
				for _, data := range [][]byte{packed, append(bytes.Clone(packed), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)} {
					unpackBits(got, data, w, from)
					for i, v := range got {
						if v != vals[from+i] {
							t.Fatalf("width %d: number %d is %x, want %x", w, from+i, v, vals[from+i])
						}
					}
				}
			}
		}
	}
}

func TestPacked(t *testing.T) {
	const day = 24 * 3600 * 1000
	for _, c := range []struct {
		name string
		vals []int64
		size int // at most
	}{
		{"none", nil, 2},
		{"one", []int64{7}, 2},
		{"constant", []int64{1 << 40, 1 << 40, 1 << 40}, 8},
		{"dates", []int64{20000 * day, 20001 * day, 20090 * day, 20007 * day}, 7 + 1 + 4 + 4},
		{"extremes", []int64{math.MinInt64, math.MaxInt64, 0, -1}, 10 + 2 + 32},
		{"wide step", []int64{math.MinInt64, math.MaxInt64 - 1}, 10 + 1 + 10 + 1},
	} {
		b := appendPacked(nil, c.vals, new([]uint64))
		if len(b) > c.size {
			t.Errorf("%s takes %d bytes, want at most %d", c.name, len(b), c.size)
		}
		r := newCursor(b)
		p := r.packed(len(c.vals))
		got := make([]uint64, len(c.vals))
		p.read(got, 0)
		if r.bad || r.left() != 0 {
			t.Errorf("%s does not read back", c.name)
		}
		for i, u := range got {
			if p.value(u) != c.vals[i] {
				t.Errorf("%s: %d is %d, want %d", c.name, i, p.value(u), c.vals[i])
			}
		}
	}
}

// texts is a dictionary for tests: code n is the text "n".
type testTexts struct{ n int }

func (d testTexts) Len() int                { return d.n }
func (d testTexts) Text(code uint32) string { return fmt.Sprint(code) }
func (d testTexts) Code(text string) (uint32, bool) {
	for i := range d.n {
		if fmt.Sprint(i) == text {
			return uint32(i), true
		}
	}
	return 0, false
}

// randomSegment appends a segment of n rows, whose properties 1 … 9 have the column type of their number.
func randomSegment(dst []byte, rnd *rand.Rand, n, profiles int) []byte {
	var b Builder
	low, last, first := 0, event.Time(0), rnd.Uint64N(2)<<40
	for i := range n {
		if step := rnd.IntN(3); low+step < profiles && step > 0 || i == 0 {
			low, last = low+step, event.Always
		}
		switch {
		case rnd.IntN(5) == 0:
		case last == event.Always:
			last = event.Time(rnd.IntN(1000)) * 86400000
		default:
			last += event.Time(rnd.IntN(3)) * 86400000
		}
		b.Row(uint8(low), last, uint64(i)*3+first)
		for typ := BoolColumn; typ <= MapColumn; typ++ {
			if rnd.IntN(int(typ)) != 0 {
				continue
			}
			switch typ {
			case BoolColumn:
				b.Int(1, typ, int64(rnd.IntN(2)))
			case NumberColumn:
				b.Number(2, rnd.Int64N(1<<rnd.IntN(62)), uint8(rnd.IntN(1+rnd.IntN(19))))
			case ExactColumn:
				huge, _ := event.ParseNumber("1e40")
				b.Bytes(3, typ, event.Num(huge).AppendBinary(nil))
			case CodeColumn:
				b.Int(4, typ, int64(rnd.IntN(10)))
			case InlineColumn:
				b.Bytes(5, typ, fmt.Appendf(nil, "order-%d", rnd.IntN(1000)))
			case ListColumn:
				b.Bytes(8, typ, event.List(event.Num(event.Int(int64(rnd.IntN(10))))).AppendBinary(nil))
			case MapColumn:
				b.Bytes(9, typ, event.Map([]event.Property{{Name: "a", Value: event.Text("b")}}).AppendBinary(nil))
			default:
				b.Int(uint32(typ), typ, int64(rnd.IntN(1000)))
			}
		}
	}
	return b.AppendTo(dst)
}

// dump writes everything that a value says, or why it does not.
func dump(value []byte, low int) (string, error) {
	wanted := []Wanted{{Absent: true}}
	for p := range uint32(9) {
		wanted = append(wanted, Wanted{Property: p + 1, Dict: testTexts{10}})
	}
	a := NewAssembler(wanted, true)
	a.Reset(low)
	if err := a.Add(value, 1); err != nil {
		return "", err
	}
	var t Table
	if err := a.Table(&t); err != nil {
		return "", err
	}
	var out bytes.Buffer
	fmt.Fprintln(&out, t.Start)
	for i := range t.Times {
		fmt.Fprint(&out, t.Owner[i], t.Times[i], t.Arrivals[i])
		for _, columns := range t.Columns {
			for k := range columns {
				if v := columns[k].Value(i); v.Present() {
					fmt.Fprintf(&out, " %v", v)
				} else {
					fmt.Fprint(&out, " -")
				}
			}
		}
		fmt.Fprintln(&out)
	}
	return out.String(), nil
}

// TestMerge: segments merged, in whatever portions, say what they said side by side.
func TestMerge(t *testing.T) {
	rnd := rand.New(rand.NewPCG(2, 2))
	for range 300 {
		var value, stepwise []byte
		for range 1 + rnd.IntN(5) {
			from := len(value)
			value = randomSegment(value, rnd, 1+rnd.IntN(60), 1+rnd.IntN(256))
			stepwise = append(stepwise, value[from:]...)
			var err error
			if stepwise, err = Tidy(stepwise); err != nil {
				t.Fatal(err)
			}
		}
		merged, err := Merge([]byte("before"), value)
		if err != nil {
			t.Fatal(err)
		}
		merged = bytes.TrimPrefix(merged, []byte("before"))
		if n, _, err := Segments(merged); n != 1 || err != nil {
			t.Fatalf("%d segments after merging, %v", n, err)
		}
		for _, low := range []int{-1, 0, rnd.IntN(256)} {
			want, err := dump(value, low)
			if err != nil {
				t.Fatal(err)
			}
			for what, v := range map[string][]byte{"merged": merged, "tidied": stepwise} {
				if got, err := dump(v, low); err != nil || got != want {
					t.Fatalf("%s: %v\n%s\nwant\n%s", what, err, got, want)
				}
			}
		}
	}
}

// TestTidy: however many segments are appended one by one, few are left, and each row is rewritten few times.
func TestTidy(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3))
	var value []byte
	rewritten := 0
	const rows = 3000
	for i := range rows {
		value = randomSegment(value, rnd, 1, 256)
		tidy, err := Tidy(value)
		if err != nil {
			t.Fatal(err)
		}
		same := 0
		for same < len(tidy) && same < len(value) && tidy[same] == value[same] {
			same++
		}
		value = tidy
		rewritten += (len(value) - same) * (i + 1) / len(value)
	}
	n, got, err := Segments(value)
	if err != nil || got != rows || n > 8 {
		t.Errorf("%d rows in %d segments (%v), want %d rows in at most 8", got, n, err, rows)
	}
	if times := rewritten / rows; times > 40 {
		t.Errorf("each row was rewritten %d times", times)
	}
}

func TestNewerSegment(t *testing.T) {
	value := append(randomSegment(nil, rand.New(rand.NewPCG(4, 4)), 3, 3), 0x55, 0)
	_, err := dump(value, -1)
	if !errs.Is(err, errs.Conflict) {
		t.Errorf("a segment of an unknown kind: %v", err)
	}
	if _, err := Merge(nil, value); !errs.Is(err, errs.Conflict) {
		t.Errorf("merging a segment of an unknown kind: %v", err)
	}
}

// FuzzSegment reads damaged values: there may be errors, and nothing worse.
func FuzzSegment(f *testing.F) {
	rnd := rand.New(rand.NewPCG(5, 5))
	for range 20 {
		var value []byte
		for range 1 + rnd.IntN(3) {
			value = randomSegment(value, rnd, 1+rnd.IntN(40), 1+rnd.IntN(256))
		}
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, low := range []int{-1, 0, 3} {
			if _, err := dump(value, low); err != nil && !errors.Is(err, event.ErrCorrupt) && !errs.Is(err, errs.Conflict) {
				t.Fatal(err)
			}
		}
		merged, err := Merge(nil, value)
		if err != nil {
			return
		}
		if _, err := dump(merged, -1); err != nil {
			if _, before := dump(value, -1); before == nil {
				t.Fatalf("it can be read, but not when it is merged: %v", err)
			}
		}
	})
}

// TestDamaged flips bytes of good values, which the fuzz target does better but not in every test run.
func TestDamaged(t *testing.T) {
	rnd := rand.New(rand.NewPCG(6, 6))
	for range 3000 {
		value := randomSegment(nil, rnd, 1+rnd.IntN(40), 1+rnd.IntN(256))
		for range 1 + rnd.IntN(3) {
			value[rnd.IntN(len(value))] = byte(rnd.Uint32())
		}
		if rnd.IntN(4) == 0 {
			value = value[:rnd.IntN(len(value))]
		}
		dump(value, -1)
		dump(value, 0)
		Merge(nil, value)
		Tidy(append(bytes.Clone(value), value...))
	}
}
