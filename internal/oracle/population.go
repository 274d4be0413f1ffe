package oracle

import (
	"math/big"
	"sort"

	"tagma/event"
	"tagma/rule"
)

// population is what a function across all customers found.
type population struct {
	value  event.Value                     // mean, median, quantile
	bucket map[event.ProfileID]event.Value // ntile
}

// across answers the population functions: a second pass over everybody.
func (c customer) across(n *rule.Call) event.Value {
	p := c.population[n]
	if p == nil {
		p = c.everybody(n)
		c.population[n] = p
	}
	if n.Fun == "ntile" {
		return p.bucket[c.who]
	}
	return p.value
}

type member struct {
	who event.ProfileID
	x   event.Number
}

func (i *Instant) everybody(n *rule.Call) *population {
	cond := 1
	if n.Fun == "quantile" || n.Fun == "ntile" {
		cond = 2
	}
	var all []member
	for who := range i.o.people {
		who := event.ProfileID(who)
		if !i.Exists(who) {
			continue
		}
		c := i.of(who)
		x := plain(c.eval(n.Args[0]))
		if x.Kind() == event.NumberKind && (len(n.Args) <= cond || holds(c.eval(n.Args[cond]))) {
			all = append(all, member{who, x.Number()})
		}
	}
	sort.SliceStable(all, func(a, b int) bool { return all[a].x.Cmp(all[b].x) < 0 })
	switch n.Fun {
	case "mean":
		return &population{value: mean(all)}
	case "median":
		return &population{value: quantile(all, event.Scaled(5, 1))}
	case "quantile":
		return &population{value: quantile(all, constant(n.Args[1]))}
	}
	buckets, ok := constant(n.Args[1]).Int64()
	if !ok {
		fail("ntile wants a whole number")
	}
	return &population{bucket: ntile(all, int(buckets))}
}

func constant(n rule.Node) event.Number {
	l, ok := n.(*rule.Literal)
	if !ok || l.Value.Kind() != event.NumberKind {
		fail("a number is wanted")
	}
	return l.Value.Number()
}

func mean(all []member) event.Value {
	total := event.Int(0)
	for _, m := range all {
		var ok bool
		if total, ok = total.Add(m.x); !ok {
			return event.Value{}
		}
	}
	return number(total.Div(event.Int(int64(len(all)))))
}

// quantile is type 7: between the neighbours of the place (n-1)·p, to 18 fractional digits, half even.
func quantile(all []member, p event.Number) event.Value {
	if len(all) == 0 {
		return event.Value{}
	}
	place := new(big.Rat).Mul(rational(p), big.NewRat(int64(len(all)-1), 1))
	low := new(big.Int).Div(place.Num(), place.Denom())
	k := int(low.Int64())
	value := rational(all[k].x)
	if k+1 < len(all) {
		part := new(big.Rat).Sub(place, new(big.Rat).SetInt(low))
		step := new(big.Rat).Sub(rational(all[k+1].x), value)
		value = new(big.Rat).Add(value, step.Mul(step, part))
	}
	return halfEven(value)
}

func rational(n event.Number) *big.Rat {
	r, _ := new(big.Rat).SetString(n.Exact())
	return r
}

// halfEven rounds to 18 fractional digits.
func halfEven(r *big.Rat) event.Value {
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(event.QuotientDigits), nil)
	scaled := new(big.Rat).Mul(r, new(big.Rat).SetInt(unit))
	q, rest := new(big.Int).DivMod(scaled.Num(), scaled.Denom(), new(big.Int))
	switch new(big.Int).Lsh(rest, 1).Cmp(scaled.Denom()) {
	case 0:
		q.Add(q, new(big.Int).And(q, big.NewInt(1)))
	case 1:
		q.Add(q, big.NewInt(1))
	}
	n, err := event.ParseNumber(new(big.Rat).SetFrac(q, unit).FloatString(event.QuotientDigits))
	return number(n, err == nil)
}

// ntile deals the sorted values into buckets as SQL does, the first ones being the larger; then all equal values
// take the lowest bucket of theirs.
func ntile(all []member, buckets int) map[event.ProfileID]event.Value {
	found := map[event.ProfileID]event.Value{}
	size, larger := len(all)/buckets, len(all)%buckets
	at := 0
	var before event.Value
	for b := 1; b <= buckets; b++ {
		n := size
		if b <= larger {
			n++
		}
		for ; n > 0; n-- {
			bucket := integer(b)
			if at > 0 && all[at].x.Equal(all[at-1].x) {
				bucket = before
			}
			found[all[at].who], before = bucket, bucket
			at++
		}
	}
	return found
}
