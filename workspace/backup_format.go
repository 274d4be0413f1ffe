package workspace

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

// A backup is one file: a tar, compressed by zstd. First comes headerFile, which says what it is; then the files as they
// stand in the data directory; last manifestFile, with the sums of all before it. So what was cut off has no manifest,
// and what tar and zstd unpack is what is needed.
const (
	backupFormat = 1
	headerFile   = "tagma-backup.json"
	manifestFile = "manifest.json"
	maxManifest  = 64 << 20
)

// inBackup are the names in a data directory that a backup holds, whole. Everything else can be made again from them
// (index.tags, since.tags), or is of one process (lock, local-token).
var inBackup = []string{db.FileName, "warehouse", "snapshots"}

// BackupHeader is what a backup says of itself first.
type BackupHeader struct {
	Format int    `json:"format"`
	Tagma  string `json:"tagma"` // the version of the program that wrote it
	// MadeAt is the moment that it holds, RFC 3339 in the workspace's time zone.
	MadeAt   string     `json:"made_at"`
	MadeAtMS event.Time `json:"made_at_ms"`
	Timezone string     `json:"timezone"`
	Schema   int64      `json:"schema"` // of the database
}

// Manifest is what a backup holds.
type Manifest struct {
	BackupHeader
	// The ends of the logs, and how far the history goes; opening brings it to the end of the event log.
	EventLog  uint64       `json:"event_log"`
	ChangeLog uint64       `json:"change_log"`
	History   uint64       `json:"history"`
	Bytes     int64        `json:"bytes"` // of all files
	Files     []BackupFile `json:"files"`
}

