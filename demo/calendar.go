package demo

import (
	"fmt"
	"math"
	"time"

	"tagma/event"
)

// moods is the number of ways in which customers follow the calendar, from hardly to only for the sales.
const moods = 4

var moodStrength = [moods]float64{0.6, 1, 1.5, 2.2}

// send is a message to all customers on a day, perhaps with a coupon.
type send struct {
	campaign string
	coupon   bool
}

// gathering is something that people go to.
type gathering struct {
	kind, title, city string // kind: 会议, 展会, 经销商会
	from, to          event.Date
}

// calendar is the year of the shop: what each day is like. Days are numbered from 0.
type calendar struct {
	zone        *event.Zone
	first, last event.Date
	cut         event.Time // events are before this instant
	activity    [moods][]float64
	promotion   []float64 // 0 on a plain day … 1 on the great days
	sale        []string  // the name of the sale that the day belongs to
	sends       [][]send
	gatherings  []gathering
	newcomers   table // days by how many register
	hours       [3]table
}

// The kinds of day that calendar.hours tells apart.
const (
	workday = iota
	weekend
	greatDay // the last day of a great sale: midnight and evening rush
)

// newYears are the first days of the Chinese year, 2020 on.
var newYears = []string{
	"2020-01-25", "2021-02-12", "2022-02-01", "2023-01-22", "2024-02-10", "2025-01-29", "2026-02-17", "2027-02-06",
	"2028-01-26", "2029-02-13", "2030-02-03", "2031-01-23", "2032-02-11", "2033-01-31", "2034-02-19", "2035-02-08",
	"2036-01-28", "2037-02-15", "2038-02-04", "2039-01-24", "2040-02-12",
}

// newYear returns the first day of the Chinese year that begins in a year; beyond the list, a usual date.
func newYear(year int) event.Date {
	if i := year - 2020; i >= 0 && i < len(newYears) {
		if d, err := event.ParseDate(newYears[i]); err == nil {
			return d
		}
	}
	return event.DateOf(year, time.February, 5)
}

func newCalendar(o Options) *calendar {
	c := &calendar{zone: o.Zone, first: o.End.AddMonths(-12) + 1, last: o.End}
	c.cut = o.Zone.Start(o.End + 1)
	if o.Hour > 0 && o.Hour < 24 {
		c.cut = o.Zone.Instant(o.End, int64(o.Hour)*time.Hour.Milliseconds())
	}
	n := c.days()
	c.promotion, c.sale, c.sends = make([]float64, n), make([]string, n), make([][]send, n)
	factor := make([]float64, n)
	for i := range n {
		d := c.first + event.Date(i)
		factor[i], c.promotion[i], c.sale[i] = season(d)
		factor[i] *= ordinary(d)
	}
	for m := range moods {
		c.activity[m] = make([]float64, n)
		sum := 0.0
		for i, f := range factor {
			c.activity[m][i] = math.Pow(f, moodStrength[m])
			sum += c.activity[m][i]
		}
		for i := range c.activity[m] {
			c.activity[m][i] *= float64(n) / sum
		}
	}
	c.plan()
	c.newcomers = newTable(n, func(i int) float64 {
		w := c.activity[1][i]
		for _, g := range c.gatherings {
			if d := c.first + event.Date(i); g.kind == "展会" && d >= g.from && d <= g.to {
				w *= 3.5
			}
		}
		return w
	})
	c.hours = [3]table{
		weights(1.2, .5, .2, .1, .1, .2, .8, 2, 3, 3.2, 3.8, 4.5, 6.5, 5, 3.5, 3.3, 3.2, 3.5, 4.5, 6, 8, 8.5, 6.5, 3.5),
		weights(1.8, .8, .3, .2, .1, .2, .4, 1, 2, 3.5, 5, 5.2, 4.8, 5, 5.5, 5.5, 5, 4.5, 4.2, 5.5, 7.5, 8, 6.5, 4),
		weights(9, 3, .6, .2, .1, .2, .8, 2, 3, 3.2, 4, 4.5, 6, 5, 3.5, 3.3, 3.2, 3.5, 4.5, 6.5, 11, 9.5, 8, 7),
	}
	return c
}

func (c *calendar) days() int { return int(c.last-c.first) + 1 }

// index numbers a day.
func (c *calendar) index(d event.Date) int { return int(d - c.first) }

