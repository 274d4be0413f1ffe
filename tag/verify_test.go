package tag_test

import (
	"context"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/event"
	"tagma/stream"
	"tagma/tag"
	"tagma/tagindex"
)

// findings are what Verify finds: those that are wrong begin with "wrong: ".
func (s *shop) findings() (out []string) {
	s.t.Helper()
	list, err := tag.Verify(s.ctx, s.Tags())
	s.must(err)
	for _, f := range list {
		if f.Wrong {
			f.What = "wrong: " + f.What
		}
		out = append(out, f.What)
	}
	return out
}

func TestVerifyFindsNothingWrongAfterARun(t *testing.T) {
	s := newShop(t, total, frequency, spend, buyers, richer,
		`tag city value: 'traits.city'`, `tag code value: 'traits.code'`, `tag hobbies value: 'traits.hobbies'`, `tag bought value: 'events.order.count() > 0'`,
		`tag rank value: 'ntile(measures.total, 3)'`, `tag card kind: manual, values: [金卡]`)
	s.compute(june)
	s.equal("findings", s.findings(), "[]")
	s.compute(july, "frequency", "richer") // with parameters of its own, beside those of the first run
	s.equal("findings", s.findings(), "[]")
	s.reopen()
	s.equal("findings", s.findings(), "[]")
}

func TestVerifyNotesWhatItCannotCompare(t *testing.T) {
	s := newShop(t, total, frequency, spend)
	s.compute(june)
	s.define(buyers, `segment lost events.vanished.count() > 0`, `measure total events.order.sum(e, e.amount) + 1`)
	got := strings.Join(s.findings(), "\n")
	for _, want := range []string{"buyers was never computed", "segment lost cannot be computed at present", "spend has not been computed since"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
	if strings.Contains(got, "wrong") || strings.Contains(got, "frequency") {
		t.Errorf("%q", got)
	}
	s.happens("dan 2026-06-28 order amount=1")
	if got := strings.Join(s.findings(), "\n"); !strings.Contains(got, "frequency has not been computed since") {
		t.Errorf("%q", got)
	}
}

// bogus gives dan a value that no rule gives him.
func (s *shop) bogus() tagindex.Change {
	h, _ := s.library().Tag("frequency")
	return tagindex.Change{Slot: h.ID, Cause: tagindex.ByRepair, Sets: []tagindex.SetChange{{Value: event.Text("高频"), Entered: roaring.BitmapOf(uint32(s.id("dan")))}}}
}

func TestVerifyFindsATamperedIndex(t *testing.T) {
	s := newShop(t, frequency, buyers)
	s.compute(june)
	s.must(s.Index.Apply([]tagindex.Change{s.bogus()}, s.Index.Position()+1))
	s.holds("frequency", "ann=高频 bob=低频 dan=高频")
	got := s.findings()
	if len(got) != 3 || !strings.HasPrefix(got[0], "wrong: the index goes to change 4 of the change log, which has 3") || !strings.HasPrefix(got[1], "wrong: the index differs from the change log") ||
		!strings.HasPrefix(got[2], "wrong: frequency differs from a fresh computation") || !strings.Contains(got[2], "0 customers lack a value, 1 have one too many") {
		t.Errorf("%q", got)
	}
}

// A change log that is wrong, and an index that follows it well.
func TestVerifyFindsATamperedChangeLog(t *testing.T) {
	s := newShop(t, frequency, buyers)
	s.compute(june)
	payload, err := tagindex.Encode([]tagindex.Change{s.bogus()})
	s.must(err)
	s.must(s.DB.Tx(s.ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := s.Changes.Append(ctx, tx, stream.Entry{At: s.at(june), Kind: tagindex.EntryChanges, Count: 1, Payload: payload})
		return err
	}))
	s.must(s.Tags().CatchUp(s.ctx))
	if got := s.findings(); len(got) != 1 || !strings.HasPrefix(got[0], "wrong: frequency differs from a fresh computation") {
		t.Errorf("%q", got)
	}
	s.compute(june) // a run mends it
	s.equal("findings", s.findings(), "[]")
}

func TestVerifyHoldsHistoryAgainstTheDatabase(t *testing.T) {
	s := newShop(t, buyers)
	s.compute(june)
	s.must(s.DB.Tx(s.ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := db.NextNumber(ctx, tx, "profiles", 1); err != nil {
			return err
		}
		_, err := db.Exec(ctx, tx, "DELETE FROM identifiers WHERE value = ?", "dan")
		return err
	}))
	s.equal("findings", strings.Join(s.findings(), "\n"),
		"wrong: the history knows 4 profiles, the database gave out 5 numbers\nwrong: the database has 3 identifiers, the history 4")
}
