package stream

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
)

// childVar names the directory in which a child process of this test works until it is killed.
const childVar = "TAGMA_TEST_STREAM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVar); dir != "" {
		fmt.Println("child ended:", work(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// value is what the record at an offset counts, so that the right sum is known from the log's end alone.
func value(offset uint64) uint64 { return offset*offset%997 + 1 }

func sumOf(entries []Entry) (sum uint64) {
	for _, e := range entries {
		sum += binary.LittleEndian.Uint64(e.Payload[1:])
	}
	return sum
}

// file is the state of a reader outside the database. It is written now and then, so a crash sets it back.
type file struct {
	path          string
	mu            sync.Mutex
	Position, Sum uint64
	applied       int
}

func openFile(dir string) (*file, error) {
	f := &file{path: filepath.Join(dir, "own.json")}
	text, err := os.ReadFile(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	return f, json.Unmarshal(text, f)
}

func (f *file) position() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.Position
}

func (f *file) apply(_ context.Context, entries []Entry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if entries[0].First != f.Position {
		return fmt.Errorf("records from %d were given at position %d", entries[0].First, f.Position)
	}
	f.Position, f.Sum = entries[len(entries)-1].End(), f.Sum+sumOf(entries)
	if f.applied++; f.applied%3 == 0 {
		return f.save()
	}
	return nil
}

func (f *file) sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.save()
}

func (f *file) save() error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := os.WriteFile(f.path+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(f.path+".new", f.path)
}

// house is the runner that the child and the checking test have in common. Every reader adds up what it is given.
func house(d *db.DB, f *file, failed func(string, error, time.Duration)) (*Runner, error) {
	events, changes := EventLog(d), ChangeLog(d)
	add := func(ctx context.Context, tx bun.Tx, reader string, sum uint64) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO sums (reader, sum) VALUES (?, ?) ON CONFLICT (reader) DO UPDATE SET sum = sums.sum + excluded.sum", reader, sum)
		return err
	}
	return New(d, Options{BatchBytes: 20, Failed: failed},
		Reader{Name: "first", Log: events, Handle: func(ctx context.Context, tx bun.Tx, entries []Entry) error {
			for _, e := range entries {
				if _, err := changes.Append(ctx, tx, Entry{Count: e.Count, Payload: e.Payload}); err != nil {
					return err
				}
			}
			return add(ctx, tx, "first", sumOf(entries))
		}},
		Reader{Name: "second", Log: events, After: []string{"first"}, Handle: func(ctx context.Context, tx bun.Tx, entries []Entry) error {
			if position, err := loadCursor(ctx, tx, "first"); err != nil || position < entries[len(entries)-1].End() {
				return fmt.Errorf("the first reader is at %d, %v", position, err)
			}
			return add(ctx, tx, "second", sumOf(entries))
		}},
		Reader{Name: "own", Log: events, Position: f.position, Apply: f.apply, Sync: f.sync},
		Reader{Name: "changes", Log: changes, Handle: func(ctx context.Context, tx bun.Tx, entries []Entry) error {
			return add(ctx, tx, "changes", sumOf(entries))
		}},
	)
}

func appendSome(ctx context.Context, l *Log, records uint64) (end uint64, err error) {
	err = l.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		first, err := l.End(ctx, tx)
		if err != nil {
			return err
		}
		sum := uint64(0)
		for i := range records {
			sum += value(first + i)
		}
		end = first + records
		_, err = l.Append(ctx, tx, Entry{Count: records, Payload: binary.LittleEndian.AppendUint64([]byte{1}, sum)})
		return err
	})
	return end, err
}

// work is the child: it appends, reads and trims until it is killed, and says what it has acknowledged.
func work(dir string) error {
	fmt.Println("start")
	ctx := context.Background()
	if _, err := db.LockDir(dir, 0); err != nil {
		return err
	}
	d, err := db.Open(ctx, dir)
	if err != nil {
		return err
	}
	err = d.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS sums (reader TEXT PRIMARY KEY, sum INTEGER NOT NULL)")
		return err
	})
	if err != nil {
		return err
	}
	f, err := openFile(dir)
	if err != nil {
		return err
	}
	r, err := house(d, f, func(_ string, err error, _ time.Duration) {
		fmt.Println("failed:", err)
		os.Exit(1)
	})
	if err != nil {
		return err
	}
	events := EventLog(d)
	go r.Run(ctx)
	for n := 1; ; n++ {
		end, err := appendSome(ctx, events, 1+rand.Uint64N(5))
		if err != nil {
			return err
		}
		fmt.Println("ok", end)
		r.Notify()
		if n%7 == 0 {
			if _, err := r.Trim(ctx, events, ^uint64(0)); err != nil {
				return err
			}
		}
	}
}

func TestExactlyOnceOverCrashes(t *testing.T) {
	const kills = 24
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	acknowledged, behind := uint64(0), 0
	for kill := range kills {
		end := runAndKill(t, dir, random.IntN(40), kill)
		acknowledged = max(acknowledged, end)
	}
	d, err := db.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	f, err := openFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := house(d, f, nil)
	if err != nil {
		t.Fatal(err)
	}
	list, err := r.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.Position == 0 {
			t.Errorf("reader %s did nothing before the crashes: they tested nothing", s.Name)
		}
		if s.Position < s.End {
			behind++
		}
	}
	if _, err := EventLog(d).Read(t.Context(), 0, 1); !errs.Is(err, errs.Conflict) {
		t.Errorf("the log was not trimmed between the crashes: %v", err)
	}
	t.Logf("%d acknowledged; after the last crash %d readers are behind", acknowledged, behind)
	if err := r.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	end, err := EventLog(d).End(t.Context(), d.Read())
	if err != nil {
		t.Fatal(err)
	}
	if end < acknowledged {
		t.Errorf("the log ends at %d, %d was acknowledged", end, acknowledged)
	}
	want := uint64(0)
	for offset := range end {
		want += value(offset)
	}
	if f.Position != end || f.Sum != want {
		t.Errorf("own: at %d the sum is %d, want %d and %d", f.Position, f.Sum, end, want)
	}
	for _, reader := range []string{"first", "second", "changes"} {
		var sum uint64
		if err := d.Read().QueryRowContext(t.Context(), "SELECT sum FROM sums WHERE reader = ?", reader).Scan(&sum); err != nil || sum != want {
			t.Errorf("%s: the sum is %d, want %d; %v", reader, sum, want, err)
		}
	}
}

// runAndKill lets a child work until it has acknowledged some entries, kills it, and returns the last offset
// that it acknowledged.
func runAndKill(t *testing.T, dir string, entries, kill int) (end uint64) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVar+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := -1; n < entries && lines.Scan(); n++ {
		text, ok := strings.CutPrefix(lines.Text(), "ok ")
		if !ok {
			if lines.Text() != "start" {
				t.Errorf("kill %d: %s", kill, lines.Text())
			}
			continue
		}
		if end, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Errorf("kill %d: %v", kill, err)
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Errorf("kill %d: it was not running any more: %v", kill, err)
	}
	_ = child.Wait() // it says that it was killed
	return end
}
