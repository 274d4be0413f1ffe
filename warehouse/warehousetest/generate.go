package warehousetest

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"tagma/event"
	"tagma/warehouse"
)

// generator makes random batches. Small sets of names, times and values make meetings likely.
type generator struct {
	*rand.Rand
	arrival uint64
}

var (
	eventNames = []string{"order_paid", "view", "下单", "x"}
	properties = []string{"amount", "category", "flag", "mixed", "note", "items", "day", "at", "ratio"}
	traitNames = []string{"city", "gender", "vip until"}
	// A consent and a trait may have the same name: they are series of their own.
	consentNames = []string{"sms", "city"}
	idKinds      = []string{"phone", "user_id"}
)

func (g *generator) profile() event.ProfileID {
	switch g.IntN(5) {
	case 0:
		return event.ProfileID(254 + g.IntN(4)) // neighbours in two blocks
	case 1:
		return event.ProfileID(g.IntN(3) * 256)
	case 2:
		return event.ProfileID(g.IntN(1500))
	}
	return event.ProfileID(g.IntN(40))
}

const dayMillis = 24 * 3600 * 1000

func (g *generator) time() event.Time {
	day := int64(19800) * dayMillis
	switch g.IntN(12) {
	case 0:
		return event.Time(day) // many of one instant
	case 1:
		return event.Time(day + g.Int64N(10)*91*dayMillis) // other chunks
	case 2:
		return event.Time(g.Int64N(1<<43) - 1<<42) // far off
	case 3:
		return event.Always
	case 4:
		return event.Time([]int64{-1 << 62, 1 << 62, 0, -1, 1}[g.IntN(5)])
	}
	return event.Time(day + g.Int64N(300)*dayMillis/7)
}

func (g *generator) text() string {
	switch g.IntN(8) {
	case 0:
		return ""
	case 1:
		return strings.Repeat("长", g.IntN(60)) // some are beyond a dictionary
	case 2:
		return fmt.Sprintf("order-%06d", g.IntN(1000000))
	}
	return []string{"上海", "北京", "a", "b", "shoes"}[g.IntN(5)]
}

func (g *generator) number() event.Number {
	switch g.IntN(10) {
	case 0:
		n, _ := event.ParseNumber("123456789012345678901234567890.12345")
		return n
	case 1:
		n, _ := event.ParseNumber("0.1234567890123456789012345")
		return n
	case 2:
		return event.Scaled(g.Int64()-1<<62, g.IntN(19))
	case 3:
		return event.Scaled(1, 18)
	case 4:
		return event.Int(1<<63 - 1)
	}
	return event.Scaled(g.Int64N(100000)-1000, g.IntN(3))
}

func (g *generator) value(property string) event.Value {
	switch property {
	case "amount":
		return event.Num(event.Scaled(g.Int64N(100000), 2))
	case "ratio":
		return event.Num(g.number())
	case "category", "note":
		return event.Text(g.text())
	case "flag":
		return event.Bool(g.IntN(2) == 0)
	case "day":
		return event.Civil(event.Date(19000 + g.IntN(1000)))
	case "at":
		return event.Instant(g.time())
	case "items":
		var list []event.Value
		for range g.IntN(4) {
			list = append(list, g.element())
		}
		return event.List(list...)
	}
	return g.value(properties[g.IntN(len(properties)-1)]) // mixed
}

// element is mostly a map, sometimes with a map or list in it, and now and then something else.
func (g *generator) element() event.Value {
	switch g.IntN(12) {
	case 0:
		return event.Text(g.text())
	case 1:
		return event.Num(g.number())
	case 2:
		return event.List(event.Bool(true))
	}
	m := []event.Property{{Name: "sku", Value: event.Text(g.text())}, {Name: "n", Value: event.Num(g.number())}}
	switch g.IntN(8) {
	case 0:
		m = append(m, event.Property{Name: "brand", Value: event.Map([]event.Property{{Name: "name", Value: event.Text(g.text())}})})
	case 1:
		m = append(m, event.Property{Name: "brand", Value: event.Text(g.text())})
	case 2:
		m = append(m, event.Property{Name: "sizes", Value: event.List(event.Map([]event.Property{{Name: "deep", Value: event.Bool(true)}}))})
	}
	return event.Map(m)
}

func (g *generator) events(n int) []event.Event {
	var out []event.Event
	for range n {
		g.arrival++
		e := event.Event{Profile: g.profile(), Name: eventNames[g.IntN(len(eventNames))], Time: g.time(), Arrival: g.arrival}
		if g.IntN(4) > 0 {
			e.Source = []string{"web", "shop", g.text()}[g.IntN(3)]
		}
		sparse := 1 + g.IntN(4)
		for _, p := range []string{"amount", "at", "category", "day", "flag", "items", "mixed", "note", "ratio"} {
			if g.IntN(sparse) == 0 {
				v := event.Value{}
				if p == "mixed" {
					v = g.value(properties[g.IntN(3)])
				} else {
					v = g.value(p)
				}
				e.Props = append(e.Props, event.Property{Name: p, Value: v})
			}
		}
		out = append(out, e)
	}
	return out
}

// batch makes about n records, in order of arrival.
func (g *generator) batch(n int) *warehouse.Batch {
	b := &warehouse.Batch{Events: g.events(g.IntN(n + 1)), System: g.events(g.IntN(n/4 + 1))}
	for range g.IntN(n/4 + 1) {
		g.arrival++
		t := event.Trait{Profile: g.profile(), Name: traitNames[g.IntN(len(traitNames))], Time: g.time(), Arrival: g.arrival}
		if g.IntN(4) > 0 {
			t.Value = g.value(properties[g.IntN(len(properties))])
		}
		b.Traits = append(b.Traits, t)
	}
	for range g.IntN(n/4 + 1) {
		g.arrival++
		c := event.Trait{Profile: g.profile(), Name: consentNames[g.IntN(len(consentNames))], Time: g.time(), Arrival: g.arrival}
		if g.IntN(6) > 0 {
			c.Value = event.Bool(g.IntN(2) == 0)
		}
		b.Consents = append(b.Consents, c)
	}
	for range g.IntN(n/4 + 1) {
		b.Identifiers = append(b.Identifiers, event.Identifier{Profile: g.profile(), Kind: idKinds[g.IntN(2)], Value: g.text()})
	}
	for range g.IntN(n/4 + 1) {
		p := event.NewProfile{Profile: g.profile(), Entity: event.Entity(g.IntN(2)), Person: g.IntN(2) == 0, Seen: g.time()}
		if g.IntN(3) == 0 {
			p.Seen = event.Never
		}
		b.Profiles = append(b.Profiles, p)
	}
	for range g.IntN(n/4 + 1) {
		s := warehouse.Seen{Key: warehouse.SeenKey{Partition: uint32(g.IntN(3))}}
		s.Key.Hash[g.IntN(16)] = byte(g.IntN(4))
		if g.IntN(3) > 0 {
			s.Value = []byte(g.text())
		}
		b.Seen = append(b.Seen, s)
	}
	return b
}
