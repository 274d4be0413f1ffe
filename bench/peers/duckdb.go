//go:build duckdb

package peers

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"github.com/duckdb/duckdb-go/v2"

	"tagma/event"
)

func openDuckDB(dir string) (*Engine, error) {
	path := filepath.Join(dir, "peer.duckdb")
	connector, err := duckdb.NewConnector(path, nil)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	if _, err := db.Exec("SET memory_limit = '8GB'"); err != nil {
		return nil, errors.Join(err, db.Close(), connector.Close())
	}
	e := &Engine{Dialect: DuckDB(), db: db, end: connector.Close}
	e.insert = func(ctx context.Context, t table, rows iter.Seq[[]any]) error {
		return insertDuckDB(ctx, connector, t, rows)
	}
	e.size = func(context.Context) (int64, error) {
		info, err := os.Stat(path)
		if err != nil {
			return 0, err
		}
		return info.Size(), nil
	}
	return e, nil
}

func insertDuckDB(ctx context.Context, connector *duckdb.Connector, t table, rows iter.Seq[[]any]) (err error) {
	conn, err := connector.Connect(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	a, err := duckdb.NewAppenderFromConn(conn, "", t.name)
	if err != nil {
		return err
	}
	values := make([]driver.Value, len(t.columns))
	for row := range rows {
		for i, x := range row {
			switch v := x.(type) {
			case int64:
				if values[i] = v; t.columns[i].kind == number {
					values[i] = int32(v)
				}
			case event.Date:
				values[i] = midnight(v)
			default:
				values[i] = v
			}
		}
		if err := a.AppendRow(values...); err != nil {
			return errors.Join(fmt.Errorf("append: %w", err), a.Close())
		}
	}
	return a.Close()
}
