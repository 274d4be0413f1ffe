package demo

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"strconv"

	"tagma/event"
)

// The channels, which are also the sources of events.
const (
	web   = "网站"
	mini  = "小程序"
	app   = "APP"
	store = "门店"
	guide = "企业微信"
	mp    = "公众号"
	hall  = "展会"
)

var channels = []string{web, mini, app, store}

// touch is the way by which a customer first came: what context.campaign holds.
type touch struct{ source, medium, name, term string }

// coupon is one in a customer's hand. Amounts are in 分.
type coupon struct {
	name       string
	off, above int64
	since      event.Time
	until      event.Date
}

// shopper makes one customer after another; what is below the line is of the customer in hand.
type shopper struct {
	cal  *calendar
	shop *catalog
	seed uint64

	number  int
	r       dice
	a       *archetype
	p       person
	life             // joined, leaves, fade
	first   touch    // how the customer first came
	member  bool     // of the loyalty scheme: has a level and signs in
	channel table    // over channels
	likes   [3]int   // favourite categories, the best first
	brand   [3]int   // the favourite brand in each, -1 for none
	night   bool     // shops late
	rate    float64  // visits a day on a plain day
	purse   float64  // how much was spent before the year, against others of the archetype
	spent   float64  // yuan in all, for the level
	level   int      // index of levels, -1 for no member
	points  int64    // one for each yuan, and those of signing in
	orders  int      // so far, for the order numbers
	closed  bool     // unsubscribed
	coupons []coupon // in hand

	ids      []Identifier
	traits   []event.Trait
	consents []event.Trait
	events   []event.Event
	props    []event.Property // the events' properties point into it
}

var levels = []struct {
	name string
	from float64 // yuan spent in all
}{{"普通", 0}, {"银卡", 2000}, {"金卡", 8000}, {"黑卡", 30000}}

// customer makes customer i, from 1.
func (s *shopper) customer(i int) Record {
	r := newDice(s.seed, i)
	s.number, s.r, s.a = i, r, &archetypes[archetypeTable.draw(r)]
	s.traits, s.consents, s.events, s.props, s.coupons = s.traits[:0], s.consents[:0], s.events[:0], s.props[:0], s.coupons[:0]
	s.p = newPerson(r, s.a, s.cal.last)
	s.life = newLife(r, s.a, s.cal)
	s.spent, s.points, s.orders, s.closed, s.level = 0, 0, 0, false, -1
	s.member = r.chance(.9) || s.a.before > 1000
	s.night = r.chance(.12)
	s.rate = s.a.rate / 7 * r.spread(.45)
	s.purse = r.spread(.35)
	s.tastes()
	usesMini := s.channel[1]-s.channel[0] > 1
	s.identifiers(i, usesMini)

	at := s.arrive()
	s.told(at)
	if s.member {
		s.level = 0
		s.trait(at, "level", event.Text(levels[0].name))
	}
	if s.joined < s.cal.first && s.a.before > 0 { // what was bought before the year has its level
		years := min(4, float64(s.cal.first-s.joined)/365)
		s.earn(s.cal.zone.Start(s.cal.first-event.Date(s.r.IntN(int(s.cal.first-s.joined))))+12*3_600_000, s.a.before*years*s.purse*r.spread(.5))
	}
	for d := max(s.cal.first, s.joined+1); d <= s.cal.last; d++ {
		if !s.day(d) {
			break
		}
	}
	slices.SortStableFunc(s.events, func(a, b event.Event) int { return cmp.Compare(a.Time, b.Time) })
	if n := len(s.events); s.points > 0 && n > 0 {
		s.trait(s.events[n-1].Time, "points", number(s.points))
	}
	slices.SortStableFunc(s.traits, func(a, b event.Trait) int { return cmp.Compare(a.Time, b.Time) })
	return Record{Identifiers: s.ids, Traits: s.traits, Consents: s.consents, Events: s.events, archetype: s.a.name}
}

