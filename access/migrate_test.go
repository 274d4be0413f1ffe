package access

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/pressly/goose/v3"

	"tagma/db"
)

// A data directory that an older program made, with the sources of its imports, gets what this package needs.
func TestOldDatabasesAreBroughtUpToDate(t *testing.T) {
	folder := filepath.Join("..", "db", "migrations", "sqlite")
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for newest := 1; newest <= 2; newest++ {
		dir := t.TempDir()
		old := fstest.MapFS{}
		for _, file := range files[:newest] {
			text, err := os.ReadFile(filepath.Join(folder, file.Name()))
			if err != nil {
				t.Fatal(err)
			}
			old[file.Name()] = &fstest.MapFile{Data: text}
		}
		handle, err := sql.Open("sqlite", filepath.Join(dir, db.FileName))
		if err != nil {
			t.Fatal(err)
		}
		provider, err := goose.NewProvider(goose.DialectSQLite3, handle, old, goose.WithTableName("schema_version"), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := provider.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := handle.ExecContext(t.Context(), "INSERT INTO sources (id, name, created_ms) VALUES (1, 'till', 5); INSERT INTO counters (name, next) VALUES ('sources', 1)"); err != nil {
			t.Fatal(err)
		}
		if err := handle.Close(); err != nil {
			t.Fatal(err)
		}

		f := &fixture{t: t, dir: dir, clock: &clock{at: begin}, admin: System("test")}
		f.reopen(cheap)
		first, made, err := f.Bootstrap(t.Context())
		if err != nil || !made {
			t.Fatal(made, err)
		}
		if _, err := f.SignIn(t.Context(), FirstUser, first, home); err != nil {
			t.Error(err)
		}
		if key, err := f.AddSource(t.Context(), f.admin, "till"); err != nil {
			t.Error(err)
		} else if s, err := f.SourceByKey(t.Context(), key); s != "till" || err != nil {
			t.Errorf("%q, %v", s, err)
		}
		if check := f.verify(); check.Rows != 3 || check.Broken != 0 {
			t.Errorf("%+v", check)
		}
		if err := f.d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
