package ingest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"tagma/errs"
)

// Stdin is the file name that means the standard input.
const Stdin = "-"

// form says how to read a file; what is empty is found out.
type form struct {
	delimiter string // one character, or Blanks
	columns   []string
	encoding  string
	sheet     string
}

// Blanks is the delimiter of columns that are padded with blanks.
const Blanks = "whitespace"

var errEmptyFile = errors.New("the file is empty")

// openFile is a file being read, with how far.
type openFile struct {
	rowSource
	name string
	size int64 // bytes on disk; 0 when not known
	read *counter
}

// counter counts what was read of a file. Another goroutine may look.
type counter struct {
	in io.Reader
	n  atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// open opens a file: what it is shows in its name and in its first bytes. Errors name the file.
func open(name string, stdin io.Reader, f form) (*openFile, error) {
	return openIn("", name, stdin, f)
}

// openIn is open for a file that is named from a folder and lies in it; "" for any file.
func openIn(root, name string, stdin io.Reader, f form) (*openFile, error) {
	o := &openFile{name: name}
	var raw io.ReadCloser
	if name == Stdin {
		raw = io.NopCloser(stdin)
		o.name = "standard input"
	} else {
		var file *os.File
		var err error
		if root == "" {
			file, err = os.Open(name)
		} else {
			file, err = os.OpenInRoot(root, name)
		}
		if errors.Is(err, os.ErrNotExist) {
			return nil, errs.New(errs.NotFound, "there is no file %s", name)
		}
		if err != nil {
			return nil, fmt.Errorf("import: %w", err)
		}
		info, err := file.Stat()
		if err == nil && info.IsDir() {
			err = errs.New(errs.Invalid, "%s is a directory: name the files in it", name)
		}
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		raw, o.size = file, info.Size()
	}
	o.read = &counter{in: raw}
	rows, err := openRows(o.read, raw, name, f)
	if err != nil {
		// The file was only read: closing it loses nothing.
		_ = raw.Close()
		return nil, placed(o.name, err)
	}
	o.rowSource = rows
	return o, nil
}

// placed puts the file's name before an error of its content.
func placed(name string, err error) error {
	var known *errs.Error
	if errors.As(err, &known) {
		return err
	}
	return &errs.Error{Kind: errs.Invalid, Faults: []errs.Fault{{Place: name, Message: err.Error()}}, Cause: silenced{err}}
}

// silenced keeps a cause reachable without printing it a second time.
type silenced struct{ error }

func (silenced) Error() string   { return "" }
func (s silenced) Unwrap() error { return s.error }

func openRows(in io.Reader, from io.Closer, name string, f form) (rowSource, error) {
	head := bufio.NewReaderSize(in, 64<<10)
	base := strings.ToLower(filepath.Base(name))
	if magic, _ := head.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		zip, err := gzip.NewReader(head)
		if err != nil {
			return nil, brokenGzip(err)
		}
		head = bufio.NewReaderSize(gzipText{zip}, 64<<10)
		base = strings.TrimSuffix(base, ".gz")
	}
	if magic, _ := head.Peek(4); bytes.Equal(magic, []byte("PK\x03\x04")) {
		return newWorkbook(head, from, f.sheet, f.columns)
	} else if bytes.Equal(magic, []byte{0xd0, 0xcf, 0x11, 0xe0}) {
		return nil, errors.New("an XLS file of the old kind, or an encrypted workbook: save it as XLSX without a password")
	}
	if f.sheet != "" {
		return nil, errors.New("the mapping names a sheet, but the file is not an XLSX workbook")
	}
	text, err := decoded(head, f.encoding)
	if err != nil {
		return nil, err
	}
	// What a peek cannot see (a stream that broke off, or a short one) comes up again in reading.
	start, _ := text.Peek(64 << 10)
	switch extension := filepath.Ext(base); {
	case len(start) == 0 && extension != ".jsonl" && extension != ".ndjson" && extension != ".json":
	case extension == ".jsonl" || extension == ".ndjson" || extension == ".json",
		!isTable(extension) && f.delimiter == "" && bytes.HasPrefix(bytes.TrimLeft(start, " \t\r\n"), []byte("{")):
		if bytes.HasPrefix(bytes.TrimLeft(start, " \t\r\n"), []byte("[")) {
			return nil, errors.New("a JSON list: write one object a line, without the brackets and commas around them")
		}
		return newJSONLines(text, from), nil
	}
	delim := byte(0)
	switch {
	case f.delimiter == "":
		delim = guessDelimiter(string(start), base)
	case f.delimiter != Blanks:
		delim = f.delimiter[0]
	}
	return newDelimited(text, from, delim, f.columns)
}

func isTable(extension string) bool { return extension == ".csv" || extension == ".tsv" }

// gzipText explains errors of compressed data.
type gzipText struct{ in *gzip.Reader }

func (g gzipText) Read(p []byte) (int, error) {
	n, err := g.in.Read(p)
	if err != nil && err != io.EOF {
		err = brokenGzip(err)
	}
	return n, err
}

