package library

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tagma/errs"
	"tagma/event"
	"tagma/rule"
)

// Compile checks the rules of all active definitions and makes expressions of them, each other's meaning put in
// where they refer to each other. All faults of all definitions are told at once, in an errs.Error of kind
// Invalid; a circle is one, with its members named. See CompileOptions.Lenient for the other way.
func Compile(set *Set, opts CompileOptions) (*Compiled, error) {
	c := &compiler{set: set, opts: opts, b: rule.NewBuilder(), names: withSchema(opts.Names, set.Schema()),
		units: map[Ref]*unit{}, tables: map[string]*rule.Table{}, caused: map[string]bool{}}
	c.env = &rule.Env{Zone: opts.Zone, Names: c.names, Builder: c.b, Tag: c.tag, Segment: c.segment, Measure: c.measure, Table: c.table,
		TagKeys:  func() []string { return set.keys(KindTag) },
		Segments: func() []string { return set.keys(KindSegment) },
		Measures: func() []string { return set.keys(KindMeasure) },
		Tables:   func() []string { return set.keys(KindTable) }, Uses: opts.uses}
	for _, k := range []Kind{KindMeasure, KindTag, KindSegment} {
		for _, d := range set.byKind[k] {
			c.unit(d)
		}
	}
	out := c.result()
	if opts.Lenient {
		return out, nil
	}
	var faults located
	for _, b := range out.Broken {
		u := c.units[b.Ref]
		faults.lines, faults.faults = append(faults.lines, u.faults.lines...), append(faults.faults, u.faults.faults...)
	}
	if err := errs.Faulty("the definitions have faults", faults.sorted()); err != nil {
		return nil, err
	}
	out.Broken = nil
	return out, nil
}

// withSchema returns the names with the declarations added; names may be nil.
func withSchema(names *rule.Names, schema Schema) *rule.Names {
	out := &rule.Names{Traits: map[string]rule.Field{}, Events: map[string]map[string]rule.Field{}, IDs: map[string]bool{}, Consents: map[string]bool{}}
	if names != nil {
		maps.Copy(out.Consents, names.Consents)
		maps.Copy(out.Traits, names.Traits)
		maps.Copy(out.IDs, names.IDs)
		for name, props := range names.Events {
			out.Events[name] = maps.Clone(props)
		}
	}
	for name, props := range schema.Events {
		out.DeclareEvent(name)
		for prop, d := range props {
			out.DeclareProperty(name, prop, d.Kind)
		}
	}
	for name, d := range schema.Traits {
		out.DeclareTrait(name, d.Kind)
	}
	for _, name := range schema.Consents {
		out.Consents[name] = true
	}
	return out
}

// compiler compiles definitions on demand: one that another refers to comes first.
type compiler struct {
	set    *Set
	opts   CompileOptions
	b      *rule.Builder
	names  *rule.Names
	env    *rule.Env // for the rules of definitions
	units  map[Ref]*unit
	stack  []*unit                // being compiled, each for the one before it
	tables map[string]*rule.Table // those that were asked for
	// caused holds the messages of faults that are only the consequence of another definition's.
	caused map[string]bool
}

// unit is a definition on its way.
type unit struct {
	def      definition
	busy     bool
	broken   bool
	value    *rule.Expr // the value, or the condition of a segment
	number   *rule.Expr
	rule     *rule.Expr   // what the rule of a tag alone gives
	conds    []*rule.Expr // of its cases
	faults   located
	warnings []errs.Fault
	refs     []Ref // what its rules refer to directly
}

// unit compiles a definition, once.
func (c *compiler) unit(d definition) *unit {
	u := c.units[d.ref()]
	if u != nil {
		return u
	}
	u = &unit{def: d, busy: true}
	c.units[d.ref()] = u
	c.stack = append(c.stack, u)
	switch d := d.(type) {
	case *Tag:
		c.compileTag(u, d)
	case *Segment:
		u.value = c.check(u, d.rules()[0], rule.Condition)
	case *Measure:
		c.compileMeasure(u, d)
	}
	c.stack = c.stack[:len(c.stack)-1]
	u.busy = false
	u.broken = u.value == nil || u.broken
	return u
}

