// Package house_test holds the repository to its own rules: CONTRIBUTING.md says what they are for.
package house_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/token"
	"net/url"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the name that go.mod gives.
const module = "tagma"

// floors are the packages of the product from the ground up. A package may import those that stand before it in
// this list, on its own floor or on one below, and no others of the product. ARCHITECTURE.md says what each is.
var floors = [][]string{
	1: {"event", "errs", "errs/chinese", "db", "stream", "warehouse", "warehouse/pebble", "tagindex"},
	2: {"rule", "rule/form", "rule/sentence", "rule/complete", "identity", "access"},
	3: {"library", "tag"},
	4: {"ingest", "workspace", "demo"},
	5: {"web", "api", "cmd/tagma"},
}

// support is what tests and measurements are made of. The product must not import it.
var support = []string{"internal", "bench", "warehouse/warehousetest"}

func isSupport(p string) bool {
	return slices.ContainsFunc(support, func(s string) bool { return p == s || strings.HasPrefix(p, s+"/") })
}

// place is a package's floor, and where it stands in the list; false when it is not in it.
func place(p string) (floor, at int, ok bool) {
	for floor, packages := range floors {
		for _, name := range packages {
			if name == p {
				return floor, at, true
			}
			at++
		}
	}
	return 0, 0, false
}

// isProduct says that a Go file is part of what is delivered.
func isProduct(f file) bool { return f.isGo() && !f.isTest() && !isSupport(f.folder()) }

// rules are the house rules. Each returns what breaks it, a line a case.
var rules = []struct {
	name  string
	check func(t *testing.T, files []file) []string
}{
	{"imports go down", importsGoDown},
	{"packages are nouns of the business", packagesHaveNames},
	{"exported names are explained", exportedIsExplained},
	{"the clock is read in one place", clockIsGiven},
	{"nothing panics without a reason", panicsAreExplained},
	{"no machine is mentioned", noMachines},
	{"files are small", filesAreSmall},
	{"code is formatted", codeIsFormatted},
	{"every package is in ARCHITECTURE.md", packagesAreDescribed},
}

func TestTheRepositoryKeepsTheHouseRules(t *testing.T) {
	files := repository(t)
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, fault := range r.check(t, files) {
				t.Error(fault)
			}
		})
	}
}

// importsGoDown holds every import of the product against the floors.
func importsGoDown(t *testing.T, files []file) (faults []string) {
	for _, f := range files {
		if !isProduct(f) {
			continue
		}
		floor, at, ok := place(f.folder())
		if !ok {
			faults = append(faults, fmt.Sprintf("%s: the package %q stands on no floor: put it into the list of internal/house, and into ARCHITECTURE.md", f.path, f.folder()))
			continue
		}
		_, tree := f.parsed(t)
		for _, spec := range tree.Imports {
			full, _ := strconv.Unquote(spec.Path.Value)
			to, ours := strings.CutPrefix(full, module+"/")
			if !ours {
				continue
			}
			toFloor, toAt, known := place(to)
			switch {
			case isSupport(to):
				faults = append(faults, fmt.Sprintf("%s: %s imports %s, which is for tests only", f.path, f.folder(), to))
			case !known:
				faults = append(faults, fmt.Sprintf("%s: %s imports %s, which stands on no floor", f.path, f.folder(), to))
			case toFloor > floor:
				faults = append(faults, fmt.Sprintf("%s: %s (floor %d) imports %s (floor %d): imports go down", f.path, f.folder(), floor, to, toFloor))
			case toAt >= at:
				faults = append(faults, fmt.Sprintf("%s: %s imports %s, which stands after it on floor %d", f.path, f.folder(), to, floor))
			}
		}
	}
	return faults
}

// vague are names that say nothing of what is in a package.
var vague = []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "lib", "pkg"}

func packagesHaveNames(t *testing.T, files []file) (faults []string) {
	seen := map[string]bool{}
	for _, f := range files {
		if !f.isGo() {
			continue
		}
		_, tree := f.parsed(t)
		for _, name := range append(strings.Split(f.folder(), "/"), tree.Name.Name) {
			if key := f.folder() + " " + name; slices.Contains(vague, name) && !seen[key] {
				seen[key] = true
				faults = append(faults, fmt.Sprintf("%s: %q does not say what is in it", f.folder(), name))
			}
		}
	}
	return faults
}

// exportedIsExplained asks for a comment on everything exported: a declaration's own, or that of its group.
func exportedIsExplained(t *testing.T, files []file) (faults []string) {
	for _, f := range files {
		if !f.isGo() || f.isTest() {
			continue
		}
		set, tree := f.parsed(t)
		missing := func(at token.Pos, name string) {
			faults = append(faults, fmt.Sprintf("%s: %s is exported and has no comment", set.Position(at), name))
		}
		for _, d := range tree.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
					missing(d.Pos(), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
							missing(s.Pos(), s.Name.Name)
						}
					case *ast.ValueSpec:
						for _, name := range s.Names {
							if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
								missing(name.Pos(), name.Name)
							}
						}
					}
				}
			}
		}
	}
	return faults
}

// exportedReceiver says that a function is no method, or one of an exported type.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	x := d.Recv.List[0].Type
	for {
		switch e := x.(type) {
		case *ast.StarExpr:
			x = e.X
		case *ast.IndexExpr:
			x = e.X
		case *ast.IndexListExpr:
			x = e.X
		case *ast.Ident:
			return e.IsExported()
		default:
			return true
		}
	}
}

