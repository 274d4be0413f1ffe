package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// file is a file of the repository.
type file struct {
	path string // from the root, with slashes
	text []byte
}

func (f file) isGo() bool   { return strings.HasSuffix(f.path, ".go") }
func (f file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// folder is where the file lies, which for Go is the package; "." for the root.
func (f file) folder() string { return path.Dir(f.path) }

// parsed is a Go file's tree.
func (f file) parsed(t *testing.T) (*token.FileSet, *ast.File) {
	t.Helper()
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, f.path, f.text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return set, tree
}

// repository reads every file that git would keep: all but .git and what .gitignore names. Files that go away while
// others are at work are left out.
func repository(t *testing.T) (files []file) {
	t.Helper()
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	ignored := strings.Fields(string(text))
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) {
				return nil
			}
			return err
		}
		p, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		p = filepath.ToSlash(p)
		if p == ".git" || isIgnored(ignored, p, d.IsDir()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			return nil
		}
		files = append(files, file{p, content})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(files, func(f file) bool { return f.path == "go.mod" }) {
		t.Fatal("the root of the repository was not found")
	}
	return files
}

// isIgnored reads the forms of .gitignore that are in use: /folder/, folder/, *.ending.
func isIgnored(patterns []string, p string, dir bool) bool {
	for _, pattern := range patterns {
		want, folder := strings.CutSuffix(pattern, "/")
		if folder && !dir {
			continue
		}
		anchored, fromRoot := strings.CutPrefix(want, "/")
		name := path.Base(p)
		if fromRoot {
			want, name = anchored, p
		}
		if ok, err := path.Match(want, name); err == nil && ok {
			return true
		}
	}
	return false
}
