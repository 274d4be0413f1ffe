package pebble

import (
	"testing"

	"tagma/warehouse"
	"tagma/warehouse/warehousetest"
)

func mustOpen(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	warehousetest.Run(t, func(t *testing.T, dir string) warehouse.Store { return mustOpen(t, dir) })
}
