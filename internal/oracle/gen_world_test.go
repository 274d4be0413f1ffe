package oracle_test

import (
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"tagma/event"
	"tagma/internal/world"
)

// zones: one without summer time, those with it, one of half an hour, those whose clocks skip midnight, and one that
// skipped a day.
var zones = []string{"Asia/Shanghai", "America/New_York", "Europe/London", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Cairo",
	"Pacific/Apia"}

// anchors are the days around which a world's history lies: ends of months and years, leap days, and the days of
// each zone on which the clock changes.
var anchors = map[string][]string{
	"":                    {"2026-06-30", "2026-07-01", "2024-02-29", "2024-03-01", "2025-02-28", "2025-12-31", "2026-01-01", "2026-03-31"},
	"Asia/Shanghai":       {"1991-04-14", "1991-09-15"},
	"America/New_York":    {"2026-03-08", "2026-11-01"},
	"Europe/London":       {"2026-03-29", "2026-10-25"},
	"Australia/Lord_Howe": {"2026-04-05", "2026-10-04"},
	"America/Sao_Paulo":   {"2018-02-18", "2018-11-04"},
	"Africa/Cairo":        {"2024-04-26", "2024-11-01"},
	"Pacific/Apia":        {"2011-12-29", "2011-12-31"},
}

const (
	dayMillis  = 24 * hourMillis
	hourMillis = 60 * 60 * 1000
)

// zoneCache holds the zones, which take a millisecond each to make.
var zoneCache sync.Map

func zoneOf(name string) *event.Zone {
	if z, ok := zoneCache.Load(name); ok {
		return z.(*event.Zone)
	}
	z, err := event.LoadZone(name)
	if err != nil {
		panic(err)
	}
	zoneCache.Store(name, z)
	return z
}

// pick draws one of a few things.
func pick[V any](r *rand.Rand, of ...V) V { return of[r.IntN(len(of))] }

// rarely is true once in n.
func rarely(r *rand.Rand, n int) bool { return r.IntN(n) == 0 }

// some draws between least and most things.
func some[V any](r *rand.Rand, least, most int, draw func() V) []V {
	out := make([]V, least+r.IntN(most-least+1))
	for i := range out {
		out[i] = draw()
	}
	return out
}

// different draws up to most different ones of a few things.
func different(r *rand.Rand, least, most int, of []string) []string {
	of = slices.Clone(of)
	r.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
	return of[:min(least+r.IntN(most-least+1), len(of))]
}

// instants draws the instants that a world's events, traits, windows and questions share.
func instants(r *rand.Rand, zone string) []event.Time {
	loc := zoneOf(zone).Location
	days := append(slices.Clone(anchors[""]), anchors[zone]...)
	if len(anchors[zone]) > 0 && rarely(r, 2) {
		days = anchors[zone]
	}
	anchor, err := time.ParseInLocation("2006-01-02 15:04", pick(r, days...)+" 12:00", loc)
	if err != nil {
		panic(err)
	}
	draw := func() event.Time {
		noon := anchor.AddDate(0, 0, -pick(r, 0, 0, 0, 1, 1, 2, 3, 6, 7, 8, 14, 27, 28, 29, 30, 31, 32, 59, 60, 61, 365, 366, 367, 800))
		switch r.IntN(7) {
		case 0:
			return event.At(noon)
		case 6: // at a time of day that comes twice, or not at all, on another day
			if before, after := anchor.ZoneBounds(); !before.IsZero() && !after.IsZero() {
				change := pick(r, before, after).Add(pick(r, -time.Hour, -30*time.Minute, -time.Millisecond, 0, 30*time.Minute))
				return event.At(change.AddDate(0, -pick(r, 0, 0, 0, 1, -1), -pick(r, 0, 1, -1, 31, -31, 14, 7)))
			}
		case 1: // the start of the day, wherever it lies
			at := noon.Add(-14 * time.Hour)
			for at.Day() != noon.Day() {
				at = at.Add(15 * time.Minute)
			}
			return event.At(at)
		case 2:
			return event.At(noon.Add(time.Duration(r.IntN(24)-12) * time.Hour))
		case 3:
			if _, change := noon.ZoneBounds(); !change.IsZero() && change.Sub(noon) < 60*24*time.Hour {
				return event.At(change)
			}
			return event.At(noon)
		case 4:
			if change, _ := noon.ZoneBounds(); !change.IsZero() && noon.Sub(change) < 60*24*time.Hour {
				return event.At(change)
			}
			return event.At(noon)
		}
		return event.At(noon.Add(time.Duration(r.IntN(dayMillis)) * time.Millisecond))
	}
	return some(r, 2, 8, draw)
}

// near draws an instant at or beside one of the world's.
func near(r *rand.Rand, of []event.Time) event.Time {
	at := pick(r, of...) + pick(r, event.Time(0), 0, 0, 0, 0, -1, 1, -hourMillis, hourMillis, 1000, -60_000, -dayMillis, dayMillis, -2*hourMillis,
		90*60_000, -7*dayMillis)
	if rarely(r, 4) { // a millisecond beside the edge of a window
		at += pick(r, event.Time(-1), 1)
	}
	return at
}

