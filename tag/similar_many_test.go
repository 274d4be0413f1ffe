package tag_test

import (
	"fmt"
	"testing"
	"time"

	"tagma/tag"
)

// Thousands of new definitions are planned in a time that grows with their number, not its square: it took 12 seconds
// when every one read the rules of all.
func TestPlanOfManyDefinitions(t *testing.T) {
	s := newShop(t, total)
	lines := make([]string, 2000)
	for i := range lines {
		lines[i] = fmt.Sprintf("segment s%d events.order.count() >= %d", i, i+1)
	}
	began := time.Now()
	edit := s.plan(false, lines...)
	_, err := tag.PreviewEdit(s.ctx, s.Tags(), edit, s.at(june), 3)
	s.must(err)
	kin, err := tag.KinOfEdit(s.ctx, s.Tags(), edit, s.at(june), tag.SimilarOptions{})
	s.must(err)
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("planned in %v", took)
	}
	unmeasured := 0
	for _, k := range kin {
		if k.Unmeasured {
			unmeasured++
		}
	}
	s.equal("definitions and those not measured", fmt.Sprint(len(kin), unmeasured), fmt.Sprint(2000, 2000-tag.MostMeasured))

	// And when all of them are there and change.
	s.apply(edit)
	s.compute(june)
	for i := range lines {
		lines[i] = fmt.Sprintf("segment s%d events.order.count() >= %d", i, i+2)
	}
	began = time.Now()
	_, err = tag.KinOfEdit(s.ctx, s.Tags(), s.plan(false, lines...), s.at(june), tag.SimilarOptions{})
	s.must(err)
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("changed in %v", took)
	}
}
