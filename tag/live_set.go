package tag

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
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
	roomy    []int          // the leaves whose room is kept
	joined   []*liveSubject // those that are decided by leaves alone
	logic    [2]*rule.Gather
	all      *livePlan // everything
	frozen   *livePlan // what holds on to the instant of the last run; nil when there is none
	plans    map[rule.Series]*livePlan
	// news are the leaves whose answers may follow from new events alone, in a part for each core; homes are parts of the
	// same leaves for where they do not, and home is the place of each leaf among these, -1 of the others.
	news     []*livePart
	homes    []*livePart
	home     []int
	beside   map[string]*livePlan // by the key of a tag or segment that is read from the index
	readers  map[uint32]string    // the keys by the slots of tags that anything reads from the index or the change log
	resident *warehouse.Resident
	// first is when a customer did something for the first time; nil when no leaf asks for that.
	first *rule.Expr
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

	stretch int
}

type liveLeaf struct {
	x       *rule.Expr
	reads   *rule.Reads
	stretch int
	turns   rule.Append
	room    int          // its place among the roomy leaves; -1: it is none
	joining []*rule.Expr // see rule.Logic.Joining
}

// livePlan evaluates the leaves and subjects that one kind of news may change. It is in parts, so that who looks at a few
// rows need not have those that others look at.
type livePlan struct {
	leaves   []int
	subjects []*liveSubject // not decided by leaves
	parts    []*livePart
}

// livePart is what of a plan looks at the same stretch of the history.
type livePart struct {
	leaves   []int
	subjects []*liveSubject
	timed    []*rule.Expr // what the passing of time may change
	gather   *rule.Gather
	rows     *warehouse.Gatherer
	block    warehouse.Block
}

// The stretches of the history that leaves and subjects look at.
const (
	atEnds   = iota // first and last events only
	inMonths        // the last weeks
	inYears         // more
	stretches
)

// recently is how far back the first of the stretches goes that have all events, in days.
const recently = 35