// asked draws an instant to ask for: often near the end, when most has happened.
func asked(r *rand.Rand, at []event.Time) event.Time {
	if rarely(r, 2) {
		return near(r, at)
	}
	return slices.Max(at) + pick(r, event.Time(-1), 0, 0, 0, 1, 999, 1000, 60_000, hourMillis, 2*hourMillis-1, dayMillis, 8*dayMillis)
}

var (
	numbers = []string{"0", "1", "2", "3", "5", "10", "-1", "0.5", "10.0", "100", "100.50", "19.99", "-5", "7", "1.10", "0.3", "2.5", "1000000"}
	huge    = []string{"1", "123456789012345678901234567890.123456789", "0.000000000000000001", "-99999999999999999999", "9223372036854775807",
		"9223372036854775808", "922337203685477580.7", "0.1234567890123456789", "1e40", "1.0000000000000000000001"}
	texts = []string{"a", "b", "上海", "北京", "茶", "", "10", "8", "A", " a ", "ab", "true", "2026-06-30", "新茶",
		"a text that is too long to be worth a place in any dictionary, said twice and once more 上海上海", "x|y|z"}
	dates = []string{"1996-02-29", "2000-01-01", "1990-12-31", "2026-06-30", "2024-02-29", "2030-07-01", "1985-03-01", "2026-06-01"}
)

func num(s string) event.Value {
	n, err := event.ParseNumber(s)
	if err != nil {
		panic(err)
	}
	return event.Num(n)
}

func date(s string) event.Value {
	d, err := event.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return event.Civil(d)
}

// valueOf draws a value of a sort.
func valueOf(r *rand.Rand, sort string, at []event.Time) event.Value {
	switch sort {
	case "number":
		return num(pick(r, numbers...))
	case "small":
		return event.Num(event.Int(int64(r.IntN(4))))
	case "huge":
		return num(pick(r, huge...))
	case "text":
		return event.Text(pick(r, texts...))
	case "few":
		return event.Text(pick(r, "a", "b", "茶"))
	case "bool":
		return event.Bool(rarely(r, 2))
	case "time":
		return event.Instant(near(r, at))
	case "date":
		return date(pick(r, dates...))
	case "list":
		items := some(r, 0, 3, func() event.Value {
			return pick(r, event.Text("a"), event.Text("茶"), event.Text("b"), num("1"), num("8"), event.Text("8"))
		})
		return event.List(items...)
	case "mixed":
		return pick(r, event.Text("8"), num("8"), num("8.0"), event.Text("a"), num("1"), event.Bool(true))
	case "elements":
		return event.List(some(r, 0, 4, func() event.Value { return element(r, at) })...)
	}
	panic(sort)
}

// element draws an element of a list property: mostly a map, in which fields are missing.
func element(r *rand.Rand, at []event.Time) event.Value {
	if rarely(r, 8) {
		return valueOf(r, pick(r, "text", "small", "mixed", "list"), at)
	}
	var fields []event.Property
	brand := []event.Property{}
	for _, k := range different(r, 0, 6, elementKeys) {
		v := fieldValue(r, elements[k], at)
		if inner, ok := strings.CutPrefix(k, "brand."); ok {
			brand = append(brand, event.Property{Name: inner, Value: v})
		} else {
			fields = append(fields, event.Property{Name: k, Value: v})
		}
	}
	if len(brand) > 0 {
		fields = append(fields, event.Property{Name: "brand", Value: event.Map(brand)})
	}
	return event.Map(fields)
}

// fields are the names of properties and traits with the sort of their values; in a few places another sort comes.
var (
	properties = map[string]string{"amount": "number", "qty": "small", "item": "mixed", "category": "few", "note": "text", "flag": "bool", "likes": "list",
		"huge": "huge", "context.campaign.term": "text", "at": "time", "due": "date", "商品": "few",
		"products": "elements", "order.lines": "elements"}
	// elements are the fields of a list's elements; some have the names of the event's own properties.
	elements = map[string]string{"sku": "few", "price": "number", "qty": "small", "item": "mixed", "amount": "number", "brand.name": "few",
		"brand.since": "date", "gift": "bool", "sizes": "list", "note": "text", "products": "few"}
	traitNames = map[string]string{"age": "number", "city": "text", "vip": "bool", "birthday": "date", "likes": "list", "address.city": "few",
		"score": "mixed", "signup": "time", "等级": "few", "balance": "huge"}
	sorts = []string{"number", "text", "bool", "list", "time", "date"}

	propertyNames, traitKeys, elementKeys = keys(properties), keys(traitNames), keys(elements)
	listProperties                        = []string{"products", "order.lines", "likes"}
)

func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

func fieldValue(r *rand.Rand, sort string, at []event.Time) event.Value {
	if rarely(r, 16) {
		sort = pick(r, sorts...)
	}
	return valueOf(r, sort, at)
}

var (
	allEvents   = []string{"order", "view", "下单", "page view", "cart"}
	identifiers = []string{"phone", "email", "微信"}
	consents    = []string{"sms", "email"}
)