// tastes draws favourite categories, brands and channels.
func (s *shopper) tastes() {
	side := 0
	if s.p.female {
		side = 1
	}
	for i := range s.likes {
		for {
			s.likes[i] = s.shop.likes[side].draw(s.r)
			if !slices.Contains(s.likes[:i], s.likes[i]) {
				break
			}
		}
		s.brand[i] = -1
		if s.r.chance(.55) {
			s.brand[i] = s.r.IntN(len(s.shop.categories[s.likes[i]].brands))
		}
	}
	near := .6
	if s.p.city.store == "" {
		near = 0
	}
	s.channel = weights(1.1*s.r.spread(1), 3*s.r.spread(1), 1.8*s.r.spread(1), near*s.r.spread(.8))
}

// day makes a customer's day and says whether more days are to come.
func (s *shopper) day(d event.Date) bool {
	rate := s.rate * s.cal.activity[s.a.mood][s.cal.index(d)]
	care := 1.0 // what is left of the interest of one who leaves
	if s.leaves > 0 && d > s.leaves {
		if care = math.Exp(-float64(d-s.leaves) / s.fade); care < .002 {
			return false
		}
	}
	if d-s.joined <= 14 { // curious at first
		rate *= 1.7
	}
	s.messages(d, care)
	s.gatherings(d, care)
	s.business(d, care)
	for range s.r.times(rate * care) {
		if channels[s.channel.draw(s.r)] == store {
			s.visitStore(d)
		} else {
			s.visit(d, s.cal.moment(s.r, d, s.night && s.r.chance(.75)), s.online(), touch{})
		}
	}
	return true
}

// online draws a channel that is not a store.
func (s *shopper) online() string {
	for range 8 {
		if c := channels[s.channel.draw(s.r)]; c != store {
			return c
		}
	}
	return mini
}

// add records an event unless it would be after the cut. The properties must be sorted by name.
func (s *shopper) add(name string, at event.Time, source string, props ...event.Property) bool {
	if at >= s.cal.cut {
		return false
	}
	from := len(s.props)
	s.props = append(s.props, props...)
	s.events = append(s.events, event.Event{Name: name, Time: at, Source: source, Props: s.props[from:len(s.props):len(s.props)]})
	return true
}

// addFrom is add with the campaign that led to it.
func (s *shopper) addFrom(t touch, name string, at event.Time, source string, props ...event.Property) bool {
	if t.source == "" {
		return s.add(name, at, source, props...)
	}
	all := append(make([]event.Property, 0, 16), props...)
	all = append(all, text("context.campaign.source", t.source), text("context.campaign.medium", t.medium), text("context.campaign.name", t.name))
	if t.term != "" {
		all = append(all, text("context.campaign.term", t.term))
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return s.add(name, at, source, all...)
}

// earn counts money towards the level, and notes a new level.
func (s *shopper) earn(at event.Time, yuan float64) {
	s.spent += yuan
	if s.level < 0 {
		return
	}
	before := s.level
	for s.level+1 < len(levels) && s.spent >= levels[s.level+1].from {
		s.level++
	}
	if s.level != before {
		s.trait(at, "level", event.Text(levels[s.level].name))
	}
}

func text(name, value string) event.Property {
	return event.Property{Name: name, Value: event.Text(value)}
}

func count(name string, n int64) event.Property { return event.Property{Name: name, Value: number(n)} }

// yuan is a property of money, given in 分.
func yuan(name string, fen int64) event.Property {
	return event.Property{Name: name, Value: event.Num(event.Scaled(fen, 2))}
}

func number(n int64) event.Value { return event.Num(event.Int(n)) }

// orderNumber is unique: the day, the customer and the customer's count of orders.
func (s *shopper) orderNumber(d event.Date) string {
	s.orders++
	y, m, dom := d.Civil()
	b := make([]byte, 0, 24)
	b = append(b, 'D')
	b = strconv.AppendInt(b, int64(y*10000+int(m)*100+dom), 10)
	b = append(b, '-')
	b = strconv.AppendInt(b, int64(s.number), 10)
	b = append(b, '-')
	return string(strconv.AppendInt(b, int64(s.orders), 10))
}
