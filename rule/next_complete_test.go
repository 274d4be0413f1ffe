package rule

import (
	"go/ast"
	goparser "go/parser"
	gotoken "go/token"
	"os"
	"strings"
	"testing"
)

// Every operation of the package has to be named where it is said how its value goes on: one that looks at the clock and
// is taken for a function of its arguments would promise too much. Whoever adds an operation adds it to lookahead.find.
func TestEveryOperationLooksAhead(t *testing.T) {
	made, named := map[string]bool{}, map[string]bool{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		tree, err := goparser.ParseFile(gotoken.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range tree.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if v, ok := s.(*ast.ValueSpec); ok {
						for i, name := range v.Names {
							if i < len(v.Values) && makesOperation(v.Values[i]) {
								made[name.Name] = true
							}
						}
					}
				}
			case *ast.FuncDecl:
				if d.Name.Name == "find" && d.Recv != nil {
					ast.Inspect(d, func(n ast.Node) bool {
						if c, ok := n.(*ast.CaseClause); ok {
							for _, e := range c.List {
								if id, ok := e.(*ast.Ident); ok {
									named[id.Name] = true
								}
							}
						}
						return true
					})
				}
			}
		}
	}
	if len(made) < 60 || len(named) < 60 {
		t.Fatalf("%d operations made, %d named: the test does not read the files right", len(made), len(named))
	}
	for name := range made {
		if !named[name] {
			t.Errorf("%s is not named in lookahead.find: say there how its value goes on with time", name)
		}
	}
	for name := range named {
		if !made[name] {
			t.Errorf("%s is named in lookahead.find but is no operation", name)
		}
	}
}

// makesOperation says that a variable's value is an *op: written out, or made by a function that returns one.
func makesOperation(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.UnaryExpr:
		lit, ok := e.X.(*ast.CompositeLit)
		if !ok {
			return false
		}
		id, ok := lit.Type.(*ast.Ident)
		return ok && id.Name == "op"
	case *ast.CallExpr:
		id, ok := e.Fun.(*ast.Ident)
		return ok && (id.Name == "arith" || id.Name == "compareOp")
	}
	return false
}

// Every function of the language has to be named in lookahead.function, and every fused comparison to be told apart.
func TestEveryFunctionLooksAhead(t *testing.T) {
	source, err := os.ReadFile("next_function.go")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := goparser.ParseFile(gotoken.NewFileSet(), "next_function.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, d := range tree.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "function" {
			ast.Inspect(f, func(n ast.Node) bool {
				if c, ok := n.(*ast.CaseClause); ok {
					for _, e := range c.List {
						if lit, ok := e.(*ast.BasicLit); ok {
							named[strings.Trim(lit.Value, `"`)] = true
						}
					}
				}
				return true
			})
		}
	}
	for name := range functions {
		if !named[name] {
			t.Errorf("%s is not named in lookahead.function: say there how its value goes on with time", name)
		}
	}
	for _, o := range fusedOps {
		if _, ok := fusedFrom[o]; !ok {
			t.Errorf("%s: what it was made of is not known", o.name)
		}
	}
	for _, o := range pickTimeOps {
		if _, ok := pickTimeFrom[o]; !ok {
			t.Errorf("%s: what it was made of is not known", o.name)
		}
	}
}