// records is one customer's part of a history, its profile number left open.
type records struct {
	profile  event.NewProfile
	events   []event.Event
	system   []event.Event
	traits   []event.Trait
	consents []event.Trait
	ids      []event.Identifier
}

func customerRecords(r *rand.Rand, at []event.Time, names []string) records {
	c := records{profile: event.NewProfile{Person: !rarely(r, 12), Seen: event.Never}}
	if rarely(r, 20) {
		c.profile.Entity = 1
	}
	switch r.IntN(4) {
	case 0:
		c.profile.Seen = event.Always
	case 1:
		c.profile.Seen = near(r, at)
	}
	var used []event.Time
	untimed := rarely(r, 10) // nothing of it has a time
	when := func() event.Time {
		if untimed {
			return event.Always
		}
		if len(used) > 0 && rarely(r, 4) {
			return pick(r, used...)
		}
		used = append(used, near(r, at))
		return used[len(used)-1]
	}
	most := pick(r, 14, 14, 24)
	if untimed {
		most = 0
		if c.profile.Seen != event.Never {
			c.profile.Seen = event.Always
		}
	}
	c.events = some(r, 0, most, func() event.Event {
		if len(c.events) > 0 && rarely(r, 12) { // the same once more
			return pick(r, c.events...)
		}
		e := event.Event{Name: pick(r, names...), Time: when(), Source: pick(r, "shop", "app")}
		for _, p := range different(r, 0, 9, propertyNames) {
			e.Props = append(e.Props, event.Property{Name: p, Value: fieldValue(r, properties[p], at)})
		}
		sort.Slice(e.Props, func(i, j int) bool { return e.Props[i].Name < e.Props[j].Name })
		return e
	})
	last := map[string]event.Value{}
	dated := func(name, sort string) event.Trait {
		v := event.Trait{Name: name, Time: event.Always, Value: fieldValue(r, sort, at)}
		if !rarely(r, 3) {
			v.Time = when()
		}
		if old, ok := last[name]; ok && rarely(r, 3) { // the same value again
			v.Value = old
		}
		if rarely(r, 8) {
			v.Value = event.Value{}
		}
		last[name] = v.Value
		return v
	}
	few := different(r, 1, len(traitKeys), traitKeys)
	c.traits = some(r, 0, 14, func() event.Trait {
		k := pick(r, few...)
		return dated(k, traitNames[k])
	})
	c.consents = some(r, 0, 5, func() event.Trait {
		v := dated("consent "+pick(r, consents...), "bool")
		v.Name = strings.TrimPrefix(v.Name, "consent ")
		if v.Value.Present() && v.Value.Kind() != event.BoolKind {
			v.Value = event.Bool(rarely(r, 2))
		}
		return v
	})
	if rarely(r, 4) && len(c.events) > 0 { // never the first record of a customer
		c.system = append(c.system, event.Event{Name: "message_sent", Time: c.events[0].Time, Source: "tagma"})
	}
	for _, kind := range identifiers {
		for i := range r.IntN(3) {
			c.ids = append(c.ids, event.Identifier{Kind: kind, Value: []string{"a", "b8"}[i]})
		}
	}
	return c
}

// history draws a world's records.
func history(r *rand.Rand, at []event.Time) *world.World {
	names := allEvents[:3+r.IntN(3)]
	first := pick(r, 0, 0, 0, 0, 250) // the latter with a border of blocks among the customers
	most := pick(r, 6, 12, 12, 20, 40)
	people := some(r, 1, most, func() records { return customerRecords(r, at, names) })
	w := &world.World{}
	for i := range first {
		w.Known = append(w.Known, event.NewProfile{Profile: event.ProfileID(i), Person: true, Seen: event.Never})
	}
	for i, c := range people {
		p := event.ProfileID(first + i)
		c.profile.Profile = p
		w.Known = append(w.Known, c.profile)
		for _, e := range c.events {
			e.Profile = p
			w.Events = append(w.Events, e)
		}
		for _, e := range c.system {
			e.Profile = p
			w.System = append(w.System, e)
		}
		for _, v := range c.traits {
			v.Profile = p
			w.Traits = append(w.Traits, v)
		}
		for _, v := range c.consents {
			v.Profile = p
			w.Consents = append(w.Consents, v)
		}
		for _, id := range c.ids {
			id.Profile = p
			w.Identifiers = append(w.Identifiers, id)
		}
	}
	// All arrive one after the other, in an order that has nothing to do with their times, but for the first half,
	// in which whatever happened first arrived last.
	n := uint64(len(w.Events))
	for i := range w.Events {
		w.Events[i].Arrival = 10 + uint64(i)
		if i%2 == 1 {
			w.Events[i].Arrival = 1000 + 2*n - uint64(i)
		}
	}
	for i := range w.System {
		w.System[i].Arrival = 5000 + uint64(i)
	}
	for _, rows := range [][]event.Trait{w.Traits, w.Consents} {
		for i := range rows {
			rows[i].Arrival = 6000 + uint64(i)
			if i%3 == 1 {
				rows[i].Arrival = 8000 - uint64(i)
			}
		}
	}
	return w
}
