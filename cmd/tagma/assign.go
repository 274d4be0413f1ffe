package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"tagma/errs"
	"tagma/event"
	"tagma/ingest"
	"tagma/rule"
	"tagma/tag"
	"tagma/workspace"
)

type assignCmd struct {
	Remove  bool   `help:"Take the value away instead. On a tag by rule the customer then stays without it, whatever the rule says."`
	Reason  string `help:"Why." placeholder:"TEXT"`
	Until   string `help:"It holds before this instant; a date is its last day." placeholder:"T"`
	By      string `help:"Who decided it; default: the user of the machine." placeholder:"NAME"`
	File    string `help:"Take a CSV file instead, with the columns customer, tag, value and perhaps action (set, remove, release), reason, until, by; separated by commas, semicolons or tabs. - is standard input." placeholder:"FILE"`
	Rejects string `help:"With --file: write refused rows with their reasons to this CSV file." placeholder:"FILE"`
	ID      string `arg:"" optional:"" help:"The customer, as user_id:17850."`
	Tag     string `arg:"" optional:"" name:"tag=value" help:"The tag and its value, as in vip=金卡."`
}

// Validate makes naming a customer and a file, or neither, wrong usage.
func (c *assignCmd) Validate() error {
	switch {
	case c.File != "" && (c.ID != "" || c.Remove || c.Reason != "" || c.Until != ""):
		return errors.New("with --file everything comes from its columns: give neither a customer nor --remove, --reason, --until")
	case c.File == "" && c.Tag == "":
		return errors.New("name a customer and a tag, as in `tagma assign user_id:17850 vip=金卡`, or give --file")
	case c.File == "" && c.Rejects != "":
		return errors.New("--rejects goes with --file")
	}
	return nil
}

func (c *assignCmd) Run(p *program) error {
	if c.By == "" {
		c.By = machineUser()
	}
	return p.open(func(w *workspace.Workspace) error {
		if c.File != "" {
			return c.file(p, w)
		}
		a, err := oneAssignment(p, w, c.ID, c.Tag)
		if err != nil {
			return err
		}
		a.Reason, a.By = c.Reason, c.By
		if a.Action = tag.Set; c.Remove {
			a.Action = tag.Remove
		}
		if c.Until != "" {
			if a.Until, err = untilInstant(w, c.Until); err != nil {
				return errs.New(errs.Invalid, "--until: %w", err)
			}
		}
		return assignOne(p, w, a, c.ID, c.Tag)
	})
}

type unassignCmd struct {
	Reason string `help:"Why." placeholder:"TEXT"`
	By     string `help:"Who decided it; default: the user of the machine." placeholder:"NAME"`
	ID     string `arg:"" help:"The customer, as user_id:17850."`
	Tag    string `arg:"" name:"tag[=value]" help:"The tag; of one with several values perhaps the value."`
}

func (c *unassignCmd) Run(p *program) error {
	if c.By == "" {
		c.By = machineUser()
	}
	return p.open(func(w *workspace.Workspace) error {
		a, err := oneAssignment(p, w, c.ID, c.Tag)
		if err != nil {
			return err
		}
		a.Action, a.Reason, a.By = tag.Release, c.Reason, c.By
		return assignOne(p, w, a, c.ID, c.Tag)
	})
}

// oneAssignment reads the arguments of a single assignment.
func oneAssignment(p *program, w *workspace.Workspace, id, what string) (a tag.Assignment, err error) {
	if a.Customer, err = customerID(p.ctx, w, id); err != nil {
		return a, err
	}
	var value string
	var has bool
	if a.Tag, value, has = strings.Cut(what, "="); has {
		a.Value = event.Text(value)
	}
	return a, nil
}

// untilInstant reads an end: an instant, or a date, which is the last day.
func untilInstant(w *workspace.Workspace, text string) (event.Time, error) {
	t, dateOnly, err := w.Zone.ParseInstant(text)
	if err == nil && dateOnly {
		t = w.Zone.End(w.Zone.Date(t)) + 1
	}
	return t, err
}

// assignOne does a single assignment and says what became of it.
func assignOne(p *program, w *workspace.Workspace, a tag.Assignment, id, what string) error {
	r, err := tag.Assign(p.ctx, w.Tags(), w.Now(), []tag.Assignment{a})
	if err != nil {
		return err
	}
	if len(r.Faults) > 0 {
		return errs.Faulty("", []errs.Fault{r.Faults[0].Fault})
	}
	v, err := tag.ReadCustomer(p.ctx, w.Tags(), a.Customer, w.Now(), 0)
	if err != nil {
		return err
	}
	has := ""
	for _, t := range v.Tags {
		if t.Key == a.Tag && !t.Segment {
			has = t.Value
		}
	}
	if p.json {
		return p.printJSON(struct {
			Customer string      `json:"customer"`
			Tag      string      `json:"tag"`
			Action   tag.Action  `json:"action"`
			Outcome  tag.Outcome `json:"outcome"`
			At       string      `json:"at"`
			Has      string      `json:"has"` // what the customer has of the tag now; empty: nothing
		}{id, a.Tag, a.Action, r.Outcomes[0], r.At, has})
	}
	if has == "" {
		has = "nothing"
	}
	said := map[tag.Action]string{tag.Set: "assigned", tag.Remove: "removed", tag.Release: "released"}[a.Action]
	if r.Outcomes[0] == tag.Same {
		said = "nothing to do"
	}
	fmt.Fprintf(p.out, "%s: %s %s; it has %s\n", said, id, what, has)
	return nil
}

