package ingest

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
	"tagma/identity"
	"tagma/warehouse"
)

// dry stands for everything that an import writes to, in a dry run: it remembers what would be new, so that later rows
// meet it, and writes nothing. It holds about a hundred bytes for each new row in memory.
type dry struct {
	store   warehouse.Store
	tx      bun.Tx // for reading: one moment of the database
	session *identity.Session
	noted   map[warehouse.SeenKey]uint32 // places in values
	values  [][]byte
	known   map[string]uint32 // places in values
}

// runDry does with files what an import does, and takes nothing. Others may write meanwhile.
func (im *importer) runDry(ctx context.Context, files []string) error {
	if err := catchUp(ctx, im.d); err != nil {
		return explain(err)
	}
	return im.d.DB.Read().RunInTx(ctx, &sql.TxOptions{ReadOnly: true}, func(ctx context.Context, tx bun.Tx) error {
		first, err := db.NextNumber(ctx, tx, "profiles", 0)
		if err != nil {
			return err
		}
		// A resolver of its own: what it finds out stays here. Customers that others make meanwhile are not met.
		session, err := identity.NewResolver().Begin(ctx, tx, func(p event.ProfileID) bool { return uint64(p) < first && im.d.Store.Profile(p).Person })
		if err != nil {
			return err
		}
		defer session.Close(false)
		im.dry = &dry{store: im.d.Store, tx: tx, session: session, noted: map[warehouse.SeenKey]uint32{}, known: map[string]uint32{}}
		im.taker.taken.store = im.dry
		for i, name := range files {
			if err := im.file(ctx, name, i, len(files)); err != nil {
				return err
			}
		}
		return errs.Faulty("", im.broken)
	})
}

// load is one that takes nothing.
func (d *dry) load(deps Deps) *load {
	return &load{d: deps, tx: d.tx, session: d.session, staged: dryLoad{d}, dry: d}
}

// Seen tells what was taken before, and what would have been by now.
func (d *dry) Seen(keys []warehouse.SeenKey) ([][]byte, error) {
	out, err := d.store.Seen(keys)
	if err != nil {
		return nil, err
	}
	for i, k := range keys {
		if place, ok := d.noted[k]; ok {
			out[i] = d.values[place]
		}
	}
	return out, nil
}

// dryLoad is a warehouse.Load that keeps what was seen alone.
type dryLoad struct{ d *dry }

func (dryLoad) Profile(event.NewProfile) error    { return nil }
func (dryLoad) Identifier(event.Identifier) error { return nil }
func (dryLoad) Event(*event.Event) error          { return nil }
func (dryLoad) Trait(event.Trait) error           { return nil }
func (dryLoad) Consent(event.Trait) error         { return nil }
func (dryLoad) Bytes() int64                      { return 0 }
func (dryLoad) Finish(context.Context) error      { return nil }
func (dryLoad) Abort()                            {}

func (l dryLoad) Seen(m warehouse.Seen) error {
	place, ok := l.d.known[string(m.Value)]
	if !ok {
		place = uint32(len(l.d.values))
		value := append([]byte{}, m.Value...)
		l.d.values, l.d.known[string(value)] = append(l.d.values, value), place
	}
	l.d.noted[m.Key] = place
	return nil
}

// errDry ends a transaction that is not to be committed.
var errDry = errors.New("undone")

// undone runs write in a write transaction that is rolled back.
func undone(ctx context.Context, d *db.DB, write func(context.Context, bun.Tx) error) error {
	err := d.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := write(ctx, tx); err != nil {
			return err
		}
		return errDry
	})
	if errors.Is(err, errDry) {
		return nil
	}
	return err
}
