package peers

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"tagma/event"
)

// openPostgres uses the server at POSTGRES_DSN, and there a schema of its own; or starts one of the machine's.
func openPostgres(ctx context.Context, dir string) (*Engine, error) {
	dsn, stop := os.Getenv("POSTGRES_DSN"), func() error { return nil }
	if dsn == "" {
		server, err := startPostgres(ctx, postgresDir(dir))
		if err != nil {
			return nil, err
		}
		dsn, stop = server.dsn(), server.stop
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("POSTGRES_DSN: %w", err)
	}
	config.RuntimeParams["search_path"] = "tagma_bench"
	config.RuntimeParams["work_mem"] = "512MB"
	config.RuntimeParams["maintenance_work_mem"] = "1GB"
	db := stdlib.OpenDB(*config)
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS tagma_bench"); err != nil {
		db.Close()
		stop()
		return nil, fmt.Errorf("make the schema: %w", err)
	}
	e := &Engine{Dialect: PostgreSQL(), db: db, end: stop}
	e.insert = func(ctx context.Context, t table, rows iter.Seq[[]any]) error {
		return insertPostgres(ctx, db, t, rows)
	}
	e.size = func(ctx context.Context) (n int64, err error) {
		err = db.QueryRowContext(ctx, "SELECT pg_total_relation_size('customers') + pg_total_relation_size('events')").Scan(&n)
		return
	}
	return e, nil
}

func insertPostgres(ctx context.Context, db *sql.DB, t table, rows iter.Seq[[]any]) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error {
		next, stop := iter.Pull(rows)
		defer stop()
		_, err := c.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{t.name}, t.names(), pgx.CopyFromFunc(func() ([]any, error) {
			row, ok := next()
			if !ok {
				return nil, nil
			}
			for i, x := range row {
				if d, ok := x.(event.Date); ok {
					row[i] = midnight(d)
				}
			}
			return row, nil
		}))
		return err
	})
}
