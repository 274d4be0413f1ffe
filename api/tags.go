package api

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"

	"tagma/errs"
	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/rule/sentence"
	"tagma/tag"
)

// TagSummary is a tag in a list.
type TagSummary struct {
	Key          string   `json:"key"`
	Name         string   `json:"name"`
	Category     string   `json:"category"`
	CategoryName string   `json:"category_name" doc:"The names of the path"`
	Purpose      string   `json:"purpose"`
	Owner        string   `json:"owner"`
	Refresh      string   `json:"refresh" enum:"live,hourly,daily,weekly,manual"`
	Kind         string   `json:"kind" enum:"rule,manual"`
	ValueKind    string   `json:"value_kind" enum:"text,number,bool,time,date,list"`
	Multi        bool     `json:"multi"`
	Keep         string   `json:"keep,omitempty"`
	RFM          string   `json:"rfm,omitempty"`
	Classes      []string `json:"classes"`
	Version      string   `json:"version"`
	State        string   `json:"state" enum:"active,retired"`
	Held         *int     `json:"held,omitempty" doc:"Customers that have it; absent when it was never computed"`
	ComputedAt   string   `json:"computed_at,omitempty" doc:"The instant that it was last computed for"`
	Fresh
}

// Tag is a tag with its rules.
type Tag struct {
	TagSummary
	Cases    []Case    `json:"cases,omitempty"`
	Value    string    `json:"value,omitempty" doc:"An expression"`
	Sentence *Words    `json:"sentence,omitempty" doc:"What the value says"`
	Bands    []Band    `json:"bands,omitempty"`
	Values   []string  `json:"values,omitempty"`
	Users    []Ref     `json:"users" doc:"The definitions that use it"`
	Depends  []Ref     `json:"depends" doc:"The definitions that it uses"`
	Warnings []Warning `json:"warnings"`
	Created  string    `json:"created"`
	Updated  string    `json:"updated"`
	Actor    string    `json:"actor" doc:"Who changed it last"`
}

// Case is a value and the condition that gives it.
type Case struct {
	Value    string `json:"value"`
	When     string `json:"when"`
	Sentence *Words `json:"sentence,omitempty"`
}

// Band is a named range of a number; without below it is the rest.
type Band struct {
	Below string `json:"below,omitempty"`
	Value string `json:"value"`
}

// fixedSummaries remembers what the definitions alone say of tags.
type fixedSummaries struct {
	mu  sync.Mutex
	set *library.Set
	by  map[string]TagSummary
}

func (f *fixedSummaries) of(set *library.Set, t *library.Tag) TagSummary {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.set != set {
		f.set, f.by = set, map[string]TagSummary{}
	}
	out, ok := f.by[t.Key]
	if ok {
		return out
	}
	out = TagSummary{Key: t.Key, Name: t.Name, Category: t.Category, CategoryName: categoryName(set, t.Category), Purpose: t.Purpose, Owner: t.Owner,
		Refresh: string(t.Refresh), Kind: t.Kind, Multi: t.Multi, Keep: t.Keep.String(), RFM: t.RFM, Classes: set.Classes(t), Version: strconv.Itoa(t.Version), State: string(t.State)}
	if out.Classes == nil {
		out.Classes = []string{}
	}
	f.by[t.Key] = out
	return out
}

func (s *Server) summary(set *library.Set, t *library.Tag, computed map[uint32]event.Time) TagSummary {
	out := s.fixed.of(set, t)
	live, hasLive := s.liveNow()
	if t.Kind == library.ByRule && t.State != library.Retired {
		out.Fresh = s.fresh(t.Refresh, computed[t.ID], live, hasLive)
	}
	out.ValueKind = s.desk.ValueKind(t).String()
	at, ok := computed[t.ID]
	if ok || t.Kind == library.ByHand {
		held := s.desk.Held(t.ID)
		out.Held, out.ComputedAt = &held, s.instant(at)
	}
	return out
}

type tagsRequest struct {
	Paging
	Q        string `query:"q" doc:"A part of the key, the name or the purpose"`
	Category string `query:"category" doc:"A path; the tags below it count as well"`
	Class    string `query:"class"`
	Owner    string `query:"owner"`
	Kind     string `query:"kind" enum:"rule,manual"`
	State    string `query:"state" enum:"active,retired,all" default:"active"`
}

func (r *tagsRequest) takes(t *library.Tag, classes []string) bool {
	q := strings.ToLower(r.Q)
	switch {
	case q != "" && !strings.Contains(strings.ToLower(t.Key), q) && !strings.Contains(strings.ToLower(t.Name), q) && !strings.Contains(strings.ToLower(t.Purpose), q):
	case r.Category != "" && t.Category != r.Category && !strings.HasPrefix(t.Category, r.Category+"/"):
	case r.Class != "" && !slices.Contains(classes, r.Class):
	case r.Owner != "" && t.Owner != r.Owner:
	case r.Kind != "" && t.Kind != r.Kind:
	default:
		return true
	}
	return false
}

