package ingest

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"tagma/warehouse"
	"testing"

	"tagma/db"
	"tagma/event"
	"tagma/identity"
	"tagma/stream"
	"tagma/warehouse/pebble"
)

// testClock is what the tests' Now tells.
const testClock = event.Time(1_800_000_000_000)

// shanghai is the workspace's zone in tests.
func shanghai(t testing.TB) *event.Zone {
	t.Helper()
	z, err := event.LoadZone("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// openDir opens a data directory's database and history, recovered.
func openDir(t testing.TB, dir string) (Deps, func()) {
	t.Helper()
	d, closeAll, err := openDeps(dir)
	if err != nil {
		t.Fatal(err)
	}
	if d.Zone = shanghai(t); d.Zone == nil {
		t.Fatal("no zone")
	}
	return d, func() {
		if err := closeAll(); err != nil {
			t.Error(err)
		}
	}
}

func openDeps(dir string) (Deps, func() error, error) {
	ctx := context.Background()
	base, err := db.Open(ctx, dir)
	if err != nil {
		return Deps{}, nil, err
	}
	store, err := pebble.Open(filepath.Join(dir, "warehouse"), pebble.Options{})
	if err != nil {
		return Deps{}, nil, err
	}
	d := Deps{DB: base, Log: stream.EventLog(base), Store: store, Identities: identity.NewResolver(), Now: func() event.Time { return testClock }}
	closeAll := func() error {
		if err := store.Close(); err != nil {
			return err
		}
		return base.Close()
	}
	return d, closeAll, Recover(ctx, d)
}

// newDeps opens a fresh data directory that goes away with the test.
func newDeps(t testing.TB) Deps {
	d, closeAll := openDir(t, t.TempDir())
	t.Cleanup(closeAll)
	return d
}

// sharedData finds the folder of real files beside the repository, or skips the test.
func sharedData(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("the repository's root was not found")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(filepath.Dir(dir), "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the real data is not here: %s", path)
	}
	return path
}

// write makes a file in the test's folder.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// dump writes all that the history holds, one row a line.
func dump(t testing.TB, store warehouse.Store) string {
	t.Helper()
	return dumpTo(t, store, math.MaxUint32)
}

// dumpTo is dump for the profiles below a number, by blocks.
func dumpTo(t testing.TB, store warehouse.Store, to uint32) string {
	t.Helper()
	s, err := store.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var b strings.Builder
	fmt.Fprintf(&b, "offset %d, %d profiles\n", s.Offset(), s.Profiles())
	to = min(to, s.Profiles())
	for p := event.ProfileID(0); uint32(p) < to; p++ {
		fmt.Fprintf(&b, "profile %d %+v\n", p, s.Profile(p))
	}
	for _, series := range s.Series() {
		columns := []string{warehouse.ValueColumn}
		if series.Kind == warehouse.Events || series.Kind == warehouse.SystemEvents {
			columns = []string{warehouse.SourceColumn}
			for _, p := range series.Properties {
				if p.Name != warehouse.SourceColumn {
					columns = append(columns, p.Name)
				}
			}
			sort.Strings(columns[1:])
		}
		r, err := s.Reader(warehouse.Request{Series: []warehouse.SeriesRequest{{Kind: series.Kind, Name: series.Name, Columns: columns,
			Arrivals: series.Kind != warehouse.Identifiers}}})
		if err != nil {
			t.Fatal(err)
		}
		for n := uint32(0); n*warehouse.BlockSize < to; n++ {
			var block warehouse.Block
			if err := r.Blocks(n, 1, &block); err != nil {
				t.Fatal(err)
			}
			table := &block.Tables[0]
			for row := range table.Rows() {
				fmt.Fprintf(&b, "%d %s of %d", series.Kind, series.Name, uint32(block.First)+uint32(table.Owner[row]))
				if series.Kind != warehouse.Identifiers {
					fmt.Fprintf(&b, " at %s #%d", table.Times[row], table.Arrivals[row])
				}
				for c, parts := range table.Columns {
					for k := range parts {
						if v := parts[k].Value(row); v.Present() {
							fmt.Fprintf(&b, " %s=%s", strings.TrimPrefix(columns[c], "\x00"), v)
						}
					}
				}
				b.WriteByte('\n')
			}
		}
		r.Close()
	}
	return b.String()
}

// grep returns the lines of a dump that contain a text, sorted.
func grep(dump, text string) []string {
	var out []string
	for _, line := range strings.Split(dump, "\n") {
		if strings.Contains(line, text) {
			out = append(out, line)
		}
	}
	sort.Strings(out)
	return out
}

// mapped parses a mapping that must be good. The path places its tables.
func mapped(t testing.TB, d Deps, path, text string) *Mapping {
	t.Helper()
	m, err := ParseMapping(path, []byte(text), d.Zone)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// importFiles imports and wants no error.
func importFiles(t testing.TB, d Deps, m *Mapping, files ...string) Report {
	t.Helper()
	r, err := Import(context.Background(), d, m, files, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
