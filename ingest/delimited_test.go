package ingest

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
)

type nothingToClose struct{}

func (nothingToClose) Close() error { return nil }

// readAll reads a text to its end: the good rows with their numbers and lines, and the bad ones.
func readAll(t testing.TB, in io.Reader, delim byte, columns []string) (rows [][]string, lines []int64, bad []BadRow, err error) {
	t.Helper()
	d, err := newDelimited(in, nothingToClose{}, delim, columns)
	if err != nil {
		return nil, nil, nil, err
	}
	for {
		r, err := d.next()
		if err != nil {
			return rows, lines, bad, err
		}
		for i := range r.N {
			rows = append(rows, r.written(i))
			lines = append(lines, r.Line[i])
		}
		bad = append(bad, r.Bad...)
	}
}

func TestDelimited(t *testing.T) {
	for _, c := range []struct {
		name, text string
		delim      byte
		columns    []string
		rows       [][]string
		lines      []int64
		bad        []string // line: reason
	}{
		{name: "plain", text: "a,b\n1,2\n3,4\n", rows: [][]string{{"1", "2"}, {"3", "4"}}, lines: []int64{2, 3}},
		{name: "no last line end", text: "a,b\n1,2\n3,", rows: [][]string{{"1", "2"}, {"3", ""}}, lines: []int64{2, 3}},
		{name: "CRLF and blank lines", text: "a,b\r\n\r\n1,2\r\n\n\"x\",\"y\"\r\n", rows: [][]string{{"1", "2"}, {"x", "y"}}, lines: []int64{3, 5}},
		{name: "quoted newlines and quotes", text: "a,b\n\"1\r\n\"\"2\"\"\",z\n3,4\n", rows: [][]string{{"1\n\"2\"", "z"}, {"3", "4"}}, lines: []int64{2, 4}},
		{name: "a quote inside a cell", text: "a,b\n5\" pipe,2\n", rows: [][]string{{"5\" pipe", "2"}}, lines: []int64{2}},
		{name: "ragged", text: "a,b\n1\n1,2\n1,2,3\n4,5\n", rows: [][]string{{"1", "2"}, {"4", "5"}}, lines: []int64{3, 5},
			bad: []string{"2: the row has 1 cell, but there are 2 columns", "4: the row has 3 cells, but there are 2 columns"}},
		{name: "text after a quote", text: "a,b\n\"x\"y,2\n1,2\n", rows: [][]string{{"1", "2"}}, lines: []int64{3}, bad: []string{"2: " + reasonAfterQuote}},
		{name: "a quote that swallows the next row", text: "a,b\n1,\"abc\n2,\"d\"\n3,4\n", rows: [][]string{{"2", "d"}, {"3", "4"}}, lines: []int64{3, 4}, bad: []string{"2: " + reasonAfterQuote}},
		{name: "a quote never closed", text: "a,b\n1,\"abc\n2,3\n", rows: [][]string{{"2", "3"}}, lines: []int64{3}, bad: []string{"2: " + reasonOpenQuote}},
		{name: "spoilt letters", text: "a,b\n1,\xff\n2,é\n", rows: [][]string{{"2", "é"}}, lines: []int64{3}, bad: []string{"2: " + reasonNotUTF8}},
		{name: "semicolons", delim: ';', text: "a;b\n\"1;2\";3\n", rows: [][]string{{"1;2", "3"}}, lines: []int64{2}},
		{name: "tabs", delim: '\t', text: "a\tb\n1\t\n", rows: [][]string{{"1", ""}}, lines: []int64{2}},
		{name: "no header", columns: []string{"x", "y"}, text: "1,2\n", rows: [][]string{{"1", "2"}}, lines: []int64{1}},
		{name: "blanks", delim: 1, columns: []string{"x", "y"}, text: "  1   2\r\n\r\n 3\t4 \r\n5\r\n", rows: [][]string{{"1", "2"}, {"3", "4"}}, lines: []int64{1, 3},
			bad: []string{"4: the row has 1 cell, but there are 2 columns"}},
		{name: "only a header", text: "a,b\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			delim := c.delim
			switch delim {
			case 0:
				delim = ','
			case 1:
				delim = 0
			}
			// Once at a go and once in drops: pieces must not matter.
			for _, in := range []io.Reader{strings.NewReader(c.text), &drops{c.text}} {
				rows, lines, bad, err := readAll(t, in, delim, c.columns)
				if err != io.EOF {
					t.Fatal(err)
				}
				var reasons []string
				for _, b := range bad {
					reasons = append(reasons, fmt.Sprintf("%d: %s", b.Line, b.text()))
				}
				if !reflect.DeepEqual(rows, c.rows) || !reflect.DeepEqual(lines, c.lines) || !reflect.DeepEqual(reasons, c.bad) {
					t.Errorf("rows %q on %v, bad %q\nwant %q on %v, bad %q", rows, lines, reasons, c.rows, c.lines, c.bad)
				}
			}
		})
	}
}

