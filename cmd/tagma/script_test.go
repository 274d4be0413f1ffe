package main

import (
	"compress/gzip"
	"database/sql"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	pdb "github.com/cockroachdb/pebble/v2"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/xuri/excelize/v2"

	"tagma/db"
)

// TestMain lets this binary be the program as well: a process called tagma runs main.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tagma": main})
}

// TestScripts runs testdata/script. Begin with one_event.txtar: it follows one event through the whole program.
// After a change of what the program prints, `TAGMA_UPDATE_SCRIPTS=1 go test ./cmd/tagma -run Scripts` writes the new output into
// the scripts; read the difference before you keep it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("TAGMA_UPDATE_SCRIPTS") != "",
		Condition:     scriptCondition,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": cmdExits, "gzip": cmdGzip, "shorten": cmdShorten, "xlsx": cmdXLSX,
			"hold": cmdHold, "sql": cmdSQL, "warehouse-format": cmdWarehouseFormat,
		},
	})
}

// scriptCondition: [smalldisk] says whether a disk of a few megabytes can be mounted for the test alone.
func scriptCondition(name string) (bool, error) {
	if name != "smalldisk" {
		return false, errors.New("unknown condition " + name)
	}
	return exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", os.TempDir()).Run() == nil, nil
}

// need fails the script when a command is used otherwise than as said.
func need(ts *testscript.TestScript, neg bool, ok bool, usage string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

// cmdExits runs a program that must end with this exit code.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) >= 2, "exits CODE PROGRAM ARG…")
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit := (*exec.ExitError)(nil)
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// cmdGzip compresses FILE into FILE.gz.
func cmdGzip(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 1, "gzip FILE")
	f, err := os.Create(ts.MkAbs(args[0] + ".gz"))
	ts.Check(err)
	w := gzip.NewWriter(f)
	_, err = io.WriteString(w, ts.ReadFile(args[0]))
	ts.Check(errors.Join(err, w.Close(), f.Close()))
}

// cmdShorten cuts bytes off the end of a file.
func cmdShorten(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "shorten FILE BYTES")
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), info.Size()-n))
}

// cmdXLSX makes a workbook of a CSV file: cells that look like numbers become numbers.
func cmdXLSX(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "xlsx IN.csv OUT.xlsx")
	rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[0]))).ReadAll()
	ts.Check(err)
	book := excelize.NewFile()
	for i, row := range rows {
		for k, cell := range row {
			at, err := excelize.CoordinatesToCellName(k+1, i+1)
			ts.Check(err)
			if n, err := strconv.ParseFloat(cell, 64); err == nil {
				ts.Check(book.SetCellValue("Sheet1", at, n))
			} else {
				ts.Check(book.SetCellValue("Sheet1", at, cell))
			}
		}
	}
	ts.Check(errors.Join(book.SaveAs(ts.MkAbs(args[1])), book.Close()))
}

// cmdHold keeps a data directory in use, by this process, until the script ends.
func cmdHold(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 1, "hold DIR")
	lock, err := db.LockDir(ts.MkAbs(args[0]), 1)
	ts.Check(err)
	ts.Setenv("HOLDER", strconv.Itoa(os.Getpid()))
	ts.Defer(func() { _ = lock.Unlock() })
}

// cmdSQL runs a statement on the database of a data directory.
func cmdSQL(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "sql DIR STATEMENT")
	d, err := sql.Open("sqlite", filepath.Join(ts.MkAbs(args[0]), db.FileName))
	ts.Check(err)
	_, err = d.Exec(args[1])
	ts.Check(errors.Join(err, d.Close()))
}

// cmdWarehouseFormat writes a number where the history of a data directory keeps the version of its layout.
func cmdWarehouseFormat(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "warehouse-format DIR NUMBER")
	n, err := strconv.ParseUint(args[1], 10, 64)
	ts.Check(err)
	d, err := pdb.Open(filepath.Join(ts.MkAbs(args[0]), "warehouse", "blocks"), &pdb.Options{
		FormatMajorVersion: pdb.FormatNewest, Logger: quiet{},
		Merger: &pdb.Merger{Name: "tagma.1", Merge: pdb.DefaultMerger.Merge},
	})
	ts.Check(err)
	key := metaFormatKey(ts, d)
	ts.Check(errors.Join(d.Set(key, binary.AppendUvarint(nil, n), pdb.Sync), d.Close()))
}

// metaFormatKey is the key of the version: two bytes, the second an a. A change of the layout would show here.
func metaFormatKey(ts *testscript.TestScript, d *pdb.DB) []byte {
	it, err := d.NewIter(nil)
	ts.Check(err)
	var key []byte
	for ok := it.First(); ok; ok = it.Next() {
		if k := it.Key(); len(k) == 2 && k[1] == 'a' {
			key = append(key, k...)
			break
		}
	}
	ts.Check(it.Close())
	if key == nil {
		ts.Fatalf("the history has no version")
	}
	return key
}

// quiet is a logger that says nothing.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, _ ...any) {
	panic(format)
}
