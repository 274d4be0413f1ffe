package workspace_test

import (
	"fmt"
	"os"
	"testing"

	"tagma/event"
	"tagma/tag"
	"tagma/workspace"
)

// serving opens the workspace as a process that stays does.
func (d *desk) serving(do func(w *workspace.Workspace)) {
	d.t.Helper()
	w, err := workspace.Open(d.ctx, d.dir, workspace.Options{Since: true})
	d.must(err)
	defer func() { d.t.Helper(); d.must(w.Close()) }()
	do(w)
}

// Since when values are held is right live, after a restart, after others moved the index on, and without the file.
func TestSinceWhen(t *testing.T) {
	d := newDesk(t, workspace.Settings{})
	d.with(d.stock)
	agrees := func(w *workspace.Workspace) {
		t.Helper()
		held := 0
		for c := range 3 {
			x, err := tag.ReadCustomer(d.ctx, w.Tags(), event.ProfileID(c), w.Now(), 0)
			d.must(err)
			p, err := tag.NewDesk(w.Tags(), w.Since()).Portrait(d.ctx, event.ProfileID(c), w.Now())
			d.must(err)
			got := map[string]string{}
			for _, one := range p.Tags {
				got[one.Tag.Key] = fmt.Sprint(w.Zone.Format(one.Since), one.Cause, one.Run)
			}
			for _, one := range p.Segments {
				got["segment "+one.Segment.Key] = fmt.Sprint(w.Zone.Format(one.Since), one.Cause, one.Run)
			}
			for _, line := range x.Tags {
				key := line.Key
				if line.Segment {
					key = "segment " + key
				}
				held++
				d.equal(fmt.Sprint("customer ", c, " ", key), got[key], fmt.Sprint(line.Since, line.Cause, line.Run))
			}
		}
		if held == 0 {
			t.Error("nobody holds anything")
		}
	}
	d.serving(func(w *workspace.Workspace) {
		d.compute(w, "2026-06-30")
		agrees(w)
		d.compute(w, "2026-07-22")
		agrees(w)
	})
	d.serving(agrees) // from the files
	d.with(func(w *workspace.Workspace) { d.compute(w, "2026-08-30") })
	d.serving(agrees) // the file is older than the index
	d.must(os.Remove(d.file("since.tags")))
	d.serving(agrees)
	d.write("since.tags", []byte("nonsense"))
	d.serving(agrees)
}
