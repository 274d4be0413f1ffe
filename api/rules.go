package api

import (
	"context"

	"tagma/library"
	"tagma/rule"
	"tagma/rule/form"
	"tagma/tag"
)

// RuleCheck is what there is to say of a rule's text.
type RuleCheck struct {
	OK        bool      `json:"ok"`
	Type      string    `json:"type,omitempty" doc:"What it gives: condition, number, text …"`
	Faults    []Flaw    `json:"faults"`
	Warnings  []Flaw    `json:"warnings"`
	Sentence  *Words    `json:"sentence,omitempty"`
	Form      *ruleTree `json:"form,omitempty" doc:"The rule for a visual builder; also of a rule whose names or types are wrong"`
	Canonical string    `json:"canonical,omitempty" doc:"Rules that mean the same by rewriting have the same"`
	Formatted string    `json:"formatted,omitempty"`
}

type checkRequest struct {
	Body struct {
		Expression string `json:"expression"`
		Want       string `json:"want,omitempty" enum:"condition,value"`
	}
}

func (s *Server) checkRule(ctx context.Context, in *checkRequest) (*answer[RuleCheck], error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	text, want := in.Body.Expression, rule.AnyValue
	if in.Body.Want == "condition" {
		want = rule.Condition
	}
	out := RuleCheck{Faults: []Flaw{}, Warnings: []Flaw{}}
	src, faults := rule.Parse(text)
	if len(faults) == 0 {
		words := said(set, src.Root, want == rule.Condition)
		out.Sentence, out.Form, out.Formatted = &words, &ruleTree{form.Of(src)}, rule.Format(src)
	}
	err = s.desk.WithLibrary(ctx, true, func(c *library.Compiled) error {
		r, faults := rule.Check(text, c.Env, want)
		if out.Faults = flaws(text, "body.expression", faults); len(faults) > 0 {
			return nil
		}
		out.OK, out.Type, out.Canonical = true, r.Expr.Type.Word(), r.Expr.String()
		out.Warnings = flaws(text, "body.expression", r.Warnings)
		return nil
	})
	return &answer[RuleCheck]{out}, err
}

// Completion is what may come in the place of a part of a text.
type Completion struct {
	Start   int      `json:"start" doc:"Bytes"`
	End     int      `json:"end"`
	Options []Option `json:"options"`
}

// Option is one thing that may come next.
type Option struct {
	Label  string `json:"label"`
	Insert string `json:"insert"`
	Kind   string `json:"kind"`
	Type   string `json:"type,omitempty"`
	Doc    Words  `json:"doc"`
}

func (s *Server) completeRule(ctx context.Context, in *struct {
	Body struct {
		Text   string `json:"text"`
		Cursor int    `json:"cursor" minimum:"0" doc:"A byte offset"`
		Most   int    `json:"most,omitempty" minimum:"1" maximum:"1000" doc:"How many options to name at most; all without it"`
	}
}) (*answer[Completion], error) {
	r, err := s.desk.Complete(ctx, in.Body.Text, in.Body.Cursor)
	if err != nil {
		return nil, err
	}
	out := Completion{Start: r.Start, End: r.End, Options: []Option{}}
	if n := in.Body.Most; n > 0 && len(r.Options) > n {
		r.Options = r.Options[:n]
	}
	for _, o := range r.Options {
		out.Options = append(out.Options, Option{o.Label, o.Insert, string(o.Kind), o.Type, Words{Zh: o.Doc.Zh, En: o.Doc.En}})
	}
	return &answer[Completion]{out}, nil
}

// RuleShare says how many customers a rule holds for, and each of its parts.
type RuleShare struct {
	AsOf      string      `json:"as_of"`
	Customers int         `json:"customers"`
	Holds     int         `json:"holds" doc:"Customers for whom it holds, or who have a value"`
	Leaves    []ShareLeaf `json:"leaves"`
	Sentence  Words       `json:"sentence"`
	RowsRead  int         `json:"rows_read" doc:"Rows of the history that were read"`
	TookMS    int64       `json:"took_ms"`
}

// ShareLeaf is an indivisible part of a rule.
type ShareLeaf struct {
	Text     string  `json:"text"`
	Sentence Words   `json:"sentence"`
	Holds    *int    `json:"holds,omitempty" doc:"Of a condition: customers for whom it holds"`
	Present  *int    `json:"present,omitempty" doc:"Of a value: customers who have one"`
	Rows     int     `json:"rows" doc:"Rows of the history that it looks at"`
	Share    float64 `json:"share" doc:"Its part of all rows that the leaves look at, from 0 to 1"`
}

