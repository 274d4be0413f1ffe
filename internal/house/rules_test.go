package house_test

import (
	"strings"
	"testing"
)

// Every rule is broken here once, so that a rule that finds nothing is known to be able to.
func TestEveryRuleCanFail(t *testing.T) {
	slash := "/" // so that this file keeps the rule that it tests
	cases := []struct {
		rule  string
		bad   file
		wants []string // in the one fault
		good  file
	}{
		{"imports go down", file{"rule/a.go", []byte("package rule\n\nimport \"tagma/library\"\n")}, []string{"rule (floor 2)", "library (floor 3)"},
			file{"library/a.go", []byte("package library\n\nimport \"tagma/rule\"\n")}},
		{"imports go down", file{"event/a.go", []byte("package event\n\nimport \"tagma/db\"\n")}, []string{"event imports db", "floor 1"},
			file{"db/a.go", []byte("package db\n\nimport \"tagma/event\"\n")}},
		{"imports go down", file{"journey/a.go", []byte("package journey\n")}, []string{`"journey" stands on no floor`},
			file{"internal/journey/a.go", []byte("package journey\n")}},
		{"imports go down", file{"tag/a.go", []byte("package tag\n\nimport \"tagma/internal/world\"\n")}, []string{"tag imports internal/world", "tests only"},
			file{"tag/a_test.go", []byte("package tag\n\nimport \"tagma/internal/world\"\n")}},
		{"imports go down", file{"tag/a.go", []byte("package tag\n\nimport \"tagma/journey\"\n")}, []string{"tag imports journey"},
			file{"tag/a.go", []byte("package tag\n\nimport \"github.com/journey/tag\"\n")}},
		{"packages are nouns of the business", file{"event/util/a.go", []byte("package util\n")}, []string{`"util"`}, file{"event/a.go", []byte("package event\n")}},
		{"packages are nouns of the business", file{"event/a.go", []byte("package common\n")}, []string{`"common"`}, file{"event/helpers_test.go", []byte("package event\n")}},
		{"exported names are explained", file{"tag/a.go", []byte("package tag\n\nfunc (t *Tag) Do() {}\n")}, []string{"tag/a.go:3:1", "Do"},
			file{"tag/a.go", []byte("package tag\n\n// Do does.\nfunc (t *Tag) Do() {}\n\nfunc (t *tag) Do() {}\n")}},
		{"exported names are explained", file{"tag/a.go", []byte("package tag\n\nconst (\n\tOne = 1\n)\n")}, []string{"One"},
			file{"tag/a.go", []byte("package tag\n\n// The numbers.\nconst (\n\tOne = 1\n\tTwo = 2\n)\n\nvar (\n\tThree = 3 // a few\n)\n")}},
		{"the clock is read in one place", file{"tag/a.go", []byte("package tag\n\nimport \"time\"\n\nvar t = time.Now()\n")}, []string{"tag/a.go:5:9", "time.Now"},
			file{"workspace/a.go", []byte("package workspace\n\nimport \"time\"\n\nvar t = time.Now()\n")}},
		{"nothing panics without a reason", file{"tag/a.go", []byte("package tag\n\nfunc f() {\n\tpanic(1)\n}\n")}, []string{"tag/a.go:4:2"},
			file{"tag/a.go", []byte("package tag\n\nfunc f() {\n\tpanic(1) // cannot be\n}\n")}},
		{"no machine is mentioned", file{"a.md", []byte("see\n" + slash + "work/x\n")}, []string{"a.md:2"}, file{"a.md", []byte("see ../work/x, groundwork/x and https://example.com/home/\n")}},
		{"files are small", file{"a.csv", make([]byte, largest+1)}, []string{"a.csv"}, file{"a.csv", make([]byte, largest)}},
		{"code is formatted", file{"tag/a.go", []byte("package tag\nvar  a = 1\n")}, []string{"tag/a.go"}, file{"tag/a.go", []byte("package tag\n\nvar a = 1\n")}},
		{"every package is in ARCHITECTURE.md", file{"journey/a.go", []byte("package journey\n")}, []string{"`journey`"}, file{"tag/a.go", []byte("package tag\n")}},
	}
	tried := map[string]bool{}
	for _, c := range cases {
		tried[c.rule] = true
		for _, r := range rules {
			if r.name != c.rule {
				continue
			}
			architecture := file{"ARCHITECTURE.md", []byte("| `tag` | tags |\n")}
			faults := r.check(t, []file{architecture, c.bad})
			if len(faults) != 1 {
				t.Errorf("%s: %s: %d faults %q, want one", c.rule, c.bad.path, len(faults), faults)
				continue
			}
			for _, want := range c.wants {
				if !strings.Contains(faults[0], want) {
					t.Errorf("%s: %q does not say %q", c.rule, faults[0], want)
				}
			}
			if faults := r.check(t, []file{architecture, c.good}); len(faults) != 0 {
				t.Errorf("%s: %q, want none", c.rule, faults)
			}
		}
	}
	for _, r := range rules {
		if !tried[r.name] {
			t.Errorf("the rule %q was not tried", r.name)
		}
	}
}

func TestIgnoredFilesAreLeftOut(t *testing.T) {
	patterns := []string{"/bin/", "*.prof", "node_modules/"}
	for p, want := range map[string]bool{"bin": true, "cmd/bin": false, "a/x.prof": true, "web/node_modules": true, "tag": false} {
		if got := isIgnored(patterns, p, !strings.Contains(p, ".")); got != want {
			t.Errorf("%s is ignored: %v, want %v", p, got, want)
		}
	}
}
