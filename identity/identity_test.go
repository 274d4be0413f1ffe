package identity

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/event"
)

func openDB(t testing.TB) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// keys reads "user_id:1 phone:138".
func keys(text string) []Key {
	var out []Key
	for _, word := range strings.Fields(text) {
		kind, value, _ := strings.Cut(word, ":")
		out = append(out, Key{kind, value})
	}
	return out
}

var errUndo = errors.New("undo")

// resolve answers requests in one transaction, undone when undo is set.
func resolve(t testing.TB, d *db.DB, r *Resolver, undo bool, requests ...Request) []Resolution {
	t.Helper()
	return resolveIn(t, d, r, undo, nobody, requests...)
}

// resolveWith is resolve with the persons of earlier transactions.
func resolveWith(t testing.TB, d *db.DB, r *Resolver, isPerson func(event.ProfileID) bool, requests ...Request) []Resolution {
	t.Helper()
	return resolveIn(t, d, r, false, isPerson, requests...)
}

func resolveIn(t testing.TB, d *db.DB, r *Resolver, undo bool, isPerson func(event.ProfileID) bool, requests ...Request) []Resolution {
	t.Helper()
	out := make([]Resolution, len(requests))
	var s *Session
	err := d.Tx(context.Background(), func(ctx context.Context, tx bun.Tx) (err error) {
		if s, err = r.Begin(ctx, tx, isPerson); err != nil {
			return err
		}
		if err := s.Resolve(ctx, requests, out); err != nil {
			return err
		}
		if err := s.Flush(ctx); err != nil {
			return err
		}
		if undo {
			return errUndo
		}
		return nil
	})
	s.Close(err == nil)
	if err != nil && err != errUndo {
		t.Fatal(err)
	}
	return out
}

// short writes an answer for comparison.
func short(r Resolution) string {
	s := fmt.Sprint(r.Profile)
	if !r.Found {
		s = "-"
	}
	if r.New {
		s += " new"
	}
	if r.Person {
		s += " person"
	}
	if r.Becomes {
		s += " becomes"
	}
	for _, k := range r.Added {
		s += " +" + k.String()
	}
	if r.Conflicting() {
		s += fmt.Sprintf(" %s≠%s", r.Conflict[0], r.Conflict[1])
	}
	return s
}

func TestResolve(t *testing.T) {
	steps := []struct{ keys, want string }{
		{"user_id:1", "0 new person +user_id:1"},
		{"user_id:1", "0 person"},
		{"user_id:1 phone:138", "0 person +phone:138"},
		{"phone:138", "0 person"},
		{"anonymous_id:a", "1 new +anonymous_id:a"},
		{"anonymous_id:a user_id:2", "1 person becomes +user_id:2"},
		{"user_id:2 email:x@y", "1 person +email:x@y"},
		{"phone:138 email:x@y", "0 person phone:138≠email:x@y"},
		{"email:x@y phone:138 openid:new", "0 person phone:138≠email:x@y"},
		{"openid:new", "2 new person +openid:new"},
		{"member_no:7 device_id:d", "3 new person +member_no:7 +device_id:d"},
		{"member_no:7 user_id:9", "3 person +user_id:9"},
		{"phone: 138", "4 new person +phone: +138:"}, // nonsense, but exactly as given
		{"user_id:01", "5 new person +user_id:01"},
	}
	// Whether they come together, or one by one, and with or without a memory, must not matter.
	for _, mode := range []string{"together", "one by one", "forgetful"} {
		t.Run(mode, func(t *testing.T) {
			d := openDB(t)
			r := NewResolver()
			var got []Resolution
			if mode == "together" {
				var requests []Request
				for _, s := range steps {
					requests = append(requests, Request{Keys: keys(s.keys)})
				}
				got = resolve(t, d, r, false, requests...)
			} else {
				for _, s := range steps {
					if mode == "forgetful" {
						r = NewResolver()
					}
					got = append(got, resolve(t, d, r, false, Request{Keys: keys(s.keys)})...)
				}
			}
			for i, s := range steps {
				if g := short(got[i]); g != s.want {
					t.Errorf("%s: %s, want %s", s.keys, g, s.want)
				}
			}
			ctx := context.Background()
			for text, want := range map[string]event.ProfileID{"user_id:1": 0, "user_id:2": 1, "member_no:7": 3, "user_id:9": 3} {
				if p, ok, err := Lookup(ctx, d.Read(), keys(text)[0]); err != nil || !ok || p != want {
					t.Errorf("%s: %d, %v, %v", text, p, ok, err)
				}
			}
			for _, text := range []string{"user_id:3", "nokind:1", "phone:1"} {
				if _, ok, err := Lookup(ctx, d.Read(), keys(text)[0]); err != nil || ok {
					t.Errorf("%s: %v, %v", text, ok, err)
				}
			}
			kinds, err := Kinds(ctx, d.Read())
			if err != nil {
				t.Fatal(err)
			}
			if k := kinds[8]; len(kinds) != 10 || k.Name != "member_no" || !k.Person || k.Priority != 9 || kinds[0].Name != "user_id" || kinds[6].Person {
				t.Errorf("kinds %+v", kinds)
			}
		})
	}
}

func TestKnown(t *testing.T) {
	d, r := openDB(t), NewResolver()
	if got := resolve(t, d, r, false, Request{Keys: keys("user_id:1"), Known: true}); got[0].Found {
		t.Errorf("created: %s", short(got[0]))
	}
	got := resolve(t, d, r, false, Request{Keys: keys("user_id:1")}, Request{Keys: keys("user_id:1 phone:2"), Known: true})
	if short(got[1]) != "0 person +phone:2" {
		t.Errorf("%s", short(got[1]))
	}
}