// ordinary is how busy a weekday and day of the month is: weekends, and the pay-days on the 10th and 15th.
func ordinary(d event.Date) float64 {
	f := [8]float64{0, .94, .92, .92, .95, 1.06, 1.22, 1.2}[d.Weekday()]
	switch _, _, dom := d.Civil(); dom {
	case 10, 15:
		f *= 1.45
	case 11, 16:
		f *= 1.2
	}
	return f
}

// season is how busy the shop's year makes a day, how strongly it sells by price (0…1), and the sale's name.
func season(d event.Date) (factor, promotion float64, sale string) {
	y, m, dom := d.Civil()
	if ahead := int(newYear(y) - d); ahead >= 8 && ahead <= 25 {
		return 1.7, .6, "年货节"
	} else if ahead <= 2 && ahead >= -5 {
		return .55, 0, ""
	}
	switch {
	case m == time.March && dom >= 5 && dom <= 8:
		return 1.6, .5, "女神节"
	case m == time.June && dom <= 3:
		return 1.7, .7, "618"
	case m == time.June && dom <= 15:
		return 1.3, .5, "618"
	case m == time.June && dom <= 17:
		return 2, .8, "618"
	case m == time.June && dom == 18:
		return 3.2, 1, "618"
	case m == time.October && dom <= 7:
		return 1.35, .3, "国庆"
	case m == time.October && dom >= 24 && dom <= 30:
		return 1.3, .3, "双11"
	case m == time.October && dom == 31, m == time.November && dom <= 3:
		return 2.1, .8, "双11"
	case m == time.November && dom <= 9:
		return 1.4, .6, "双11"
	case m == time.November && dom == 10:
		return 2.2, .8, "双11"
	case m == time.November && dom == 11:
		return 3.8, 1, "双11"
	case m == time.December && dom >= 9 && dom <= 12:
		return 1.9, .7, "双12"
	}
	return 1, 0, ""
}

// plan fills in the messages and the gatherings of the year.
func (c *calendar) plan() {
	sale := ""
	for i := range c.sends {
		d := c.first + event.Date(i)
		y, m, dom := d.Civil()
		if s := c.sale[i]; s != sale {
			if sale = s; s != "" {
				c.sends[i] = append(c.sends[i], send{fmt.Sprintf("%d%s", y, s), true})
			}
		}
		if dom == 8 {
			c.sends[i] = append(c.sends[i], send{fmt.Sprintf("%d月会员日", int(m)), true})
		}
		if d.Weekday() == 4 && int(d)/7%2 == 0 {
			c.sends[i] = append(c.sends[i], send{"周四上新", false})
		}
	}
	firstYear, _, _ := c.first.Civil()
	lastYear, _, _ := c.last.Civil()
	for y := firstYear; y <= lastYear; y++ {
		for _, g := range []struct {
			kind, title, city string
			month             time.Month
			day, days         int
		}{
			{"展会", "%d春季生活美学展", "上海", time.April, 17, 4},
			{"展会", "%d秋季家居礼品展", "广州", time.September, 18, 4},
			{"经销商会", "%d春季经销商会", "杭州", time.March, 20, 2},
			{"经销商会", "%d秋季经销商会", "成都", time.August, 27, 2},
			{"会议", "%d会员答谢会", "上海", time.January, 10, 1},
			{"会议", "%d夏季新品沙龙", "北京", time.July, 12, 1},
			{"会议", "%d生活方式论坛", "深圳", time.October, 18, 1},
		} {
			from := event.DateOf(y, g.month, g.day)
			to := from + event.Date(g.days-1)
			if to >= c.first && from <= c.last {
				c.gatherings = append(c.gatherings, gathering{g.kind, fmt.Sprintf(g.title, y), g.city, max(from, c.first), min(to, c.last)})
			}
		}
	}
}

// moment draws an instant of a day at which people shop.
func (c *calendar) moment(r dice, d event.Date, night bool) event.Time {
	kind := workday
	if i := c.index(d); i >= 0 && i < len(c.promotion) && c.promotion[i] >= 1 {
		kind = greatDay
	} else if d.Weekday() >= 6 {
		kind = weekend
	}
	first := 0
	if night {
		first = 20
	}
	return c.at(r, d, c.hours[kind].drawFrom(r, first))
}

// opening draws an instant of a day within the hours of stores and halls.
func (c *calendar) opening(r dice, d event.Date) event.Time { return c.at(r, d, r.between(10, 20)) }

func (c *calendar) at(r dice, d event.Date, hour int) event.Time {
	return c.zone.Instant(d, int64(hour)*3_600_000+int64(r.IntN(3_600_000)))
}
