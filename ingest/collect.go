package ingest

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"tagma/errs"
	"tagma/event"
	"tagma/identity"
	"tagma/stream"
	"tagma/warehouse"
)

// Sent is a record that a source sent just now.
type Sent struct {
	Record
	Source string
	// Message is the id that the source gave it; "" for none. What has the id of an earlier record of its source is
	// taken for that one, sent again.
	Message string
}

// Collect takes in records of many sources, each message once, all of them or, with an error, none. When it returns they
// are in the event log, safe on the disk, and in the history. fresh says of each whether it was taken now; others were
// taken before. It refuses what Accept refuses.
func Collect(ctx context.Context, d Deps, list []Sent) (fresh []bool, counts Counts, err error) {
	records := make([]Record, len(list))
	for i, s := range list {
		records[i] = s.Record
		records[i].Events = slices.Clone(s.Events)
		for k := range records[i].Events {
			if e := &records[i].Events[k]; e.Source == "" {
				e.Source = s.Source
			}
		}
		if s.Source == "" {
			return nil, counts, errs.New(errs.Invalid, "collect: record %d has no source", i)
		}
	}
	if err := checkAll(ctx, d, "", records); err != nil || len(list) == 0 {
		return nil, counts, err
	}
	err = caughtUp(ctx, d, func() (err error) {
		fresh, counts, err = tryCollect(ctx, d, list, records)
		return err
	})
	return fresh, counts, err
}

func tryCollect(ctx context.Context, d Deps, list []Sent, records []Record) (fresh []bool, counts Counts, err error) {
	var session *identity.Session
	err = d.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		first, err := d.Log.End(ctx, tx)
		if err != nil {
			return err
		}
		if first != d.Store.Offset() {
			return errBehind
		}
		var seen []warehouse.Seen
		if fresh, seen, err = unseen(d.Store, list); err != nil {
			return err
		}
		var news []Record
		for i, is := range fresh {
			if is {
				news = append(news, records[i])
			}
		}
		if len(news) == 0 {
			return errNothing
		}
		history, err := d.Store.Snapshot()
		if err != nil {
			return err
		}
		defer history.Close()
		if session, err = d.Identities.Begin(ctx, tx, func(p event.ProfileID) bool { return history.Profile(p).Person }); err != nil {
			return err
		}
		block, err := blockOf(ctx, session, "", news)
		if err != nil {
			return err
		}
		if counts = block.counts(); counts.Records() == 0 {
			return errNothing
		}
		block.Seen = seen
		if err := session.Flush(ctx); err != nil {
			return err
		}
		_, err = d.Log.Append(ctx, tx, stream.Entry{At: d.Now(), Kind: EntryBlock, Count: counts.Records(), Payload: block.Encode(), Live: true})
		return err
	})
	if session != nil {
		session.Close(err == nil)
	}
	return fresh, counts, err
}

// unseen says which records were not taken before, and what to remember of them.
func unseen(store warehouse.Store, list []Sent) (fresh []bool, seen []warehouse.Seen, err error) {
	fresh = make([]bool, len(list))
	var keys []warehouse.SeenKey
	var of []int
	for i, s := range list {
		if fresh[i] = s.Message == ""; fresh[i] {
			continue
		}
		k := keyMaker{source: s.Source}
		keys, of = append(keys, k.message(s.Message)), append(of, i)
	}
	if len(keys) == 0 {
		return fresh, nil, nil
	}
	known, err := store.Seen(keys)
	if err != nil {
		return nil, nil, err
	}
	here := map[warehouse.SeenKey]bool{}
	for n, i := range of {
		if known[n] == nil && !here[keys[n]] {
			here[keys[n]], fresh[i] = true, true
			seen = append(seen, warehouse.Seen{Key: keys[n], Value: []byte{}})
		}
	}
	return fresh, seen, nil
}
