package ingest

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"tagma/errs"
	"tagma/event"
	"tagma/identity"
)

// Accept takes in records of what happened just now, all of them or, with an error, none. When it returns they are
// in the event log, as one entry that holds them and is safe on the disk, and in the history. The source is that of
// events that name none; it may be "" when there are no events.
//
// A record is a fact each time it is given: who wants it once must see to that. A record of a customer who must be
// Known and is not is a NotFound, one that identifies two customers a Conflict, and one that does not fit what the
// schema declares is Invalid.
func Accept(ctx context.Context, d Deps, source string, records ...Record) (Counts, error) {
	records = slices.Clone(records) // what has to be coerced is changed, and properties are sorted
	for i := range records {
		r := &records[i]
		r.Events = slices.Clone(r.Events)
		for k := range r.Events {
			r.Events[k].Props = slices.Clone(r.Events[k].Props)
		}
	}
	counts, err := acceptAll(ctx, d, source, records)
	if err != nil || counts.Records() == 0 {
		return counts, err
	}
	return counts, explain(catchUp(ctx, d))
}

func acceptAll(ctx context.Context, d Deps, source string, records []Record) (counts Counts, err error) {
	unlock := d.Ahead.lock()
	defer unlock()
	if err := checkAll(ctx, d, source, records); err != nil || len(records) == 0 {
		return Counts{}, err
	}
	err = accept(ctx, d, func() (err error) {
		counts, err = tryAccept(ctx, d, source, records)
		return err
	})
	return counts, err
}

// checkAll says what is wrong with records before anything is written, and makes them as the schema declares.
func checkAll(ctx context.Context, d Deps, source string, records []Record) error {
	typed := false
	for i := range records {
		r := &records[i]
		if err := r.check(); err != nil {
			return err
		}
		typed = typed || len(r.Traits)+len(r.Events) > 0
		for _, e := range r.Events {
			if e.Source == "" && source == "" {
				return errs.New(errs.Invalid, "load: the event %s of %s has no source", e.Name, r.Identifiers[0])
			}
		}
	}
	if !typed {
		return nil
	}
	declared, err := d.declarations(ctx)
	if err != nil || declared == nil {
		return err
	}
	for i := range records {
		if err := declared.record(&records[i]); err != nil {
			return err
		}
	}
	return nil
}

func tryAccept(ctx context.Context, d Deps, source string, records []Record) (Counts, error) {
	return acceptBlock(ctx, d, func(ctx context.Context, tx bun.Tx, session *identity.Session) (*Block, error) {
		if source != "" {
			if err := addSource(ctx, tx, source, d.Now()); err != nil {
				return nil, err
			}
		}
		return blockOf(ctx, session, source, records)
	})
}

// blockOf gives records to their customers. It sorts their events' properties.
func blockOf(ctx context.Context, session *identity.Session, source string, records []Record) (*Block, error) {
	requests := make([]identity.Request, len(records))
	events := 0
	for i := range records {
		requests[i] = identity.Request{Keys: records[i].Identifiers, Known: records[i].Known}
		events += len(records[i].Events)
	}
	answers := make([]identity.Resolution, len(records))
	if err := session.Resolve(ctx, requests, answers); err != nil {
		return nil, err
	}
	b := &Block{Events: make([]event.Event, 0, events)}
	for i := range records {
		r, a := &records[i], &answers[i]
		if err := refused(a, r.Identifiers); err != nil {
			return nil, err
		}
		if p, ok := newProfile(a, earliestOf(r.Traits, r.Consents, r.Events)); ok {
			b.Profiles = append(b.Profiles, p)
		}
		for _, k := range a.Added {
			b.Identifiers = append(b.Identifiers, event.Identifier{Profile: a.Profile, Kind: k.Kind, Value: k.Value})
		}
		for k := range r.Traits {
			t := &r.Traits[k]
			b.Traits = append(b.Traits, event.Trait{Profile: a.Profile, Name: t.Name, Time: t.Time, Value: t.Value})
		}
		for k := range r.Consents {
			c := &r.Consents[k]
			b.Consents = append(b.Consents, event.Trait{Profile: a.Profile, Name: c.Name, Time: c.Time, Value: c.Value})
		}
		for k := range r.Events {
			e := &r.Events[k]
			from := e.Source
			if from == "" {
				from = source
			}
			b.Events = append(b.Events, event.Event{Profile: a.Profile, Name: e.Name, Time: e.Time, Source: from, Props: sortProperties(e.Props)})
		}
	}
	return b, nil
}

func (b *Block) counts() Counts {
	return Counts{Profiles: uint64(len(b.Profiles)), Identifiers: uint64(len(b.Identifiers)), Traits: uint64(len(b.Traits)),
		Events: uint64(len(b.Events) + len(b.System)), Consents: uint64(len(b.Consents))}
}
