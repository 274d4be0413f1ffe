package chinese

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is where the repository begins.
const root = "../.."

// speaking are the packages, and single files, whose messages reach people through the API.
var speaking = []string{"event", "rule", "rule/form", "identity", "access", "library", "tag", "ingest", "api", "db/failure.go", "workspace/clock.go", "workspace/zone.go"}

// silent are their files that say nothing of faults: descriptions of the language, of the API and of metrics, and what
// `tagma check` finds.
var silent = []string{"rule/catalogue.go", "rule/catalogue_functions.go", "rule/catalogue_names.go", "api/document.go", "api/headers.go", "api/metrics.go",
	"tag/verify.go"}

// told are fields whose texts describe something, in documents and logs.
var told = []string{"about", "Help", "Description", "Summary", "doc"}

// internal matches what goes into the log alone, the failures of the machine and of our own: they begin with their
// package, or with what was being done.
var internal = regexp.MustCompile(`^(access|api|collect|db|form|identity|import|library|load|tag): |^(bring|copy|find|keep|load|look|make|note|open|read|remove|sync|wait|write) [a-z %]+: %w$`)

// database matches parts of statements.
var database = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|WITH|WHERE|CONFLICT|ORDER)\b|[=<>] \?|\?, \?|EXCLUDED\.|COALESCE|DESC$|^\w+ > 0$|^definition, customer|^, \(?\?`)

// exempt are texts that never are a message to people: forms to write values in, parts of others that are said whole
// elsewhere, and what only the command line shows.
var exempt = readLines("testdata/exempt.txt")

func readLines(name string) map[string]bool {
	text, err := os.ReadFile(name)
	if err != nil {
		panic(err)
	}
	out := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if s, err := strconv.Unquote(line); err == nil {
			out[s] = true
		}
	}
	return out
}

// said is a text in the program, with the place where it stands.
type said struct{ text, place string }

// everything collects the texts of the program, those that are put together of pieces as one format.
func everything(t *testing.T) []said {
	t.Helper()
	var out []said
	for _, name := range speaking {
		files := []string{filepath.Join(root, name)}
		if !strings.HasSuffix(name, ".go") {
			var err error
			if files, err = filepath.Glob(filepath.Join(root, name, "*.go")); err != nil || len(files) == 0 {
				t.Fatalf("there are no files in %s: %v", name, err)
			}
		}
		for _, file := range files {
			short := filepath.ToSlash(strings.TrimPrefix(file, root+string(filepath.Separator)))
			if strings.HasSuffix(file, "_test.go") || slices.Contains(silent, short) {
				continue
			}
			set := token.NewFileSet()
			tree, err := parser.ParseFile(set, file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, textsOf(tree, func(n ast.Node) string { return short + ":" + strconv.Itoa(set.Position(n.Pos()).Line) })...)
		}
	}
	return out
}

// textsOf collects the texts of a file.
func textsOf(tree *ast.File, place func(ast.Node) string) (out []said) {
	var visit func(ast.Node) bool
	visit = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			return n.Tag == nil
		case *ast.KeyValueExpr:
			if id, ok := n.Key.(*ast.Ident); ok && slices.Contains(told, id.Name) {
				return false
			}
		case *ast.AssignStmt:
			if s, ok := n.Lhs[0].(*ast.SelectorExpr); ok && slices.Contains(told, s.Sel.Name) {
				return false
			}
		case *ast.CallExpr:
			if logged(n) {
				return false
			}
		}
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		text, ok, rest := format(e)
		if !ok {
			return true
		}
		out = append(out, said{text, place(n)})
		for _, r := range rest { // what stands in the holes may be texts, too
			ast.Inspect(r, visit)
		}
		return false
	}
	ast.Inspect(tree, visit)
	return out
}

// logged says that a call panics, or writes to the log.
func logged(c *ast.CallExpr) bool {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name == "panic"
	case *ast.SelectorExpr:
		return slices.Contains([]string{"Error", "Warn", "Info", "MustCompile"}, f.Sel.Name) && len(c.Args) > 0
	}
	return false
}

// format is the text of an expression, with %s for what is not known before: a literal, a sum with one, a Sprintf.
// rest is what stands in the holes.
func format(e ast.Expr) (text string, ok bool, rest []ast.Expr) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil, nil
		}
	case *ast.ParenExpr:
		return format(e.X)
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false, nil
		}
		x, isX, restX := format(e.X)
		y, isY, restY := format(e.Y)
		if !isX && !isY {
			return "", false, nil
		}
		if !isX {
			x, restX = "%s", []ast.Expr{e.X}
		}
		if !isY {
			y, restY = "%s", []ast.Expr{e.Y}
		}
		return x + y, true, append(restX, restY...)
	case *ast.CallExpr:
		if s, isMethod := e.Fun.(*ast.SelectorExpr); isMethod && s.Sel.Name == "Sprintf" && len(e.Args) > 0 {
			text, ok, rest = format(e.Args[0])
			return text, ok, append(rest, e.Args[1:]...)
		}
	}
	return "", false, nil
}

// plainOf is a format without what tells its verbs apart.
func plainOf(format string) string { return verb.ReplaceAllString(format, "%s") }

// isProse says that a text is written for people: several words that are not all holes.
func isProse(text string) bool {
	return len(text) < longest && sentence.MatchString(plainOf(text)) && !code.MatchString(text)
}

// longest is more than a message has; what is longer is data.
const longest = 600

// sentence matches words one after another, and code hints that consist of a part of a rule.
var (
	sentence = regexp.MustCompile(`[a-z]{2,}[,:;]? [a-z%'"\d({[=+*/&|!<]|%s[,:;]? [a-z]{2,}`)
	code     = regexp.MustCompile(`^write (x\.|[^a-z]*(%s)?[^a-z]*$|[^ ]*$|\W?has\(x\)|a \? |x >= low|in$|pow)|^'[^ ]+' is not an operator$`)
)

func TestEveryMessageOfTheProgramIsInTheCatalogue(t *testing.T) {
	known := map[string]bool{}
	for _, list := range [][]entry{rules, texts, forms, definitions, tags, people, requests, imports, phrases} {
		for _, e := range list {
			known[plainOf(e.en)] = true
		}
	}
	unused := map[string]bool{}
	for text := range exempt {
		unused[text] = true
	}
	for _, s := range everything(t) {
		delete(unused, s.text)
		if !isProse(s.text) || internal.MatchString(s.text) || database.MatchString(s.text) || exempt[s.text] {
			continue
		}
		if !known[plainOf(s.text)] {
			t.Errorf("%s: %q is not in Chinese: write it into errs/chinese, or into testdata/exempt.txt there when nobody reads it through the API", s.place, s.text)
		}
	}
	for text := range unused {
		t.Errorf("testdata/exempt.txt: %q stands nowhere in the program", text)
	}
}

func TestEveryEntryIsSaidByTheProgram(t *testing.T) {
	used := map[string]bool{}
	for _, s := range everything(t) {
		used[plainOf(s.text)] = true
	}
	for _, list := range [][]entry{rules, texts, forms, definitions, tags, people, requests, imports} {
		for _, e := range list {
			if !used[plainOf(e.en)] {
				t.Errorf("%q is said nowhere any more", e.en)
			}
		}
	}
}
