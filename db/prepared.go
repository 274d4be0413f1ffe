package db

import (
	"context"
	"database/sql"
	"fmt"
	"sync"

	"github.com/uptrace/bun"
)

// QueryRow reads one row by a question that is asked over and over, as the owner of a token or identifier is: its text
// is read by the database once, which otherwise takes longer than the answer. The question must be a constant.
func (d *DB) QueryRow(ctx context.Context, question string, args []any, into ...any) error {
	known, ok := d.prepared.Load(question)
	if !ok {
		stmt, err := d.read.DB.PrepareContext(ctx, question)
		if err != nil {
			return fmt.Errorf("db: prepare a question: %w", err)
		}
		var raced bool
		if known, raced = d.prepared.LoadOrStore(question, stmt); raced {
			_ = stmt.Close() // nothing depends on it
		}
	}
	return known.(*sql.Stmt).QueryRowContext(ctx, args...).Scan(into...)
}

// TxQueryRow is QueryRow inside a write transaction, the one of ctx. It sees what the transaction wrote.
func TxQueryRow(ctx context.Context, tx bun.Tx, question string, args []any, into ...any) error {
	if stmt := preparedIn(ctx, tx, question); stmt != nil {
		return stmt.QueryRowContext(ctx, args...).Scan(into...)
	}
	return tx.Tx.QueryRowContext(ctx, question, args...).Scan(into...)
}

// ExecOften is Exec for a statement that is run over and over, in many transactions. Its text must be a constant.
func ExecOften(ctx context.Context, tx bun.Tx, query string, args ...any) (sql.Result, error) {
	if stmt := preparedIn(ctx, tx, query); stmt != nil {
		return stmt.ExecContext(ctx, args...)
	}
	return tx.Tx.ExecContext(ctx, query, args...)
}

// preparedIn returns a statement as the write transaction of ctx uses it; nil where it is not prepared yet. A transaction
// has the only connection that writes, so the next one prepares it before it begins.
func preparedIn(ctx context.Context, tx bun.Tx, query string) *sql.Stmt {
	w, ok := ctx.Value(inTx{}).(*writing)
	if !ok || w.tx != tx.Tx {
		return nil
	}
	stmt := w.db.often.get(query)
	if stmt == nil {
		w.wanted = append(w.wanted, query)
		return nil
	}
	return tx.Tx.StmtContext(ctx, stmt)
}

// often are the statements that transactions run over and over. Closing the connection ends them.
type often struct {
	mu       sync.Mutex
	prepared map[string]*sql.Stmt
	wanted   []string
}

func (o *often) get(query string) *sql.Stmt {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.prepared[query]
}

// want asks for statements to be prepared.
func (o *often) want(queries []string) {
	if len(queries) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wanted = append(o.wanted, queries...)
}

// prepare prepares what transactions before asked for, outside of any. What fails is asked for again by the next that
// needs it.
func (o *often) prepare(ctx context.Context, write *sql.DB) {
	o.mu.Lock()
	wanted := o.wanted
	o.wanted = nil
	o.mu.Unlock()
	for _, query := range wanted {
		if o.get(query) != nil {
			continue
		}
		stmt, err := write.PrepareContext(ctx, query) // without the lock: it waits for the connection
		if err != nil {
			continue
		}
		o.mu.Lock()
		if o.prepared == nil {
			o.prepared = map[string]*sql.Stmt{}
		}
		if o.prepared[query] == nil {
			o.prepared[query], stmt = stmt, nil
		}
		o.mu.Unlock()
		if stmt != nil {
			_ = stmt.Close() // somebody was quicker
		}
	}
}
