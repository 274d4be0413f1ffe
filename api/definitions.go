package api

import (
	"context"
	"strconv"

	"tagma/event"
	"tagma/library"
	"tagma/tag"
)

// TableSummary is a lookup table in a list.
type TableSummary struct {
	Key     string   `json:"key"`
	Name    string   `json:"name"`
	By      string   `json:"by" doc:"The column by which rows are found"`
	Columns []Column `json:"columns"`
	Rows    int      `json:"rows"`
	Version string   `json:"version"`
	Users   []Ref    `json:"users"`
}

// Column is a column of a lookup table.
type Column struct {
	Name string `json:"name"`
	Kind string `json:"kind" enum:"text,number,bool,time,date,list"`
}

// Table is a lookup table with its rows.
type Table struct {
	TableSummary
	CSV string `json:"csv"`
}

func tableSummary(set *library.Set, t *library.Table) TableSummary {
	out := TableSummary{Key: t.Key, Name: t.Name, By: t.By, Columns: []Column{}, Rows: t.Rows(), Version: strconv.Itoa(t.Version),
		Users: refs(set, set.Users(library.Ref{Kind: library.KindTable, Key: t.Key}))}
	for _, name := range t.Columns() {
		kind := event.TextKind
		if k, ok := t.Types[name]; ok {
			kind = k
		}
		out.Columns = append(out.Columns, Column{name, kind.String()})
	}
	return out
}

func (s *Server) listTables(ctx context.Context, in *struct{ Paging }) (*answer[Page[TableSummary]], error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	var list []TableSummary
	for t := range set.Tables() {
		list = append(list, tableSummary(set, t))
	}
	page, err := pageOf(list, in.Paging, func(t TableSummary) string { return t.Key })
	return &answer[Page[TableSummary]]{page}, err
}

type tableAnswer struct {
	ETag string `header:"ETag"`
	Body Table
}

func (s *Server) table(ctx context.Context, key string) (*tableAnswer, error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	t, ok := set.Table(key)
	if !ok || t.State != library.Active {
		return nil, notThere(set, library.Ref{Kind: library.KindTable, Key: key})
	}
	return &tableAnswer{ETag: quoted(strconv.Itoa(t.Version)), Body: Table{tableSummary(set, t), t.CSV}}, nil
}

func (s *Server) readTable(ctx context.Context, in *struct{ KeyPath }) (*tableAnswer, error) {
	return s.table(ctx, in.Key)
}

type tableRequest struct {
	KeyPath
	Matching
	Body struct {
		Name   string            `json:"name,omitempty"`
		By     string            `json:"by"`
		Types  map[string]string `json:"types,omitempty" doc:"The kinds of the columns that are not text"`
		CSV    string            `json:"csv" doc:"Comma, tab or semicolon separated, the columns' names in the first line"`
		Reason string            `json:"reason,omitempty"`
	}
}

// putTable makes a table, or changes one: only then If-Match is needed.
func (s *Server) putTable(ctx context.Context, in *tableRequest) (*tableAnswer, error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	if head, ok := set.Head(library.Ref{Kind: library.KindTable, Key: in.Key}); ok && head.State == library.Active {
		if err := in.check(strconv.Itoa(head.Version)); err != nil {
			return nil, err
		}
	}
	types := map[string]event.Kind{}
	for column, word := range in.Body.Types {
		k, ok := event.ParseKind(word)
		if !ok {
			return nil, invalid("body.types."+column, strconv.Quote(word)+" is no kind of values", "there are text, number, bool, time and date")
		}
		types[column] = k
	}
	file, err := library.TableFile(in.Key, in.Body.Name, in.Body.By, types, []byte(in.Body.CSV))
	if err != nil {
		return nil, within(err, "body.csv")
	}
	edit, err := set.Plan(file, false)
	if err != nil {
		return nil, within(err, "body")
	}
	if err := s.lost(s.apply(ctx, edit, in.Body.Reason)); err != nil {
		return nil, within(err, "body")
	}
	return s.table(ctx, in.Key)
}

func (s *Server) retireTable(ctx context.Context, in *struct {
	KeyPath
	Matching
}) (*nothing, error) {
	return s.retire(ctx, library.Ref{Kind: library.KindTable, Key: in.Key}, in.Matching)
}

type yamlAnswer struct {
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag"`
	Body        []byte
}

func (s *Server) exportDefinitions(ctx context.Context, in *struct {
	Names bool `query:"names" doc:"Declare in the schema, as any, what the rules use and only came so far: the file then applies where nothing came yet"`
}) (*yamlAnswer, error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	var b []byte
	if in.Names {
		b, err = tag.ExportNames(ctx, s.desk.Deps, set)
	} else {
		b, err = library.Export(set)
	}
	return &yamlAnswer{"application/yaml", quoted(strconv.FormatUint(set.Revision, 10)), b}, err
}

