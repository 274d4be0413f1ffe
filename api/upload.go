package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode"
)

const (
	// importLimit is the most that one import may send, in bytes, unless Config says otherwise.
	importLimit = 4 << 30
	// importTime is how long an import may take, with its upload.
	importTime = 6 * time.Hour
	// stillTime is how long an upload may stand still.
	stillTime = time.Minute
	// maxMapping is the largest mapping, in bytes.
	maxMapping = 1 << 20
	// maxParts is how many files one import takes.
	maxParts = 1000
	// maxFileName is the longest name of a file, in bytes.
	maxFileName = 200
)

// importsDir is the folder of what was sent and is being taken in, and of refused rows that may still be fetched. Nothing
// in it is needed when a server starts.
func importsDir(dataDir string) string { return filepath.Join(dataDir, "imports") }

type uploadKey struct{}

// upload is a request whose body is read part by part, onto the disk.
type upload struct {
	s *Server
	w http.ResponseWriter
	r *http.Request
}

// withUpload hands the request itself to a handler that reads its body part by part.
func (s *Server) withUpload(ctx context.Context, w http.ResponseWriter, r *http.Request) context.Context {
	return context.WithValue(ctx, uploadKey{}, &upload{s, w, r})
}

// sent is what came with an import.
type sent struct {
	mapping     []byte
	mappingName string
	files       []string // their names, in the order in which they came
	tables      map[string]bool
	sizes       map[string]int64
}

// receive reads the parts of the body into a folder.
func (u *upload) receive(dir string) (*sent, error) {
	limit := u.s.c.ImportLimit
	if u.r.ContentLength > limit {
		return nil, tooMuch(limit)
	}
	control := http.NewResponseController(u.w)
	defer func() { // the work may take long, and nothing more is read
		_ = control.SetReadDeadline(u.s.c.Now().Add(importTime))
	}()
	body := &moving{in: u.r.Body, on: func() { _ = control.SetReadDeadline(u.s.c.Now().Add(stillTime)) }}
	u.r.Body = body
	parts, err := u.r.MultipartReader()
	if err != nil {
		return nil, newProblem(415, "send the files as multipart/form-data: a part mapping, and a part file for each file")
	}
	out := &sent{tables: map[string]bool{}, sizes: map[string]int64{}}
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if err == io.EOF && body.ended(u.r.Header.Get("Content-Type")) {
			break
		}
		if err == nil && n == maxParts {
			err = invalid("body", fmt.Sprintf("these are more than %d files", maxParts), "send them in several imports")
		}
		if err == nil {
			err = out.take(dir, part)
		}
		if err != nil {
			return nil, u.broken(err)
		}
	}
	switch {
	case out.mapping == nil:
		return nil, invalid("body.mapping", "the mapping is missing", "send it as a part called mapping: how rows become customers, traits and events")
	case len(out.files) == 0:
		return nil, invalid("body.file", "there is no file to import", "send each as a part called file, with its name")
	}
	return out, nil
}

// take reads one part.
func (x *sent) take(dir string, part *multipart.Part) error {
	field, name := part.FormName(), part.FileName()
	switch field {
	case "mapping":
		if x.mapping != nil {
			return invalid("body.mapping", "there are two mappings", "send one import for each")
		}
		text, err := io.ReadAll(io.LimitReader(part, maxMapping+1))
		if err == nil && len(text) > maxMapping {
			err = invalid("body.mapping", "the mapping is larger than "+bytesText(maxMapping), "")
		}
		if name == "" {
			name = "mapping.yaml"
		}
		x.mapping, x.mappingName = text, name
		return err
	case "file", "table":
	default:
		return invalid("body."+field, "there is no part of this name", "the parts are mapping, file and table")
	}
	at := "body." + field
	switch _, twice := x.sizes[name]; {
	case name == "" || name == "-" || name == "." || name == ".." || len(name) > maxFileName || strings.ContainsFunc(name, unicode.IsControl):
		return invalid(at, "the file has no usable name", "give the part a filename, as in rows.csv: the ending says what it is")
	case twice:
		return invalid(at+":"+name, "two files have this name", "give them names of their own: places of refused rows begin with it")
	}
	file, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("api: keep what was sent: %w", err)
	}
	n, err := io.Copy(file, part)
	if e := file.Close(); err == nil {
		err = e
	}
	if x.sizes[name] = n; field == "table" {
		x.tables[name] = true
	} else {
		x.files = append(x.files, name)
	}
	return err
}

// broken says why an upload did not come to its end.
func (u *upload) broken(err error) error {
	var p *Problem
	var large *http.MaxBytesError
	var ours *fs.PathError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &large):
		return tooMuch(large.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return newProblem(408, fmt.Sprintf("nothing came for %d seconds: nothing was imported, send it again", int(stillTime.Seconds())))
	case errors.Is(err, syscall.ENOSPC):
		return newProblem(503, "the server's disk is full: nothing was imported, send it again when there is space")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), u.r.Context().Err() != nil:
		return newProblem(400, "the upload broke off: nothing was imported, send it again")
	case errors.As(err, &ours):
		return err
	}
	p = newProblem(400, "the body cannot be read as multipart/form-data: nothing was imported")
	p.cause = err
	return p
}

func tooMuch(limit int64) error {
	p := newProblem(413, "the files are larger than "+bytesText(limit)+" together: nothing was imported")
	p.Errors = []Flaw{{Location: "body", Message: p.Detail, Hint: "compress them with gzip, or send them in several imports: rows that were taken are not taken again"}}
	return p
}

// moving is a body that tells whenever something is asked of it, and remembers how it ended.
type moving struct {
	in   io.ReadCloser
	on   func()
	tail []byte
}

// tailSize is how much of a body's end is remembered: more than the reader of parts takes at a time.
const tailSize = 16 << 10

// ended says whether the end of all parts was there: a body that was cut off between two of them looks like a whole one.
func (m *moving) ended(contentType string) bool {
	_, params, err := mime.ParseMediaType(contentType)
	return err == nil && bytes.Contains(m.tail, []byte("--"+params["boundary"]+"--"))
}

// Read implements io.Reader.
func (m *moving) Read(b []byte) (int, error) {
	m.on()
	n, err := m.in.Read(b)
	m.tail = append(m.tail, b[:n]...)
	if over := len(m.tail) - tailSize; over > 0 {
		m.tail = append(m.tail[:0], m.tail[over:]...)
	}
	return n, err
}

// Close implements io.Closer.
func (m *moving) Close() error { return m.in.Close() }
