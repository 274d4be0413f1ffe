package demo

import "tagma/event"

var (
	refundReasons = []string{"不想要了", "尺码不合适", "与描述不符", "质量问题", "物流太慢"}
	refundTable   = weights(34, 22, 18, 18, 8)
	scoreTable    = weights(2.5, 2.5, 7, 20, 68)
	reviews       = [5][]string{
		{"质量太差了，不会再来", "和图片完全不一样，失望", "客服一直没人理"},
		{"包装破损，体验不好", "用了一周就坏了", "味道有点重"},
		{"一般般，对得起价格", "物流有点慢，东西还行", "颜色和想的不太一样"},
		{"整体不错，会考虑回购", "做工可以，价格再低点就好了", "挺好用的，家人也喜欢"},
		{"非常满意，第二次买了", "质感很好，推荐", "包装用心，送朋友很有面子", "物流很快，客服也耐心", "家里都换成这一家了"},
	}
	complaints = []string{"质量问题", "发货延迟", "客服态度", "售后推诿", "价格保护"}
)

// order makes an order and what follows from it: the coupon, the points, and later a refund, a review or a complaint.
func (s *shopper) order(d event.Date, at event.Time, source string, p *product, promotion float64) {
	if at >= s.cal.cut {
		return
	}
	r, a := s.r, s.a
	pieces := 1 + r.few(a.basket*(.6+promotion), 14)
	if s.p.company != "" && r.chance(.6) {
		pieces *= r.between(6, 30)
	}
	each := p.price - p.price*int64(15*promotion)/100
	ticket := (*coupon)(nil)
	if r.chance(a.coupon) {
		if ticket = s.spend(d, at, each*int64(pieces)); ticket == nil && a.coupon > .5 {
			// Those who live by coupons fill the basket up to one.
			for more := pieces + 1; more <= 2*pieces+1 && ticket == nil; more++ {
				if ticket = s.spend(d, at, each*int64(more)); ticket != nil {
					pieces = more
				}
			}
		}
	}
	if ticket == nil && a.coupon > .8 && r.chance(.6) {
		return
	}
	props := make([]event.Property, 0, 13)
	paid := each * int64(pieces)
	if ticket != nil {
		paid -= ticket.off
	}
	id := s.orderNumber(d)
	props = append(props, yuan("amount", paid), text("brand", p.brand), text("category", p.category), text("channel", source))
	if ticket != nil {
		props = append(props, text("coupon", ticket.name), yuan("discount", ticket.off))
	}
	props = append(props, event.Property{Name: "items", Value: s.basket(p, each, pieces)}, text("order_id", id), text("product", p.name), count("quantity", int64(pieces)), text("sku", p.sku))
	if source == store {
		props = append(props, text("store", s.p.city.store))
	}
	if ticket != nil {
		s.add("coupon_used", at, source, yuan("amount", ticket.off), text("coupon", ticket.name), text("order_id", id))
	}
	s.add("order_paid", at, source, props...)
	s.earn(at, float64(paid)/100)
	s.points += paid / 100
	s.afterwards(d, at, p, id, paid)
}

// basket lists what is in an order's parcel: what was bought, and with every third order a gift.
func (s *shopper) basket(p *product, each int64, pieces int) event.Value {
	item := func(category, sku string, price int64, n int) event.Value {
		return event.Map([]event.Property{text("category", category), yuan("price", price), count("quantity", int64(n)), text("sku", sku)})
	}
	bought := item(p.category, p.sku, each, pieces)
	if s.orders%3 != 0 {
		return event.List(bought)
	}
	return event.List(bought, item("赠品", "GIFT-01", 0, 1))
}

// spend takes the best coupon for an amount out of the customer's hand; nil when none fits.
func (s *shopper) spend(d event.Date, at event.Time, amount int64) *coupon {
	best := -1
	for i, c := range s.coupons {
		if c.since <= at && c.until >= d && amount >= c.above && (best < 0 || c.off > s.coupons[best].off) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	c := s.coupons[best]
	s.coupons = append(s.coupons[:best], s.coupons[best+1:]...)
	return &c
}

// receive puts a coupon into the customer's hand, in place of those that have run out.
func (s *shopper) receive(at event.Time, c coupon, campaign, source string) {
	if !s.add("coupon_received", at, source, yuan("amount", c.off), text("campaign", campaign), text("coupon", c.name)) {
		return
	}
	today, kept := s.cal.zone.Date(at), s.coupons[:0]
	for _, old := range s.coupons {
		if old.until >= today {
			kept = append(kept, old)
		}
	}
	c.since = at
	s.coupons = append(kept, c)
}

func (s *shopper) afterwards(d event.Date, at event.Time, p *product, id string, paid int64) {
	r, a := s.r, s.a
	refund := a.refund
	if p.category == "服饰配件" {
		refund *= 1.8
	}
	annoyed := .004
	if r.chance(refund) {
		back := paid
		if r.chance(.12) {
			back = paid / 2
		}
		reason := refundReasons[refundTable.draw(r)]
		s.add("refund", at+event.Time(r.between(20, 12*24*60))*minute, s.online(), yuan("amount", back), text("category", p.category), text("order_id", id), text("reason", reason))
		if reason == "质量问题" {
			annoyed = .25
		}
	} else if r.chance(.1 * a.social) {
		score := scoreTable.draw(r)
		when := s.cal.moment(r, d+event.Date(r.between(4, 15)), s.night)
		s.add("review", when, s.online(), text("category", p.category), text("order_id", id), count("score", int64(score+1)), text("sku", p.sku), text("text", one(r, reviews[score])))
	}
	if r.chance(annoyed) {
		when := d + event.Date(r.between(1, 9))
		s.add("complaint", s.cal.opening(r, when), s.online(), text("category", p.category), text("product", p.name), text("reason", one(r, complaints)))
		if s.leaves == 0 && r.chance(.3) {
			s.leaves, s.fade = when+3, 8
		}
	}
}