func (s *Server) listTags(ctx context.Context, in *tagsRequest) (*answer[Page[TagSummary]], error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	computed, err := s.desk.Computed(ctx)
	if err != nil {
		return nil, err
	}
	var list []*library.Tag
	if in.State != "retired" {
		for t := range set.Tags() {
			if in.takes(t, s.fixed.of(set, t).Classes) {
				list = append(list, t)
			}
		}
	}
	if in.State != "active" {
		for r := range set.Retired() {
			if t, ok := set.Tag(r.Key); ok && r.Kind == library.KindTag && in.takes(t, s.fixed.of(set, t).Classes) {
				list = append(list, t)
			}
		}
	}
	page, err := pageOf(list, in.Paging, func(t *library.Tag) string { return t.Key })
	if err != nil {
		return nil, err
	}
	out := Page[TagSummary]{Items: []TagSummary{}, Next: page.Next, Total: page.Total}
	for _, t := range page.Items {
		out.Items = append(out.Items, s.summary(set, t, computed))
	}
	return &answer[Page[TagSummary]]{out}, nil
}

// KeyPath is a key in the path.
type KeyPath struct {
	Key string `path:"key"`
}

type tagAnswer struct {
	ETag string `header:"ETag"`
	Body Tag
}

func (s *Server) readTag(ctx context.Context, in *struct{ KeyPath }) (*tagAnswer, error) {
	t, err := s.tag(ctx, in.Key)
	if err != nil {
		return nil, err
	}
	return &tagAnswer{ETag: quoted(t.Version), Body: *t}, nil
}

// tag is a tag as its page shows it.
func (s *Server) tag(ctx context.Context, key string) (*Tag, error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	t, ok := set.Tag(key)
	if !ok {
		return nil, notThere(set, library.Ref{Kind: library.KindTag, Key: key})
	}
	computed, err := s.desk.Computed(ctx)
	if err != nil {
		return nil, err
	}
	ref := library.Ref{Kind: library.KindTag, Key: key}
	out := &Tag{TagSummary: s.summary(set, t, computed), Value: t.Value, Users: refs(set, set.Users(ref)), Depends: []Ref{}, Warnings: []Warning{}}
	var cases []sentence.Case
	for _, c := range t.Cases {
		out.Cases = append(out.Cases, Case{Value: c.Value.Format(s.w.Zone), When: c.When, Sentence: saidText(set, c.When, true)})
		src, _ := rule.Parse(c.When)
		cases = append(cases, sentence.Case{Value: c.Value.Format(s.w.Zone), When: src.Root})
	}
	for _, b := range t.Bands {
		band := Band{Value: b.Value}
		if b.Below.Present() {
			band.Below = b.Below.Format(s.w.Zone)
		}
		out.Bands = append(out.Bands, band)
	}
	for _, v := range t.Values {
		out.Values = append(out.Values, v.Format(s.w.Zone))
	}
	out.Sentence = saidText(set, t.Value, false)
	if out.Created, out.Updated, out.Actor, err = s.stamps(ctx, ref); err != nil {
		return nil, err
	}
	err = s.desk.WithLibrary(ctx, false, func(c *library.Compiled) error {
		if x, ok := c.Tag(key); ok {
			out.Depends, out.Warnings = refs(set, x.Depends), warnings(x.Warnings)
		}
		for _, b := range c.Broken {
			if b.Ref == ref {
				out.Warnings = append(out.Warnings, warnings(b.Faults)...)
			}
		}
		return nil
	})
	return out, err
}

// stamps tells when a definition was made, when it was changed last, and by whom.
func (s *Server) stamps(ctx context.Context, ref library.Ref) (created, updated, actor string, err error) {
	st, err := library.Stamp(ctx, s.w.DB.Read(), ref)
	return s.instant(st.Created), s.instant(st.Updated), st.Actor, err
}

// notThere is the refusal of a key that does not exist, with what it may have been meant to be.
func notThere(set *library.Set, ref library.Ref) error {
	p := newProblem(404, "there is no "+ref.String())
	flaw := Flaw{Location: "path.key", Message: p.Detail}
	if near := rule.Suggest(ref.Key, set.Keys(ref.Kind)); near != "" {
		flaw.Hint = "did you mean " + strconv.Quote(near) + "?"
	}
	p.Errors = []Flaw{flaw}
	return p
}

// Version is one state that a definition was given.
type Version struct {
	Version string          `json:"version"`
	At      string          `json:"at"`
	Actor   string          `json:"actor"`
	Reason  string          `json:"reason,omitempty"`
	Body    json.RawMessage `json:"body" doc:"The definition as it was stored"`
}

func (s *Server) versions(ctx context.Context, ref library.Ref, p Paging) (*answer[Page[Version]], error) {
	list, err := library.History(ctx, s.w.DB.Read(), ref)
	if err != nil {
		return nil, err
	}
	slices.Reverse(list)
	page, err := pageOf(list, p, func(v library.Version) string { return strconv.Itoa(v.Version) })
	if err != nil {
		return nil, err
	}
	out := Page[Version]{Items: []Version{}, Next: page.Next, Total: page.Total}
	for _, v := range page.Items {
		out.Items = append(out.Items, Version{Version: strconv.Itoa(v.Version), At: s.instant(v.At), Actor: v.Actor, Reason: v.Reason, Body: v.Body})
	}
	return &answer[Page[Version]]{out}, nil
}