// drops gives one byte at a time.
type drops struct{ rest string }

func (d *drops) Read(p []byte) (int, error) {
	if d.rest == "" {
		return 0, io.EOF
	}
	p[0] = d.rest[0]
	d.rest = d.rest[1:]
	return 1, nil
}

func TestRowsBeforeABreakCome(t *testing.T) {
	broken := errors.New("the wire was cut")
	rows, _, _, err := readAll(t, io.MultiReader(strings.NewReader("a,b\n1,2\n3,4\n5,"), failing{broken}), ',', nil)
	if want := [][]string{{"1", "2"}, {"3", "4"}}; !reflect.DeepEqual(rows, want) || err != broken {
		t.Errorf("got %q, %v", rows, err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestLongFileInManyPieces(t *testing.T) {
	var b strings.Builder
	b.WriteString("n,text\n")
	const n = 40_000
	for i := range n {
		fmt.Fprintf(&b, "%d,\"line\n%s\"\n", i, strings.Repeat("é", i%40))
	}
	rows, lines, bad, err := readAll(t, strings.NewReader(b.String()), ',', nil)
	if err != io.EOF || len(bad) > 0 || len(rows) != n {
		t.Fatalf("%d rows, %d bad, %v", len(rows), len(bad), err)
	}
	for i, r := range rows {
		if r[0] != fmt.Sprint(i) || r[1] != "line\n"+strings.Repeat("é", i%40) || lines[i] != int64(2+2*i) {
			t.Fatalf("row %d is %q on line %d", i, r, lines[i])
		}
	}
}

func TestGuessDelimiter(t *testing.T) {
	for _, c := range []struct {
		text, base string
		want       byte
	}{
		{"a,b,c\n1,2,3\n", "x.csv", ','},
		{"a;b;c\n1,5;2;3\n", "x.csv", ';'},
		{"a|b\n\"x|y\"|2\n", "x", '|'},
		{"a\tb\n1,2,3\t4,5,6\n", "x.txt", '\t'},
		{"a\tb,c\n", "x.tsv", '\t'},
		{"just one\n", "x.csv", ','},
		{"name;\"a, b, c, d\"\nx;\"1, 2\"\n", "x.csv", ';'},
		{"a;b", "x.csv", ';'},
	} {
		if got := guessDelimiter(c.text, c.base); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

// Whatever encoding/csv reads, comes out the same here.
func FuzzDelimited(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "\"a\"\"\n\",b\r\n", "a\n\n\"\"\n", "x,\r\n\r,y\n", "\"a\r\nb\",c", "é,\xff\n", "a,b\r", "\"a\"\r"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		oracle := csv.NewReader(strings.NewReader(text))
		oracle.FieldsPerRecord = -1
		want, err := oracle.ReadAll()
		d, _ := newDelimited(&drops{text}, nothingToClose{}, ',', []string{})
		var got [][]string
		for {
			cells, bad, ok := d.read()
			if !ok {
				break
			}
			if bad != "" {
				if err == nil && bad != reasonNotUTF8 {
					t.Fatalf("%q: line %d is refused: %s", text, d.first, bad)
				}
				return
			}
			got = append(got, append([]string{}, cells...))
		}
		if err == nil && !reflect.DeepEqual(got, want) && len(got)+len(want) > 0 {
			t.Fatalf("%q: got %q, want %q", text, got, want)
		}
	})
}

func BenchmarkDelimited(b *testing.B) {
	line := "536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
	text := strings.Repeat(line, 20_000)
	b.SetBytes(int64(len(line)))
	rows := 0
	for b.Loop() {
		if rows == 0 {
			b.StopTimer()
			b.StartTimer()
		}
		d, _ := newDelimited(strings.NewReader(text), nothingToClose{}, ',', []string{"a", "b", "c", "d", "e", "f", "g", "h"})
		for {
			r, err := d.next()
			if err != nil {
				break
			}
			rows += r.N
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
}
