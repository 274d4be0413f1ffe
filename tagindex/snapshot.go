package tagindex

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"tagma/errs"
	"tagma/event"
)

// A snapshot file holds a view:
//
//	preamble   "TAGMAIDX", the version, three zeros, checksum of these 12 bytes (the same in all versions)
//	slots      for each a section: its directory, then the bytes of its chunks and pages; all aligned to 8 bytes
//	contents   offset, metadata, and for each slot where its section is and the section's checksum
//	footer     where the contents are, their length, their checksum, 4 zeros
//
// Numbers are little endian, checksums CRC-32C. Chunks lie in the file as they do in memory, so that loading is
// little more than reading.
const (
	snapshotMagic   = "TAGMAIDX"
	snapshotVersion = 1
	preambleSize    = 16
	footerSize      = 24
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Meta is what a snapshot says of itself.
type Meta struct {
	// AsOf is the instant that the tags are of, when the snapshot is of a past one; 0 for the running index.
	AsOf event.Time
	// Note is the maker's: parameters of the run, say. It is not read here.
	Note []byte
}

// NewView returns a view of some slots with their contents, which were computed for an instant in a run. It is how
// the tags of a past instant become a snapshot. Slots must ascend.
func NewView(offset uint64, slots []uint32, contents []*Content, at event.Time, run uint64) (*View, error) {
	if len(slots) != len(contents) {
		return nil, fmt.Errorf("tagindex: make a view: %d slots and %d contents", len(slots), len(contents))
	}
	v := &View{offset: offset}
	for i, id := range slots {
		if i > 0 && id <= slots[i-1] {
			return nil, fmt.Errorf("tagindex: make a view: slot %d after slot %d", id, slots[i-1])
		}
		v.add(&slot{id: id, content: *contents[i], changed: at, run: run})
	}
	return v, nil
}

// add puts a slot behind all others.
func (v *View) add(s *slot) {
	v.latest = max(v.latest, s.changed)
	v.ids, v.ords, v.slots = append(v.ids, s.id), append(v.ords, int32(len(v.slots))), append(v.slots, s)
}

// Save writes a view to path: first beside it, then synced and renamed, so that after a crash there is the old file
// or the new one.
func Save(path string, v *View, meta Meta) error {
	temp := path + ".new"
	err := saveTo(temp, v, meta)
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		os.Remove(temp)
		return fmt.Errorf("tagindex: save snapshot: %w", err)
	}
	return nil
}

func saveTo(path string, v *View, meta Meta) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = writeSnapshot(f, v, meta)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	return err
}

// Load reads the index from a snapshot. A missing, damaged or older one is no error: the index is then empty, at
// offset 0, to be rebuilt from the change log, and reason says why. A snapshot of a newer version of Tagma is an
// error of kind Conflict.
func Load(path string) (x *Index, reason string, err error) {
	x = New()
	v, _, err := read(path)
	switch {
	case err == nil:
		x.replace(v)
		return x, "", nil
	case errs.Is(err, errs.Conflict):
		return nil, "", err
	}
	return x, err.Error(), nil
}

// Open reads a snapshot of a past instant. A damaged one is an error of kind Invalid, one of another version of kind
// Conflict, a missing one of kind NotFound.
func Open(path string) (*View, Meta, error) { return read(path) }

func read(path string) (*View, Meta, error) {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, Meta{}, errs.New(errs.NotFound, "tagindex: there is no snapshot %s", path)
	}
	if err != nil {
		return nil, Meta{}, fmt.Errorf("tagindex: open snapshot: %w", err)
	}
	defer f.Close()
	v, meta, err := readSnapshot(f)
	if err != nil && errs.KindOf(err) == errs.Internal {
		err = errs.New(errs.Invalid, "tagindex: snapshot %s is damaged: %w", path, err)
	}
	return v, meta, err
}

// output writes to a file, counting and adding up the checksum of a section.
type output struct {
	w   io.Writer
	at  int64
	sum uint32
	err error
}

func (o *output) write(b []byte) {
	if o.err == nil {
		_, o.err = o.w.Write(b)
		o.at += int64(len(b))
		o.sum = crc32.Update(o.sum, castagnoli, b)
	}
}

var zeros [8]byte

// pad goes on to the next multiple of 8.
func (o *output) pad() { o.write(zeros[:-o.at&7]) }

func preamble() []byte {
	b := append([]byte(snapshotMagic), snapshotVersion, 0, 0, 0)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// checkPreamble looks at the first bytes of a file, which are the same in all versions.
func checkPreamble(b []byte) error {
	if len(b) < preambleSize || string(b[:8]) != snapshotMagic || crc32.Checksum(b[:12], castagnoli) != binary.LittleEndian.Uint32(b[12:]) {
		return fmt.Errorf("it does not begin as a snapshot does")
	}
	switch version := b[8]; {
	case version > snapshotVersion:
		return errs.New(errs.Conflict, "tagindex: the snapshot is of version %d, this program knows %d; use a newer one", version, snapshotVersion)
	case version < snapshotVersion:
		return fmt.Errorf("it is of version %d, this program writes %d", version, snapshotVersion)
	}
	return nil
}
