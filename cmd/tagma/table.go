package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"tagma/errs"
	"tagma/event"
	"tagma/library"
	"tagma/workspace"
)

type tableCmd struct {
	Put    tablePutCmd    `cmd:"" help:"Take in a lookup table from a CSV or TSV file, in the place of the one before."`
	List   tableListCmd   `cmd:"" help:"List the lookup tables and what uses them."`
	Show   tableShowCmd   `cmd:"" help:"Print the rows of a lookup table, as CSV."`
	Retire tableRetireCmd `cmd:"" help:"Take a lookup table out of use."`
}

type tablePutCmd struct {
	By   string   `help:"The column by which rows are found; default: as before." placeholder:"COLUMN"`
	Name string   `help:"What people call it; default: as before." placeholder:"NAME"`
	Type []string `help:"What the cells of a column are, as in population=number: bool, number, text, time, date, list. Default: as before, else text." placeholder:"COLUMN=KIND"`
	editor
	Key  string `arg:"" help:"The word by which rules call it."`
	File string `arg:"" help:"The file, its first line the names of the columns; - is standard input."`
}

func (c *tablePutCmd) Run(p *program) error {
	types, err := columnTypes(c.Type)
	if err != nil {
		return err
	}
	data, err := c.read(p)
	if err != nil {
		return err
	}
	return p.open(func(w *workspace.Workspace) error {
		set, err := library.Load(p.ctx, w.DB.Read())
		if err != nil {
			return err
		}
		if before, ok := set.Table(c.Key); ok {
			if c.By == "" {
				c.By = before.By
			}
			if c.Name == "" {
				c.Name = before.Name
			}
			if c.Type == nil {
				types = before.Types
			}
		} else if c.By == "" {
			return errs.New(errs.Invalid, "there is no table %s yet: say with --by by which column its rows are found", c.Key)
		}
		file, err := library.TableFile(c.Key, c.Name, c.By, types, data)
		if err != nil {
			return err
		}
		edit, err := set.Plan(file, false)
		if err != nil {
			return err
		}
		changes, err := showEdit(p, w, edit)
		if err != nil || changes == 0 {
			return err
		}
		return c.apply(p, w, edit, changes)
	})
}

// read reads the file, which library.TableFile holds to its limits.
func (c *tablePutCmd) read(p *program) ([]byte, error) {
	in, name := p.in, "standard input"
	if c.File != "-" {
		name = c.File
		f, err := os.Open(p.path(c.File))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errs.New(errs.Invalid, "there is no file %s", c.File)
		}
		if err != nil {
			return nil, errs.New(errs.Invalid, "%s cannot be read: %w", c.File, err)
		}
		defer f.Close() // it was only read
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, library.MaxTableBytes+1))
	if err != nil {
		return nil, errs.New(errs.Invalid, "%s cannot be read: %w", name, err)
	}
	return data, nil
}

// columnTypes reads column=kind. A column's name may hold a =.
func columnTypes(args []string) (map[string]event.Kind, error) {
	types := map[string]event.Kind{}
	var faults []errs.Fault
	for _, arg := range args {
		i := strings.LastIndexByte(arg, '=')
		if i <= 0 {
			faults = append(faults, errs.Fault{Place: "--type " + arg, Message: "a column and its kind are expected", Hint: "write population=number"})
			continue
		}
		k, ok := event.ParseKind(arg[i+1:])
		if !ok {
			faults = append(faults, errs.Fault{Place: "--type " + arg, Message: fmt.Sprintf("there is no kind %q", arg[i+1:]), Hint: "there are bool, number, text, time, date, list"})
			continue
		}
		types[arg[:i]] = k
	}
	return types, errs.Faulty("the lookup table cannot be read", faults)
}

// tableColumn is a column of a lookup table for a machine.
type tableColumn struct {
	Name string `json:"name"`
	Kind string `json:"type"`
}

type tableJSON struct {
	Key     string        `json:"key"`
	Name    string        `json:"name,omitempty"`
	By      string        `json:"by"`
	Columns []tableColumn `json:"columns"`
	Rows    int           `json:"rows"`
	Version int           `json:"version"`
	UsedBy  []string      `json:"used_by"`
}

func describeTable(set *library.Set, t *library.Table) tableJSON {
	out := tableJSON{Key: t.Key, Name: t.Name, By: t.By, Rows: t.Rows(), Version: t.Version, UsedBy: []string{}}
	for _, column := range t.Columns() {
		kind := event.TextKind
		if k, ok := t.Types[column]; ok {
			kind = k
		}
		out.Columns = append(out.Columns, tableColumn{column, kind.String()})
	}
	for _, user := range set.Users(library.Ref{Kind: library.KindTable, Key: t.Key}) {
		out.UsedBy = append(out.UsedBy, user.String())
	}
	return out
}

type tableListCmd struct{}

func (c *tableListCmd) Run(p *program) error {
	return p.open(func(w *workspace.Workspace) error {
		set, err := library.Load(p.ctx, w.DB.Read())
		if err != nil {
			return err
		}
		all := []tableJSON{}
		for t := range set.Tables() {
			all = append(all, describeTable(set, t))
		}
		if p.json {
			return p.printJSON(all)
		}
		if len(all) == 0 {
			fmt.Fprintln(p.out, "there are no lookup tables")
		}
		for _, t := range all {
			line := t.Key
			if t.Name != "" {
				line += " (" + t.Name + ")"
			}
			var columns []string
			for _, column := range t.Columns {
				switch {
				case column.Name == t.By:
				case column.Kind == event.TextKind.String():
					columns = append(columns, column.Name)
				default:
					columns = append(columns, column.Name+" "+column.Kind)
				}
			}
			fmt.Fprintf(p.out, "%s: %s by %s: %s\n", line, count(t.Rows, "row"), t.By, strings.Join(columns, ", "))
			if len(t.UsedBy) > 0 {
				fmt.Fprintf(p.out, "  used by %s\n", strings.Join(t.UsedBy, ", "))
			}
		}
		return nil
	})
}

type tableShowCmd struct {
	Key string `arg:"" help:"The table."`
}

func (c *tableShowCmd) Run(p *program) error {
	return p.open(func(w *workspace.Workspace) error {
		set, err := library.Load(p.ctx, w.DB.Read())
		if err != nil {
			return err
		}
		t, ok := set.Table(c.Key)
		switch {
		case !ok:
			return errs.New(errs.NotFound, "there is no lookup table %s", c.Key)
		case t.State == library.Retired:
			return errs.New(errs.Conflict, "the lookup table %s is retired: put it again to restore it", c.Key)
		case p.json:
			return p.printJSON(struct {
				tableJSON
				CSV string `json:"csv"`
			}{describeTable(set, t), t.CSV})
		}
		_, err = io.WriteString(p.out, t.CSV)
		return err
	})
}

type tableRetireCmd struct {
	editor
	Key string `arg:"" help:"The table."`
}

func (c *tableRetireCmd) Run(p *program) error {
	return p.open(func(w *workspace.Workspace) error {
		set, err := library.Load(p.ctx, w.DB.Read())
		if err != nil {
			return err
		}
		edit, err := set.Retire(library.Ref{Kind: library.KindTable, Key: c.Key})
		if err != nil {
			return err
		}
		changes, err := showEdit(p, w, edit)
		if err != nil || changes == 0 {
			return err
		}
		return c.apply(p, w, edit, changes)
	})
}
