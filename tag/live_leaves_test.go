package tag

import (
	"math/rand/v2"
	"testing"

	"tagma/event"
	"tagma/rule"
)

func TestTranspose(t *testing.T) {
	var a, b [64]uint64
	for i := range a {
		a[i] = rand.Uint64()
	}
	b = a
	transpose(&b)
	for i := range a {
		for j := range a {
			if a[i]>>j&1 != b[j]>>i&1 {
				t.Fatalf("bit %d of word %d was not turned", j, i)
			}
		}
	}
}

// Answers that are filled in, turned, and looked up in any order are those of a plain table.
func TestLeafAnswers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const leaves, customers = 150, 5000
	a, plain, known := newLeafAnswers(leaves, nil, 0), map[[2]int]bool{}, map[int]bool{}
	for first := 0; first < customers-512; first += 256 {
		words := make([]event.Bits, leaves)
		for k := range words {
			words[k] = event.NewBits(256)
			for c := range 256 {
				if r.IntN(3) == 0 {
					words[k].Set(c)
					plain[[2]int{k, first + c}] = true
				}
			}
		}
		all := event.NewBits(256)
		for c := range 256 {
			if r.IntN(4) > 0 {
				all.Set(c)
				known[first+c] = true
			}
		}
		a.fill(uint32(first), all, func(k int) event.Bits { return words[k] })
	}
	var flips []flip
	for range 3000 {
		f := flip{int32(r.IntN(leaves)), uint32(r.IntN(customers))}
		flips = append(flips, f)
		key := [2]int{int(f.leaf), int(f.customer)}
		plain[key] = !plain[key]
	}
	a.turn(flips, map[uint32]bool{7: true, customers - 1: true, 256: false})
	known[7], known[customers-1], known[256] = true, true, false
	for _, n := range []int{1, 63, 64, 65, 1000} {
		who := make([]uint32, n)
		for i := range who {
			who[i] = uint32(r.IntN(customers + 3000))
		}
		some := a.findAll(who, nil)
		for k := range leaves {
			for i, c := range who {
				if some.of(k).Get(i) != plain[[2]int{k, int(c)}] {
					t.Fatalf("leaf %d of customer %d is wrong", k, c)
				}
			}
		}
	}
	for c := range customers {
		if a.known(uint32(c)) != known[c] {
			t.Fatalf("whether customer %d is known is wrong", c)
		}
	}
}

// Rooms are taken from until there is too little, each for itself.
func TestRooms(t *testing.T) {
	days := make([]bool, 19)
	days[9] = true
	a := newLeafAnswers(3, days, 1<<20)
	if a.roomsOf(77) != nil || takeRoom(a.roomsOf(77), 0, 0) {
		t.Fatal("there is room for somebody of whom nothing is known")
	}
	a.turn(nil, map[uint32]bool{77: true, 78: true})
	const today = event.Date(20_000)
	a.newDay([]uint32{77, 78}, today)
	rooms := a.roomsOf(77)
	for k := range days {
		setRoom(rooms, k, 3)
	}
	setRoom(rooms, 18, rule.Settled)
	setRoom(rooms, 9, 2|rule.Today)
	check := func(k int, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("room %d: %v, want %v", k, got, want)
		}
	}
	for _, k := range []int{0, 7, 8, 17} {
		check(k, takeRoom(rooms, k, 2), true)
		check(k, takeRoom(rooms, k, 2), false) // and that leaves the one
		check(k, takeRoom(rooms, k, 1), true)
		check(k, takeRoom(rooms, k, 1), false)
	}
	check(18, takeRoom(rooms, 18, 200), true)
	check(18, takeRoom(rooms, 18, rule.TakesAny), false)
	for range 20 {
		check(9, takeDays(rooms, 9, 1|rule.TakesToday), true) // today counts already
	}
	check(9, takeDays(rooms, 9, 2|rule.TakesToday), true)
	a.newDay([]uint32{77}, today+1)
	check(9, takeDays(rooms, 9, 1|rule.TakesToday), true)
	check(9, takeDays(rooms, 9, 1|rule.TakesToday), true)
	a.newDay([]uint32{77}, today+2)
	check(9, takeDays(rooms, 9, 1|rule.TakesToday), false)
	check(5, takeRoom(rooms, 5, 3), true) // the others are as they were
	check(0, takeRoom(a.roomsOf(78), 0, 1), false)
	if few := newLeafAnswers(3, days, 100); few.group(5).rooms != nil {
		t.Error("rooms take more memory than they may")
	}
}

// Rooms that are filled in leaf by leaf are those of each customer.
func TestFillRooms(t *testing.T) {
	const customers = 300
	rooms := make([][]uint8, 21)
	for k := range rooms {
		for c := range customers {
			rooms[k] = append(rooms[k], uint8((k*7+c*3)%16))
		}
	}
	a := newLeafAnswers(1, make([]bool, len(rooms)), 1<<20)
	a.fillRooms(leafGroupSize-256, rooms, 1)
	for c := range customers {
		for k := range rooms {
			want := rooms[k][c]
			changeRoom(a.roomsOf(uint32(leafGroupSize-256+c)), k, func(got uint8) (uint8, bool) {
				if got != want {
					t.Fatalf("customer %d, leaf %d: room %d, want %d", c, k, got, want)
				}
				return got, true
			})
		}
	}
}
