package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Each testdata/dir-vN holds a small data directory as version N of the stored formats wrote it (data.tar.gz), and
// what it answered then (answers.txt). They are never changed, for they stand for the directories that people have.
//
// A version that changes what is stored adds one, made by itself:
//
//	TAGMA_MAKE_DIR=v2 go test ./cmd/tagma -run TestMakeDirectory
//
// which follows makeDirectory below. Add to it what the new version stores beside.

// makeDirectory is how the directories are made: two imports, two runs, a snapshot, a rename and a retired tag; and since
// v2 values that are kept, assignments by hand and consents.
func makeDirectory(t *testing.T, dir, inputs string) {
	t.Helper()
	in := func(name string) string { return filepath.Join(inputs, name) }
	for _, args := range [][]string{
		{"init", "--timezone", "Asia/Shanghai", "--clock", "2026-07-01"},
		{"import", "--mapping", in("mapping.yaml"), in("first.csv")},
		{"apply", "-f", in("first.yaml"), "--actor", "li.na", "--reason", "the first tags"},
		{"compute", "--as-of", "2026-06-20"},
		{"compute"},
		{"import", "--mapping", in("mapping.yaml"), in("second.csv")},
		{"apply", "-f", in("second.yaml"), "--prune", "--actor", "wang.li"},
		{"compute"},
		{"assign", "user_id:1001", "card=金卡", "--by", "li.na", "--reason", "展会"},
		{"assign", "user_id:1002", "card=银卡", "--by", "li.na", "--until", "2026-12-31"},
		{"assign", "user_id:1003", "spending=小", "--by", "wang.li"},
		{"assign", "user_id:1004", "spending", "--remove", "--by", "wang.li"},
		{"assign", "user_id:1005", "loyal=多次", "--by", "wang.li"},
		{"unassign", "user_id:1005", "loyal", "--by", "wang.li"},
		{"consent", "user_id:1001", "--new", "sms=true", "email=false"},
	} {
		mustRun(t, append([]string{"--data", dir}, args...)...)
	}
}

// questions are asked of a directory when it is made, and ever after.
var questions = [][]string{
	{"query", "--count", "true"},
	{"query", "--values", "customer.first_seen"},
	{"query", "--values", "ids.phone"},
	{"query", "--values", "traits.city"},
	{"query", "--values", "traits.balance"},
	{"query", "--values", "traits.member"},
	{"query", "--values", "traits.likes"},
	{"query", "--values", "traits.born"},
	{"query", "--values", "events.order_paid.sum(e, e.amount)"},
	{"query", "--values", "events.order_paid.latest().order"},
	{"query", "--values", "events.order_paid.values(e, e.context.campaign.name)"},
	{"query", "--as-of", "2026-06-20", "--values", "events.order_paid.count()"},
	{"members", "--values", "frequency"},
	{"members", "--values", "spending"},
	{"members", "--values", "rank"},
	{"members", "--segment", "good"},
	{"members", "--as-of", "2026-06-20", "--values", "frequency"},
	{"members", "--values", "card"},
	{"members", "--values", "loyal"},
	{"assignments"},
	{"assignments", "--all"},
	{"query", "--values", "previous(tags.loyal)"},
	{"query", "--values", "changed_at(tags.spending)"},
	{"query", "--values", "consent.sms"},
	{"customer", "user_id:1001"},
	{"customer", "user_id:1004"},
	{"customer", "phone:13800000012"},
	{"export"},
	{"check"},
}

// answers asks all questions.
func answers(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, q := range questions {
		line, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("$ " + string(line) + "\n" + mustRun(t, append([]string{"--data", dir}, q...)...))
	}
	return b.String()
}