// refer finds what the definition being compiled refers to. An error says why it cannot be used.
func (c *compiler) refer(r Ref) (u *unit, ok bool, err error) {
	d := c.set.byRef[r]
	if d == nil {
		return nil, false, nil
	}
	if d.head().State == Retired {
		return nil, true, isRetired(r)
	}
	c.used(r)
	u = c.unit(d)
	switch {
	case u.busy:
		return nil, true, errors.New("this goes in a circle: " + c.circle(u))
	case u.broken:
		err := fmt.Errorf("the %s has faults of its own", r)
		c.caused[err.Error()] = true
		return nil, true, err
	}
	return u, true, nil
}

func isRetired(r Ref) error {
	return fmt.Errorf("the %s is retired: apply its definition again to restore it", r)
}

// used records that the definition being compiled refers to another.
func (c *compiler) used(r Ref) {
	if user := c.stack[len(c.stack)-1]; !slices.Contains(user.refs, r) {
		user.refs = append(user.refs, r)
	}
}

// table finds a lookup table for the definition being compiled.
func (c *compiler) table(key string) (*rule.Table, bool, error) {
	t, ok, err := c.ready(key)
	if t != nil {
		c.used(Ref{KindTable, key})
	}
	return t, ok, err
}

// ready makes a lookup table ready to be asked, once.
func (c *compiler) ready(key string) (*rule.Table, bool, error) {
	t, ok := c.set.Table(key)
	switch {
	case !ok:
		return nil, false, nil
	case t.State == Retired:
		return nil, true, isRetired(t.ref())
	case c.tables[key] == nil:
		c.tables[key] = t.compiled()
	}
	return c.tables[key], true, nil
}

func (c *compiler) circle(u *unit) string {
	var names []string
	for _, s := range c.stack[slices.Index(c.stack, u):] {
		names = append(names, s.def.ref().String())
	}
	return strings.Join(append(names, u.def.ref().String()), " → ")
}

func (c *compiler) tag(key string) (*rule.TagRef, bool, error) {
	u, ok, err := c.refer(Ref{KindTag, key})
	if u == nil {
		return nil, ok, err
	}
	t := u.def.(*Tag)
	ref := &rule.TagRef{Value: u.value, Number: u.number, Values: valueTexts(t), Key: PublishedTag(key)}
	if c.opts.Beside != nil && c.opts.Beside(t.ID) {
		ref.Value = c.b.Published(ref.Key, u.value.Type)
		if u.number != nil {
			ref.Number = c.b.Published(PublishedNumber(key), u.number.Type)
		}
	}
	return ref, true, nil
}

func (c *compiler) segment(key string) (*rule.Expr, bool, error) {
	return c.value(Ref{KindSegment, key})
}
func (c *compiler) measure(key string) (*rule.Expr, bool, error) {
	return c.value(Ref{KindMeasure, key})
}

func (c *compiler) value(r Ref) (*rule.Expr, bool, error) {
	u, ok, err := c.refer(r)
	if u == nil {
		return nil, ok, err
	}
	return u.value, true, nil
}

// valueTexts lists the text values that a tag can have, nil when they are not fixed.
func valueTexts(t *Tag) []string {
	var out []string
	for _, v := range t.fixedValues() {
		if v.Kind() == event.TextKind {
			out = append(out, v.Text())
		}
	}
	return out
}

// check checks one text of a definition and records what is wrong with it; nil when it cannot be used.
func (c *compiler) check(u *unit, text ruleText, want rule.Want) *rule.Expr {
	r, faults := rule.Check(text.text, c.env, want)
	at := c.at(u, text)
	for _, f := range faults {
		u.broken = true
		if c.opts.Lenient || !c.caused[f.Message] {
			u.faults.add(u.def.head().place.line(text.field), f.At(text.text, at))
		}
	}
	if r == nil {
		u.broken = true
		return nil
	}
	for _, w := range r.Warnings {
		u.warnings = append(u.warnings, w.At(text.text, at))
	}
	return r.Expr
}

