package ingest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// content opens a file and writes its rows, one a line, cells separated by |, and the error at the end.
func content(name string, stdin io.Reader, f form) string {
	file, err := open(name, stdin, f)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	b.WriteString(strings.Join(file.columns(), "|") + "\n")
	for {
		r, err := file.next()
		if err != nil {
			if err != io.EOF {
				b.WriteString(err.Error() + "\n")
			}
			if err := file.close(); err != nil {
				b.WriteString(err.Error())
			}
			return b.String()
		}
		for i := range r.N {
			if r.objects != nil {
				for k, p := range r.objects[i] {
					if k > 0 {
						b.WriteByte('|')
					}
					b.WriteString(p.Name + "=" + p.Value.String())
				}
			} else {
				b.WriteString(strings.Join(r.written(i), "|"))
			}
			b.WriteByte('\n')
		}
		for _, bad := range r.Bad {
			fmt.Fprintf(&b, "%d: %s\n", bad.Line, bad.text())
		}
	}
}

func TestFiles(t *testing.T) {
	chinese := "城市,名\n上海,\"王\n丽\"\n北京,张伟\n"
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(chinese)
	if err != nil {
		t.Fatal(err)
	}
	west, err := charmap.Windows1252.NewEncoder().String("name\ncafé olé\ndéjà vu\n")
	if err != nil {
		t.Fatal(err)
	}
	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("城市\t名\n上海\t王\n")
	if err != nil {
		t.Fatal(err)
	}
	zipped := gzipped(t, "a,b\n"+strings.Repeat("1,2\n", 3))
	for _, c := range []struct {
		name, text string
		form       form
		want       string
	}{
		{"a.csv", "\uFEFFa,b\n1,x\uFEFFy\n", form{}, "a|b\n1|x\uFEFFy\n"},
		{"a.csv.gz", zipped, form{}, "a|b\n1|2\n1|2\n1|2\n"},
		{"zipped-without-a-name", zipped, form{}, "a|b\n1|2\n1|2\n1|2\n"},
		{"b.csv.gz", zipped[:len(zipped)-9], form{}, "a|b\n1|2\n1|2\n1|2\nthe compressed file ends too early: fetch it again, whole\n"},
		{"c.csv.gz", "\x1f\x8b and nothing good", form{}, "c.csv.gz: the compressed file is damaged (gzip: invalid header): fetch it again"},
		{"semi.csv", "a;b\n1;2,5\n", form{}, "a|b\n1|2,5\n"},
		{"forced.csv", "a;b,c\n1;2,3\n", form{delimiter: ","}, "a;b|c\n1;2|3\n"},
		{"x.tsv", "a\tb\n1\t2\n", form{}, "a|b\n1|2\n"},
		{"pad.txt", " a   b\r\n 1   2\r\n", form{delimiter: Blanks}, "a|b\n1|2\n"},
		{"empty.csv", "", form{}, "empty.csv: the file is empty"},
		{"gb.csv", gb, form{}, "gb.csv: line 1: the text is not UTF-8; it looks like GB18030 (GBK): add encoding: gb18030 to the mapping, or save it as UTF-8"},
		{"gb.csv", gb, form{encoding: "gbk"}, "城市|名\n上海|王\n丽\n北京|张伟\n"},
		{"west.csv", west, form{}, "west.csv: line 2: the text is not UTF-8; save it as UTF-8, or name its encoding in the mapping (encoding: …)"},
		{"west.csv", west, form{encoding: "windows-1252"}, "name\ncafé olé\ndéjà vu\n"},
		{"wide.txt", wide, form{}, "城市|名\n上海|王\n"},
		{"one.csv", "城市\n上海\n\xff\n北京\n", form{}, "城市\n上海\n北京\n3: not UTF-8 text\n"},
		{"x.jsonl", `{"id":1,"context":{"page":{"url":"u"}},"tags":["a","b"],"none":null,"ok":true,"empty":""}` + "\n\n" + `{"id":"2", "id":"3"}` + "\n", form{},
			"\ncontext.page.url=\"u\"|empty=\"\"|id=1|ok=true|tags=[\"a\", \"b\"]\nid=\"3\"\n"},
		{"bad.jsonl", "{\"a\":1}\n[1]\n{\"a\":\n{\"a\":1} x\nnull\n{\"a\":1e9999}\n{\"a\":0.10}\n", form{},
			"\na=1\na=0.1\n2: not a JSON object: array where { is expected\n3: not a JSON object: it ends too early\n4: not a JSON object: something follows the object\n" +
				"5: not a JSON object: null where { is expected\n6: not a JSON object: not a number: 1e9999\n"},
		{"list.json", "[{\"a\":1}]", form{}, "list.json: a JSON list: write one object a line, without the brackets and commas around them"},
		{"objects", " {\"a\":1}\n", form{}, "\na=1\n"},
		{"old.xls", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", form{}, "old.xls: an XLS file of the old kind, or an encrypted workbook: save it as XLSX without a password"},
		{"sheet.csv", "a\n", form{sheet: "x"}, "sheet.csv: the mapping names a sheet, but the file is not an XLSX workbook"},
		{"no.xlsx", "PK\x03\x04 broken", form{}, "no.xlsx: not a readable XLSX workbook (zip: not a valid zip file): open it in a spreadsheet program and save it again, or save it as CSV"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := write(t, dir, c.name, c.text)
			got := strings.ReplaceAll(content(path, nil, c.form), dir+string(filepath.Separator), "")
			if got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
	if got := content(Stdin, strings.NewReader(zipped), form{}); got != "a|b\n1|2\n1|2\n1|2\n" {
		t.Errorf("standard input: %q", got)
	}
	if got := content(filepath.Join(t.TempDir(), "none.csv"), nil, form{}); !strings.HasPrefix(got, "there is no file ") {
		t.Errorf("a missing file: %q", got)
	}
	if got := content(t.TempDir(), nil, form{}); !strings.HasSuffix(got, "is a directory: name the files in it") {
		t.Errorf("a directory: %q", got)
	}
}

// Dates come as dates, and numbers as they are and not as they are shown.
func TestWorkbook(t *testing.T) {
	f := excelize.NewFile()
	style := func(id int, custom string) int {
		s := &excelize.Style{NumFmt: id}
		if custom != "" {
			s.CustomNumFmt = &custom
		}
		n, err := f.NewStyle(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := time.Date(2010, 12, 1, 8, 26, 0, 0, time.UTC)
	must(f.SetSheetRow("Sheet1", "A1", &[]any{" id ", "at", "day", "price", "share", "note", "ok"}))
	must(f.SetSheetRow("Sheet1", "A2", &[]any{17850, at, at.Truncate(24 * time.Hour), 1234.5678, 0.25, "say \"hi\"\nyou", true}))
	must(f.SetCellStyle("Sheet1", "B2", "B2", style(22, "")))
	must(f.SetCellStyle("Sheet1", "C2", "C2", style(0, `yyyy"年"m"月"d"日";@`)))
	must(f.SetCellStyle("Sheet1", "D2", "D2", style(4, "")))
	must(f.SetCellStyle("Sheet1", "E2", "E2", style(10, "")))
	must(f.SetSheetRow("Sheet1", "A4", &[]any{"x"}))
	must(f.SetSheetRow("Sheet1", "A5", &[]any{1, 2, 3, 4, 5, 6, 7, 8}))
	_, err := f.NewSheet("订单")
	must(err)
	must(f.SetSheetRow("订单", "A1", &[]any{"a"}))
	must(f.SetSheetRow("订单", "A2", &[]any{0.1 + 0.2}))
	path := filepath.Join(t.TempDir(), "b.xlsx")
	must(f.SaveAs(path))
	want := "id|at|day|price|share|note|ok\n17850|2010-12-01 08:26:00|2010-12-01|1234.5678|0.25|say \"hi\"\nyou|TRUE\nx||||||\n5: the row has 8 cells, but there are 7 columns\n"
	if got := content(path, nil, form{}); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := content(path, nil, form{sheet: "订单"}); got != "a\n0.3\n" {
		t.Errorf("the other sheet: %q", got)
	}
	if got := content(path, nil, form{sheet: "Order"}); !strings.Contains(got, `there is no sheet "Order"; the file has Sheet1, 订单`) {
		t.Errorf("no such sheet: %q", got)
	}
	text, err := os.ReadFile(path)
	must(err)
	if got := content(Stdin, bytes.NewReader(text), form{}); got != want {
		t.Errorf("from standard input: %q", got)
	}
}

func TestDateForms(t *testing.T) {
	for code, want := range map[string]string{
		"yyyy-mm-dd": sheetDate, "d.m.yy h:mm": sheetDateTime, "[$-804]aaaa": "", "[h]:mm:ss": sheetTime, "0.00": "", "General": "",
		`"days" 0`: "", `#,##0\d`: "", "[Red]0": "", "mm:ss.0": sheetTime, `yyyy"年"`: sheetDate,
	} {
		if got := dateForm(200, code); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}
