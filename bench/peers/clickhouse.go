package peers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"os"

	"github.com/ClickHouse/clickhouse-go/v2"

	"tagma/event"
)

// openClickHouse uses the server at CLICKHOUSE_DSN, by its native protocol or by HTTP as the address says, and there a
// database of its own.
func openClickHouse(ctx context.Context) (*Engine, error) {
	dsn := os.Getenv("CLICKHOUSE_DSN")
	if dsn == "" {
		return nil, fmt.Errorf("%w: CLICKHOUSE_DSN is not set, as in clickhouse://default@127.0.0.1:9000/default", ErrAbsent)
	}
	o, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("CLICKHOUSE_DSN: %w", err)
	}
	admin := clickhouse.OpenDB(o)
	if _, err := admin.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS tagma_bench"); err != nil {
		return nil, errors.Join(fmt.Errorf("make the database: %w", err), admin.Close())
	}
	if err := admin.Close(); err != nil {
		return nil, err
	}
	o.Auth.Database = "tagma_bench"
	e := &Engine{Dialect: ClickHouse(), db: clickhouse.OpenDB(o)}
	e.insert = func(ctx context.Context, t table, rows iter.Seq[[]any]) error {
		return insertClickHouse(ctx, e.db, t, rows)
	}
	e.size = func(ctx context.Context) (n int64, err error) {
		err = e.db.QueryRowContext(ctx, "SELECT CAST(sum(bytes_on_disk) AS BIGINT) FROM system.parts WHERE active AND database = 'tagma_bench'").Scan(&n)
		return
	}
	return e, nil
}

// clickHouseRows are sent in one block.
const clickHouseRows = 200_000

func insertClickHouse(ctx context.Context, db *sql.DB, t table, rows iter.Seq[[]any]) error {
	var tx *sql.Tx
	var s *sql.Stmt
	n := 0
	flush := func() error {
		if tx == nil {
			return nil
		}
		err := errors.Join(s.Close(), tx.Commit())
		tx, n = nil, 0
		return err
	}
	for row := range rows {
		if tx == nil {
			var err error
			if tx, err = db.BeginTx(ctx, nil); err != nil {
				return err
			}
			if s, err = tx.PrepareContext(ctx, "INSERT INTO "+t.name); err != nil {
				return errors.Join(err, tx.Rollback())
			}
		}
		if _, err := s.ExecContext(ctx, clickHouseRow(t, row)...); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		if n++; n == clickHouseRows {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// clickHouseRow gives the values the types that the driver asks for.
func clickHouseRow(t table, row []any) []any {
	for i, x := range row {
		switch v := x.(type) {
		case int64:
			if t.columns[i].kind == number {
				row[i] = int32(v)
			}
		case event.Date:
			row[i] = midnight(v)
		case nil:
			if t.columns[i].kind == list {
				row[i] = []string{}
			}
		}
	}
	return row
}
