package access

import (
	"strings"
	"sync"
	"testing"

	"tagma/errs"
)

func TestWriteKeys(t *testing.T) {
	f := open(t)
	boss := f.user("boss", Admin).Actor
	source := func(key, want string) {
		t.Helper()
		got, err := f.SourceByKey(t.Context(), key)
		if want != "" && (got != want || err != nil) {
			t.Errorf("%s is the key of %q, %v; want %q", key, got, err, want)
		}
		if want == "" {
			wantError(t, err, errs.Unauthorized, "write key")
		}
	}
	for _, forged := range []string{"", "wk_", newSecret(keyBytes), "a\x00\xff"} {
		source(forged, "")
	}
	first, err := f.AddSource(t.Context(), boss, " 网站 ")
	if err != nil || !strings.HasPrefix(first, WriteKeyPrefix) || len(first) != len(WriteKeyPrefix)+32 {
		t.Fatal(first, err)
	}
	source(first, "网站")
	_, err = f.AddSource(t.Context(), boss, "网站")
	wantError(t, err, errs.Conflict, `there is a source "网站" already`, "add a key")
	_, err = f.AddSource(t.Context(), boss, "a\nb")
	wantError(t, err, errs.Invalid, "name: ", "control character")
	_, err = f.AddKey(t.Context(), boss, "nowhere")
	wantError(t, err, errs.NotFound, `there is no source "nowhere"`)

	// The keys are changed: both hold until the old one is revoked.
	next, err := f.AddKey(t.Context(), boss, "网站")
	if err != nil {
		t.Fatal(err)
	}
	source(first, "网站")
	source(next, "网站")
	if err := f.RevokeKey(t.Context(), boss, 1); err != nil {
		t.Fatal(err)
	}
	source(first, "")
	source(next, "网站")
	f.clock.add(hour)
	if err := f.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.reopen(cheap)
	source(first, "")
	source(next, "网站")
	all, err := f.ListSources(t.Context(), "", 0)
	if err != nil || len(all) != 1 || len(all[0].Keys) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	old, now := all[0].Keys[0], all[0].Keys[1]
	if old.Revoked != begin || old.Used != begin || now.Revoked != 0 || now.Used != begin+hour || now.Masked != "wk_…"+next[len(next)-4:] {
		t.Errorf("%+v", all[0].Keys)
	}
	if shown, err := f.ShowKey(t.Context(), boss, now.ID); shown != next || err != nil {
		t.Errorf("%q, %v", shown, err)
	}
	_, err = f.ShowKey(t.Context(), boss, 9)
	wantError(t, err, errs.NotFound, "there is no write key 9")
	wantError(t, f.RevokeKey(t.Context(), boss, 9), errs.NotFound)

	if n, err := f.RevokeKeys(t.Context(), boss, "网站"); n != 1 || err != nil {
		t.Errorf("%d revoked, %v", n, err)
	}
	source(next, "")
	third, err := f.AddSource(t.Context(), boss, "网站")
	if err != nil {
		t.Fatalf("a source without keys gets none: %v", err)
	}
	source(third, "网站")
	const want = "source.add; source.key.revoke; source.key.show; source.key.revoke; source.key.add; source.add"
	rows, err := f.ListAudit(t.Context(), AuditFilter{Kind: "source", Object: "网站"}, 0, 0)
	var got []string
	for _, r := range rows {
		got = append(got, r.Action)
	}
	if strings.Join(got, "; ") != want || err != nil {
		t.Errorf("the audit says %s, %v; want %s", strings.Join(got, "; "), err, want)
	}
	if n := f.count("SELECT COUNT(*) FROM audit_bodies WHERE instr(COALESCE(before_json, '') || COALESCE(after_json, ''), '" + third + "')"); n != 0 {
		t.Error("a whole key is in the audit")
	}
}

func TestASourceOfAnImportGetsAKey(t *testing.T) {
	f := open(t)
	f.raw("INSERT INTO sources (id, name, created_ms) VALUES (1, 'shop-till', 5), (2, 'b', 6)")
	f.raw("INSERT INTO counters (name, next) VALUES ('sources', 2)")
	key, err := f.AddSource(t.Context(), f.admin, "shop-till")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.AddSource(t.Context(), f.admin, "web"); err != nil {
		t.Fatal(err)
	}
	if s, err := f.SourceByKey(t.Context(), key); s != "shop-till" || err != nil {
		t.Errorf("%q, %v", s, err)
	}
	all, err := f.ListSources(t.Context(), "b", 1)
	if err != nil || len(all) != 1 || all[0].Name != "shop-till" || all[0].Created != 5 || len(all[0].Keys) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	if n := f.count("SELECT COUNT(*) FROM sources"); n != 3 {
		t.Errorf("%d sources", n)
	}
}

// A key that was revoked is not taken from then on, however much is asked meanwhile.
func TestARevokedKeyIsForgottenAtOnce(t *testing.T) {
	f := open(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = f.SourceByKey(t.Context(), "wk_none")
				}
			}
		})
	}
	for i := range 20 {
		name := string(rune('a' + i))
		key, err := f.AddSource(t.Context(), f.admin, name)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := f.SourceByKey(t.Context(), key); s != name || err != nil {
			t.Errorf("%q, %v", s, err)
		}
		if _, err := f.RevokeKeys(t.Context(), f.admin, name); err != nil {
			t.Fatal(err)
		}
		if s, err := f.SourceByKey(t.Context(), key); err == nil {
			t.Errorf("the key of %s is still taken", s)
		}
	}
	close(stop)
	wg.Wait()
}
