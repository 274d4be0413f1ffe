package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// state is everything that an import could change, of the database and the history.
func state(t *testing.T, d Deps) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(dump(t, d.Store))
	for _, table := range []string{"identifiers", "identifier_kinds", "event_log", "counters", "sources", "imports"} {
		n := 0
		if err := d.DB.Read().QueryRowContext(context.Background(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %d\n", table, n)
	}
	return b.String()
}

// A dry run says what the import then does, row for row, over several files and chunks, and changes nothing.
func TestADryRun(t *testing.T) {
	ctx := context.Background()
	d := newDeps(t)
	dir := t.TempDir()
	m := mapped(t, d, "m.yaml", shopMapping)
	own := mapped(t, d, "own.yaml", `
source: own
rows:
  identify: {user_id: customer, loyalty: phone}
  events: [{name: line, time: {from: date, layout: 'yyyy-MM-dd HH:mm:ss'}, message_id: '=row.invoice + row.sku'}]
`)
	first := write(t, dir, "a.csv", shopHead+shopRows)
	second := write(t, dir, "b.csv", shopHead+shopRows+"9,B,1,2020-07-06 12:00:00,20,138,UK,,\n9,B,1,2020-07-06 12:00:00,20,,UK,,\n10,B,1,2020-07-06 12:00:00,21,138,UK,,\n")
	for _, step := range []struct {
		m     *Mapping
		files []string
		rows  int
	}{{m, []string{first}, 3}, {m, []string{first}, 3}, {m, []string{first, second}, 1}, {own, []string{second, first}, 2}, {own, []string{first}, 200}} {
		before := state(t, d)
		var wouldRefuse, refused strings.Builder
		dry, err := Import(ctx, d, step.m, step.files, Options{DryRun: true, Rejects: &wouldRefuse, chunkRows: step.rows})
		if err != nil {
			t.Fatal(err)
		}
		if after := state(t, d); after != before {
			t.Fatalf("a dry run changed\n%s\ninto\n%s", before, after)
		}
		real, err := Import(ctx, d, step.m, step.files, Options{Rejects: &refused, chunkRows: step.rows})
		if err != nil {
			t.Fatal(err)
		}
		if !dry.DryRun || real.DryRun {
			t.Error("which was the dry run?")
		}
		dry.DryRun = false
		if !reflect.DeepEqual(dry, real) || wouldRefuse.String() != refused.String() {
			t.Errorf("a dry run said\n%+v\n%s\nthe import\n%+v\n%s", dry, wouldRefuse.String(), real, refused.String())
		}
	}
}

// cut is a packed file whose end is missing: what stands before it can be read.
func cut(t *testing.T, dir, name string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	text := shopHead
	for i := range 5000 {
		text += fmt.Sprintf("%d,A,%d,2020-07-01 10:00:00,c%d,,UK,30,tea\n", i, i*i*7919%1000, i)
	}
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return write(t, dir, name, string(b.Bytes()[:b.Len()/2]))
}

func TestADryRunOfWhatBreaksOff(t *testing.T) {
	d := newDeps(t)
	m := mapped(t, d, "m.yaml", shopMapping)
	file := cut(t, t.TempDir(), "a.csv.gz")
	before := state(t, d)
	r, err := Import(context.Background(), d, m, []string{file}, Options{DryRun: true})
	if err == nil || !strings.Contains(err.Error(), "the rows before it would be taken") || r.Accepted == 0 {
		t.Errorf("%v %+v", err, r)
	}
	if _, err = Import(context.Background(), d, m, []string{file + ".none"}, Options{DryRun: true}); err == nil {
		t.Error("a file that is not there was read")
	}
	if state(t, d) != before {
		t.Error("something was changed")
	}
}

func TestImportsAreListed(t *testing.T) {
	ctx := context.Background()
	d := newDeps(t)
	dir := t.TempDir()
	m := mapped(t, d, "m.yaml", shopMapping)
	a, b := write(t, dir, "a.csv", shopHead+shopRows), cut(t, dir, "b.csv.gz")
	if _, err := Import(ctx, d, m, []string{a, b}, Options{By: "li", Upload: "u1"}); err == nil {
		t.Fatal("the second file is not whole")
	}
	cancelled, cancel := context.WithCancel(ctx)
	if _, err := Import(cancelled, d, m, []string{b}, Options{chunkRows: 10, Progress: func(Progress) { cancel() }}); err == nil {
		t.Fatal("it was cancelled")
	}
	importFiles(t, d, m, a)
	list, err := Imports(ctx, d.DB.Read(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range list {
		if n.Finished != testClock || n.Started != testClock || (n.Problem != "") != (n.State == Incomplete) {
			t.Errorf("%+v", n)
		}
		got = append(got, fmt.Sprintf("%d %s %s %s by %q of %q: %d refused, some taken %v", n.Number, n.File[len(dir)+1:], n.Source, n.State, n.By, n.Upload, n.Report.Refused, n.Report.Accepted > 0))
	}
	want := []string{`4 a.csv shop finished by "" of "": 4 refused, some taken false`, `3 b.csv.gz shop interrupted by "" of "": 0 refused, some taken false`,
		`2 b.csv.gz shop incomplete by "li" of "u1": 0 refused, some taken true`, `1 a.csv shop finished by "li" of "u1": 4 refused, some taken true`}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if list, err := Imports(ctx, d.DB.Read(), 3, 1); err != nil || len(list) != 1 || list[0].Number != 2 {
		t.Errorf("below 3: %+v %v", list, err)
	}
}
