package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"tagma/errs"
	"tagma/library"
	"tagma/rule"
	"tagma/rule/complete"
	"tagma/rule/form"
	"tagma/rule/sentence"
	"tagma/tag"
	"tagma/workspace"
)

// ruleCmd is what one can do with the text of a rule, before it is in any definition.
type ruleCmd struct {
	Check    ruleCheckCmd    `cmd:"" help:"Say what is wrong with a rule, and what is doubtful. Exit 1 when it cannot be used."`
	Explain  ruleExplainCmd  `cmd:"" help:"Say in words what a rule says, for how many customers each part of it holds, and what it costs."`
	Similar  ruleSimilarCmd  `cmd:"" help:"Name the definitions that mean the same, or that nearly the same customers hold."`
	Complete ruleCompleteCmd `cmd:"" help:"Say what may come next in a rule that is being written."`
	Format   ruleFormatCmd   `cmd:"" help:"Write a rule in the canonical layout; comments and numbers stay as they are."`
	Form     ruleFormCmd     `cmd:"" help:"Write a rule as the JSON form of the visual builder."`
	Text     ruleTextCmd     `cmd:"" help:"Write the rule of a JSON form."`
}

// ruleText is an argument: a rule, or - for standard input.
func (p *program) ruleText(arg string) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	b, err := io.ReadAll(p.in)
	if err != nil {
		return "", errs.New(errs.Invalid, "standard input cannot be read: %w", err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// faultJSON is a fault or warning for a machine. Start and End are byte offsets.
type faultJSON struct {
	Start   int    `json:"start"`
	End     int    `json:"end"`
	Place   string `json:"place"` // line:column, both from 1
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func faultsJSON(text string, faults []rule.Fault) []faultJSON {
	out := make([]faultJSON, len(faults))
	for i, f := range faults {
		out[i] = faultJSON{f.Start, f.End, f.At(text, "").Place, f.Message, f.Hint}
	}
	return out
}

type ruleCheckCmd struct {
	Expression string `arg:"" help:"The rule; - is standard input."`
}

func (c *ruleCheckCmd) Run(p *program) error {
	text, err := p.ruleText(c.Expression)
	if err != nil {
		return err
	}
	return p.open(func(w *workspace.Workspace) error {
		r, faults, err := tag.CheckRule(p.ctx, w.Tags(), text)
		if err != nil {
			return err
		}
		if p.json {
			out := map[string]any{"ok": len(faults) == 0, "faults": faultsJSON(text, faults), "warnings": []faultJSON{}}
			if r != nil {
				out["warnings"], out["type"], out["canonical"] = faultsJSON(text, r.Warnings), r.Expr.Type.String(), r.Expr.String()
			}
			if err := p.printJSON(out); err != nil {
				return err
			}
			if len(faults) > 0 {
				return errWrong
			}
			return nil
		}
		if len(faults) > 0 {
			return tag.Faults(text, "", faults)
		}
		for _, f := range r.Warnings {
			fmt.Fprintln(p.out, "warning:", f.At(text, ""))
		}
		fmt.Fprintf(p.out, "no faults, %s: %s\n", count(len(r.Warnings), "warning"), r.Expr.Type)
		return nil
	})
}

type ruleExplainCmd struct {
	AsOf       *string `help:"Count for this instant (a date means its last one): other tags are then computed for it as well." placeholder:"T"`
	Expression string  `arg:"" help:"The rule; - is standard input."`
}

func (c *ruleExplainCmd) Run(p *program) error {
	text, err := p.ruleText(c.Expression)
	if err != nil {
		return err
	}
	return p.open(func(w *workspace.Workspace) error {
		o := tag.QueryOptions{Now: w.Now()}
		if c.AsOf != nil {
			if o.Now, err = w.Instant(*c.AsOf); err != nil {
				return err
			}
			o.Recompute = true
		}
		g := p.progress("explain")
		o.Progress = func(at rule.Progress) { g.set(int64(at.Done), int64(at.All)) }
		counts, err := tag.CountLeaves(p.ctx, w.Tags(), text, o)
		g.end()
		if err != nil {
			return err
		}
		set, err := library.Load(p.ctx, w.DB.Read())
		if err != nil {
			return err
		}
		src, faults := rule.Parse(text)
		if len(faults) > 0 {
			return tag.Faults(text, "", faults)
		}
		names := namesIn(set)
		zh, en := sentence.Of(src.Root, sentence.Chinese, names), sentence.Of(src.Root, sentence.English, names)
		if p.json {
			return p.printJSON(struct {
				Sentence map[string]string `json:"sentence"`
				*tag.RuleCounts
			}{map[string]string{"zh": zh, "en": en}, counts})
		}
		fmt.Fprintf(p.out, "%s\n%s\n\n", zh, en)
		p.printCounts(counts)
		return nil
	})
}

func (p *program) printCounts(c *tag.RuleCounts) {
	verb := map[bool]string{true: "holds for", false: "a value for"}
	fmt.Fprintf(p.out, "as of %s: %s %s of %s\n", c.AsOf, verb[c.Condition], thousands(int64(c.Holds)), count(c.Customers, "customer"))
	for _, l := range c.Leaves {
		fmt.Fprintf(p.out, "  %-11s %11s  %12s rows %3.0f%%  %s\n", verb[l.Condition], thousands(int64(l.Holds)), thousands(int64(l.Rows)), 100*l.Share, l.Text)
	}
	fmt.Fprintf(p.out, "%s read in %s\n", count(c.RowsRead, "row"), ms(c.TookMS))
}

// namesIn are the names that definitions give to what rules speak of.
func namesIn(set *library.Set) sentence.Names {
	return sentence.Names{
		Tag: func(key string) string {
			if t, ok := set.Tag(key); ok {
				return t.Name
			}
			return ""
		},
		Segment: func(key string) string {
			if s, ok := set.Segment(key); ok {
				return s.Name
			}
			return ""
		},
		Table: func(key string) string {
			if t, ok := set.Table(key); ok {
				return t.Name
			}
			return ""
		},
	}
}

type ruleSimilarCmd struct {
	AtLeast    float64 `help:"The least part that both must share of all members of either, 0 to 1." default:"0.9" placeholder:"PART"`
	Most       int     `help:"How many near definitions to name at most, for each value." default:"5" placeholder:"N"`
	Expression string  `arg:"" help:"The rule; - is standard input."`
}

func (c *ruleSimilarCmd) Run(p *program) error {
	if !(c.AtLeast > 0 && c.AtLeast <= 1) { // nor NaN
		return errs.New(errs.Invalid, "--at-least is a part of the members: write a number above 0 and up to 1, not %v", c.AtLeast)
	}
	if err := atLeastOne(c.Most); err != nil {
		return err
	}
	text, err := p.ruleText(c.Expression)
	if err != nil {
		return err
	}
	return p.open(func(w *workspace.Workspace) error {
		s, err := tag.FindSimilar(p.ctx, w.Tags(), text, w.Now(), tag.SimilarOptions{AtLeast: c.AtLeast, Most: c.Most})
		if err != nil {
			return err
		}
		if p.json {
			return p.printJSON(s)
		}
		p.printSimilar("", s, len(s.Near))
		if len(s.Same)+len(s.Near) == 0 {
			fmt.Fprintln(p.out, "no definition means the same or has nearly the same members")
		}
		return nil
	})
}

// printSimilar prints what is like a rule, each line after indent: of those with nearly the same members at most so many.
func (p *program) printSimilar(indent string, s *tag.Similar, most int) {
	for _, m := range s.Same {
		fmt.Fprintf(p.out, "%smeans the same: %s\n", indent, m)
	}
	near, more := s.Closest(most)
	for _, n := range near {
		of, what := "", string(n.Kind)+" "+n.Key
		if n.Of != "" {
			of = n.Of + " has "
		}
		if n.Value != "" {
			what += "=" + n.Value
		}
		fmt.Fprintf(p.out, "%s%snearly the members of %s: %s in both, %s here, %s there (%.1f%% alike)\n", indent, of, what,
			thousands(int64(n.Both)), thousands(int64(n.Mine)), thousands(int64(n.Theirs)), 100*n.Alike)
	}
	if more > 0 {
		fmt.Fprintf(p.out, "%s… and %s more like these; all of them: --json\n", indent, thousands(int64(more)))
	}
}

// atLeastOne checks --most.
func atLeastOne(most int) error {
	if most < 1 {
		return errs.New(errs.Invalid, "--most is how many to name: write 1 or more, not %d", most)
	}
	return nil
}

type ruleCompleteCmd struct {
	At   *int   `help:"The cursor, in bytes from the beginning; default: the end." placeholder:"N"`
	Most int    `help:"How many options to name at most." default:"50" placeholder:"N"`
	Text string `arg:"" help:"The rule as far as it is written; - is standard input."`
}

func (c *ruleCompleteCmd) Run(p *program) error {
	if err := atLeastOne(c.Most); err != nil {
		return err
	}
	text, err := p.ruleText(c.Text)
	if err != nil {
		return err
	}
	at := len(text)
	if c.At != nil {
		if at = *c.At; at < 0 || at > len(text) {
			return errs.New(errs.Invalid, "--at is a place in the text: write 0 to %d, not %d", len(text), at)
		}
	}
	return p.open(func(w *workspace.Workspace) error {
		r, err := tag.CompleteRule(p.ctx, w.Tags(), text, at, c.Most)
		if err != nil {
			return err
		}
		if p.json {
			if r.Options == nil {
				r.Options = []complete.Option{}
			}
			return p.printJSON(r)
		}
		for _, o := range r.Options {
			fmt.Fprintf(p.out, "%s\t%s\t%s\t%s\n", o.Insert, o.Kind, o.Type, o.Doc.En)
		}
		return nil
	})
}

type ruleFormatCmd struct {
	Expression string `arg:"" help:"The rule; - is standard input."`
}

func (c *ruleFormatCmd) Run(p *program) error {
	src, err := p.parsedRule(c.Expression)
	if err != nil {
		return err
	}
	return p.printText("text", rule.Format(src))
}

// parsedRule reads a rule that is given as an argument or on standard input.
func (p *program) parsedRule(arg string) (*rule.Source, error) {
	text, err := p.ruleText(arg)
	if err != nil {
		return nil, err
	}
	src, faults := rule.Parse(text)
	if len(faults) > 0 {
		return nil, tag.Faults(text, "", faults)
	}
	return src, nil
}

// printText prints a text of several lines, or as JSON under a name.
func (p *program) printText(name, text string) error {
	if p.json {
		return p.printJSON(map[string]string{name: text})
	}
	_, err := fmt.Fprintln(p.out, strings.TrimRight(text, "\n"))
	return err
}

type ruleFormCmd struct {
	Expression string `arg:"" help:"The rule; - is standard input."`
}

func (c *ruleFormCmd) Run(p *program) error {
	src, err := p.parsedRule(c.Expression)
	if err != nil {
		return err
	}
	f := form.Of(src)
	for _, part := range f.Unshown() {
		fmt.Fprintf(p.err, "note: %s can only be shown as text: %s: %s\n", part.Path, part.Text, part.Why)
	}
	enc := json.NewEncoder(p.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(f)
}

type ruleTextCmd struct {
	Form string `arg:"" help:"The JSON form itself, a file that holds it, or - for standard input."`
}

func (c *ruleTextCmd) Run(p *program) error {
	data := []byte(c.Form)
	if !strings.HasPrefix(strings.TrimSpace(c.Form), "{") {
		var err error
		if c.Form == "-" {
			data, err = io.ReadAll(p.in)
		} else {
			data, err = os.ReadFile(p.path(c.Form))
		}
		if err != nil {
			return errs.New(errs.Invalid, "the form %s cannot be read: %w", c.Form, err)
		}
	}
	f, err := form.Read(data)
	if err != nil {
		return err
	}
	text, err := f.Text()
	if err != nil {
		return err
	}
	return p.printText("text", text)
}
