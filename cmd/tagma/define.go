package main

import (
	"context"
	"fmt"
	"io"
	"os/user"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"tagma/errs"
	"tagma/event"
	"tagma/library"
	"tagma/tag"
	"tagma/workspace"
)

type planCmd struct {
	File  string `short:"f" help:"The definitions file; - is standard input." required:"" placeholder:"tags.yaml"`
	Prune bool   `help:"Retire what the file does not mention."`
}

func (c *planCmd) Run(p *program) error {
	return p.open(func(w *workspace.Workspace) error {
		_, _, err := planEdit(p, w, c.File, c.Prune)
		return err
	})
}

type applyCmd struct {
	File  string `short:"f" help:"The definitions file; - is standard input." required:"" placeholder:"tags.yaml"`
	Prune bool   `help:"Retire what the file does not mention."`
	editor
}

// editor says who edits the definitions, and why.
type editor struct {
	Actor  string `help:"Who applies it; default: the user of the machine." placeholder:"NAME"`
	Reason string `help:"Why; kept with every version." placeholder:"TEXT"`
}

func (c *applyCmd) Run(p *program) error {
	return p.open(func(w *workspace.Workspace) error {
		edit, changes, err := planEdit(p, w, c.File, c.Prune)
		if err != nil || changes == 0 {
			return err
		}
		return c.apply(p, w, edit, changes)
	})
}

// apply applies an edit that was planned and shown.
func (e *editor) apply(p *program, w *workspace.Workspace, edit *library.Edit, changes int) error {
	if e.Actor == "" {
		e.Actor = machineUser()
	}
	if err := applyEdit(p.ctx, w, edit, e.Actor, e.Reason); err != nil {
		return err
	}
	if !p.json {
		what := "run `tagma compute` to publish the tags"
		if w.Live() != nil {
			what = "tags that are live follow at once, `tagma compute` publishes the others"
		}
		fmt.Fprintf(p.out, "applied %s; %s\n", count(changes, "change"), what)
	}
	return nil
}

func applyEdit(ctx context.Context, w *workspace.Workspace, edit *library.Edit, actor, reason string) error {
	return w.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error { return edit.Apply(ctx, tx, actor, reason, w.Now()) })
}

func machineUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "command line"
}

// readDefinitions parses a definitions file and plans it against the library.
func readDefinitions(ctx context.Context, w *workspace.Workspace, data []byte, name string, prune bool) (*library.Edit, error) {
	file, err := library.ParseFile(data, name)
	if err != nil {
		return nil, err
	}
	set, err := library.Load(ctx, w.DB.Read())
	if err != nil {
		return nil, err
	}
	return set.Plan(file, prune)
}

// changeJSON is a planned change for a machine.
type changeJSON struct {
	Kind   library.Kind `json:"kind"`
	Key    string       `json:"key"`
	What   library.What `json:"what"`
	Was    string       `json:"was,omitempty"`
	Fields []string     `json:"fields,omitempty"`
}

type previewJSON struct {
	tag.Preview
	Entered int      `json:"enter"`
	Left    int      `json:"leave"`
	Enter   []string `json:"enter_sample,omitempty"`
	Leave   []string `json:"leave_sample,omitempty"`
}

// planEdit plans a file, checks all its rules, and prints what would change. changes is how much.
func planEdit(p *program, w *workspace.Workspace, path string, prune bool) (edit *library.Edit, changes int, err error) {
	var file *library.File
	if path == "-" {
		data, err := io.ReadAll(p.in)
		if err != nil {
			return nil, 0, errs.New(errs.Invalid, "standard input cannot be read: %w", err)
		}
		file, err = library.ParseFile(data, "standard input")
		if err != nil {
			return nil, 0, err
		}
	} else if file, err = library.ReadFile(p.path(path)); err != nil {
		return nil, 0, err
	}
	set, err := library.Load(p.ctx, w.DB.Read())
	if err != nil {
		return nil, 0, err
	}
	if edit, err = set.Plan(file, prune); err != nil {
		return nil, 0, err
	}
	changes, err = showEdit(p, w, edit)
	return edit, changes, err
}

