package demo

import "tagma/event"

// archetype is a way of being a customer. Chances are per occasion, rates per week.
type archetype struct {
	name     string
	share    float64
	rate     float64 // visits a week, on average over the year
	mood     int     // how strongly the calendar moves its visits, 0…moods-1
	buy      float64 // an online visit ends with an order
	promo    float64 // how much promotions lift buy: buy × (1 + promo × promotion)
	looks    float64 // products looked at in a visit
	taste    int     // picks the dearest (> 0) or the cheapest (< 0) of this many further products
	basket   float64 // further pieces of the same product in an order
	coupon   float64 // an order uses a coupon at hand; above .8 it often waits for one. A coupon offered is taken somewhat less often
	refund   float64 // an order is sent back
	social   float64 // shares and reviews, 1 is usual
	opens    float64 // a message is opened
	signs    float64 // a visit signs in for points
	arrivals float64 // share that registered within the year
	wecom    float64 // share that added a shop guide
	business float64 // share that buys for a firm
	age      float64 // in the middle
	before   float64 // yuan spent a year before the year that is made, in the middle
}

// The archetypes. What happens to newcomers, leavers and the silent is in life.
var archetypes = []archetype{
	{name: "高频忠诚", share: 8, rate: 0.87, mood: 0, buy: 0.312, promo: .5, looks: 3.3, basket: .35, coupon: .45, refund: .04, social: 1.8, opens: .16, signs: .32, arrivals: .25, wecom: .38, business: .01, age: 34, before: 3800},
	{name: "低频", share: 22, rate: 0.18, mood: 1, buy: 0.143, promo: .9, looks: 2.6, basket: .3, coupon: .35, refund: .06, social: .6, opens: .05, signs: .06, arrivals: .35, wecom: .08, business: .012, age: 36, before: 500},
	{name: "囤货型", share: 7, rate: 0.28, mood: 3, buy: 0.156, promo: 2.2, looks: 3.2, taste: -1, basket: 3.2, coupon: .7, refund: .05, social: .7, opens: .1, signs: .1, arrivals: .25, wecom: .12, business: .01, age: 38, before: 1600},
	{name: "价格敏感", share: 12, rate: 0.44, mood: 2, buy: 0.046, promo: 5, looks: 3.7, taste: -1, basket: .4, coupon: .85, refund: .07, social: .8, opens: .13, signs: .2, arrivals: .35, wecom: .1, age: 31, before: 600},
	{name: "新客", share: 14, rate: 0.56, mood: 1, buy: 0.156, promo: .8, looks: 3.2, basket: .25, coupon: .6, refund: .06, social: .9, opens: .12, signs: .18, arrivals: 1, wecom: .15, business: .006, age: 29},
	{name: "潜在", share: 13, rate: 0.24, mood: 1, looks: 2.9, social: .5, opens: .07, signs: .05, arrivals: .7, wecom: .08, business: .035, age: 30},
	{name: "流失中", share: 7, rate: 0.65, mood: 1, buy: 0.247, promo: .7, looks: 3, basket: .3, coupon: .45, refund: .08, social: .9, opens: .07, signs: .15, arrivals: .15, wecom: .2, business: .01, age: 35, before: 2400},
	{name: "已流失", share: 8, rate: 0.42, mood: 1, buy: 0.195, promo: .7, looks: 2.7, basket: .3, coupon: .4, refund: .11, social: .5, opens: .02, signs: .08, arrivals: .2, wecom: .1, business: .005, age: 35, before: 1200},
	{name: "沉默", share: 5, rate: 0.02, mood: 1, buy: 0.026, looks: 1.7, opens: .01, arrivals: .2, wecom: .03, age: 40, before: 60},
	{name: "大客户", share: 2, rate: 0.68, mood: 0, buy: 0.39, promo: .1, looks: 3.2, taste: 3, basket: .7, coupon: .1, refund: .03, social: 1.1, opens: .15, signs: .05, arrivals: .2, wecom: .72, business: .3, age: 42, before: 16000},
	{name: "羊毛党", share: 2, rate: 1.13, mood: 2, buy: 0.117, promo: 1.5, looks: 2, taste: -5, coupon: .98, refund: .3, social: 1.2, opens: .3, signs: .72, arrivals: .5, wecom: .05, age: 28, before: 250},
}

var archetypeTable = newTable(len(archetypes), func(i int) float64 { return archetypes[i].share })

// life is when a customer comes and goes, in days.
type life struct {
	joined event.Date // registered
	leaves event.Date // from here on visits fade; 0 where they do not
	fade   float64    // days in which visits fall to a third
}

func newLife(r dice, a *archetype, c *calendar) life {
	n := c.days()
	l := life{}
	switch {
	case a.name == "新客":
		l.joined = c.first + event.Date(c.newcomers.drawFrom(r, n-45))
	case r.chance(a.arrivals):
		l.joined = c.first + event.Date(c.newcomers.draw(r))
	default:
		l.joined = c.first - 1 - event.Date(r.Float64()*r.Float64()*4*365)
	}
	lived := int(c.last - max(l.joined, c.first))
	switch {
	case a.name == "流失中":
		l.leaves, l.fade = c.last-event.Date(r.between(min(35, lived), min(85, lived))), 12
	case a.name == "已流失":
		l.joined = min(l.joined, c.last-event.Date(r.between(200, 330)))
		from := max(l.joined, c.first) + 15
		l.leaves, l.fade = from+event.Date(r.IntN(max(1, int(c.last-110-from)))), 5
	case r.chance(.08): // others leave as well, some day
		l.leaves, l.fade = max(l.joined, c.first)+event.Date(r.between(0, lived)), 20
	}
	return l
}
