package tag

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/tagindex"
	"tagma/warehouse"
)

// liveSet is the tags and segments that are decided as records arrive, compiled, and what has to be looked at when
// something of the history or beside it changes. It stands for one state of the library.
type liveSet struct {
	revision uint64
	pinned   map[uint32]bool // the tags with assignments
	series   int             // how many series the history had
	set      *library.Set
	subjects []*liveSubject
	leaves   []liveLeaf
	joined   []*liveSubject // those that are decided by leaves alone
	logic    [2]*rule.Gather
	all      *livePlan // everything
	frozen   *livePlan // what holds on to the instant of the last run; nil when there is none
	plans    map[rule.Series]*livePlan
	beside   map[string]*livePlan // by the key of a tag or segment that is read from the index
	readers  map[uint32]string    // the keys by the slots of tags that anything reads from the index or the change log
	resident *warehouse.Resident
	// firstSeen: something asks since when a customer is there.
	firstSeen bool
	// kinds is of what kinds the values were that rules read. Where no type is declared they say how a tag is kept.
	kinds  string
	wanted map[rule.Series]map[string]bool // the columns that are read
}

// liveSubject is a tag or segment that is decided live.
type liveSubject struct {
	*subject
	shape tagindex.Shape
	over  *subject    // the same over the answers of leaves; nil: it is evaluated itself
	reads *rule.Reads // of what is evaluated itself
}

type liveLeaf struct {
	x     *rule.Expr
	reads *rule.Reads
}

// livePlan evaluates the leaves and subjects that one kind of news may change.
type livePlan struct {
	leaves   []int
	subjects []*liveSubject // not decided by leaves
	timed    []*rule.Expr   // what the passing of time may change
	gather   *rule.Gather
	rows     *warehouse.Gatherer
	block    warehouse.Block
}

// isLive says whether a definition is decided live: tags that say so, and segments.
func isLive(s *subject) bool { return s.segment || s.tag.Refresh == library.Live }

// compileLive compiles what is decided live. Tags that are not are read from the index.
func (d Deps) compileLive(ctx context.Context, idb bun.IDB, set *library.Set, snap warehouse.Snapshot) (*library.Compiled, map[uint32]bool, error) {
	pinned, err := assignedTags(ctx, idb)
	if err != nil {
		return nil, nil, err
	}
	beside := map[uint32]bool{}
	for t := range set.Tags() {
		beside[t.ID] = t.Kind == library.ByHand || t.Refresh != library.Live
	}
	c, err := library.Compile(set, library.CompileOptions{Names: namesOf(snap), Zone: d.Zone, Lenient: true,
		Pinned: func(id uint32) bool { return pinned[id] }, Beside: func(id uint32) bool { return beside[id] }})
	return c, pinned, err
}

// newLiveSet compiles the library. residentBytes bounds the rows that are kept in memory.
func (d Deps) newLiveSet(ctx context.Context, snap warehouse.Snapshot, residentBytes int64) (*liveSet, error) {
	revision, err := library.Revision(ctx, d.DB.Read())
	if err != nil {
		return nil, err
	}
	set, err := library.Load(ctx, d.DB.Read())
	if err != nil {
		return nil, err
	}
	compiled, pinned, err := d.compileLive(ctx, d.DB.Read(), set, snap)
	if err != nil {
		return nil, err
	}
	out := &liveSet{revision: revision, pinned: pinned, set: set, plans: map[rule.Series]*livePlan{}, beside: map[string]*livePlan{}, readers: map[uint32]string{}}
	logic := rule.NewLogic(compiled.Builder)
	for _, s := range subjects(compiled) {
		if !isLive(s) {
			continue
		}
		one := &liveSubject{subject: s, shape: s.shape()}
		if s.number == nil && s.rule == nil {
			if x, ok := logic.Over(s.value); ok {
				over := *s
				over.value = x
				one.over = &over
				out.joined = append(out.joined, one)
			}
		}
		if one.over == nil {
			one.reads = readsOf(s.roots())
		}
		out.subjects = append(out.subjects, one)
	}
	for _, x := range logic.Leaves {
		l := liveLeaf{x, x.Reads()}
		out.leaves, out.firstSeen = append(out.leaves, l), out.firstSeen || l.reads.FirstSeen
	}
	for _, one := range out.subjects {
		out.firstSeen = out.firstSeen || one.reads != nil && one.reads.FirstSeen
	}
	for t := range set.Tags() {
		out.readers[t.ID] = library.PublishedTag(t.Key)
	}
	for s := range set.Segments() {
		out.readers[s.ID] = library.PublishedSegment(s.Key)
	}
	if err := out.plan(snap, residentBytes); err != nil {
		return nil, err
	}
	out.kinds = out.kindsIn(snap.Series())
	return out, nil
}

// kindsIn writes of what kinds the values are that rules read.
func (s *liveSet) kindsIn(infos []warehouse.SeriesInfo) string {
	var b []byte
	for i := range infos {
		columns := s.wanted[rule.Series{Kind: infos[i].Kind, Name: infos[i].Name}]
		if columns == nil {
			continue
		}
		b = append(append(b, byte(infos[i].Kind)), infos[i].Name...)
		for _, p := range infos[i].Properties {
			column, _, _ := strings.Cut(p.Name, "[]") // what the elements of a list hold
			if !columns[column] {
				continue
			}
			b = append(append(b, 0), p.Name...)
			for _, k := range p.Kinds {
				b = append(b, 1, byte(k))
			}
		}
		b = append(b, 2)
	}
	return string(b)
}

