package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
)

// fill writes n rows, every second with a before and an after.
func (f *fixture) fill(n int) {
	f.t.Helper()
	err := f.tx(func(ctx context.Context, tx bun.Tx) error {
		for i := range n {
			e := Entry{By: Actor{Kind: UserActor, Name: "li", Role: Manager, Origin: home}, Action: "tag.change", Kind: "tag", Object: fmt.Sprintf("tag%d", i)}
			if i%2 == 1 {
				e.Before, e.After = map[string]int{"version": i}, json.RawMessage(`{"phone":"13800138000"}`)
			}
			if err := f.Record(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) verify() AuditCheck {
	f.t.Helper()
	check, err := f.VerifyAudit(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return check
}

func TestTheAuditIsInOrder(t *testing.T) {
	f := open(t)
	if check := f.verify(); check != (AuditCheck{}) {
		t.Errorf("an empty one: %+v", check)
	}
	f.fill(3)
	head := f.verify().Head
	f.reopen(cheap)
	f.fill(3)
	if check := f.verify(); check.Rows != 6 || check.Broken != 0 || check.Head == head || len(check.Head) != 64 {
		t.Errorf("%+v", check)
	}
	undone := errors.New("undone")
	err := f.tx(func(ctx context.Context, tx bun.Tx) error {
		return errors.Join(f.Record(ctx, tx, Entry{By: f.admin, Action: "x"}), undone)
	})
	if !errors.Is(err, undone) {
		t.Fatal(err)
	}
	if check := f.verify(); check.Rows != 6 || check.Broken != 0 {
		t.Errorf("after what was undone: %+v", check)
	}
	err = f.tx(func(ctx context.Context, tx bun.Tx) error {
		return f.Record(ctx, tx, Entry{By: f.admin, Action: "x", After: func() {}})
	})
	if err == nil || !strings.Contains(err.Error(), "audit of x") {
		t.Errorf("what is no JSON: %v", err)
	}
}

// Everything that somebody with an editor for the file can do is found, at the first row that was touched.
func TestTamperingIsFound(t *testing.T) {
	free := []string{"DROP TRIGGER audit_stays", "DROP TRIGGER audit_remains", "DROP TRIGGER audit_bodies_stay", "DROP TRIGGER audit_bodies_remain", "PRAGMA foreign_keys = 0"}
	for _, c := range []struct {
		change string
		broken uint64
		why    string
	}{
		{"UPDATE audit SET actor = 'wang' WHERE id = 4", 4, "not what was written"},
		{"UPDATE audit SET at_ms = at_ms + 1 WHERE id = 1", 1, "not what was written"},
		{"UPDATE audit SET actor_kind = 'token' WHERE id = 2", 2, ""},
		{"UPDATE audit SET ip = '' WHERE id = 2", 2, ""},
		{"UPDATE audit SET user_agent = '' WHERE id = 2", 2, ""},
		{"UPDATE audit SET action = 'tag.delete' WHERE id = 2", 2, ""},
		{"UPDATE audit SET object_kind = 'segment' WHERE id = 2", 2, ""},
		{"UPDATE audit SET object = 'tag9' WHERE id = 2", 2, ""},
		{"UPDATE audit SET outcome = 'refused' WHERE id = 2", 2, ""},
		{"UPDATE audit SET digest = NULL WHERE id = 4", 4, ""},
		{"UPDATE audit SET digest = zeroblob(32) WHERE id = 3", 3, ""},
		{"UPDATE audit SET hash = zeroblob(32) WHERE id = 5", 5, ""},
		{"UPDATE audit SET object_kind = 'tagt', object = 'ag1' WHERE id = 2", 2, ""}, // the same letters in a row
		{"UPDATE audit SET id = 100 WHERE id = 5", 5, "missing"},
		{"DELETE FROM audit WHERE id = 1", 1, "missing"},
		{"DELETE FROM audit WHERE id = 5", 5, "missing"},
		{"DELETE FROM audit WHERE id >= 5", 5, "missing: 6 rows were written"},
		{"DELETE FROM audit", 1, "missing: 6 rows were written"},
		{"INSERT INTO audit SELECT 7, at_ms, actor_kind, actor, ip, user_agent, action, object_kind, object, outcome, digest, hash FROM audit WHERE id = 1", 7, "not what was written"},
		{"UPDATE audit_bodies SET after_json = '{}' WHERE audit = 4", 4, "before or after is not what was written"},
		{"UPDATE audit_bodies SET before_json = NULL WHERE audit = 4", 4, "before or after"},
		{"UPDATE audit_bodies SET before_json = after_json, after_json = before_json WHERE audit = 4", 4, "before or after"},
		{"UPDATE audit_bodies SET salt = zeroblob(32) WHERE audit = 4", 4, "before or after"},
		{"UPDATE audit_bodies SET cleared_ms = 1 WHERE audit = 4", 4, "put back"},
		{"DELETE FROM audit_bodies WHERE audit = 4", 4, "missing"},
		{"INSERT INTO audit_bodies (audit, after_json) VALUES (3, '{}')", 3, "was not written with it"},
	} {
		f := open(t)
		f.fill(6)
		f.raw(strings.Join(append(free, c.change), ";"))
		if check := f.verify(); check.Broken != c.broken || check.Rows != c.broken-1 || !strings.Contains(check.Why, c.why) {
			t.Errorf("%s: %+v, want row %d, %q", c.change, check, c.broken, c.why)
		}
		// The program goes on, and the place stays visible.
		if c.broken < 7 {
			f.fill(1)
			if check := f.verify(); check.Broken != c.broken {
				t.Errorf("%s: afterwards %+v, want row %d", c.change, check, c.broken)
			}
		}
		if err := f.d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Whoever alters a row and makes its hash anew is found at the row after it.
func TestRowsHangTogether(t *testing.T) {
	f := open(t)
	f.fill(3)
	rows, err := f.ListAudit(t.Context(), AuditFilter{}, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var previous []byte
	if err := f.d.Read().QueryRowContext(t.Context(), "SELECT hash FROM audit WHERE id = 1").Scan(&previous); err != nil {
		t.Fatal(err)
	}
	forged := rows[1]
	forged.Actor = "wang"
	f.raw("DROP TRIGGER audit_stays")
	f.raw("UPDATE audit SET actor = ?, hash = ? WHERE id = 2", forged.Actor, forged.hash(previous))
	if check := f.verify(); check.Broken != 3 || !strings.Contains(check.Why, "does not follow the row before") {
		t.Errorf("%+v", check)
	}
}

func TestTheAuditIsAppendOnly(t *testing.T) {
	f := open(t)
	f.fill(2)
	for _, change := range []string{
		"UPDATE audit SET actor = 'x'", "DELETE FROM audit", "DELETE FROM audit_bodies", "UPDATE audit_bodies SET after_json = '{}'", "UPDATE audit_bodies SET salt = NULL, cleared_ms = 1",
		"UPDATE audit_bodies SET audit = 1, salt = NULL, before_json = NULL, after_json = NULL, cleared_ms = 1",
	} {
		err := f.tx(func(ctx context.Context, tx bun.Tx) error {
			_, err := db.Exec(ctx, tx, change)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "rows of audit") {
			t.Errorf("%s: %v", change, err)
		}
	}
	if check := f.verify(); check.Rows != 2 || check.Broken != 0 {
		t.Errorf("%+v", check)
	}
}

func TestBodiesAreClearedWithoutTouchingARow(t *testing.T) {
	f := open(t)
	f.fill(6)
	head := f.verify().Head
	clear := func(by Actor, ids ...uint64) (n int, err error) {
		err = f.tx(func(ctx context.Context, tx bun.Tx) error {
			n, err = f.ClearAudit(ctx, tx, by, ids...)
			return err
		})
		return n, err
	}
	_, err := clear(Actor{Kind: UserActor, Name: "li", Role: Manager}, 2)
	wantError(t, err, errs.Forbidden)
	if n, err := clear(f.admin, 1, 2, 4, 4, 99); n != 2 || err != nil {
		t.Fatalf("%d cleared, %v", n, err)
	}
	if n, err := clear(f.admin, 2); n != 0 || err != nil {
		t.Errorf("%d cleared again, %v", n, err)
	}
	r, b, err := f.AuditEntry(t.Context(), 4)
	if err != nil || !r.HasBodies() || b.Before != nil || b.After != nil || b.Cleared != begin || r.Object != "tag3" {
		t.Errorf("%+v %+v %v", r, b, err)
	}
	if _, b, err := f.AuditEntry(t.Context(), 6); err != nil || string(b.After) != `{"phone":"13800138000"}` || string(b.Before) != `{"version":5}` || b.Cleared != 0 {
		t.Errorf("%+v %v", b, err)
	}
	check := f.verify()
	if check.Rows != 7 || check.Broken != 0 || check.Cleared != 2 || check.Head == head {
		t.Errorf("%+v", check)
	}
	if n := f.count("SELECT COUNT(*) FROM audit_bodies WHERE audit IN (2, 4) AND salt IS NULL"); n != 2 {
		t.Error("the salt is left, with which the cleared could be guessed")
	}
	if _, b, err := f.AuditEntry(t.Context(), 7); err != nil || string(b.After) != `{"rows":[2,4]}` {
		t.Errorf("%s, %v", b.After, err)
	}
	// Clearing an id that was cleared, and back again, is seen.
	f.raw("DROP TRIGGER audit_bodies_stay; UPDATE audit_bodies SET after_json = '{}' WHERE audit = 4")
	if check := f.verify(); check.Broken != 4 {
		t.Errorf("%+v", check)
	}
}

func TestTheAuditIsAsked(t *testing.T) {
	f := open(t)
	f.fill(4)
	f.clock.add(day)
	f.user("wang", Operator)
	ask := func(a AuditFilter, before uint64, limit int) string {
		t.Helper()
		rows, err := f.ListAudit(t.Context(), a, before, limit)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, r := range rows {
			out = append(out, fmt.Sprint(r.ID))
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct {
		f      AuditFilter
		before uint64
		limit  int
		want   string
	}{
		{AuditFilter{}, 0, 0, "7 6 5 4 3 2 1"}, {AuditFilter{}, 0, 3, "7 6 5"}, {AuditFilter{}, 5, 3, "4 3 2"}, {AuditFilter{}, 1, 3, ""},
		{AuditFilter{Actor: "li"}, 0, 0, "4 3 2 1"}, {AuditFilter{ActorKind: UserActor, Actor: "wang"}, 0, 0, "7 6"}, {AuditFilter{ActorKind: SystemActor}, 0, 0, "5"},
		{AuditFilter{Action: "user."}, 0, 0, "7 5"}, {AuditFilter{Action: "user"}, 0, 0, ""}, {AuditFilter{Action: "user.password"}, 0, 0, "7"},
		{AuditFilter{Kind: "tag", Object: "tag2"}, 0, 0, "3"}, {AuditFilter{From: begin + 1}, 0, 0, "7 6 5"}, {AuditFilter{Until: begin + 1}, 0, 2, "4 3"},
		{AuditFilter{Outcome: Refused}, 0, 0, ""}, {AuditFilter{Outcome: Done, Kind: "user", From: begin}, 7, 1, "6"}, {AuditFilter{Object: "'; DROP TABLE audit; --\x00\xff"}, 0, 0, ""},
	} {
		if got := ask(c.f, c.before, c.limit); got != c.want {
			t.Errorf("%+v before %d: %q, want %q", c.f, c.before, got, c.want)
		}
	}
	rows, err := f.ListAudit(t.Context(), AuditFilter{Object: "tag0"}, 0, 0)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	want := AuditRow{ID: 1, At: begin, ActorKind: UserActor, Actor: "li", Origin: home, Action: "tag.change", Kind: "tag", Object: "tag0", Outcome: Done}
	if got := fmt.Sprintf("%+v", rows[0]); got != fmt.Sprintf("%+v", want) {
		t.Errorf("%s, want %+v", got, want)
	}
	_, _, err = f.AuditEntry(t.Context(), 99)
	wantError(t, err, errs.NotFound, "no row 99")
}

func TestWhatComesFromOutsideIsTidied(t *testing.T) {
	f := open(t)
	from := Origin{IP: strings.Repeat("1", 1000), UserAgent: "a\x00\r\nb\xff" + strings.Repeat("语", 1000)}
	_, err := f.SignIn(t.Context(), "nobody", "x", from)
	wantError(t, err, errs.Unauthorized)
	rows, err := f.ListAudit(t.Context(), AuditFilter{}, 0, 0)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	if o := rows[0].Origin; len(o.IP) != maxIP || len(o.UserAgent) > maxAgent || !strings.HasPrefix(o.UserAgent, "a   b�语") || !strings.HasSuffix(o.UserAgent, "语") {
		t.Errorf("%q", o)
	}
	if check := f.verify(); check.Broken != 0 {
		t.Errorf("%+v", check)
	}
}

func BenchmarkVerifyAudit(b *testing.B) {
	f := open(b)
	const rows = 20_000
	f.fill(rows)
	for b.Loop() {
		if check := f.verify(); check.Rows != rows {
			b.Fatal(check)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}

func BenchmarkBySession(b *testing.B) {
	f := open(b)
	in := f.user("li", Viewer)
	for b.Loop() {
		if _, err := f.BySession(b.Context(), in.Session, home); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSourceByKey(b *testing.B) {
	f := open(b)
	key, err := f.AddSource(b.Context(), f.admin, "web")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := f.SourceByKey(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
}
