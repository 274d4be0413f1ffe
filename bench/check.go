package main

import (
	"fmt"

	"tagma/bench/gen"
	"tagma/bench/oracle"
	"tagma/bench/rules"
	"tagma/event"
)

// check decides rules with the oracle and says which of the product's answers are others.
func check(o options, rs []rules.Rule, got []answer) ([]string, error) {
	w, err := gen.New(o.size, o.seed)
	if err != nil {
		return nil, err
	}
	h := oracle.New(o.size.Customers)
	if err := w.EachCustomer(func(c *gen.Customer) error { h.Customer(c); return nil }); err != nil {
		return nil, err
	}
	if err := w.EachEvent(gen.ByTime, func(e *event.Event) error { h.Event(e); return nil }); err != nil {
		return nil, err
	}
	var wrong []string
	for i, want := range h.Decide(rs, w.Now()) {
		switch {
		case got[i].Count != want.Count:
			wrong = append(wrong, fmt.Sprintf("%s (%s): %d members, want %d: %s", rs[i].Key, rs[i].Family, got[i].Count, want.Count, rs[i].Expression))
		case got[i].Checksum != want.Checksum:
			wrong = append(wrong, fmt.Sprintf("%s (%s): %d members, but not the right ones: %s", rs[i].Key, rs[i].Family, got[i].Count, rs[i].Expression))
		}
	}
	return wrong, nil
}
