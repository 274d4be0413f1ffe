package api

import (
	"context"
	"path/filepath"
	"strconv"

	"tagma/ingest"
)

// ImportedFile is the import of one file, as it is noted.
type ImportedFile struct {
	Number   string `json:"number" doc:"Of the import of this file; the latest has the highest"`
	Import   string `json:"import,omitempty" doc:"The id that POST /imports answered with, the same for all its files; absent for files of a command"`
	Source   string `json:"source" doc:"Whose rows these are"`
	File     string `json:"file" doc:"Its name, without folders"`
	By       string `json:"by,omitempty" doc:"Who imported it; absent where that was not noted yet"`
	State    string `json:"state" enum:"running,finished,incomplete,failed,interrupted" doc:"incomplete: the file broke off, the rows before were taken; failed: it stopped, what was taken is kept; interrupted: it was cancelled, or the server ended"`
	Problem  string `json:"problem,omitempty" doc:"Why the file was not taken in to its end"`
	Started  string `json:"started"`
	Finished string `json:"finished,omitempty"`
	ImportCounts
}

func (f ImportedFile) said(in func(string) string) any {
	f.Problem = in(f.Problem)
	return f
}

// listImports lists the imports of files, the latest first. Dry runs are not among them.
func (s *Server) listImports(ctx context.Context, in *struct{ Paging }) (*answer[Page[ImportedFile]], error) {
	before, err := in.number()
	if err != nil {
		return nil, err
	}
	list, err := ingest.Imports(ctx, s.w.DB.Read(), before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := Page[ImportedFile]{Items: []ImportedFile{}}
	if len(list) > in.Limit {
		list = list[:in.Limit]
		out.Next = cursor(strconv.FormatUint(list[in.Limit-1].Number, 10))
	}
	for i := range list {
		n := &list[i]
		out.Items = append(out.Items, ImportedFile{Number: strconv.FormatUint(n.Number, 10), Import: n.Upload, Source: n.Source, File: filepath.Base(n.File), By: n.By, State: n.State,
			Problem: n.Problem, Started: s.instant(n.Started), Finished: s.instant(n.Finished), ImportCounts: countsOf(&n.Report)})
	}
	return &answer[Page[ImportedFile]]{out}, nil
}