// DefinitionChange is what an edit does to one definition.
type DefinitionChange struct {
	Kind   string   `json:"kind"`
	Key    string   `json:"key"`
	What   string   `json:"what" enum:"add,change,rename,retire,restore"`
	Was    string   `json:"was,omitempty" doc:"The key before"`
	Fields []string `json:"fields"`
}

// DefinitionMembers is what an edit does to who has a tag or is in a segment.
type DefinitionMembers struct {
	Kind    string   `json:"kind" enum:"tag,segment"`
	Key     string   `json:"key"`
	Held    int      `json:"held"`
	Entered int      `json:"entered"`
	Left    int      `json:"left"`
	Enter   []string `json:"enter"`
	Leave   []string `json:"leave"`
}

// Plan is what a file would change.
type Plan struct {
	Revision string              `json:"revision" doc:"Of the library that it was planned on"`
	Changes  []DefinitionChange  `json:"changes"`
	Same     int                 `json:"same" doc:"Definitions of the file that stay as they are"`
	Members  []DefinitionMembers `json:"members"`
	Warnings []Warning           `json:"warnings"`
}

// Applied is what an edit has changed.
type Applied struct {
	Revision string             `json:"revision"`
	Changes  []DefinitionChange `json:"changes"`
	Warnings []Warning          `json:"warnings"`
}

type planRequest struct {
	Body struct {
		YAML  string `json:"yaml"`
		Prune bool   `json:"prune,omitempty" doc:"Retire what the file does not mention"`
	}
}

func (s *Server) planFile(ctx context.Context, yaml string, prune bool) (*library.Set, *library.Edit, error) {
	file, err := library.ParseFile([]byte(yaml), "yaml")
	if err != nil {
		return nil, nil, within(err, "body.yaml")
	}
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, nil, err
	}
	edit, err := set.Plan(file, prune)
	if err != nil {
		return nil, nil, within(err, "body.yaml")
	}
	return set, edit, nil
}

func changesOf(edit *library.Edit) (out []DefinitionChange, same int) {
	out = []DefinitionChange{}
	for _, ch := range edit.Changes {
		if ch.What == library.Same {
			same++
			continue
		}
		fields := ch.Fields
		if fields == nil {
			fields = []string{}
		}
		out = append(out, DefinitionChange{Kind: string(ch.Kind), Key: ch.Key, What: string(ch.What), Was: ch.Was, Fields: fields})
	}
	return out, same
}

func (s *Server) planDefinitions(ctx context.Context, in *planRequest) (*answer[Plan], error) {
	set, edit, err := s.planFile(ctx, in.Body.YAML, in.Body.Prune)
	if err != nil {
		return nil, err
	}
	previews, err := tag.PreviewEdit(ctx, s.desk.Deps, edit, s.now(), sampleSize)
	if err != nil {
		return nil, within(err, "body.yaml")
	}
	out := Plan{Revision: strconv.FormatUint(set.Revision, 10), Members: []DefinitionMembers{}, Warnings: warnings(edit.Warnings)}
	out.Changes, out.Same = changesOf(edit)
	for _, p := range previews {
		m := DefinitionMembers{Kind: "tag", Key: p.Key, Held: p.Held, Entered: p.Entered, Left: p.Left}
		if p.Segment {
			m.Kind = "segment"
		}
		if m.Enter, err = s.labels(ctx, p.Enter); err != nil {
			return nil, err
		}
		if m.Leave, err = s.labels(ctx, p.Leave); err != nil {
			return nil, err
		}
		out.Members = append(out.Members, m)
	}
	return &answer[Plan]{out}, nil
}

type applyRequest struct {
	IfMatch string `header:"If-Match" doc:"The revision that it was planned on; without it the file is applied to what is"`
	Body    struct {
		YAML   string `json:"yaml"`
		Prune  bool   `json:"prune,omitempty"`
		Reason string `json:"reason,omitempty" doc:"Why; kept with every version"`
	}
}

func (s *Server) applyDefinitions(ctx context.Context, in *applyRequest) (*answer[Applied], error) {
	set, edit, err := s.planFile(ctx, in.Body.YAML, in.Body.Prune)
	if err != nil {
		return nil, err
	}
	if in.IfMatch != "" {
		if err := (Matching{in.IfMatch}).check(strconv.FormatUint(set.Revision, 10)); err != nil {
			return nil, err
		}
	}
	if err := s.lost(s.apply(ctx, edit, in.Body.Reason)); err != nil {
		return nil, within(err, "body.yaml")
	}
	out := Applied{Revision: strconv.FormatUint(edit.Set.Revision, 10), Warnings: warnings(edit.Warnings)}
	out.Changes, _ = changesOf(edit)
	return &answer[Applied]{out}, nil
}
