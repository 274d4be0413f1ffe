package library

import (
	"tagma/errs"
	"tagma/event"
	"tagma/rule"
)

// CompileOptions say against what, and for what, a library is compiled.
type CompileOptions struct {
	// Names is what the history knows. It is not changed; the schema's declarations are added to a copy.
	Names *rule.Names
	Zone  *event.Zone
	// Published lets expressions that are checked with Compiled.Env read other tags and segments from the tag
	// index, as last computed. Without it, and always inside definitions, they are computed in the same run.
	Published bool
	// Pinned says of which tags somebody has decided a value by hand, by their IDs; nil: of none. Only the rules of
	// those are asked what was decided. Tags assigned by hand are always.
	Pinned func(id uint32) bool
	// Beside says of which tags, by their IDs, other definitions get the value that the tag index has, and not what the
	// rule gives in the same run; nil: of none.
	Beside func(id uint32) bool
	// Lenient keeps the faults per definition, in Compiled.Broken, and compiles the rest.
	Lenient bool

	uses *rule.Uses // notes what the definitions speak of; may be nil
}

// Compiled is a library as checked expressions, made by one builder. It is not safe for concurrent use while
// expressions are checked with its Env.
type Compiled struct {
	Set      *Set
	Builder  *rule.Builder
	Names    *rule.Names // with the schema's declarations
	Env      *rule.Env   // for expressions of the moment
	Tags     []*CompiledTag
	Segments []*CompiledSegment
	Measures []*CompiledMeasure
	Broken   []Broken // only with CompileOptions.Lenient

	tags     map[string]*CompiledTag
	segments map[string]*CompiledSegment
	measures map[string]*CompiledMeasure
	broken   map[Ref]bool
	same     map[*rule.Expr][]Match // by what they mean; nil until Same is asked
}

// CompiledTag is a tag that can be computed.
type CompiledTag struct {
	Tag *Tag
	// Value is the effective value: what people decided by hand over what is kept over what the rule gives. Of a tag
	// with bands it is the band, of one with several values a list. Other rules see this.
	Value *rule.Expr
	// Rule is what the rule alone gives; Value where nothing is kept or decided by hand. nil for a tag assigned by hand.
	Rule *rule.Expr
	// Number is the measure of a tag with bands, nil for others.
	Number   *rule.Expr
	Depends  []Ref // all the definitions below it, not itself, sorted
	Warnings []errs.Fault

	conds []*rule.Expr // of its cases, in order
}

// CompiledSegment is a segment whose members can be computed.
type CompiledSegment struct {
	Segment  *Segment
	Cond     *rule.Expr
	Depends  []Ref
	Warnings []errs.Fault
}

// CompiledMeasure is a measure that can be computed.
type CompiledMeasure struct {
	Measure  *Measure
	Value    *rule.Expr
	Depends  []Ref
	Warnings []errs.Fault
}

// Broken is a definition that cannot be computed, with the reasons.
type Broken struct {
	Ref    Ref
	Faults []errs.Fault
}

// Tag returns the compiled tag of a key; false when there is none, or it is retired or broken.
func (c *Compiled) Tag(key string) (*CompiledTag, bool) { t, ok := c.tags[key]; return t, ok }

// Segment returns the compiled segment of a key; false when there is none, or it is retired or broken.
func (c *Compiled) Segment(key string) (*CompiledSegment, bool) {
	s, ok := c.segments[key]
	return s, ok
}

// Measure returns the compiled measure of a key; false when there is none, or it is retired or broken.
func (c *Compiled) Measure(key string) (*CompiledMeasure, bool) {
	m, ok := c.measures[key]
	return m, ok
}

// Warnings returns the warnings of all definitions, in their order.
func (c *Compiled) Warnings() []errs.Fault {
	var out []errs.Fault
	for _, m := range c.Measures {
		out = append(out, m.Warnings...)
	}
	for _, t := range c.Tags {
		out = append(out, t.Warnings...)
	}
	for _, s := range c.Segments {
		out = append(out, s.Warnings...)
	}
	return out
}

// PublishedTag is the key under which expressions ask for a tag's published value, PublishedNumber for the
// measure of one with bands, PublishedSegment for membership.
func PublishedTag(key string) string { return "tag:" + key }

// PublishedNumber is the key of a banded tag's measure.
func PublishedNumber(key string) string { return "number:" + key }

// PublishedSegment is the key of a segment's membership.
func PublishedSegment(key string) string { return "segment:" + key }