// assignColumns are the columns of a file of assignments.
var assignColumns = []string{"customer", "tag", "value", "action", "reason", "until", "by"}

// bulkRow is a row of a file of assignments.
type bulkRow struct {
	line  int
	cells []string
	fault string
	place int // among the assignments; -1: it was refused before
}

func (c *assignCmd) file(p *program, w *workspace.Workspace) error {
	in := p.in
	if c.File != "-" {
		f, err := os.Open(p.path(c.File))
		if err != nil {
			return errs.New(errs.Invalid, "%s cannot be read: %w", c.File, err)
		}
		defer f.Close()
		in = f
	}
	var rejects *rejectsFile
	if c.Rejects != "" {
		var err error
		if rejects, err = newRejects(p.path(c.Rejects), []string{p.path(c.File)}); err != nil {
			return err
		}
	}
	err := c.rows(p, w, in, rejects)
	if rejects != nil {
		err = errors.Join(err, rejects.close(err == nil))
	}
	return err
}

// rows takes the rows of a file in. Those that cannot be are refused alone.
func (c *assignCmd) rows(p *program, w *workspace.Workspace, in io.Reader, rejects *rejectsFile) error {
	const start = 64 << 10
	buffered := bufio.NewReaderSize(in, start)
	begin, err := buffered.Peek(start)
	if err != nil && err != io.EOF {
		return errs.New(errs.Invalid, "%s: %w", c.File, err)
	}
	r := csv.NewReader(buffered)
	r.Comma, r.FieldsPerRecord = ingest.GuessDelimiter(begin), -1
	header, err := r.Read()
	if err == io.EOF {
		return errs.New(errs.Invalid, "%s is empty: its first line names the columns customer, tag, value", c.File)
	} else if err != nil {
		return errs.New(errs.Invalid, "%s: %w", c.File, err)
	}
	places, err := bulkColumns(c.File, header)
	if err != nil {
		return err
	}
	var rows []*bulkRow
	var list []tag.Assignment
	for {
		cells, err := r.Read()
		if err == io.EOF {
			break
		} else if err != nil {
			return errs.New(errs.Invalid, "%s: nothing was assigned: %w", c.File, err)
		}
		row := &bulkRow{cells: cells, place: -1}
		row.line, _ = r.FieldPos(0)
		rows = append(rows, row)
		a, err := c.assignment(p, w, places, cells)
		switch {
		case errs.KindOf(err) == errs.Internal && err != nil:
			return err
		case err != nil:
			row.fault = err.Error()
		default:
			row.place = len(list)
			list = append(list, a)
		}
	}
	done, err := tag.Assign(p.ctx, w.Tags(), w.Now(), list)
	if err != nil {
		return err
	}
	faults := map[int]string{}
	for _, f := range done.Faults {
		faults[f.Index] = f.String()
	}
	refused := 0
	for _, row := range rows {
		if row.place >= 0 {
			row.fault = faults[row.place]
		}
		if row.fault != "" {
			refused++
		}
	}
	if rejects != nil {
		if err := writeRejects(rejects, c.File, header, rows); err != nil {
			return err
		}
	}
	return c.report(p, done, rows, refused)
}

// bulkColumns finds the columns by the header.
func bulkColumns(file string, header []string) (map[string]int, error) {
	places := map[string]int{}
	var faults []errs.Fault
	for i, name := range header {
		if i == 0 {
			name = strings.TrimPrefix(name, "\uFEFF")
		}
		name = strings.TrimSpace(name)
		_, twice := places[name]
		f := errs.Fault{Place: file + ":1"}
		switch {
		case !slices.Contains(assignColumns, name):
			f.Message, f.Hint = fmt.Sprintf("there is no use for a column %q", name), "possible are "+strings.Join(assignColumns, ", ")
			if s := rule.Suggest(name, assignColumns); s != "" {
				f.Hint = fmt.Sprintf("did you mean %q?", s)
			}
			faults = append(faults, f)
		case twice:
			f.Message = fmt.Sprintf("the column %s comes twice", name)
			faults = append(faults, f)
		}
		places[name] = i
	}
	for _, name := range assignColumns[:2] {
		if _, ok := places[name]; !ok {
			faults = append(faults, errs.Fault{Place: file + ":1", Message: "there is no column " + name, Hint: "the first line names the columns: customer, tag, value"})
		}
	}
	return places, errs.Faulty("nothing was assigned", faults)
}

