package tag

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
)

// What is prepared on all cores is taken in order, and only a few results wait.
func TestInOrder(t *testing.T) {
	const n = 500
	var prepared, taken atomic.Int64
	most := int64(0)
	err := inOrder(n, func(i int) (string, error) {
		prepared.Add(1)
		return fmt.Sprint(i), nil
	}, func(i int, made string) error {
		if made != fmt.Sprint(i) || taken.Add(1) != int64(i+1) {
			t.Errorf("at place %d came %s", i, made)
		}
		most = max(most, prepared.Load()-int64(i))
		return nil
	})
	if err != nil || taken.Load() != n {
		t.Errorf("%d of %d were taken: %v", taken.Load(), n, err)
	}
	if limit := int64(2*runtime.GOMAXPROCS(0) + 1); most > limit {
		t.Errorf("%d were prepared ahead, at most %d may be", most, limit)
	}
	if err := inOrder(0, func(int) (int, error) { return 0, nil }, func(int, int) error { return nil }); err != nil {
		t.Error(err)
	}
}

func TestInOrderEndsWithTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	for what, at := range map[string]struct{ prepare, take int }{"prepare": {7, -1}, "take": {-1, 7}, "the last": {99, -1}} {
		last := -1
		err := inOrder(100, func(i int) (int, error) {
			if i == at.prepare {
				return 0, broken
			}
			return i, nil
		}, func(i int, _ int) error {
			last = i
			if i == at.take {
				return broken
			}
			return nil
		})
		if want := max(at.prepare-1, at.take); !errors.Is(err, broken) || last != want {
			t.Errorf("%s: ended at %d with %v, want %d", what, last, err, want)
		}
	}
}
