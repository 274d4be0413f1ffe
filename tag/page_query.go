package tag

import (
	"context"
	"slices"
	"sync"

	"tagma/event"
	"tagma/rule"
)

// Found is a part of the customers that an expression holds for.
type Found struct {
	Members []Member
	Count   int // of all
	More    bool
}

// Page returns customers from a number on, at most limit, for whom a condition holds; or, with values, everybody's value,
// customers without one left out. Nobody is named. It takes a reading of the history, whatever the limit.
func (q *Query) Page(ctx context.Context, values bool, from event.ProfileID, limit int) (*Found, error) {
	x := q.Rule.Expr
	out := &Found{}
	var mu sync.Mutex
	err := q.run.Blocks(ctx, []*rule.Expr{x}, func(res *rule.Result) error {
		var mine []Member
		n := 0
		q.eachAnswer(res, values, func(i int, v event.Value) {
			n++
			if c := res.First + event.ProfileID(i); c >= from && len(mine) <= limit {
				mine = append(mine, Member{c, v})
			}
		})
		mu.Lock()
		defer mu.Unlock()
		out.Count += n
		out.Members = append(out.Members, mine...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out.Members, func(a, b Member) int { return int(int64(a.Customer) - int64(b.Customer)) })
	if len(out.Members) > limit {
		out.Members, out.More = out.Members[:limit], true
	}
	return out, nil
}