// clockIsGiven: packages are told the time. Those that deal with the machine read it, and hand it down.
func clockIsGiven(t *testing.T, files []file) (faults []string) {
	for _, f := range files {
		if !isProduct(f) || f.folder() == "cmd/tagma" || f.folder() == "workspace" {
			continue
		}
		set, tree := f.parsed(t)
		ast.Inspect(tree, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until"}, s.Sel.Name) {
					faults = append(faults, fmt.Sprintf("%s: time.%s: take the time as an argument; only workspace and cmd/tagma read the clock", set.Position(s.Pos()), s.Sel.Name))
				}
			}
			return true
		})
	}
	return faults
}

// panicsAreExplained allows a panic that a comment on its line, or of its function, speaks of.
func panicsAreExplained(t *testing.T, files []file) (faults []string) {
	for _, f := range files {
		if !isProduct(f) {
			continue
		}
		set, tree := f.parsed(t)
		commented := map[int]bool{}
		for _, group := range tree.Comments {
			for _, c := range group.List {
				commented[set.Position(c.Pos()).Line] = true
			}
		}
		for _, d := range tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && strings.Contains(fn.Doc.Text(), "panic") {
				continue
			}
			ast.Inspect(d, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if name, ok := call.Fun.(*ast.Ident); ok && name.Name == "panic" && !commented[set.Position(call.Pos()).Line] {
						faults = append(faults, fmt.Sprintf("%s: a panic: return an error, or say on the line why there is none", set.Position(call.Pos())))
					}
				}
				return true
			})
		}
	}
	return faults
}

// machines match what is true of one machine only: its folders, and the hosts that packages are fetched from.
// The words are put together here so that this file does not match.
var machines = func() *regexp.Regexp {
	words := []string{`(?:^|[^\w.])/` + `work/`, `(?:^|[^\w.])/` + `root/`, `(?:^|[^\w.])/` + `home/`, "proxy" + `\.golang`, "sum" + `\.golang`, "go" + `proxy\.`,
		"registry" + `\.npm`, "npm" + "mirror", "py" + `pi\.org`}
	for _, host := range ownHosts() {
		words = append(words, regexp.QuoteMeta(host))
	}
	return regexp.MustCompile("(?im)" + strings.Join(words, "|"))
}()

// ownHosts are the hosts that this machine fetches modules and packages from, whatever they are.
func ownHosts() (hosts []string) {
	settings := []string{os.Getenv("GOPROXY"), os.Getenv("HTTP_PROXY"), os.Getenv("HTTPS_PROXY"), os.Getenv("https_proxy"), os.Getenv("npm_config_registry")}
	if out, err := exec.Command("go", "env", "GOPROXY").Output(); err == nil {
		settings = append(settings, strings.TrimSpace(string(out)))
	}
	for _, s := range settings {
		for _, one := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == '|' }) {
			if u, err := url.Parse(one); err == nil && strings.Contains(u.Hostname(), ".") && !slices.Contains(hosts, u.Hostname()) {
				hosts = append(hosts, u.Hostname())
			}
		}
	}
	return hosts
}

func noMachines(_ *testing.T, files []file) (faults []string) {
	for _, f := range files {
		if bytes.IndexByte(f.text, 0) >= 0 {
			continue // not a text
		}
		for i, line := range bytes.Split(f.text, []byte("\n")) {
			if m := machines.Find(line); m != nil {
				faults = append(faults, fmt.Sprintf("%s:%d: %q is true of one machine only", f.path, i+1, strings.TrimSpace(string(m))))
			}
		}
	}
	return faults
}

// largest is the size that no file may exceed, in bytes.
const largest = 1 << 20

func filesAreSmall(_ *testing.T, files []file) (faults []string) {
	for _, f := range files {
		if len(f.text) > largest {
			faults = append(faults, fmt.Sprintf("%s has %d bytes, at most %d are allowed: data is made or fetched, not kept here", f.path, len(f.text), largest))
		}
	}
	return faults
}

func codeIsFormatted(t *testing.T, files []file) (faults []string) {
	for _, f := range files {
		if !f.isGo() {
			continue
		}
		formatted, err := format.Source(f.text)
		if err != nil {
			t.Fatalf("%s: %v", f.path, err)
		}
		if !bytes.Equal(formatted, f.text) {
			faults = append(faults, fmt.Sprintf("%s is not formatted: run gofmt -w on it", f.path))
		}
	}
	return faults
}

// packagesAreDescribed asks for each package's name in ARCHITECTURE.md, in backquotes.
func packagesAreDescribed(_ *testing.T, files []file) (faults []string) {
	i := slices.IndexFunc(files, func(f file) bool { return f.path == "ARCHITECTURE.md" })
	if i < 0 {
		return []string{"there is no ARCHITECTURE.md"}
	}
	seen := map[string]bool{}
	for _, f := range files {
		if p := f.folder(); f.isGo() && !seen[p] {
			seen[p] = true
			if !bytes.Contains(files[i].text, []byte("`"+p+"`")) && !bytes.Contains(files[i].text, []byte("`"+path.Dir(p)+"`")) {
				faults = append(faults, fmt.Sprintf("ARCHITECTURE.md does not say what `%s` is", p))
			}
		}
	}
	return faults
}
