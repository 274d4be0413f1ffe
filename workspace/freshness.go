package workspace

import (
	"context"

	"tagma/stream"
	"tagma/tag"
)

// Freshness tells how far each reader of the logs is behind, in the order in which they run. It reads memory only.
func (w *Workspace) Freshness(ctx context.Context) ([]stream.Freshness, error) {
	return w.readers.Freshness(ctx)
}

// LiveName is what the freshness of what is decided live is called.
const LiveName = "live"

// watch tells the freshness of what is decided live with that of the readers.
func (w *Workspace) watch(l *tag.Live) {
	w.readers.Watch(stream.Follower{Name: LiveName, Log: w.Events, State: func() stream.FollowerState {
		s := l.Status()
		return stream.FollowerState{Position: s.Position, Building: !s.Ready, Err: s.Err, Since: s.Since}
	}})
}

// Settle waits until every reader is where its log ends now, what readers before it append meanwhile included. Someone
// must be moving them: see Run. What is decided live is not waited for.
func (w *Workspace) Settle(ctx context.Context) error {
	readers, err := w.readers.Freshness(ctx)
	if err != nil {
		return err
	}
	for _, r := range readers {
		if r.Name == LiveName {
			continue
		}
		now, err := w.readers.Freshness(ctx)
		if err != nil {
			return err
		}
		for _, at := range now {
			if at.Name == r.Name {
				r.End = at.End
			}
		}
		if err := w.readers.Wait(ctx, r.Name, r.End); err != nil {
			return err
		}
	}
	return nil
}

// Warm reads into memory what makes the intake quick: what was seen, and who is who. It does only what was not done
// before, or is needed anew after a bulk load, and ends early with ctx.
func (w *Workspace) Warm(ctx context.Context) error {
	if err := w.Store.WarmSeen(ctx); err != nil {
		return err
	}
	return w.identities.Warm(ctx, w.DB)
}

// notify wakes the readers, once there are any.
func (w *Workspace) notify() {
	if w.readers != nil {
		w.readers.Notify()
	}
}
