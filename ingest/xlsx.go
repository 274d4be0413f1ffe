package ingest

import (
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"
)

// workbook reads the rows of one sheet of an XLSX file. Dates come as 2010-12-01 08:26:00 (or 2010-12-01 where
// the whole day is meant by the cell's form), numbers as they are and not as they are shown.
type workbook struct {
	file  *excelize.File
	rows  *excelize.Rows
	names []string
	line  int64
	row   int64
	from  io.Closer
}

// The forms that date cells are read in.
const (
	sheetDate     = "yyyy-mm-dd"
	sheetDateTime = "yyyy-mm-dd hh:mm:ss"
	sheetTime     = "hh:mm:ss"
)

// newWorkbook reads the whole compressed file into memory (an XLSX file cannot be read from front to back) and
// streams the sheet. sheet is empty for the first one.
func newWorkbook(in io.Reader, from io.Closer, sheet string, names []string) (*workbook, error) {
	file, err := excelize.OpenReader(in)
	if err != nil {
		return nil, fmt.Errorf("not a readable XLSX workbook (%w): open it in a spreadsheet program and save it again, or save it as CSV", err)
	}
	w := &workbook{file: file, names: names, from: from}
	if err := w.start(sheet); err != nil {
		_ = file.Close() // it only removes temporary files; the reason counts
		return nil, err
	}
	return w, nil
}

func (w *workbook) start(sheet string) error {
	sheets := w.file.GetSheetList()
	switch {
	case len(sheets) == 0:
		return errEmptyFile
	case sheet == "":
		sheet = sheets[0]
	default:
		if !contains(sheets, sheet) {
			return fmt.Errorf("there is no sheet %q; the file has %s", sheet, quoteList(sheets))
		}
	}
	if err := w.plainForms(); err != nil {
		return err
	}
	rows, err := w.file.Rows(sheet)
	if err != nil {
		return fmt.Errorf("sheet %q cannot be read: %w", sheet, err)
	}
	w.rows = rows
	if w.names != nil {
		return nil
	}
	for {
		cells, err := w.read()
		if err == io.EOF {
			return errEmptyFile
		}
		if err != nil {
			return err
		}
		if cells != nil {
			w.names = make([]string, len(cells))
			for i, c := range cells {
				w.names[i] = strings.TrimSpace(c)
			}
			return nil
		}
	}
}

// plainForms changes the number formats, in memory, so that numbers come as they are and dates in one form.
func (w *workbook) plainForms() error {
	if w.file.Styles == nil || w.file.Styles.CellXfs == nil {
		return nil
	}
	ids := map[string]int{}
	for _, form := range []string{sheetDate, sheetDateTime, sheetTime} {
		style, err := w.file.NewStyle(&excelize.Style{CustomNumFmt: &form})
		if err != nil {
			return fmt.Errorf("the cell formats cannot be read: %w", err)
		}
		ids[form] = *w.file.Styles.CellXfs.Xf[style].NumFmtID
	}
	custom := map[int]string{}
	if w.file.Styles.NumFmts != nil {
		for _, f := range w.file.Styles.NumFmts.NumFmt {
			custom[f.NumFmtID] = f.FormatCode
		}
	}
	for i := range w.file.Styles.CellXfs.Xf {
		xf := &w.file.Styles.CellXfs.Xf[i]
		if xf.NumFmtID == nil {
			continue
		}
		id := *xf.NumFmtID
		switch form := dateForm(id, custom[id]); form {
		case "":
			id = unknownForm
		default:
			id = ids[form]
		}
		xf.NumFmtID = &id
	}
	return nil
}

// unknownForm is the number of a format that does not exist: such cells are given as they are.
const unknownForm = 1 << 20

// dateForm says in which form a cell of this number format is read; empty when it is not a date.
func dateForm(id int, code string) string {
	switch {
	case code != "":
		date, clock := dateParts(code)
		switch {
		case date && clock:
			return sheetDateTime
		case date:
			return sheetDate
		case clock:
			return sheetTime
		}
		return ""
	case id >= 14 && id <= 17, id >= 27 && id <= 31, id == 36, id >= 50 && id <= 54, id == 57, id == 58:
		return sheetDate
	case id >= 18 && id <= 21, id >= 32 && id <= 35, id >= 45 && id <= 47, id == 55, id == 56:
		return sheetTime
	case id == 22:
		return sheetDateTime
	}
	return ""
}

// dateParts says whether a number format shows parts of a date or of a time of day.
func dateParts(code string) (date, clock bool) {
	quoted, bracket := false, false
	for i := 0; i < len(code); i++ {
		switch c := code[i] | 0x20; {
		case code[i] == '"':
			quoted = !quoted
		case quoted:
		case code[i] == '\\' || code[i] == '_' || code[i] == '*':
			i++
		case code[i] == '[':
			bracket = true
		case code[i] == ']':
			bracket = false
		case bracket:
		case c == 'y' || c == 'd':
			date = true
		case c == 'h' || c == 's':
			clock = true
		case code[i] == 'G' || code[i] == 'g': // General, or an era
			if strings.HasPrefix(strings.ToLower(code[i:]), "general") {
				i += len("general") - 1
			}
		}
	}
	return date, clock
}

func (w *workbook) columns() []string { return w.names }

func (w *workbook) close() error {
	err := w.rows.Close()
	if e := w.file.Close(); err == nil {
		err = e
	}
	if e := w.from.Close(); err == nil {
		err = e
	}
	return err
}

// read returns the cells of the next row, nil for an empty one.
func (w *workbook) read() ([]string, error) {
	if !w.rows.Next() {
		if err := w.rows.Error(); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
	w.line++
	cells, err := w.rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("row %d cannot be read: %w", w.line, err)
	}
	for len(cells) > 0 && cells[len(cells)-1] == "" {
		cells = cells[:len(cells)-1]
	}
	if len(cells) == 0 {
		return nil, nil
	}
	return cells, nil
}

func (w *workbook) next() (*Rows, error) {
	r := &Rows{cells: make([][]string, len(w.names))}
	var broken error
	for len(r.Row)+len(r.Bad) < batchRows && r.Bytes < maxRow {
		cells, err := w.read()
		if err != nil {
			broken = err
			break
		}
		if cells == nil {
			continue
		}
		w.row++
		if len(cells) > len(w.names) {
			r.Bad = append(r.Bad, BadRow{Row: w.row, Line: w.line, Reason: reasonCells,
				Detail: fmt.Sprintf("the row has %s, but there are %s", count(len(cells), "cell"), count(len(w.names), "column")), Cells: cells})
			continue
		}
		r.Row, r.Line = append(r.Row, w.row), append(r.Line, w.line)
		for c := range r.cells {
			cell := ""
			if c < len(cells) {
				cell = cells[c]
			}
			r.cells[c] = append(r.cells[c], cell)
			r.Bytes += int64(len(cell)) + 32
		}
	}
	if r.N = len(r.Row); r.N == 0 && len(r.Bad) == 0 {
		return nil, broken
	}
	return r, nil
}