// BackupFile is a file in a backup.
type BackupFile struct {
	Name   string `json:"name"` // below the data directory, with slashes
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// belongs says whether a name in an archive is one of a data directory's.
func belongs(name string) bool {
	top, rest, below := strings.Cut(name, "/")
	return filepath.IsLocal(name) && path.Clean(name) == name && !strings.Contains(name, `\`) && slices.Contains(inBackup, top) &&
		(top == db.FileName) == (!below && rest == "")
}

// archive writes a backup.
type archive struct {
	zip *zstd.Encoder
	tar *tar.Writer
}

func newArchive(out io.Writer) (*archive, error) {
	// The history is compressed already; for the rest speed counts for more than the last tenth.
	zip, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, err
	}
	return &archive{zip: zip, tar: tar.NewWriter(zip)}, nil
}

func (a *archive) header(name string, size int64) error {
	return a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, Format: tar.FormatPAX})
}

// json adds a value as a file.
func (a *archive) json(name string, v any) error {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	if err := a.header(name, int64(len(text))); err != nil {
		return err
	}
	_, err = a.tar.Write(text)
	return err
}

// file adds a file, which must not change meanwhile; wrote hears of its bytes.
func (a *archive) file(ctx context.Context, from string, f *BackupFile, wrote func(n int)) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := a.header(f.Name, f.Bytes); err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(a.tar, sum, counter(wrote)), io.LimitReader(interrupted{ctx, in}, f.Bytes))
	if err == nil && n < f.Bytes {
		err = fmt.Errorf("%s has %d bytes, not %d", from, n, f.Bytes)
	}
	f.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return err
}

func (a *archive) close() error { return errors.Join(a.tar.Close(), a.zip.Close()) }

// counter hears of what is written.
type counter func(n int)

func (c counter) Write(b []byte) (int, error) {
	c(len(b))
	return len(b), nil
}

// interrupted reads until ctx ends.
type interrupted struct {
	ctx context.Context
	io.Reader
}

func (r interrupted) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}

// reading reads a backup from its beginning to its end.
type reading struct {
	file   string // for errors
	at     string // the file inside that is being read
	header BackupHeader
	// take is given each file of the data directory in turn.
	take func(f BackupFile, from io.Reader) error
}

// errHalf says that a backup ends before its manifest.
func (r *reading) errHalf() error {
	return errs.New(errs.Invalid, "%s is only half a backup: it ends %s, before the list of its files. It was interrupted, or not copied whole: copy it again from where it is kept, or take another", r.file, r.where())
}

func (r *reading) errDamaged(cause error) error {
	return errs.New(errs.Invalid, "%s is damaged %s: %w. Copy it again from where it is kept, or take another backup", r.file, r.where(), cause)
}

func (r *reading) where() string {
	if r.at == "" {
		return "at its beginning"
	}
	return "in " + r.at
}

// run reads all of it and returns the manifest, once every sum was held against it.
func (r *reading) run(ctx context.Context, in io.Reader) (*Manifest, error) {
	m, err := r.read(ctx, in)
	var own *ownError
	switch {
	case err == nil:
		return m, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(err, &own):
		return nil, own.error
	case errs.KindOf(err) != errs.Internal:
		return nil, err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return nil, r.errHalf()
	}
	return nil, r.errDamaged(err)
}

// ownError is a failure of what takes the files, not of the backup.
type ownError struct{ error }

// Unwrap is the failure.
func (e *ownError) Unwrap() error { return e.error }

func (r *reading) read(ctx context.Context, in io.Reader) (*Manifest, error) {
	// One goroutine: where it fails is where the fault is.
	zip, err := zstd.NewReader(interrupted{ctx, in}, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
	if err != nil {
		return nil, err
	}
	defer zip.Close()
	files := tar.NewReader(zip)
	if err := r.begin(files); err != nil {
		return nil, err
	}
	var found []BackupFile
	names := map[string]bool{}
	for {
		h, err := files.Next()
		if err != nil { // the end before the manifest too
			return nil, err
		}
		r.at = h.Name
		if h.Name == manifestFile {
			break
		}
		if h.Typeflag != tar.TypeReg || !belongs(h.Name) || names[h.Name] {
			return nil, errors.New("this file has no place in a backup")
		}
		names[h.Name] = true
		f := BackupFile{Name: h.Name, Bytes: h.Size}
		sum := sha256.New()
		body := io.TeeReader(files, sum)
		if err := r.take(f, body); err != nil {
			return nil, err
		}
		if _, err := io.Copy(io.Discard, body); err != nil {
			return nil, err
		}
		f.SHA256 = hex.EncodeToString(sum.Sum(nil))
		found = append(found, f)
	}
	m := &Manifest{}
	if err := decodeFile(files, m); err != nil {
		return nil, err
	}
	if err := r.compare(m, found); err != nil {
		return nil, err
	}
	// The end of the tar, and of the zip with its own sum.
	if _, err := files.Next(); err != io.EOF {
		return nil, errors.Join(errors.New("something follows the list of files"), err)
	}
	_, err = io.Copy(io.Discard, zip)
	return m, err
}

// begin reads what the backup says of itself, so that what is none, or too new, is refused at once.
func (r *reading) begin(files *tar.Reader) error {
	none := errs.New(errs.Invalid, "%s is not a backup of Tagma: name the file that `tagma backup` wrote", r.file)
	h, err := files.Next()
	switch {
	case errors.Is(err, zstd.ErrMagicMismatch), errors.Is(err, tar.ErrHeader), err == nil && h.Name != headerFile:
		return none
	case err != nil:
		return err
	}
	if err := decodeFile(files, &r.header); err != nil {
		return err
	}
	known, err := db.NewestSchema()
	if err != nil {
		return &ownError{err}
	}
	switch {
	case r.header.Format < 1:
		return none
	case r.header.Format > backupFormat:
		return errs.New(errs.Conflict, "%s was written by a newer version of Tagma (%s, format %d; this program knows %d): upgrade the program", r.file, r.header.Tagma, r.header.Format, backupFormat)
	case r.header.Schema > known:
		return errs.New(errs.Conflict, "%s was written by a newer version of Tagma (%s, schema %d; this program knows %d): upgrade the program", r.file, r.header.Tagma, r.header.Schema, known)
	}
	return nil
}

func decodeFile(in io.Reader, v any) error {
	text, err := io.ReadAll(io.LimitReader(in, maxManifest))
	if err != nil {
		return err
	}
	return json.NewDecoder(bytes.NewReader(text)).Decode(v)
}

// compare holds what was found against the manifest.
func (r *reading) compare(m *Manifest, found []BackupFile) error {
	if m.BackupHeader != r.header {
		return errors.New("it does not go with the beginning")
	}
	for i, f := range found {
		switch {
		case i >= len(m.Files) || m.Files[i].Name != f.Name:
			return fmt.Errorf("%s is not in the list of files", f.Name)
		case m.Files[i] != f:
			r.at = f.Name
			return errors.New("its content is not what was written (its SHA-256 differs)")
		}
	}
	if len(m.Files) > len(found) {
		return fmt.Errorf("%s is missing", m.Files[len(found)].Name)
	}
	if !slices.ContainsFunc(found, func(f BackupFile) bool { return f.Name == db.FileName }) {
		return fmt.Errorf("%s is missing", db.FileName)
	}
	return nil
}