// checkValue checks a text whose value is kept: it must have one.
func (c *compiler) checkValue(u *unit, text ruleText) *rule.Expr {
	x := c.check(u, text, rule.AnyValue)
	if x == nil {
		return nil
	}
	switch x.Type {
	case rule.Null:
		return c.fault(u, text, "", "this is always missing")
	case rule.IDs:
		return c.fault(u, text, `write "…" in ids.phone, or has(ids.phone)`, "a value is expected, these are identifiers")
	}
	return x
}

func (c *compiler) at(u *unit, text ruleText) string {
	return u.def.head().place.about(u.def.ref(), text.field, text.label)
}

func (c *compiler) fault(u *unit, text ruleText, hint, format string, args ...any) *rule.Expr {
	u.broken = true
	u.faults.add(u.def.head().place.line(text.field), errs.Fault{Place: c.at(u, text), Message: fmt.Sprintf(format, args...), Hint: hint})
	return nil
}

func (c *compiler) compileMeasure(u *unit, m *Measure) {
	texts := m.rules()
	value := c.checkValue(u, texts[len(texts)-1])
	if m.When == "" {
		u.value = value
		return
	}
	when := c.check(u, texts[0], rule.Condition)
	if when != nil && value != nil {
		u.value = c.b.If(when, value)
	}
}

func (c *compiler) compileTag(u *unit, t *Tag) {
	key := PublishedTag(t.Key)
	if t.Kind == ByHand {
		if c.opts.Published {
			u.value = c.b.Published(key, manualType(t))
		} else {
			u.value = c.b.ByHand(key, manualType(t), t.Values, t.Multi)
		}
		return
	}
	if t.Value != "" {
		c.compileValue(u, t)
	} else {
		c.compileCases(u, t)
	}
	if u.rule == nil {
		return
	}
	u.value = u.rule
	if t.Keep.Set() {
		u.value = c.b.Kept(key, u.value)
	}
	if c.opts.Pinned != nil && c.opts.Pinned(t.ID) {
		u.value = c.b.Pinned(key, u.value)
	}
}

// manualType is the type of what people assign: a list when it can be several values, else that of the listed ones,
// which are of one kind.
func manualType(t *Tag) rule.Type {
	switch {
	case t.Multi:
		return rule.List
	case len(t.Values) == 0:
		return rule.Any
	}
	return rule.TypeOf(t.Values[0].Kind())
}

func (c *compiler) compileValue(u *unit, t *Tag) {
	text := t.rules()[0]
	value := c.checkValue(u, text)
	switch {
	case value == nil:
	case len(t.Bands) == 0:
		u.rule = value
	case value.Type != rule.Number && value.Type != rule.Any:
		c.fault(u, text, "leave out the bands", "bands divide numbers, this is %s", value.Type)
	default:
		u.number, u.rule = value, c.b.Bands(value, t.Bands)
	}
}

func (c *compiler) compileCases(u *unit, t *Tag) {
	texts := t.rules()
	var conds []*rule.Expr
	var values []event.Value
	always := c.b.Const(event.Bool(true))
	closed := "" // the case after which nothing can hold
	for i, text := range texts {
		x := c.check(u, text, rule.Condition)
		if x == nil {
			continue
		}
		var problem string
		switch at := slices.Index(conds, x); {
		case t.Multi: // cases do not stand in each other's way
			if at >= 0 && values[at].Equal(t.Cases[i].Value) {
				problem = "this case adds nothing: there is another with this value and the same condition"
			}
		case closed != "":
			problem = "this case never holds: the case " + closed + " before it always does"
		case at >= 0:
			problem = "this case never holds: the case " + plain(values[at]) + " has the same condition"
		}
		if problem != "" {
			u.warnings = append(u.warnings, errs.Fault{Place: c.at(u, text), Message: problem, Hint: "change the order, or take it out"})
		}
		if x == always && closed == "" {
			closed = plain(t.Cases[i].Value)
		}
		conds, values = append(conds, x), append(values, t.Cases[i].Value)
	}
	switch {
	case len(conds) < len(texts) || len(conds) == 0: // with faults
	case t.Multi:
		u.rule, u.conds = c.b.MultiCases(conds, values), conds
	default:
		u.rule, u.conds = c.b.Cases(conds, values), conds
	}
}

