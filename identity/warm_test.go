package identity

import (
	"fmt"
	"testing"
)

// What was read in advance is found, and what is not there is new without being looked up; where not everything has room,
// it is looked up as before.
func TestWarm(t *testing.T) {
	d := openDB(t)
	var requests []Request
	for i := range 3000 {
		requests = append(requests, Request{Keys: []Key{{"user_id", fmt.Sprint(i)}, {"phone", fmt.Sprint(i)}}})
	}
	first := resolve(t, d, NewResolver(), false, requests...)
	for _, limit := range []int{generation, 4000, 1000} {
		r := NewResolver()
		r.cache = newCache(limit)
		if err := r.Warm(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if want := limit >= 4000; r.cache.complete != want {
			t.Fatalf("room for %d: complete %v", limit, r.cache.complete)
		}
		again := resolve(t, d, r, false, append(requests, Request{Keys: []Key{{"user_id", fmt.Sprint("new", limit)}}})...)
		for i := range requests {
			if again[i].New || again[i].Profile != first[i].Profile {
				t.Fatalf("room for %d: %s, first %s", limit, short(again[i]), short(first[i]))
			}
		}
		if !again[len(requests)].New {
			t.Error("a new one is not new")
		}
		if limit == generation {
			if !r.cache.complete {
				t.Error("it forgot that it knows all")
			}
			resolve(t, d, r, true, Request{Keys: []Key{{"user_id", "undone"}}})
			if r.cache.complete {
				t.Error("it trusts its memory after a transaction of which nothing is known")
			}
		}
	}
}