func (s *Server) tagVersions(ctx context.Context, in *struct {
	KeyPath
	Paging
}) (*answer[Page[Version]], error) {
	return s.versions(ctx, library.Ref{Kind: library.KindTag, Key: in.Key}, in.Paging)
}

// TagValues is how often the values of a tag are held.
type TagValues struct {
	Held   int          `json:"held" doc:"Customers that have the tag"`
	Absent int          `json:"absent" doc:"Customers that do not"`
	Items  []ValueCount `json:"items"`
	More   bool         `json:"more" doc:"There are other values"`
	Number *Numbers     `json:"number,omitempty" doc:"Of a tag of numbers, or with bands"`
}

// ValueCount is how many customers hold a value.
type ValueCount struct {
	Value Value `json:"value"`
	Count int   `json:"count"`
}

// Numbers describes many numbers.
type Numbers struct {
	Min    string `json:"min"`
	Max    string `json:"max"`
	Mean   string `json:"mean"`
	Median string `json:"median"`
}

func (s *Server) tagValues(ctx context.Context, in *struct{ KeyPath }) (*answer[TagValues], error) {
	d, err := s.desk.Values(ctx, library.Ref{Kind: library.KindTag, Key: in.Key})
	if err != nil {
		return nil, err
	}
	counts, err := s.desk.Counts()
	if err != nil {
		return nil, err
	}
	out := TagValues{Held: d.Held, Absent: max(0, counts.Customers-d.Held), Items: []ValueCount{}, More: d.More}
	for _, v := range d.Values {
		out.Items = append(out.Items, ValueCount{s.value(v.Value), v.Count})
	}
	if n := d.Numbers; n != nil {
		out.Number = &Numbers{n.Min.String(), n.Max.String(), n.Mean.String(), n.Median.String()}
	}
	return &answer[TagValues]{out}, nil
}

// Member is a customer that has a tag or is in a segment.
type Member struct {
	ID       string `json:"id" doc:"kind:value"`
	Customer uint32 `json:"customer" doc:"The customer's number"`
	Value    *Value `json:"value,omitempty"`
}

// Members is a part of those who have a tag.
type Members struct {
	Page[Member]
	AsOf string `json:"as_of,omitempty" doc:"The instant that it was computed for; absent when it never was"`
}

type membersRequest struct {
	KeyPath
	Paging
	PastQuery
	Value string `query:"value" doc:"Only those who have this value; one that the tag can never have is refused"`
}

func (s *Server) tagMembers(ctx context.Context, in *membersRequest) (*answer[Members], error) {
	return s.members(ctx, library.Ref{Kind: library.KindTag, Key: in.Key}, in.Value, in.AsOf, in.Paging)
}

// PastQuery asks for what was at a past instant.
type PastQuery struct {
	AsOf string `query:"as_of" doc:"As a run for this past instant found it; an instant, or a date, which means its last one"`
}

func (s *Server) members(ctx context.Context, ref library.Ref, value, asOf string, p Paging) (*answer[Members], error) {
	from, err := p.number()
	if err != nil {
		return nil, err
	}
	var page *tag.MembersPage
	if asOf == "" {
		page, err = s.desk.MembersPage(ctx, ref, value, value != "", uint32(from), p.Limit)
	} else {
		at, wrong := s.asOf("query.as_of", asOf)
		if wrong != nil {
			return nil, wrong
		}
		page, err = s.desk.MembersAt(ctx, ref, value, value != "", at, uint32(from), p.Limit)
	}
	if errs.Is(err, errs.Invalid) {
		err = within(err, "query.value")
	}
	if err != nil {
		return nil, err
	}
	out := Members{Page: Page[Member]{Items: []Member{}, Total: &page.Total}, AsOf: s.instant(page.AsOf)}
	if out.Items, err = s.memberItems(ctx, page.Members, ref.Kind != library.KindSegment); err != nil {
		return nil, err
	}
	if page.More {
		out.Next = cursor(strconv.FormatUint(uint64(page.Members[len(page.Members)-1].Customer)+1, 10))
	}
	return &answer[Members]{out}, nil
}

func (s *Server) memberItems(ctx context.Context, list []tag.Member, values bool) ([]Member, error) {
	who := make([]event.ProfileID, len(list))
	for i, m := range list {
		who[i] = m.Customer
	}
	ids, err := s.labels(ctx, who)
	if err != nil {
		return nil, err
	}
	out := make([]Member, len(list))
	for i, m := range list {
		out[i] = Member{ID: ids[i], Customer: uint32(m.Customer)}
		if values {
			out[i].Value = s.maybe(m.Value)
		}
	}
	return out, nil
}
