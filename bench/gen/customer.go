package gen

import "tagma/event"

// Customer is what a customer is known by and what is known of it.
type Customer struct {
	Number      event.ProfileID
	Identifiers []event.Identifier
	// Traits are in order of Time. A few customers have an earlier level, too.
	Traits []event.Trait
}

const day = 86_400_000

// life returns the first and the last day on which the customer of a rank does something. 15 % of the
// customers come during the year, 25 % leave. Those at the head of the power law stay.
func (w *World) life(rank uint64) (first, last int) {
	first, last = 0, Days-1
	if rank < uint64(w.Customers)/1000+1 {
		return
	}
	d := newDraw(w.seed, forLife, rank)
	r := d.next()
	if r&0xffff < 15*65536/100 {
		first = 1 + int(r>>32&0xffff)%(Days-1)
	}
	if r>>16&0xffff < 25*65536/100 {
		last = min(first+1+int(r>>48)%(Days-1), Days-1)
	}
	return
}

func (w *World) active(rank uint64, day int) bool {
	first, last := w.life(rank)
	return first <= day && day <= last
}

// favourite is the category that a customer prefers.
func (w *World) favourite(c event.ProfileID) int {
	d := newDraw(w.seed, forCustomer, uint64(c))
	r := d.next()
	n := uint64(len(w.catalogue.byCategory))
	return int((r >> 32 * n >> 32) * (r & 0xffffffff * n >> 32) / n) // the product of two leans to the frequent ones
}

// customers makes customers one after another, each into the same place.
type customers struct {
	w                                          *World
	c                                          Customer
	city, province, gender, level, lists, bool []event.Value
	pickCity, pickLevel                        alias
}

func (w *World) customers() *customers {
	values := func(texts []string) []event.Value {
		out := make([]event.Value, len(texts))
		for i, t := range texts {
			out[i] = event.Text(t)
		}
		return out
	}
	s := &customers{w: w, city: values(Cities()), province: values(Provinces()), gender: values([]string{"女", "男", "未知"}),
		level: values(Levels()), bool: []event.Value{event.Bool(false), event.Bool(true)}}
	s.pickCity = newAlias(zipf(len(s.city), 0.9))
	s.pickLevel = newAlias([]float64{60, 22, 11, 5, 2})
	interests := values(Interests())
	pick := newAlias(zipf(len(interests), 0.7))
	for i := range 1024 { // lists of one to four, shared by the customers
		d := newDraw(w.seed, forCatalogue, uint64(1_000_000+i))
		var list []event.Value
		for range 1 + d.below(4) {
			v, known := interests[pick.draw(&d)], false
			for _, o := range list {
				known = known || o.Equal(v)
			}
			if !known {
				list = append(list, v)
			}
		}
		s.lists = append(s.lists, event.List(list...))
	}
	return s
}

// make makes customer c; the next call overwrites it.
func (s *customers) make(number event.ProfileID) *Customer {
	w := s.w
	d := newDraw(w.seed, forTraits, uint64(number))
	c := &s.c
	c.Number = number
	id := func(kind, value string) {
		c.Identifiers = append(c.Identifiers, event.Identifier{Profile: number, Kind: kind, Value: value})
	}
	c.Identifiers = c.Identifiers[:0]
	id("user_id", w.UserID(number))
	if d.chance(70) {
		id("phone", phone(number))
	}

	rank := w.rankOf(number)
	first, _ := w.life(rank)
	registered := w.starts[first]
	if first > 0 { // a newcomer registers before the first thing it does
		registered -= 1 + int64(d.below(6*3_600_000))
	} else {
		registered -= 1 + int64(d.below(1500))*day/2 + int64(d.below(day))
	}
	from := event.Time(registered)
	trait := func(name string, present int, v event.Value) {
		if d.chance(present) {
			c.Traits = append(c.Traits, event.Trait{Profile: number, Name: name, Time: from, Value: v})
		}
	}
	c.Traits = c.Traits[:0]
	city := s.pickCity.draw(&d)
	years := 16 + d.below(20) + d.below(20) + d.below(22)
	birthday := Last() - event.Date(years*365+years/4+d.below(365))
	level := s.pickLevel.draw(&d)
	trait("age", 85, event.Num(event.Int(int64(years))))
	trait("balance", 60, event.Num(event.Scaled(int64(d.below(300)*d.below(1000)), 2)))
	trait("birthday", 80, event.Civil(birthday))
	trait("city", 92, s.city[city])
	trait("gender", 90, s.gender[min(d.below(21)/10, 2)])
	trait("interests", 70, s.lists[d.below(len(s.lists))])
	trait("is_member", 97, s.bool[d.below(10)/6])
	trait("level", 95, s.level[level])
	trait("points", 75, event.Num(event.Int(int64(d.below(100)*d.below(100)))))
	trait("province", 90, s.province[city*len(s.province)/len(s.city)])
	trait("registered_at", 100, event.Instant(from))
	trait("score", 95, event.Num(event.Scaled(int64(d.below(501)+d.below(500)), 1)))
	if level > 0 && d.chance(30) { // grew to a higher level later
		later := from + event.Time(1+d.below(int(int64(w.Now())-registered)))
		c.Traits = append(c.Traits, event.Trait{Profile: number, Name: "level", Time: later, Value: s.level[min(level+1, len(s.level)-1)]})
	}
	return c
}

// phone is unique to a customer.
func phone(c event.ProfileID) string {
	b := []byte("139########")
	digits(b[3:], int(c))
	return string(b)
}
