package demo

import (
	"strings"

	"tagma/event"
)

// offers are the coupons that a sale gives.
var offers = []coupon{{name: "满99减12", off: 1200, above: 9900}, {name: "满199减25", off: 2500, above: 19900}, {name: "满300减40", off: 4000, above: 30000}, {name: "满500减80", off: 8000, above: 50000}}

// messages lets the shop's messages of a day reach the customer, who may open them, take the coupon and come.
func (s *shopper) messages(d event.Date, care float64) {
	r := s.r
	for _, m := range s.cal.sends[s.cal.index(d)] {
		at, via := s.cal.opening(r, d), s.p.contact
		source := mini
		switch via {
		case "不打扰", "电话":
			via = ""
		case "APP推送":
			source = app
		case "邮件":
			source = web
		}
		opened := !s.closed && via != "" && r.chance(s.a.opens*care)
		if opened {
			s.add("message_opened", at, via, text("campaign", m.campaign), text("channel", via))
			at += event.Time(r.between(5, 90)) * second
		}
		if m.coupon && (opened && r.chance(.6) || r.chance(s.a.coupon*.7*care)) {
			c := one(r, offers)
			if s.a.taste < 0 { // with small baskets one takes the small ones
				c = one(r, offers[:2])
			}
			if strings.HasSuffix(m.campaign, "会员日") {
				c = coupon{name: "会员日减15", off: 1500, above: 9900}
			}
			c.until = d + 30
			s.receive(at, c, m.campaign, source)
			at += event.Time(r.between(5, 60)) * second
		}
		if opened && r.chance(.4) {
			s.visit(d, at, source, touch{via, "推送", m.campaign, ""})
		}
		if !s.closed && via != "" && r.chance(.0006+.004*(1-care)) {
			if s.closed = s.add("unsubscribed", at+minute, via, text("channel", via)); s.closed {
				s.consent(at+minute, "sms", false)
				s.consent(at+minute, "email", false)
			}
		}
	}
}

// gatherings lets the customer go to what takes place on a day.
func (s *shopper) gatherings(d event.Date, care float64) {
	for _, g := range s.cal.gatherings {
		if d < g.from || d > g.to {
			continue
		}
		p := 0.0
		switch g.kind {
		case "展会":
			p = .006
			if s.p.company != "" {
				p = .12
			}
			if s.p.city.name == g.city {
				p *= 4
			}
		case "经销商会":
			if s.p.company != "" {
				p = .25
			}
		case "会议":
			if p = .004; s.level >= 2 {
				p = .07
			}
		}
		if !s.r.chance(p * care) {
			continue
		}
		at := s.cal.opening(s.r, d)
		s.add("qr_scanned", at, mini, text("campaign", g.title), text("scene", g.kind))
		s.add("event_attended", at+minute, hall, text("city", g.city), text("kind", g.kind), text("title", g.title))
		if s.p.company != "" && s.r.chance(.45) {
			s.form(at + event.Time(s.r.between(5, 90))*minute)
		}
	}
}

// business is what buyers of firms do besides: they ask.
func (s *shopper) business(d event.Date, care float64) {
	if s.p.company != "" && s.r.chance(.018*care) {
		s.form(s.cal.opening(s.r, d))
	}
}

func (s *shopper) form(at event.Time) {
	s.add("form_submitted", at, web, text("channel", web), text("form", one(s.r, []string{"咨询表单", "下载手册", "请求联系销售"})), text("topic", s.shop.categories[s.likes[0]].name))
}
