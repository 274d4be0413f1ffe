package tagindex

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawExpr returns an expression and its naive meaning.
func drawExpr(t *rapid.T, sets []*Set, members []map[uint32]bool, depth int) (*Expr, func(x uint32) bool) {
	op := rapid.IntRange(0, 5).Draw(t, "op")
	if depth == 0 || op < 2 {
		i := rapid.IntRange(0, len(sets)-1).Draw(t, "set")
		return In(sets[i]), func(x uint32) bool { return members[i][x] }
	}
	if op == 2 {
		e, is := drawExpr(t, sets, members, depth-1)
		return Not(e), func(x uint32) bool { return !is(x) }
	}
	var args []*Expr
	var are []func(uint32) bool
	for range rapid.IntRange(0, 4).Draw(t, "args") {
		e, is := drawExpr(t, sets, members, depth-1)
		args, are = append(args, e), append(are, is)
	}
	if op == 3 {
		return Or(args...), func(x uint32) bool {
			return slices.ContainsFunc(are, func(is func(uint32) bool) bool { return is(x) })
		}
	}
	return And(args...), func(x uint32) bool {
		return !slices.ContainsFunc(are, func(is func(uint32) bool) bool { return !is(x) })
	}
}

func TestExpr(t *testing.T) {
	sets := []*Set{nil, SetOf(), Range(0, 70000), Range(65536, 131072), Range(100, 200000), SetOf(notable...)}
	for _, step := range []uint32{2, 3, 17, 1000} {
		var list []uint32
		for x := uint32(0); x < 180000; x += step {
			list = append(list, x)
		}
		sets = append(sets, SetOf(list...))
	}
	members := make([]map[uint32]bool, len(sets))
	for i, s := range sets {
		members[i] = map[uint32]bool{}
		for x := range s.All() {
			members[i][x] = true
		}
	}
	for i, s := range sets { // the shapes in which a second bit field is needed
		for j, r := range sets {
			want := 0
			for x := range uint32(200000) {
				if members[i][x] || !members[j][x] {
					want++
				}
			}
			if n := Or(In(s), Not(In(r))).Count(Range(0, 200000)); n != want {
				t.Errorf("%d or not %d: %d, want %d", i, j, n, want)
			}
		}
	}
	universes := []*Set{Range(0, 190000), Range(0, 131072), SetOf(notable...), sets[8], nil}
	rapid.Check(t, func(t *rapid.T) {
		e, is := drawExpr(t, sets, members, 3)
		universe := rapid.SampledFrom(universes).Draw(t, "universe")
		var want []uint32
		for x := range universe.All() {
			if is(x) {
				want = append(want, x)
			}
		}
		if n := e.Count(universe); n != len(want) {
			t.Fatalf("%d, want %d", n, len(want))
		}
		m := e.Members(universe)
		if got := slices.Collect(m.All()); !slices.Equal(got, want) || m.Count() != len(want) {
			t.Fatalf("%d members, want %d", len(got), len(want))
		}
		from, n := rapid.SampledFrom(notable).Draw(t, "from"), rapid.IntRange(0, 60).Draw(t, "n")
		at, _ := slices.BinarySearch(want, from)
		page := want[at:]
		page = page[:min(n, len(page))]
		if got := e.First(universe, from, n); !slices.Equal(got, page) {
			t.Fatalf("first %d from %d: %v, want %v", n, from, got, page)
		}
		for _, x := range notable {
			if e.Contains(x) != is(x) {
				t.Fatalf("customer %d: %v, want %v", x, e.Contains(x), is(x))
			}
		}
	})
}