func (s *Server) explainRule(ctx context.Context, in *struct {
	Body struct {
		Expression string `json:"expression"`
		AsOf       string `json:"as_of,omitempty"`
	}
}) (*answer[RuleShare], error) {
	o, err := s.askOptions(ctx, in.Body.AsOf)
	if err != nil {
		return nil, err
	}
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	x, err := tag.CountLeaves(ctx, s.desk.Deps, in.Body.Expression, o)
	if err != nil {
		return nil, s.ruleFault(ctx, in.Body.Expression, err)
	}
	out := RuleShare{AsOf: x.AsOf, Customers: x.Customers, Holds: x.Holds, Leaves: []ShareLeaf{}, RowsRead: x.RowsRead, TookMS: x.TookMS}
	if words := saidText(set, in.Body.Expression, x.Condition); words != nil {
		out.Sentence = *words
	}
	for _, l := range x.Leaves {
		leaf := ShareLeaf{Text: l.Text, Rows: l.Rows, Share: l.Share}
		if words := saidText(set, l.Text, l.Condition); words != nil {
			leaf.Sentence = *words
		}
		n := l.Holds
		if l.Condition {
			leaf.Holds = &n
		} else {
			leaf.Present = &n
		}
		out.Leaves = append(out.Leaves, leaf)
	}
	return &answer[RuleShare]{out}, nil
}

// ruleFault gives the faults of a rule in a body their places as offsets.
func (s *Server) ruleFault(ctx context.Context, text string, err error) error {
	if p := problemOf(err); p.Status != 422 || len(p.Errors) == 0 {
		return err
	}
	var found []Flaw
	if failed := s.desk.WithLibrary(ctx, true, func(c *library.Compiled) error {
		_, faults := rule.Check(text, c.Env, rule.AnyValue)
		found = flaws(text, "body.expression", faults)
		return nil
	}); failed != nil || len(found) == 0 {
		return within(err, "body.expression")
	}
	p := newProblem(422, found[0].Message)
	p.Errors = found
	return p
}

// RuleText is a rule as text.
type RuleText struct {
	Expression string `json:"expression"`
}

type expressionRequest struct {
	Body struct {
		Expression string `json:"expression"`
	}
}

func parseBody(text string) (*rule.Source, error) {
	src, faults := rule.Parse(text)
	if len(faults) > 0 {
		p := newProblem(422, faults[0].Message)
		p.Errors = flaws(text, "body.expression", faults)
		return nil, p
	}
	return src, nil
}

func (s *Server) formatRule(_ context.Context, in *expressionRequest) (*answer[RuleText], error) {
	src, err := parseBody(in.Body.Expression)
	if err != nil {
		return nil, err
	}
	return &answer[RuleText]{RuleText{rule.Format(src)}}, nil
}

// RuleForm is a rule for a visual builder.
type RuleForm struct {
	Form    *ruleTree  `json:"form"`
	Unshown []FormPart `json:"unshown" doc:"Parts that the builder can only show as text"`
}

// FormPart is a part of a rule that a builder cannot show but as text.
type FormPart struct {
	Path string `json:"path"`
	Text string `json:"text"`
	Why  string `json:"why"`
}

func (s *Server) ruleForm(_ context.Context, in *expressionRequest) (*answer[RuleForm], error) {
	src, err := parseBody(in.Body.Expression)
	if err != nil {
		return nil, err
	}
	f := form.Of(src)
	out := RuleForm{Form: &ruleTree{f}, Unshown: []FormPart{}}
	for _, p := range f.Unshown() {
		out.Unshown = append(out.Unshown, FormPart{p.Path, p.Text, p.Why})
	}
	return &answer[RuleForm]{out}, nil
}

func (s *Server) ruleText(_ context.Context, in *struct {
	Body struct {
		Form jsonValue `json:"form"`
	}
}) (*answer[RuleText], error) {
	f, err := form.Read(in.Body.Form.RawMessage)
	if err != nil {
		return nil, within(err, "body.form")
	}
	text, err := f.Text()
	if err != nil {
		return nil, within(err, "body.form")
	}
	return &answer[RuleText]{RuleText{text}}, nil
}

// Likeness is what means the same as a rule, or nearly.
type Likeness struct {
	Same    []Ref     `json:"same"`
	Similar []Similar `json:"similar"`
}

type similarRequest struct {
	Body struct {
		Expression string  `json:"expression"`
		AtLeast    float64 `json:"at_least,omitempty" exclusiveMinimum:"0" maximum:"1" default:"0.9" doc:"The least part that both must share of all members of either"`
		Most       int     `json:"most,omitempty" minimum:"1" maximum:"1000" default:"5" doc:"How many near definitions to name at most, for each value"`
	}
}

func (s *Server) similarRules(ctx context.Context, in *similarRequest) (*answer[Likeness], error) {
	same, like, err := s.similar(ctx, in.Body.Expression, tag.SimilarOptions{AtLeast: in.Body.AtLeast, Most: in.Body.Most})
	if err != nil {
		return nil, s.ruleFault(ctx, in.Body.Expression, err)
	}
	return &answer[Likeness]{Likeness{same, like}}, nil
}

// askOptions are the options of a question; with an instant other tags are computed for it as well.
func (s *Server) askOptions(ctx context.Context, asOf string) (tag.QueryOptions, error) {
	kinds, err := s.idKinds(ctx)
	if err != nil {
		return tag.QueryOptions{}, err
	}
	o := tag.QueryOptions{IDKinds: kinds, Recompute: asOf != ""}
	o.Now, err = s.asOf("body.as_of", asOf)
	return o, err
}
