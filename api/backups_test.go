package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tagma/access"
	"tagma/errs"
	"tagma/tag"
	"tagma/workspace"
)

// A backup by the API is what restoring takes, and the audit says who has it.
func TestBackups(t *testing.T) {
	x := newShop(t)
	for _, role := range access.Roles() {
		if role == access.Admin {
			continue
		}
		if r := x.do(request{method: "POST", path: v1 + "/backups", as: role}); r.status != 403 {
			t.Errorf("%s gets %d", role, r.status)
		}
	}
	r := x.do(request{method: "POST", path: v1 + "/backups", as: access.Admin})
	if r.status != 200 || !strings.HasPrefix(r.header.Get("Content-Disposition"), `attachment; filename="tagma-2`) {
		t.Fatalf("%d %v", r.status, r.header)
	}
	rows, err := x.may.ListAudit(context.Background(), access.AuditFilter{Action: "backup.make"}, 0, 10)
	x.must(err)
	if len(rows) != len(access.Roles()) || rows[0].Outcome != access.Done || rows[0].Actor != "admin" || rows[1].Outcome != access.Refused {
		t.Errorf("the audit has %+v", rows)
	}
	file, dir := filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "restored")
	x.must(os.WriteFile(file, r.body, 0o600))
	_, err = workspace.Restore(context.Background(), file, dir, nil)
	x.must(err)
	w, err := workspace.Open(context.Background(), dir, workspace.Options{})
	x.must(err)
	defer func() { x.must(w.Close()) }()
	findings, err := tag.Verify(context.Background(), w.Tags())
	x.must(err)
	for _, f := range findings {
		if f.Wrong {
			t.Error(f.What)
		}
	}
}

// cutting takes some bytes of an answer, and then its client is gone.
type cutting struct {
	*httptest.ResponseRecorder
	left int
}

func (c *cutting) Write(b []byte) (int, error) {
	if c.left -= len(b); c.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return c.ResponseRecorder.Write(b)
}

// A download that breaks off is broken off for the client too, can be told from a whole one, and another can be begun.
func TestABackupThatBreaksOff(t *testing.T) {
	x := newShop(t)
	r := httptest.NewRequest("POST", v1+"/backups", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+x.tokens[access.Admin])
	w := &cutting{httptest.NewRecorder(), 3000}
	func() {
		defer func() {
			if cause := recover(); cause != http.ErrAbortHandler {
				t.Errorf("the handler ended with %v", cause)
			}
		}()
		x.h.ServeHTTP(w, r)
	}()
	file := filepath.Join(t.TempDir(), "half")
	x.must(os.WriteFile(file, w.Body.Bytes(), 0o600))
	if _, err := workspace.CheckBackup(context.Background(), file, nil); !errs.Is(err, errs.Invalid) {
		t.Errorf("half a backup: %v", err)
	}
	if r := x.do(request{method: "POST", path: v1 + "/backups", as: access.Admin}); r.status != 200 || bytes.Equal(r.body, w.Body.Bytes()) {
		t.Errorf("the next one: %d", r.status)
	}
}
