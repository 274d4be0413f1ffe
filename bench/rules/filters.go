package rules

import (
	"slices"

	"tagma/bench/gen"
)

// poolSize is how many different filters are in use for one type of event.
const poolSize = 36

// filterPools are the filters that rules use, by type of event, most used first.
func filterPools() map[string][][]Filter {
	pools := map[string][][]Filter{}
	for i, t := range gen.Types() {
		var ways [][]Filter // of each property, most used first
		for _, p := range slices.Concat(t.Properties, t.Sparse) {
			if fs := filtersOf(p); len(fs) > 0 {
				ways = append(ways, fs)
			}
		}
		var pool [][]Filter
		for round := 0; len(pool) < poolSize; round++ {
			before := len(pool)
			for j := range ways {
				if w := ways[(i+j)%len(ways)]; round < len(w) {
					pool = append(pool, []Filter{w[round]})
				}
			}
			if len(pool) == before { // single filters are used up: two properties together
				for j := range ways {
					a, b := ways[j], ways[(j+1)%len(ways)]
					if j+1 < len(ways) {
						for k := range min(len(a), len(b)) {
							pool = append(pool, []Filter{a[k], b[(k+round)%len(b)]})
						}
					}
				}
				break
			}
			if round == 2 && len(ways) > 1 { // and some of them early
				pool = append(pool, []Filter{ways[0][0], ways[1][0]}, []Filter{ways[0][1%len(ways[0])], ways[len(ways)-1][0]})
			}
		}
		pools[t.Name] = pool[:min(len(pool), poolSize)]
	}
	return pools
}

// filtersOf are the filters on one property, most used first.
func filtersOf(property string) []Filter {
	var out []Filter
	is := func(values []string) []Filter {
		for _, v := range values {
			out = append(out, Filter{property, "==", textValue(v)})
		}
		return out
	}
	over := func(op string, limits ...int64) []Filter {
		for _, l := range limits {
			out = append(out, Filter{property, op, whole(l)})
		}
		return out
	}
	switch property {
	case "category":
		is(gen.Categories()[:10])
		return slices.Insert(out, 4, Filter{property, "in", textValue(gen.Categories()[:5]...)}, Filter{property, "in", textValue(gen.Categories()[20:26]...)})
	case "brand":
		is(gen.Brands()[:12])
		return slices.Insert(out, 3, Filter{property, "in", textValue(gen.Brands()[:10]...)})
	case "sku":
		return is([]string{"SKU00000", "SKU00001", "SKU00007", "SKU00019", "SKU00042"})
	case "page":
		is(gen.Pages()[:14])
		return slices.Insert(out, 5, Filter{property, "in", textValue(gen.Pages()[6:12]...)})
	case "channel":
		is(gen.Channels())
		return slices.Insert(out, 3, Filter{property, "!=", textValue("门店")}, Filter{property, "in", textValue("抖音", "小程序")})
	case "amount":
		return over(">=", 100, 50, 200, 500, 1000)
	case "quantity":
		return over(">=", 2, 3, 5)
	case "duration":
		return over(">=", 30, 10, 60, 300)
	case "stars":
		return over("<=", 2, 1, 3)
	case "points":
		return over(">=", 5, 10, 2)
	case "coupon":
		return slices.Insert(is(gen.Coupons()[:4]), 0, Filter{property, "present", Value{}})
	case "context.campaign.source":
		return is(gen.Campaigns()[:6])
	case "context.campaign.term":
		return slices.Insert(is(gen.Terms()[:4]), 0, Filter{property, "present", Value{}})
	case "referrer":
		return is(gen.Referrers()[:4])
	}
	return nil
}