// result collects what was compiled.
func (c *compiler) result() *Compiled {
	out := &Compiled{Set: c.set, Builder: c.b, Names: c.names, tags: map[string]*CompiledTag{},
		segments: map[string]*CompiledSegment{}, measures: map[string]*CompiledMeasure{}, broken: map[Ref]bool{}}
	for _, k := range []Kind{KindMeasure, KindTag, KindSegment} {
		for _, d := range c.set.byKind[k] {
			u := c.units[d.ref()]
			if u.broken {
				out.Broken = append(out.Broken, Broken{d.ref(), u.faults.sorted()})
				out.broken[d.ref()] = true
				continue
			}
			depends := c.closure(u)
			switch d := d.(type) {
			case *Tag:
				t := &CompiledTag{Tag: d, Value: u.value, Rule: u.rule, Number: u.number, Depends: depends, Warnings: u.warnings, conds: u.conds}
				out.Tags, out.tags[d.Key] = append(out.Tags, t), t
			case *Segment:
				s := &CompiledSegment{d, u.value, depends, u.warnings}
				out.Segments, out.segments[d.Key] = append(out.Segments, s), s
			case *Measure:
				m := &CompiledMeasure{d, u.value, depends, u.warnings}
				out.Measures, out.measures[d.Key] = append(out.Measures, m), m
			}
		}
	}
	out.Env = out.newEnv(c)
	return out
}

// closure lists all that a definition depends on, sorted.
func (c *compiler) closure(u *unit) []Ref {
	seen := map[Ref]bool{}
	var visit func(u *unit)
	visit = func(u *unit) {
		for _, r := range u.refs {
			if !seen[r] {
				seen[r] = true
				if below := c.units[r]; below != nil { // a table has nothing below it
					visit(below)
				}
			}
		}
	}
	visit(u)
	out := slices.Collect(maps.Keys(seen))
	slices.SortFunc(out, func(a, b Ref) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key))
	})
	return out
}

// newEnv is the environment for expressions that are no definitions.
func (out *Compiled) newEnv(c *compiler) *rule.Env {
	env := *c.env
	// known says what to answer for what was not compiled.
	known := func(r Ref) (bool, error) {
		d := out.Set.byRef[r]
		switch {
		case d == nil:
			return false, nil
		case out.broken[r]:
			return true, fmt.Errorf("the %s has faults: mend its definition first", r)
		}
		return true, isRetired(r)
	}
	env.Table = c.ready
	env.Tag = func(key string) (*rule.TagRef, bool, error) {
		t, found := out.tags[key]
		if !found {
			ok, err := known(Ref{KindTag, key})
			return nil, ok, err
		}
		ref := &rule.TagRef{Value: t.Value, Number: t.Number, Values: valueTexts(t.Tag), Key: PublishedTag(key)}
		if c.opts.Published {
			ref.Value = c.b.Published(PublishedTag(key), t.Value.Type)
			if t.Number != nil {
				ref.Number = c.b.Published(PublishedNumber(key), t.Number.Type)
			}
		}
		return ref, true, nil
	}
	env.Segment = func(key string) (*rule.Expr, bool, error) {
		s, found := out.segments[key]
		if !found {
			ok, err := known(Ref{KindSegment, key})
			return nil, ok, err
		}
		if c.opts.Published {
			return c.b.Published(PublishedSegment(key), rule.Bool), true, nil
		}
		return s.Cond, true, nil
	}
	env.Measure = func(key string) (*rule.Expr, bool, error) {
		m, found := out.measures[key]
		if !found {
			ok, err := known(Ref{KindMeasure, key})
			return nil, ok, err
		}
		return m.Value, true, nil
	}
	return &env
}