func brokenGzip(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("the compressed file ends too early: fetch it again, whole")
	}
	if errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || strings.HasPrefix(err.Error(), "flate:") {
		return fmt.Errorf("the compressed file is damaged (%w): fetch it again", err)
	}
	return err
}

// textEncoding returns how to read an encoding's name, nil for UTF-8.
func textEncoding(name string) (encoding.Encoding, error) {
	e, err := htmlindex.Get(name)
	if err != nil {
		return nil, fmt.Errorf("the encoding %q is not known: write utf-8, gb18030, big5, utf-16le, windows-1252 or another name of the WHATWG list", name)
	}
	if canonical, err := htmlindex.Name(e); err == nil && canonical == "utf-8" {
		return nil, nil
	}
	if e == simplifiedchinese.GBK {
		return simplifiedchinese.GB18030, nil // the larger one: it reads all of the smaller
	}
	return e, nil
}

// decoded returns the stream as UTF-8 without a byte order mark, or says that it is something else.
func decoded(head *bufio.Reader, name string) (*bufio.Reader, error) {
	mark, _ := head.Peek(3)
	if name != "" {
		e, err := textEncoding(name)
		if err != nil {
			return nil, err
		}
		if e != nil {
			return withoutMark(bufio.NewReaderSize(e.NewDecoder().Reader(head), 64<<10)), nil
		}
	} else if bytes.HasPrefix(mark, []byte{0xff, 0xfe}) || bytes.HasPrefix(mark, []byte{0xfe, 0xff}) {
		e := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
		return bufio.NewReaderSize(e.NewDecoder().Reader(head), 64<<10), nil
	}
	head = withoutMark(head)
	start, _ := head.Peek(64 << 10)
	return head, checkUTF8(start)
}

func withoutMark(r *bufio.Reader) *bufio.Reader {
	if mark, _ := r.Peek(3); string(mark) == "\uFEFF" {
		_, _ = r.Discard(3) // they were just seen
	}
	return r
}

// checkUTF8 looks at a file's beginning. Some spoilt letters refuse their rows; more of them than good ones mean
// that the file is in another encoding, and then every row would be wrong.
func checkUTF8(start []byte) error {
	good, bad, first := 0, 0, 0
	for i := 0; i < len(start); {
		if start[i] < utf8.RuneSelf {
			i++
			continue
		}
		if !utf8.FullRune(start[i:]) && len(start)-i < utf8.UTFMax {
			break // cut by the end of the view
		}
		r, n := utf8.DecodeRune(start[i:])
		if r == utf8.RuneError && n == 1 {
			if bad == 0 {
				first = i
			}
			bad++
		} else {
			good++
		}
		i += n
	}
	if bad == 0 || good >= bad {
		return nil
	}
	line := bytes.Count(start[:first], []byte("\n")) + 1
	mend := "save it as UTF-8, or name its encoding in the mapping (encoding: …)"
	if inPairs(start) {
		mend = "it looks like GB18030 (GBK): add encoding: gb18030 to the mapping, or save it as UTF-8"
	}
	return fmt.Errorf("line %d: the text is not UTF-8; %s", line, mend)
}

// inPairs says whether most bytes beyond ASCII stand two and two, as Chinese letters do in GB18030 and hardly
// any do in the encodings of the West.
func inPairs(start []byte) bool {
	paired, single := 0, 0
	for i := 0; i+1 < len(start); i++ {
		switch {
		case start[i] < 0x81:
		case start[i] >= 0xa1 && start[i+1] >= 0xa1:
			paired++
			i++
		default:
			single++
		}
	}
	return paired > 4*single
}

// GuessDelimiter returns the character that separates the cells of a text whose beginning is given, as import takes
// it for a file that names none.
func GuessDelimiter(start []byte) rune { return rune(guessDelimiter(string(start), "")) }

// guessDelimiter returns the character that separates the first rows into the most columns, the same number in
// each; a comma when none does.
func guessDelimiter(start, base string) byte {
	best, most := byte(','), 2
	candidates := []byte{',', '\t', ';', '|'}
	if strings.HasSuffix(base, ".tsv") {
		candidates = []byte{'\t', ',', ';', '|'}
		best = '\t'
	}
	for _, c := range candidates {
		d := &delimited{textReader: textReader{in: strings.NewReader(""), text: start, valid: true}, delim: c}
		columns, rows, even := 0, 0, true
		for rows < 20 {
			cells, bad, ok := d.parse()
			if !ok {
				break
			}
			if rows == 0 {
				columns = len(cells)
			}
			even = even && bad == "" && len(cells) == columns
			rows++
		}
		if rows == 0 { // one line without an end
			columns = strings.Count(start, string(c)) + 1
		}
		score := 2 * columns
		if !even {
			score = 3 // less than two even columns, better than one
		}
		if columns > 1 && score > most {
			best, most = c, score
		}
	}
	return best
}
