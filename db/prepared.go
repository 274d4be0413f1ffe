package db

import (
	"context"
	"database/sql"
	"fmt"
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