func readsOf(roots []*rule.Expr) *rule.Reads {
	all := &rule.Reads{Series: map[rule.Series]bool{}, Tags: map[string]bool{}}
	for _, x := range roots {
		r := x.Reads()
		maps.Copy(all.Series, r.Series)
		maps.Copy(all.Tags, r.Tags)
		all.AllEvents, all.AllSystem = all.AllEvents || r.AllEvents, all.AllSystem || r.AllSystem
		all.FirstSeen, all.Population = all.FirstSeen || r.FirstSeen, all.Population || r.Population
	}
	return all
}

// plan makes what depends on the series of the history.
func (s *liveSet) plan(snap warehouse.Snapshot, residentBytes int64) error {
	infos := snap.Series()
	s.series = len(infos)
	s.plans, s.beside = map[rule.Series]*livePlan{}, map[string]*livePlan{}
	s.all = s.planOf(infos, func(r *rule.Reads) bool { return !r.Population })
	// The series of frozen ones are resident, too.
	everything := s.planOf(infos, func(*rule.Reads) bool { return true })
	if s.resident != nil {
		s.resident.Use(nil)
	}
	s.resident = warehouse.NewResident(everything.gather.Request(), residentBytes)
	s.resident.Use(snap)
	if s.frozen = s.planOf(infos, func(r *rule.Reads) bool { return r.Population }); len(s.frozen.leaves)+len(s.frozen.subjects) == 0 {
		s.frozen = nil
	}
	var roots []*rule.Expr
	for _, one := range s.joined {
		roots = append(roots, one.over.value)
	}
	for i := range s.logic {
		s.logic[i] = rule.NewGather(roots, infos)
	}
	s.wanted = map[rule.Series]map[string]bool{}
	for _, w := range everything.gather.Request().Series {
		columns := map[string]bool{}
		for _, c := range w.Columns {
			columns[c] = true
		}
		s.wanted[rule.Series{Kind: w.Kind, Name: w.Name}] = columns
	}
	for _, p := range []*livePlan{s.all, s.frozen} {
		if p == nil {
			continue
		}
		var err error
		if p.rows, err = s.resident.Gatherer(p.gather.Request()); err != nil {
			return err
		}
	}
	return nil
}

// planOf plans for the leaves and subjects that read what is asked for.
func (s *liveSet) planOf(infos []warehouse.SeriesInfo, wanted func(*rule.Reads) bool) *livePlan {
	p := &livePlan{}
	var roots []*rule.Expr
	for k, l := range s.leaves {
		if wanted(l.reads) {
			p.leaves, roots = append(p.leaves, k), append(roots, l.x)
			if !l.reads.Population {
				p.timed = append(p.timed, l.x)
			}
		}
	}
	for _, one := range s.subjects {
		if one.over == nil && wanted(one.reads) {
			p.subjects, roots = append(p.subjects, one), append(roots, one.roots()...)
			if !one.reads.Population {
				p.timed = append(p.timed, one.roots()...)
			}
		}
	}
	p.gather = rule.NewGather(roots, infos)
	return p
}

// planFor returns the plan for news of a series; nil when nothing reads it.
func (s *liveSet) planFor(of rule.Series, snap warehouse.Snapshot) (*livePlan, error) {
	p, known := s.plans[of]
	if known {
		return p, nil
	}
	p, err := s.lazily(snap, func(r *rule.Reads) bool {
		return !r.Population && (r.Series[of] || r.AllEvents && of.Kind == warehouse.Events || r.AllSystem && of.Kind == warehouse.SystemEvents)
	})
	s.plans[of] = p
	return p, err
}

// planBeside returns the plan for news of another tag or segment.
func (s *liveSet) planBeside(key string, snap warehouse.Snapshot) (*livePlan, error) {
	p, known := s.beside[key]
	if known {
		return p, nil
	}
	number := ""
	if tag, ok := strings.CutPrefix(key, library.PublishedTag("")); ok {
		number = library.PublishedNumber(tag)
	}
	p, err := s.lazily(snap, func(r *rule.Reads) bool { return !r.Population && (r.Tags[key] || number != "" && r.Tags[number]) })
	s.beside[key] = p
	return p, err
}

func (s *liveSet) lazily(snap warehouse.Snapshot, wanted func(*rule.Reads) bool) (*livePlan, error) {
	p := s.planOf(snap.Series(), wanted)
	if len(p.leaves)+len(p.subjects) == 0 {
		return nil, nil
	}
	var err error
	p.rows, err = s.resident.Gatherer(p.gather.Request())
	return p, err
}

// frozenRead says whether what holds on to the instant of the last run reads a series.
func (s *liveSet) frozenRead(of rule.Series) bool {
	if s.frozen == nil {
		return false
	}
	reads := func(r *rule.Reads) bool {
		return r.Series[of] || r.AllEvents && of.Kind == warehouse.Events || r.AllSystem && of.Kind == warehouse.SystemEvents
	}
	return slices.ContainsFunc(s.frozen.leaves, func(k int) bool { return reads(s.leaves[k].reads) }) ||
		slices.ContainsFunc(s.frozen.subjects, func(one *liveSubject) bool { return reads(one.reads) })
}

// roots are all expressions that are evaluated, for a run that computes everything.
func (s *liveSet) roots() (out []*rule.Expr) {
	for _, one := range s.subjects {
		out = append(out, one.subject.roots()...)
	}
	for _, l := range s.leaves {
		out = append(out, l.x)
	}
	return
}

// timed are the expressions whose answers the passing of time may change.
func (s *liveSet) timed() []*rule.Expr { return s.all.timed }

func profilesOf(customers []uint32) []event.ProfileID {
	out := make([]event.ProfileID, len(customers))
	for i, c := range customers {
		out[i] = event.ProfileID(c)
	}
	return out
}
