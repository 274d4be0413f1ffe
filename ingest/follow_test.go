package ingest

import (
	"context"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/stream"
)

// A block of live records comes into the history through the log, with the offsets as order of arrival.
func TestReaderTakesBlocksAndLoads(t *testing.T) {
	d := newDeps(t)
	ctx := context.Background()
	file := write(t, t.TempDir(), "a.csv", "id\n1\n2\n")
	importFiles(t, d, mapped(t, d, "m.yaml", "source: s\nrows: {identify: {user_id: id}}"), file)
	first, err := d.Log.End(ctx, d.DB.Read())
	if err != nil || first != 4 {
		t.Fatalf("the log ends at %d, %v", first, err)
	}
	b := sampleBlock()
	for i := range b.Profiles {
		b.Profiles[i].Entity = 0
	}
	add := func(kind uint8, payload []byte, n uint64) {
		t.Helper()
		err := d.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
			_, err := d.Log.Append(ctx, tx, stream.Entry{At: d.Now(), Kind: kind, Count: n, Payload: payload, Live: true})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	add(EntryBlock, b.Encode(), b.Count())
	if err := catchUp(ctx, d); err != nil {
		t.Fatal(err)
	}
	got := dump(t, d.Store)
	for _, line := range []string{"offset 14, 9 profiles", `5 sms of 8 at 1970-01-01T00:00:00.014Z #9 value=true`, `1 buy of 7 at 1969-12-31T23:59:59.995Z #11 source="web" amount=12.5 tags=["a", true]`, `2 sent of 8 `, `3 city of 7 at 1970-01-01T00:00:00.012Z #7`} {
		if len(grep(got, line)) != 1 {
			t.Errorf("not there: %s\n%s", line, got)
		}
	}
	seen, err := d.Store.Seen(seenKeys(b))
	if err != nil || seen[0] == nil || string(seen[1]) != "x" {
		t.Errorf("seen %q, %v", seen, err)
	}
	add(99, []byte{1}, 1)
	if err := catchUp(ctx, d); err == nil || !strings.Contains(err.Error(), "kind 99") {
		t.Errorf("an entry of an unknown kind: %v", err)
	}
}

func TestRecoverDropsWhatWasNotCommitted(t *testing.T) {
	dir := t.TempDir()
	d, closeAll := openDir(t, dir)
	ctx := context.Background()
	staged, err := d.Store.StartLoad("load-000000000007")
	if err != nil {
		t.Fatal(err)
	}
	if err := staged.Identifier(identifierOf(0, "1")); err != nil {
		t.Fatal(err)
	}
	if err := staged.Finish(ctx); err != nil {
		t.Fatal(err)
	}
	err = d.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := db.Exec(ctx, tx, "INSERT INTO imports (id, source, file, started_ms, state) VALUES (1, 's', 'f', 0, 'running')")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	closeAll()
	d, closeAll = openDir(t, dir)
	defer closeAll()
	if got := dump(t, d.Store); !strings.HasPrefix(got, "offset 0, 0 profiles") {
		t.Errorf("the history has %s", got)
	}
	if err := d.Store.Ingest(ctx, "load-000000000007", 1); err == nil {
		t.Error("the load is still there")
	}
	var state string
	if err := d.DB.Read().QueryRowContext(ctx, "SELECT state FROM imports").Scan(&state); err != nil || state != "interrupted" {
		t.Errorf("the import is %q, %v", state, err)
	}
}
