//go:build !duckdb

package peers

import "fmt"

func openDuckDB(string) (*Engine, error) {
	return nil, fmt.Errorf("%w: this program is built without it (it takes a C compiler and -tags duckdb)", ErrAbsent)
}
