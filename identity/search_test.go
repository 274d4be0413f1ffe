package identity_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/event"
	"tagma/identity"
)

func TestSearch(t *testing.T) {
	ctx := context.Background()
	d, err := db.Open(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	r := identity.NewResolver()
	err = d.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		s, err := r.Begin(ctx, tx, func(event.ProfileID) bool { return false })
		if err != nil {
			return err
		}
		var requests []identity.Request
		for _, keys := range [][]identity.Key{
			{{Kind: "user_id", Value: "138"}},
			{{Kind: "user_id", Value: "a"}, {Kind: "phone", Value: "13800000001"}},
			{{Kind: "user_id", Value: "b"}, {Kind: "phone", Value: "13900000001"}},
			{{Kind: "user_id", Value: "1380"}, {Kind: "phone", Value: "13800000002"}},
			{{Kind: "user_id", Value: "王小二"}},
			{{Kind: "user_id", Value: "%"}},
		} {
			requests = append(requests, identity.Request{Keys: keys})
		}
		out := make([]identity.Resolution, len(requests))
		if err := s.Resolve(ctx, requests, out); err != nil {
			return err
		}
		err = s.Flush(ctx)
		s.Close(err == nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{
		{"138", 10, "0 user_id:138, 3 user_id:1380, 1 phone:13800000001, "}, // the same first, then what begins so; each once
		{"138", 2, "0 user_id:138, 3 user_id:1380, "},
		{"phone:138", 10, "1 phone:13800000001, 3 phone:13800000002, "},
		{"phone:13900000001", 10, "2 phone:13900000001, "},
		{"王", 10, "4 user_id:王小二, "},
		{"%", 10, "5 user_id:%, "},
		{"'", 10, ""},
		{"", 10, ""},
		{"nobody", 10, ""},
	} {
		found, err := identity.Search(ctx, d.Read(), c.text, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, m := range found {
			got += fmt.Sprintf("%d %s, ", m.Profile, m.Key)
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.text, got, c.want)
		}
	}
}
