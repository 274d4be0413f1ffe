package ingest

import (
	"context"

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
// are in the event log, safe on the disk; the readers of the log follow. fresh says of each whether it was taken now;
// others were taken before. It refuses what Accept refuses.
//
// Collect takes the records over: it sorts their properties, and gives events their sources.
func Collect(ctx context.Context, d Deps, list []Sent) (fresh []bool, counts Counts, err error) {
	if len(list) == 0 {
		return nil, counts, nil
	}
	records := make([]Record, len(list))
	for i := range list {
		s := &list[i]
		if s.Source == "" {
			return nil, counts, errs.New(errs.Invalid, "collect: record %d has no source", i)
		}
		for k := range s.Events {
			if e := &s.Events[k]; e.Source == "" {
				e.Source = s.Source
			}
		}
		records[i] = s.Record
	}
	unlock := d.Ahead.lock()
	defer unlock()
	if err := checkAll(ctx, d, "", records); err != nil {
		return nil, counts, err
	}
	err = accept(ctx, d, func() (err error) {
		fresh, counts, err = tryCollect(ctx, d, list, records)
		return err
	})
	return fresh, counts, err
}

func tryCollect(ctx context.Context, d Deps, list []Sent, records []Record) (fresh []bool, counts Counts, err error) {
	counts, err = acceptBlock(ctx, d, func(ctx context.Context, tx bun.Tx, session *identity.Session) (*Block, error) {
		var seen []warehouse.Seen
		var err error
		if fresh, seen, err = unseen(&d, list); err != nil {
			return nil, err
		}
		news := records
		if len(seen) < len(list) {
			news = nil
			for i, is := range fresh {
				if is {
					news = append(news, records[i])
				}
			}
		}
		if len(news) == 0 {
			return nil, errNothing
		}
		block, err := blockOf(ctx, session, "", news)
		if err == nil {
			block.Seen = seen
		}
		return block, err
	})
	return fresh, counts, err
}

// acceptBlock appends a block to the event log in a transaction of its own, in which make makes it.
func acceptBlock(ctx context.Context, d Deps, make func(context.Context, bun.Tx, *identity.Session) (*Block, error)) (counts Counts, err error) {
	var session *identity.Session
	var block *Block
	var first uint64
	err = d.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		end, err := d.Log.End(ctx, tx)
		if err != nil {
			return err
		}
		// What the history has from here on it has also when it is asked.
		if !d.Ahead.covers(d.Store.Offset(), end) {
			return errBehind
		}
		if session, err = d.Identities.Begin(ctx, tx, func(p event.ProfileID) bool { return d.isPerson(p) }); err != nil {
			return err
		}
		if block, err = make(ctx, tx, session); err != nil {
			return err
		}
		if counts = block.counts(); counts.Records() == 0 {
			return errNothing
		}
		if err := session.Flush(ctx); err != nil {
			return err
		}
		first, err = d.Log.Append(ctx, tx, stream.Entry{At: d.Now(), Kind: EntryBlock, Count: counts.Records(), Payload: block.Encode(), Live: true, Records: block})
		block.arrive(first)
		return err
	})
	if session != nil {
		session.Close(err == nil)
	}
	if err != nil {
		return Counts{}, err
	}
	d.Ahead.note(first, block)
	return counts, nil
}

// unseen says which records were not taken before, and what to remember of them.
func unseen(d *Deps, list []Sent) (fresh []bool, seen []warehouse.Seen, err error) {
	fresh = make([]bool, len(list))
	keys, of := make([]warehouse.SeenKey, 0, len(list)), make([]int, 0, len(list))
	var k keyMaker
	for i := range list {
		s := &list[i]
		if fresh[i] = s.Message == ""; fresh[i] {
			continue
		}
		k.source = s.Source
		keys, of = append(keys, k.message(s.Message)), append(of, i)
	}
	if len(keys) == 0 {
		return fresh, nil, nil
	}
	news, err := d.fresh(keys)
	if err != nil {
		return nil, nil, err
	}
	seen = make([]warehouse.Seen, 0, len(keys))
	for n, i := range of {
		if fresh[i] = news[n]; fresh[i] {
			seen = append(seen, warehouse.Seen{Key: keys[n], Value: []byte{}})
		}
	}
	return fresh, seen, nil
}