// What was undone never was: neither in the memory nor in the numbers.
func TestUndone(t *testing.T) {
	d, r := openDB(t), NewResolver()
	for range 2 {
		got := resolve(t, d, r, true, Request{Keys: keys("user_id:1 shop:5")}, Request{Keys: keys("user_id:2")})
		if short(got[0]) != "0 new person +user_id:1 +shop:5" || short(got[1]) != "1 new person +user_id:2" {
			t.Errorf("%s, %s", short(got[0]), short(got[1]))
		}
	}
	got := resolve(t, d, r, false, Request{Keys: keys("user_id:2")}, Request{Keys: keys("user_id:1")})
	if short(got[0]) != "0 new person +user_id:2" || short(got[1]) != "1 new person +user_id:1" {
		t.Errorf("%s, %s", short(got[0]), short(got[1]))
	}
}

// The memory is bounded, and what it forgot is found all the same.
func TestSmallMemory(t *testing.T) {
	d, r := openDB(t), NewResolver()
	r.cache = newCache(100)
	const n = 3000
	var requests []Request
	for i := range n {
		requests = append(requests, Request{Keys: []Key{{"user_id", fmt.Sprint(i)}}})
	}
	first := resolve(t, d, r, false, requests...)
	if r.cache.count() > 200 || r.cache.complete {
		t.Errorf("it remembers %d and %d", r.cache.young.count, r.cache.old.count)
	}
	again := resolve(t, d, r, false, append(requests, requests...)...)
	for i := range n {
		if again[i].New || again[i].Profile != first[i].Profile || again[n+i].Profile != first[i].Profile {
			t.Fatalf("%d: %s and %s, first %s", i, short(again[i]), short(again[n+i]), short(first[i]))
		}
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		key  Key
		want string
	}{
		{Key{"user_id", " 1 "}, ""},
		{Key{"user_id", ""}, "the identifier user_id is empty"},
		{Key{"", "1"}, "an identifier has no kind"},
		{Key{"user_id", strings.Repeat("x", 513)}, "the identifier user_id has 513 bytes, at most 512 are possible"},
		{Key{"user_id", "a\x00"}, "the identifier user_id has a control character in it, such as a line break or a tab"},
		{Key{"user_id", "a\nb"}, "the identifier user_id has a control character in it, such as a line break or a tab"},
	} {
		if got := c.key.Check(); got != c.want {
			t.Errorf("%v: %q, want %q", c.key, got, c.want)
		}
	}
}

func TestDefaultKinds(t *testing.T) {
	d := openDB(t)
	kinds, err := Kinds(context.Background(), d.Read())
	if err != nil || !reflect.DeepEqual(kinds, DefaultKinds()) {
		t.Errorf("%+v, %v", kinds, err)
	}
}

// BenchmarkNewCustomers creates customers with one identifier each.
func BenchmarkNewCustomers(b *testing.B) {
	const n = 100_000
	total := 0
	for b.Loop() {
		b.StopTimer()
		d, r := openDB(b), NewResolver()
		requests := make([]Request, 0, 1000)
		b.StartTimer()
		for i := 0; i < n; i += 20_000 {
			var s *Session
			err := d.Tx(context.Background(), func(ctx context.Context, tx bun.Tx) (err error) {
				if s, err = r.Begin(ctx, tx, nobody); err != nil {
					return err
				}
				out := make([]Resolution, 1000)
				for k := 0; k < 20_000; k += 1000 {
					requests = requests[:0]
					for j := range 1000 {
						requests = append(requests, Request{Keys: []Key{{"user_id", fmt.Sprintf("u%d", (i+k+j)*7919%n)}}})
					}
					if err := s.Resolve(ctx, requests, out); err != nil {
						return err
					}
				}
				return s.Flush(ctx)
			})
			if s.Close(err == nil); err != nil {
				b.Fatal(err)
			}
		}
		total += n
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(total), "ns/customer")
}

// People share devices: a device tells who it was only where nobody says otherwise.
func TestSharedDevice(t *testing.T) {
	steps := []struct{ keys, want string }{
		{"user_id:1 device_id:d", "0 new person +user_id:1 +device_id:d"},
		{"device_id:d", "0"},
		{"user_id:2 device_id:d", "1 new person +user_id:2"},
		{"user_id:2 device_id:d", "1 person"}, // no conflict: the device is not the person
		{"device_id:d", "0"},
		{"phone:138 device_id:d", "2 new person +phone:138"},
		{"user_id:1 phone:138 device_id:d", "0 person user_id:1≠phone:138"},
		{"device_id:e", "3 new +device_id:e"},
		{"user_id:3 device_id:e", "3 person becomes +user_id:3"},
		{"user_id:4 device_id:e", "4 new person +user_id:4"},
	}
	for _, apart := range []bool{false, true} { // all in one transaction, or each in its own
		d, r := openDB(t), NewResolver()
		var requests []Request
		persons := map[event.ProfileID]bool{}
		for i, step := range steps {
			requests = append(requests, Request{Keys: keys(step.keys)})
			if !apart && i < len(steps)-1 {
				continue
			}
			for k, out := range resolveWith(t, d, r, func(p event.ProfileID) bool { return persons[p] }, requests...) {
				at := k
				if apart {
					at = i
				}
				if got := short(out); got != steps[at].want {
					t.Errorf("%s: %s, want %s", steps[at].keys, got, steps[at].want)
				}
				persons[out.Profile] = persons[out.Profile] || out.Person
			}
			requests = nil
		}
	}
}

// nobody is the answer of a history in which no profile is a person yet.
func nobody(event.ProfileID) bool { return false }