// showEdit checks the rules of an edit that was planned, and prints what would change. changes is how much.
func showEdit(p *program, w *workspace.Workspace, edit *library.Edit) (changes int, err error) {
	previews, err := tag.PreviewEdit(p.ctx, w.Tags(), edit, w.Now(), 3)
	if err != nil {
		return 0, err
	}
	kin, err := tag.KinOfEdit(p.ctx, w.Tags(), edit, w.Now(), tag.SimilarOptions{})
	if err != nil {
		return 0, err
	}
	for _, f := range edit.Warnings {
		fmt.Fprintln(p.err, "warning:", f)
	}
	shown := make([]previewJSON, len(previews))
	kinds, err := w.IDKinds(p.ctx)
	if err != nil {
		return 0, err
	}
	for i, v := range previews {
		shown[i] = previewJSON{Preview: v, Entered: v.Entered, Left: v.Left}
		if shown[i].Enter, err = named(p.ctx, w, kinds, v.Enter); err != nil {
			return 0, err
		}
		if shown[i].Leave, err = named(p.ctx, w, kinds, v.Leave); err != nil {
			return 0, err
		}
	}
	list := []changeJSON{}
	same := 0
	for _, ch := range edit.Changes {
		if ch.What == library.Same {
			same++
			continue
		}
		list = append(list, changeJSON{ch.Kind, ch.Key, ch.What, ch.Was, ch.Fields})
	}
	if p.json {
		return len(list), p.printJSON(map[string]any{"changes": list, "same": same, "members": shown, "kin": kin})
	}
	for _, ch := range list {
		line := fmt.Sprintf("%-8s %s %s", ch.What, ch.Kind, ch.Key)
		if ch.Was != "" {
			line += " (was " + ch.Was + ")"
		}
		if len(ch.Fields) > 0 {
			line += ": " + strings.Join(ch.Fields, ", ")
		}
		fmt.Fprintln(p.out, line)
	}
	if len(list) == 0 {
		fmt.Fprintf(p.out, "nothing would change: %s as they are\n", count(same, "definition"))
	} else if same > 0 {
		fmt.Fprintf(p.out, "%s unchanged\n", count(same, "definition"))
	}
	if len(shown) > 0 {
		fmt.Fprintf(p.out, "\nas of %s, against the index:\n", w.Zone.Format(w.Now()))
	}
	for _, v := range shown {
		fmt.Fprintf(p.out, "  %-28s %9s held  %9s enter  %9s leave%s\n", v.Key, thousands(int64(v.Held)), "+"+thousands(int64(v.Entered)), "-"+thousands(int64(v.Left)), sampleText(v))
	}
	p.printKin(kin)
	if slices.ContainsFunc(kin, func(k tag.Kin) bool { return k.Unmeasured }) {
		fmt.Fprintf(p.out, "\nthe members of the first %d of %s were compared with those of others\n", tag.MostMeasured, count(len(kin), "definition"))
	}
	return len(list), nil
}

// shownNear is how many definitions with nearly the same members a plan names for each that changes.
const shownNear = 5

// printKin prints who refers to what changes, and what is like it.
func (p *program) printKin(kin []tag.Kin) {
	first := true
	for i := range kin {
		k := &kin[i]
		if len(k.UsedBy)+len(k.Same)+len(k.Near) == 0 {
			continue
		}
		if first {
			fmt.Fprintln(p.out, "\nbeside what is there:")
			first = false
		}
		fmt.Fprintf(p.out, "  %s %s\n", k.Kind, k.Key)
		if len(k.UsedBy) > 0 {
			users := make([]string, len(k.UsedBy))
			for i, r := range k.UsedBy {
				users[i] = r.String()
			}
			fmt.Fprintf(p.out, "    used by %s\n", strings.Join(users, ", "))
		}
		p.printSimilar("    ", &k.Similar, shownNear)
	}
}

func sampleText(v previewJSON) string {
	var parts []string
	for _, id := range v.Enter {
		parts = append(parts, "+"+id)
	}
	for _, id := range v.Leave {
		parts = append(parts, "-"+id)
	}
	if len(parts) == 0 {
		return ""
	}
	return "  e.g. " + strings.Join(parts, " ")
}

func named(ctx context.Context, w *workspace.Workspace, kinds []string, who []event.ProfileID) ([]string, error) {
	if len(who) == 0 {
		return nil, nil
	}
	return tag.Names(ctx, w.Tags(), kinds, who)
}

type exportCmd struct {
	Names bool `help:"Declare in the schema, as any, what the rules use and only came so far: the file then applies where nothing came yet."`
}

func (c *exportCmd) Run(p *program) error {
	return p.open(func(w *workspace.Workspace) error {
		set, err := library.Load(p.ctx, w.DB.Read())
		if err != nil {
			return err
		}
		var b []byte
		if c.Names {
			b, err = tag.ExportNames(p.ctx, w.Tags(), set)
		} else {
			b, err = library.Export(set)
		}
		if err != nil {
			return err
		}
		_, err = p.out.Write(b)
		return err
	})
}
