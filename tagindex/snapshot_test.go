package tagindex

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tagma/errs"
	"tagma/event"
)

func sampleIndex(t testing.TB) *Index {
	t.Helper()
	x := New()
	var few []event.Value
	for i := range 1000 {
		few = append(few, drawnNumber([]string{"1.5", "20", "1e30", "-3.333333333333333333"}[i%4]))
	}
	var half []uint32
	for c := uint32(0); c < 150000; c += 2 {
		half = append(half, c)
	}
	changes := []Change{
		{Slot: 1, At: 5, Run: 6, Sets: []SetChange{{Value: event.Text("上海"), Entered: SetOf(half...).Roaring()}, {Value: event.Text(""), Entered: SetOf(1, 3, 99).Roaring()}}},
		{Slot: 2, Sets: []SetChange{{Value: event.Bool(true), Entered: Range(0, 150000).Roaring()}}},
		{Slot: 9, Column: &ColumnChange{Customers: Range(500, 1500).Roaring(), Values: ColumnOf(few...)}, Bands: []SetChange{{Value: event.Text("高"), Entered: Range(500, 700).Roaring()}}},
		{Slot: 10, Multi: true, Sets: []SetChange{{Value: event.Text("a"), Entered: Range(0, 10).Roaring()}, {Value: event.Text("b"), Entered: Range(5, 15).Roaring()}}},
		{Slot: 11, Column: &ColumnChange{Customers: SetOf(7, 8).Roaring(), Values: ColumnOf(event.List(event.Text("x")), event.List())}},
		{Slot: 12, Column: &ColumnChange{Customers: SetOf(7, 70000).Roaring(), Values: ColumnOf(event.Civil(3), event.Civil(-3))}},
	}
	if err := x.Apply(changes, 42); err != nil {
		t.Fatal(err)
	}
	return x
}

// differ says in which slot two views differ.
func differ(a, b *View) (uint32, bool) {
	for _, id := range append(a.Slots(), b.Slots()...) {
		if a.find(id) == nil || b.find(id) == nil || Diff(a.Content(id), b.Content(id)) != nil {
			return id, true
		}
	}
	return 0, false
}

func TestSnapshotOfAnything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index")
	rapid.Check(t, func(t *rapid.T) {
		x, n := drawIndex(t)
		if err := Save(path, x.View(), Meta{}); err != nil {
			t.Fatal(err)
		}
		y, reason, err := Load(path)
		if err != nil || reason != "" {
			t.Fatal(err, reason)
		}
		if y.Position() != x.Position() {
			t.Fatalf("position %d, want %d", y.Position(), x.Position())
		}
		at := watched(t)
		n.check(t, y.View(), at)
		// What was loaded is memory of the file's; changes must not spoil what other views see of it.
		loaded := y.View()
		was := n.clone()
		ch := drawChange(t)
		n.apply(&ch)
		if err := y.Apply([]Change{ch}, y.Position()+1); err != nil {
			t.Fatal(err)
		}
		n.check(t, y.View(), at)
		was.check(t, loaded, at)
	})
}

func TestSnapshotMeta(t *testing.T) {
	x := sampleIndex(t)
	path := filepath.Join(t.TempDir(), "2011-12-09")
	if err := Save(path, x.View(), Meta{AsOf: 1323475199999, Note: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	v, meta, err := Open(path)
	if err != nil || meta.AsOf != 1323475199999 || string(meta.Note) != "{}" || v.Offset() != 42 {
		t.Fatal(v, meta, err)
	}
	if id, bad := differ(v, x.View()); bad {
		t.Errorf("slot %d differs", id)
	}
	if at, run, ok := v.Changed(1); at != 5 || run != 6 || !ok {
		t.Error(at, run, ok)
	}
	if _, _, err := Open(path + "x"); !errs.Is(err, errs.NotFound) {
		t.Error(err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A snapshot with any byte wrong, cut off anywhere or with anything in its place, is seen to be damaged: the index
// is rebuilt, and no answer is wrong.
func TestDamagedSnapshot(t *testing.T) {
	x := sampleIndex(t)
	path := filepath.Join(t.TempDir(), "index")
	if err := Save(path, x.View(), Meta{}); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(b []byte, what string, at int) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		y, reason, err := Load(path)
		if err != nil {
			t.Fatalf("%s at %d: %v", what, at, err)
		}
		if reason == "" {
			if id, bad := differ(x.View(), y.View()); bad || y.Position() != 42 {
				t.Fatalf("%s at %d: loaded, and slot %d is wrong", what, at, id)
			}
			if !bytes.Equal(b, good) && what != "a wrong byte" {
				t.Fatalf("%s at %d: loaded", what, at)
			}
			return
		}
		if y.Position() != 0 || len(y.View().Slots()) != 0 {
			t.Fatalf("%s at %d: damaged, and yet at %d", what, at, y.Position())
		}
		if _, _, err := Open(path); !errs.Is(err, errs.Invalid) {
			t.Fatalf("%s at %d: opened with %v", what, at, err)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	positions := []int{}
	for i := range 40 {
		positions = append(positions, i, len(good)-1-i)
	}
	for range 300 {
		positions = append(positions, random.IntN(len(good)))
	}
	for _, at := range positions {
		b := bytes.Clone(good)
		b[at] ^= byte(1 + random.IntN(255))
		try(b, "a wrong byte", at)
	}
	for range 60 {
		at := random.IntN(len(good))
		try(good[:at], "cut off", at)
	}
	try(nil, "empty", 0)
	for range 40 {
		a, n := random.IntN(len(good)-64), 1+random.IntN(64)
		b := bytes.Clone(good)
		for i := range n {
			b[a+i] = byte(random.Uint32())
		}
		if !bytes.Equal(b, good) {
			try(b, "noise", a)
		}
	}
}

func TestSnapshotVersions(t *testing.T) {
	x := sampleIndex(t)
	path := filepath.Join(t.TempDir(), "index")
	if y, reason, err := Load(path); err != nil || reason == "" || y.Position() != 0 {
		t.Error(reason, err)
	}
	if err := Save(path, x.View(), Meta{}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for version, check := range map[byte]func(x *Index, reason string, err error) bool{
		snapshotVersion + 1: func(_ *Index, _ string, err error) bool {
			return errs.Is(err, errs.Conflict) && strings.Contains(err.Error(), "newer")
		},
		snapshotVersion - 1: func(x *Index, reason string, err error) bool {
			return err == nil && x.Position() == 0 && strings.Contains(reason, "version 0")
		},
	} {
		b[8] = version
		binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(b[:12], castagnoli))
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if y, reason, err := Load(path); !check(y, reason, err) {
			t.Errorf("version %d: %q, %v", version, reason, err)
		}
	}
}

// A snapshot that cannot be written leaves the old one.
func TestSaveFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index")
	if err := Save(path, sampleIndex(t).View(), Meta{}); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path+".new", "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Save(path, New().View(), Meta{}); err == nil {
		t.Error("saved over a directory")
	}
	if y, reason, err := Load(path); err != nil || reason != "" || y.Position() != 42 {
		t.Error(reason, err)
	}
}