// assignment reads a row.
func (c *assignCmd) assignment(p *program, w *workspace.Workspace, places map[string]int, cells []string) (tag.Assignment, error) {
	cell := func(name string) string {
		if i, ok := places[name]; ok && i < len(cells) {
			return strings.TrimSpace(cells[i])
		}
		return ""
	}
	a, err := oneAssignment(p, w, cell("customer"), cell("tag"))
	if err != nil {
		return a, err
	}
	if v := cell("value"); v != "" {
		a.Value = event.Text(v)
	}
	a.Action, a.Reason, a.By = tag.Action(cell("action")), cell("reason"), cell("by")
	if a.Action == "" {
		a.Action = tag.Set
	}
	if a.By == "" {
		a.By = c.By
	}
	if text := cell("until"); text != "" {
		if a.Until, err = untilInstant(w, text); err != nil {
			return a, errs.New(errs.Invalid, "until: %w", err)
		}
	}
	return a, nil
}

func writeRejects(to io.Writer, file string, header []string, rows []*bulkRow) error {
	out := csv.NewWriter(to)
	begun := false
	for _, row := range rows {
		if row.fault == "" {
			continue
		}
		if !begun {
			begun = true
			if err := out.Write(append([]string{"file", "line", "reason"}, header...)); err != nil {
				return err
			}
		}
		if err := out.Write(append([]string{file, fmt.Sprint(row.line), row.fault}, row.cells...)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// report prints what became of the rows.
func (c *assignCmd) report(p *program, r *tag.AssignReport, rows []*bulkRow, refused int) error {
	if p.json {
		type line struct {
			Line    int         `json:"line"`
			Outcome tag.Outcome `json:"outcome"`
			Reason  string      `json:"reason,omitempty"`
		}
		lines := make([]line, len(rows))
		for i, row := range rows {
			lines[i] = line{row.line, tag.Refused, row.fault}
			if row.fault == "" {
				lines[i].Outcome = r.Outcomes[row.place]
			}
		}
		return p.printJSON(map[string]any{"rows": len(rows), "recorded": r.Recorded, "same": r.Same, "refused": refused, "changed": r.Changed, "at": r.At, "results": lines})
	}
	fmt.Fprintf(p.out, "%s\n  recorded   %12s\n  as it was  %12s\n  refused    %12s\n", count(len(rows), "row"), thousands(int64(r.Recorded)), thousands(int64(r.Same)), thousands(int64(refused)))
	fmt.Fprintf(p.out, "%s now\n", count(r.Changed, "changed value"))
	shown := 0
	for _, row := range rows {
		if row.fault == "" {
			continue
		}
		if shown++; shown > 10 {
			fmt.Fprintf(p.out, "  … and %d more\n", refused-10)
			break
		}
		fmt.Fprintf(p.out, "  refused line %d: %s\n", row.line, row.fault)
	}
	if refused > 0 && c.Rejects == "" {
		fmt.Fprintln(p.out, "the refused rows themselves: run again with --rejects FILE")
	}
	return nil
}

type assignmentsCmd struct {
	Tag string `help:"Of this tag alone." placeholder:"KEY"`
	All bool   `help:"All that were ever made, the latest first, and not only those in force."`
	ID  string `arg:"" optional:"" help:"Of this customer alone, as user_id:17850."`
}

func (c *assignmentsCmd) Run(p *program) error {
	return p.open(func(w *workspace.Workspace) error {
		at, err := tag.Latest(p.ctx, w.Tags(), w.Now())
		if err != nil {
			return err
		}
		q := tag.AssignmentsQuery{Tag: c.Tag, All: c.All, At: at}
		if c.ID != "" {
			id, err := customerID(p.ctx, w, c.ID)
			if err != nil {
				return err
			}
			q.Customer = &id
		}
		lines, err := tag.Assignments(p.ctx, w.Tags(), q)
		if err != nil {
			return err
		}
		kinds, err := w.IDKinds(p.ctx)
		if err != nil {
			return err
		}
		who := make([]event.ProfileID, len(lines))
		for i := range lines {
			who[i] = lines[i].Customer
		}
		names, err := named(p.ctx, w, kinds, who)
		if err != nil {
			return err
		}
		if p.json {
			type row struct {
				ID string `json:"id"`
				tag.AssignmentLine
			}
			rows := make([]row, len(lines))
			for i := range lines {
				rows[i] = row{names[i], lines[i]}
			}
			return p.printJSON(rows)
		}
		b := bufio.NewWriter(p.out)
		for i := range lines {
			fmt.Fprintf(b, "%s  %s\n", names[i], oneLine(lines[i].Text()))
		}
		if len(lines) == 0 {
			fmt.Fprintln(b, "there are none")
		}
		return b.Flush()
	})
}