// stretchOf says how much of the history expressions look at.
func stretchOf(roots []*rule.Expr, infos []warehouse.SeriesInfo, run *rule.Run) int {
	g := rule.NewGather(roots, infos)
	ends, recent := true, true
	for i, want := range g.Begin(run) {
		if k := g.Request().Series[i].Kind; k != warehouse.Events && k != warehouse.SystemEvents {
			continue
		}
		ends = ends && want.Ends
		recent = recent && want.From >= run.Now-recently*coarseBucket
	}
	switch {
	case recent:
		return inMonths
	case ends:
		return atEnds
	}
	return inYears
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
func (d Deps) newLiveSet(ctx context.Context, snap warehouse.Snapshot, now event.Time, residentBytes int64) (*liveSet, error) {
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
	for k, x := range logic.Leaves {
		l := liveLeaf{x: x, reads: x.Reads(), turns: x.Append(), room: -1, joining: logic.Joining(x)}
		if l.turns != rule.AppendAnew && x.Roomy() {
			l.room = len(out.roomy)
			out.roomy = append(out.roomy, k)
		}
		out.leaves, out.firstSeen = append(out.leaves, l), out.firstSeen || l.reads.FirstSeen
	}
	if slices.ContainsFunc(out.leaves, func(l liveLeaf) bool { return l.turns == rule.AppendFirst }) {
		r, faults := rule.Check("events.all.earliest().time", compiled.Env, rule.AnyValue)
		if len(faults) > 0 {
			return nil, fmt.Errorf("tag: ask for first events: %s", faults[0].Message)
		}
		out.first = r.Expr
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
	if err := out.plan(&rule.Run{Snapshot: snap, Now: now, Zone: d.Zone, Params: rule.Params{}, Ahead: true}, residentBytes); err != nil {
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
func (s *liveSet) plan(run *rule.Run, residentBytes int64) error {
	snap := run.Snapshot
	infos := snap.Series()
	s.series = len(infos)
	s.plans, s.beside = map[rule.Series]*livePlan{}, map[string]*livePlan{}
	var all []*rule.Expr
	for k := range s.leaves {
		l := &s.leaves[k]
		l.stretch = stretchOf([]*rule.Expr{l.x}, infos, run)
		all = append(all, l.x)
	}
	for _, one := range s.subjects {
		if one.over == nil {
			one.stretch = stretchOf(one.subject.roots(), infos, run)
			all = append(all, one.subject.roots()...)
		}
	}
	if s.resident != nil {
		s.resident.Use(nil)
	}
	request := rule.NewGather(all, infos).Request()
	s.resident = warehouse.NewResident(request, residentBytes)
	s.resident.Use(snap)
	s.wanted = map[rule.Series]map[string]bool{}
	for _, w := range request.Series {
		columns := map[string]bool{}
		for _, c := range w.Columns {
			columns[c] = true
		}
		s.wanted[rule.Series{Kind: w.Kind, Name: w.Name}] = columns
	}
	if err := s.planNews(infos); err != nil {
		return err
	}
	var roots []*rule.Expr
	for _, one := range s.joined {
		roots = append(roots, one.over.value)
	}
	for i := range s.logic {
		s.logic[i] = rule.NewGather(roots, infos)
	}
	var err error
	if s.all, err = s.planOf(infos, func(r *rule.Reads) bool { return !r.Population }); err != nil {
		return err
	}
	s.frozen, err = s.planOf(infos, func(r *rule.Reads) bool { return r.Population })
	return err
}

// planOf plans for the leaves and subjects that read what is asked for; nil when there are none.
func (s *liveSet) planOf(infos []warehouse.SeriesInfo, wanted func(*rule.Reads) bool) (p *livePlan, err error) {
	if p = s.choose(wanted); p != nil {
		p.parts, err = s.partsOf(infos, p.leaves, p.subjects)
	}
	return p, err
}

// choose is a plan without parts for the leaves and subjects that read what is asked for; nil when there are none.
func (s *liveSet) choose(wanted func(*rule.Reads) bool) *livePlan {
	p := &livePlan{}
	for k, l := range s.leaves {
		if wanted(l.reads) {
			p.leaves = append(p.leaves, k)
		}
	}
	for _, one := range s.subjects {
		if one.over == nil && wanted(one.reads) {
			p.subjects = append(p.subjects, one)
		}
	}
	if len(p.leaves)+len(p.subjects) == 0 {
		return nil
	}
	return p
}

// partsOf makes parts of leaves and subjects, by how much of the history they look at.
func (s *liveSet) partsOf(infos []warehouse.SeriesInfo, leaves []int, subjects []*liveSubject) (out []*livePart, err error) {
	var parts [2 * stretches]livePart // of each stretch those of one series of events, and the others
	at := func(stretch int, r *rule.Reads) *livePart {
		switch {
		case r.AllEvents: // finding the rows in so many series costs more than having more of them
			return &parts[stretches+inYears]
		case len(r.Series) > 1:
			stretch += stretches
		}
		return &parts[stretch]
	}
	for _, k := range leaves {
		part := at(s.leaves[k].stretch, s.leaves[k].reads)
		part.leaves = append(part.leaves, k)
	}
	for _, one := range subjects {
		part := at(one.stretch, one.reads)
		part.subjects = append(part.subjects, one)
	}
	for i := range parts {
		if part := &parts[i]; len(part.leaves)+len(part.subjects) > 0 {
			if err := s.ready(part, infos); err != nil {
				return nil, err
			}
			out = append(out, part)
		}
	}
	return out, nil
}

// ready plans the evaluation of a part, and of what else the passing of time may change.
func (s *liveSet) ready(part *livePart, infos []warehouse.SeriesInfo, timed ...*rule.Expr) (err error) {
	var roots []*rule.Expr
	add := func(population bool, all ...*rule.Expr) {
		if roots = append(roots, all...); !population {
			part.timed = append(part.timed, all...)
		}
	}
	for _, k := range part.leaves {
		add(s.leaves[k].reads.Population, s.leaves[k].x)
	}
	for _, one := range part.subjects {
		add(one.reads.Population, one.subject.roots()...)
	}
	add(false, timed...)
	part.gather = rule.NewGather(roots, infos)
	part.rows, err = s.resident.Gatherer(part.gather.Request())
	return err
}

// planNews plans for news of events: the leaves whose answers may follow from these alone.
func (s *liveSet) planNews(infos []warehouse.SeriesInfo) error {
	groups := map[string][]int{} // by the first of the series that they read
	s.home = make([]int, len(s.leaves))
	for k := range s.leaves {
		l := &s.leaves[k]
		s.home[k] = -1
		if l.turns == rule.AppendAnew || l.reads.Population {
			continue
		}
		first := ""
		for of := range l.reads.Series {
			if of.Kind == warehouse.Events && (first == "" || of.Name < first) {
				first = of.Name
			}
		}
		if l.reads.AllEvents {
			first = anyEvent.Name
		}
		if first != "" {
			groups[first] = append(groups[first], k)
		}
	}
	s.news, s.homes = make([]*livePart, runtime.GOMAXPROCS(0)), nil
	for i := range s.news {
		s.news[i] = &livePart{}
	}
	names := slices.SortedFunc(maps.Keys(groups), func(a, b string) int { return cmp.Or(len(groups[b])-len(groups[a]), cmp.Compare(a, b)) })
	for _, name := range names {
		parts, err := s.partsOf(infos, groups[name], nil)
		if err != nil {
			return err
		}
		for _, part := range parts {
			for _, k := range part.leaves {
				s.home[k] = len(s.homes)
			}
			s.homes = append(s.homes, part)
		}
		least := slices.MinFunc(s.news, func(a, b *livePart) int { return len(a.leaves) - len(b.leaves) })
		least.leaves = append(least.leaves, groups[name]...)
	}
	s.news = slices.DeleteFunc(s.news, func(p *livePart) bool { return len(p.leaves) == 0 })
	for _, part := range s.news {
		var joining []*rule.Expr
		for _, k := range part.leaves {
			joining = append(joining, s.leaves[k].joining...)
		}
		if err := s.ready(part, infos, joining...); err != nil {
			return err
		}
	}
	return nil
}

// anyEvent and anySystem stand for news of events of whatever name.
var (
	anyEvent  = rule.Series{Kind: warehouse.Events, Name: "\x00"}
	anySystem = rule.Series{Kind: warehouse.SystemEvents, Name: "\x00"}
)

// planFor returns the plan for news of a series; nil when nothing reads it. What reads events of every name has plans of
// its own. Of events it has only what is not among the news.
func (s *liveSet) planFor(of rule.Series, snap warehouse.Snapshot) (*livePlan, error) {
	p, known := s.plans[of]
	if known {
		return p, nil
	}
	reads := func(r *rule.Reads) bool {
		switch {
		case r.Population:
			return false
		case of == anyEvent:
			return r.AllEvents
		case of == anySystem:
			return r.AllSystem
		}
		return r.Series[of] && !(r.AllEvents && of.Kind == warehouse.Events) && !(r.AllSystem && of.Kind == warehouse.SystemEvents)
	}
	infos := snap.Series()
	p = s.choose(reads)
	if p != nil && of.Kind == warehouse.Events {
		p.leaves = slices.DeleteFunc(p.leaves, func(k int) bool { return s.home[k] >= 0 })
	}
	var err error
	if p != nil {
		p.parts, err = s.partsOf(infos, p.leaves, p.subjects)
	}
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
	p, err := s.planOf(snap.Series(), func(r *rule.Reads) bool { return !r.Population && (r.Tags[key] || number != "" && r.Tags[number]) })
	s.beside[key] = p
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

// readsTags says whether anything reads other tags beside the history.
func (s *liveSet) readsTags() bool {
	return slices.ContainsFunc(s.leaves, func(l liveLeaf) bool { return len(l.reads.Tags) > 0 }) ||
		slices.ContainsFunc(s.subjects, func(one *liveSubject) bool { return one.over == nil && len(one.reads.Tags) > 0 })
}

// daysOfRoomy says of each roomy leaf whether its room is one of days.
func (s *liveSet) daysOfRoomy() []bool {
	out := make([]bool, len(s.roomy))
	for i, k := range s.roomy {
		out[i] = s.leaves[k].x.RoomOfDays()
	}
	return out
}

// timed are the expressions whose answers the passing of time may change.
func (s *liveSet) timed() (out []*rule.Expr) {
	if s.all != nil {
		for _, part := range s.all.parts {
			out = append(out, part.timed...)
		}
	}
	return
}

func customersOf(profiles []event.ProfileID) []uint32 {
	out := make([]uint32, len(profiles))
	for i, p := range profiles {
		out[i] = uint32(p)
	}
	return out
}

func profilesOf(customers []uint32) []event.ProfileID {
	out := make([]event.ProfileID, len(customers))
	for i, c := range customers {
		out[i] = event.ProfileID(c)
	}
	return out
}
