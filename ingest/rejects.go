package ingest

import (
	"encoding/csv"
	"io"
	"strconv"
)

// rejects writes refused rows. Its methods do nothing when nobody wants them.
type rejects struct {
	out     *csv.Writer
	name    string
	columns []string
	begun   bool
}

func newRejects(w io.Writer) *rejects {
	if w == nil {
		return &rejects{}
	}
	return &rejects{out: csv.NewWriter(w)}
}

// file says which file the following rows are of.
func (r *rejects) file(name string, columns []string) { r.name, r.columns = name, columns }

// write writes a row; the first one has a header before it, with the columns of its file.
func (r *rejects) write(f *refusal) error {
	if r.out == nil {
		return nil
	}
	if !r.begun {
		r.begun = true
		columns := r.columns
		if columns == nil {
			columns = []string{"json"}
		}
		if err := r.out.Write(append([]string{"file", "line", "reason"}, columns...)); err != nil {
			return err
		}
	}
	reason := f.detail
	if reason == "" {
		reason = f.reason
	}
	return r.out.Write(append([]string{r.name, strconv.FormatInt(f.line, 10), reason}, f.cells...))
}

func (r *rejects) flush() error {
	if r.out == nil {
		return nil
	}
	r.out.Flush()
	return r.out.Error()
}
