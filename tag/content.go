package tag

import (
	"context"
	"runtime"
	"slices"

	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/tagindex"
)

// content is what was decided of a subject for all customers.
type content struct {
	values *tagindex.Content
	lapses *tagindex.Content // see lapseSlot; nil where there is nothing to remember
}

// compile compiles a library for a run, whose rules see what people decided by hand.
func (d Deps) compile(ctx context.Context, set *library.Set, o library.CompileOptions) (*library.Compiled, error) {
	assigned, err := assignedTags(ctx, d.DB.Read())
	if err != nil {
		return nil, err
	}
	o.Zone, o.Pinned = d.Zone, func(id uint32) bool { return assigned[id] }
	return library.Compile(set, o)
}

// prepare makes a run ready to decide subjects: what it reads beside the history, and the parameters. It returns what
// their tags keep.
func (d Deps) prepare(ctx context.Context, eval *rule.Run, list []*subject, b beside) (map[uint32]*keeper, error) {
	var roots []*rule.Expr
	for _, s := range list {
		roots = append(roots, s.roots()...)
	}
	keepers, err := d.readBeside(ctx, eval, roots, b)
	if err != nil {
		return nil, err
	}
	return keepers, eval.Prepare(ctx, roots)
}

// contentsOf evaluates subjects for all customers. The run must be prepared, which gave the keepers. customers, when not nil, is set to the
// number in the universe.
func contentsOf(ctx context.Context, eval *rule.Run, subjects []*subject, keepers map[uint32]*keeper, customers *int) ([]content, error) {
	return watchedContents(ctx, eval, subjects, keepers, customers, nil, nil)
}