func TestMakeDirectory(t *testing.T) {
	version := os.Getenv("TAGMA_MAKE_DIR")
	if version == "" {
		t.Skip("only to add a directory to testdata: TAGMA_MAKE_DIR=vN")
	}
	to := filepath.Join("testdata", "dir-"+version)
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	makeDirectory(t, dir, "testdata/dir-inputs")
	var packed bytes.Buffer
	if err := pack(&packed, dir); err != nil {
		t.Fatal(err)
	}
	if packed.Len() > 100<<10 {
		t.Errorf("the directory takes %d KiB: make it smaller", packed.Len()>>10)
	}
	err := errors.Join(os.WriteFile(filepath.Join(to, "data.tar.gz"), packed.Bytes(), 0o644),
		os.WriteFile(filepath.Join(to, "answers.txt"), []byte(answers(t, dir)), 0o644))
	if err != nil {
		t.Fatal(err)
	}
}

func TestOlderDirectoriesOpen(t *testing.T) {
	old, err := filepath.Glob("testdata/dir-v*")
	if err != nil || len(old) == 0 {
		t.Fatalf("no directories of earlier versions: %v", err)
	}
	for _, from := range old {
		t.Run(filepath.Base(from), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if err := unpack(filepath.Join(from, "data.tar.gz"), dir); err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join(from, "answers.txt"))
			if err != nil {
				t.Fatal(err)
			}
			compareAnswers(t, string(want), dir)

			// It is not only read: what was taken is still known, and the next rows, runs and definitions go on top.
			again := mustRun(t, "--data", dir, "import", "--mapping", "testdata/dir-inputs/mapping.yaml", "testdata/dir-inputs/second.csv")
			if !strings.Contains(again, "nothing new") {
				t.Errorf("the file that it was made of is taken again: %s", again)
			}
			mustRun(t, "--data", dir, "import", "--mapping", "testdata/dir-inputs/mapping.yaml", "testdata/dir-inputs/third.csv")
			mustRun(t, "--data", dir, "apply", "-f", "testdata/dir-inputs/third.yaml")
			mustRun(t, "--data", dir, "compute")
			if got := mustRun(t, "--data", dir, "members", "frequency=高频"); got != "1001\n1013\n" {
				t.Errorf("高频 after a new import and run: %q", got)
			}
			if out := mustRun(t, "--data", dir, "check"); !strings.Contains(out, "all right") || strings.Contains(out, "note") {
				t.Error(out)
			}
		})
	}
}

// compareAnswers asks what answers.txt says was asked, and compares line by line.
func compareAnswers(t *testing.T, want, dir string) {
	t.Helper()
	for part := range strings.SplitSeq(strings.TrimPrefix(want, "$ "), "\n$ ") {
		question, answer, _ := strings.Cut(part, "\n")
		var args []string
		if err := json.Unmarshal([]byte(question), &args); err != nil {
			t.Fatalf("answers.txt: %q: %v", question, err)
		}
		got := mustRun(t, append([]string{"--data", dir}, args...)...)
		if strings.TrimSuffix(got, "\n") != strings.TrimSuffix(answer, "\n") {
			t.Errorf("%s\nanswers\n%s\nand was\n%s", question, got, answer)
		}
	}
}

// pack writes the files of a directory as a compressed archive, with nothing in it that depends on the day.
func pack(w io.Writer, dir string) error {
	gz := gzip.NewWriter(w)
	archive := tar.NewWriter(gz)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return archive.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: filepath.ToSlash(name) + "/", Mode: 0o755, ModTime: time.Unix(0, 0)})
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := archive.WriteHeader(&tar.Header{Name: filepath.ToSlash(name), Mode: 0o644, Size: int64(len(b)), ModTime: time.Unix(0, 0)}); err != nil {
			return err
		}
		_, err = archive.Write(b)
		return err
	})
	return errors.Join(err, archive.Close(), gz.Close())
}

// unpack is the way back.
func unpack(file, dir string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	gz, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	archive := tar.NewReader(gz)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(path, 0o755); err != nil {
				return err
			}
			continue
		}
		b, err := io.ReadAll(archive)
		if err != nil {
			return err
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, 0o644)); err != nil {
			return err
		}
	}
}
