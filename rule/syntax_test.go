package rule

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tagma/event"
)

var rewrite = flag.Bool("rewrite", false, "write what the tests found into testdata/syntax")

// samples are the rules of the language's description and others of their kind.
var samples = []string{
	`events.order_paid.last("90d").count() >= 5 && traits.city in ["上海", "北京"]`,
	`events["Order Completed"].last("30d").where(e, e.amount > 100 && e.channel == "抖音").sum(e, e.amount) >= 1000`,
	`days_since(events.order_paid.latest().time) > 180`,
	`events.all.earliest().context.campaign.term                       // first touch: the search word`,
	`events.view.last("90d").top(e, e.category)                        // preference, a value`,
	`tags.rfm == "重要价值客户" && !segments.staff`,
	`events.cart.then(events.buy, within("10m"), same("item")).count() >= 1`,
	`events.view.since(start_of(now, "mo")).count() > events.view.since(start_of(add(now, "-1mo"), "mo")).until(start_of(now, "mo")).count()`,
	`measures.m > mean(measures.m, measures.f > 0)`,
	`traits.k`, `traits["键"]`, `traits.address.city`, `has(ids.wecom)`, `events.any("a", "b")`, `events.nth(-2)`,
	`events.view.then(events.any("cart", "fav"), same("item")).then(events.buy, same("item")).count() >= 1`,
	`t + duration("2h")`, `now - t > duration("12h")`, `c ? x : y`, `lookup("cities", traits.city, "tier")`, `bucket("seed", 100)`,
	`ntile(-x, 5)`, `quantile(x, 0.8, cond)`, `round(events.order_paid.sum(e, e.amount) / measures.f, 2)`,
	`tags.purchase_frequency == "高频购买" && days_since(events.order_paid.latest().time) > 60`,
	`a.where(e, e.x).count() >= a.count() * 0.4`, `true`, `1 == 1.0`, `5/2`,
	`!row.InvoiceNo.startsWith("C")`, `row.InvoiceNo + "/" + string(line)`, `products[row.StockCode].category`,
	`number(row.Quantity) * number(row.UnitPrice)`, `row.CustomerID.replace(".0", "")`,
	"// one\na && // two\n( // three\n b || c // four\n // five\n) // six\n// seven", "f(\n// nothing\n)", "[a, // x\n]",
	`a ? b : c ? d : e`, `-1.5e-3 + 0x1F * .5`, `r"\d+\\" + '''it's''' + "\u4e0a\x41\101\n"`, "a.b // c\n  .d(x) // e\n .f[g // h\n].i()",
}

// tree writes a syntax tree as an S-expression.
func tree(n Node) string {
	all := func(head string, nodes ...Node) string {
		for _, x := range nodes {
			head += " " + tree(x)
		}
		return "(" + head + ")"
	}
	switch n := n.(type) {
	case *Literal:
		if n.Value.Kind() == event.TextKind {
			return quoteText(n.Value.Text())
		}
		return n.Value.String()
	case *Name:
		return n.Name
	case *Member:
		return "(. " + tree(n.X) + " " + n.Name + ")"
	case *Index:
		return all("[]", n.X, n.Key)
	case *Call:
		if n.Recv != nil {
			return all("."+n.Fun+"()", append([]Node{n.Recv}, n.Args...)...)
		}
		return all(n.Fun+"()", n.Args...)
	case *Unary:
		return all(n.Op, n.X)
	case *Binary:
		return all(n.Op, n.X, n.Y)
	case *Ternary:
		return all("?:", n.Cond, n.X, n.Y)
	case *ListLit:
		return all("list", n.Items...)
	}
	return "nothing"
}

// mustParse reads a text that has no faults.
func mustParse(t interface {
	Helper()
	Fatalf(string, ...any)
}, text string) *Source {
	t.Helper()
	s, faults := Parse(text)
	if len(faults) > 0 {
		t.Fatalf("%q: %v", text, faultText(text, faults))
	}
	return s
}

func faultText(text string, faults []Fault) string {
	var b strings.Builder
	for _, f := range faults {
		b.WriteString(f.At(text, "").String() + "\n")
	}
	return b.String()
}

// The files of testdata/syntax hold cases: an expression after a line "----", what is to come of it after a line "====".
// In format.txt it is the layout, in the others the tree or the faults.
func TestSyntaxFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/syntax/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, rest, _ := strings.Cut(string(data), "----\n")
		found := head
		for _, c := range strings.Split(rest, "----\n") {
			text, want, _ := strings.Cut(c, "====\n")
			text = strings.TrimSuffix(text, "\n")
			s, faults := Parse(text)
			var got string
			switch {
			case len(faults) > 0:
				got = faultText(text, faults)
			case filepath.Base(file) == "format.txt":
				got = Format(s) + "\n"
			default:
				got = tree(s.Root) + "\n"
			}
			if got != want && !*rewrite {
				t.Errorf("%s: %s\ngot:\n%swant:\n%s", file, text, got, want)
			}
			found += "----\n" + text + "\n====\n" + got
		}
		if *rewrite && found != string(data) {
			if err := os.WriteFile(file, []byte(found), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