// watchedContents is contentsOf for somebody who wants more of the results: other expressions are evaluated as well, and
// watch is called with every block, by several goroutines. It may be nil.
func watchedContents(ctx context.Context, eval *rule.Run, subjects []*subject, keepers map[uint32]*keeper, customers *int, other []*rule.Expr, watch func(*rule.Result) error) ([]content, error) {
	roots := slices.Clone(other)
	shapes := make([]tagindex.Shape, len(subjects))
	lapseAt := make([]int, len(subjects)) // the place of a subject's lapses among the shapes; 0: none
	cases := make([]caseSets, len(subjects))
	for i, s := range subjects {
		shapes[i] = s.shape()
		if cases[i] = s.caseSets(&shapes[i]); cases[i].alone {
			cases[i].root = len(roots) + slices.Index(s.roots(), s.value)
		}
		roots = append(roots, s.roots()...)
	}
	for i, s := range subjects {
		if s.rule != nil {
			lapseAt[i] = len(shapes)
			shapes = append(shapes, lapseShape(s.tag))
		}
	}
	b := tagindex.NewBuilder(shapes)
	writers := make([]*tagindex.Writer, runtime.GOMAXPROCS(0))
	counts := make([]int, len(writers))
	for i := range writers {
		writers[i] = b.Writer()
	}
	err := eval.Blocks(ctx, roots, func(res *rule.Result) error {
		w := writers[res.Worker]
		counts[res.Worker] += res.Universe.Count()
		if watch != nil {
			if err := watch(res); err != nil {
				return err
			}
		}
		for i, s := range subjects {
			if c := &cases[i]; c.alone {
				res.EachCaseOfRoot(c.root, func(k int, who event.Bits) { w.SetWords(i, c.places[k], uint32(res.First), who) })
			} else if err := s.write(w, i, &shapes[i], res, eval.Zone); err != nil {
				return err
			}
			if s.rule != nil {
				if err := s.writeLapses(w, lapseAt[i], &shapes[i], res, keepers); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	universe := 0
	for i, w := range writers {
		w.Close()
		universe += counts[i]
	}
	if customers != nil {
		*customers = universe
	}
	all := b.Finish()
	out := make([]content, len(subjects))
	for i := range subjects {
		if out[i].values = all[i]; lapseAt[i] > 0 {
			out[i].lapses = all[lapseAt[i]]
		}
	}
	return out, nil
}

// caseSets says of a subject whose values are the sets of its cases, and nothing else, which set each case goes to. Most
// are so, and asking each of them anew for every block takes longer than writing.
type caseSets struct {
	alone  bool
	root   int   // the place of the subject's value among the roots
	places []int // of each case: its value among those of the shape
}

func (s *subject) caseSets(shape *tagindex.Shape) (c caseSets) {
	if s.segment || s.number != nil || len(shape.Values) == 0 {
		return c
	}
	values, cases := s.value.CaseValues()
	if !cases {
		return c
	}
	c.alone = true
	for _, v := range values {
		c.places = append(c.places, slices.IndexFunc(shape.Values, v.Equal))
	}
	return c
}

// write hands the result of a block to the builder, as the subject's shape, number place, says; of subjects that are
// more than the sets of their cases.
func (s *subject) write(w *tagindex.Writer, place int, shape *tagindex.Shape, res *rule.Result, zone *event.Zone) error {
	first, kind := uint32(res.First), shape.Kind
	if s.segment {
		w.SetWords(place, 0, first, res.Cond(s.value))
		return nil
	}
	switch values, cases := s.value.CaseValues(); {
	case cases && s.number != nil && len(shape.Bands) > 0:
		res.EachCase(s.value, func(k int, who event.Bits) {
			if len(shape.Bands) < len(values) { // two bands have the same name
				k = slices.IndexFunc(shape.Bands, values[k].Equal)
			}
			w.SetBand(place, k, first, who)
		})
		return setColumn(w, place, first, res.Column(s.number, kind))
	case s.value.Multi():
		return setColumn(w, place, first, lists(res, s.value))
	case s.value.Condition():
		yes := res.Cond(s.value)
		no := make(event.Bits, len(yes))
		for i := range no {
			no[i] = res.Universe[i] &^ yes[i]
		}
		w.SetWords(place, 0, first, yes)
		w.SetWords(place, 1, first, no)
		return nil
	case kind == event.TextKind && s.value.Kind() != event.TextKind:
		return setColumn(w, place, first, asTexts(res, s.value, zone))
	}
	return setColumn(w, place, first, res.Column(s.value, kind))
}

// writeLapses hands the lapses of a block to the builder.
func (s *subject) writeLapses(w *tagindex.Writer, place int, shape *tagindex.Shape, res *rule.Result, keepers map[uint32]*keeper) error {
	c := event.Column{Kind: lapseShape(s.tag).Kind, Len: res.N}
	s.eachLapse(res, keepers, shape, func(i int, v event.Value) {
		if c.Has == nil {
			c.Has = event.NewBits(res.N)
			c.Ints, c.Values = make([]int64, res.N), make([]event.Value, res.N)
		}
		c.Has.Set(i)
		if c.Kind == event.ListKind {
			c.Values[i] = v
		} else {
			c.Ints[i] = int64(v.Time())
		}
	})
	if c.Has == nil {
		return nil
	}
	return w.SetColumn(place, uint32(res.First), &c)
}

// valueIn is what customer i of a result has of the subject, as the index will have it.
func (s *subject) valueIn(res *rule.Result, i int, shape *tagindex.Shape, z *event.Zone) event.Value {
	v := res.Value(s.value, i)
	if s.value.Multi() {
		return sortedList(v)
	}
	return asKept(v, *shape, z)
}

// sortedList is the values of a tag with several as the index has them; missing when there are none.
func sortedList(v event.Value) event.Value {
	if len(v.List()) == 0 {
		return event.Value{}
	}
	list := slices.Clone(v.List())
	slices.SortFunc(list, event.Value.Compare)
	return event.List(list...)
}

// lists writes the values of a tag with several.
func lists(res *rule.Result, x *rule.Expr) *event.Column {
	c := &event.Column{Kind: event.ListKind, Len: res.N, Has: event.NewBits(res.N), Values: make([]event.Value, res.N)}
	for i := range res.N {
		if v := sortedList(res.Value(x, i)); v.Present() {
			c.Has.Set(i)
			c.Values[i] = v
		}
	}
	return c
}

func setColumn(w *tagindex.Writer, shape int, first uint32, c *event.Column) error {
	if c == nil {
		return nil
	}
	return w.SetColumn(shape, first, c)
}

// asTexts writes values of any kinds as texts.
func asTexts(res *rule.Result, x *rule.Expr, zone *event.Zone) *event.Column {
	c := &event.Column{Kind: event.TextKind, Len: res.N, Has: event.NewBits(res.N), Codes: make([]uint32, res.N)}
	for i := range res.N {
		if v := res.Value(x, i); v.Present() {
			c.Has.Set(i)
			c.Codes[i] = event.Inline | uint32(len(c.Inline))
			c.Inline = append(c.Inline, v.Format(zone))
		}
	}
	return c
}
