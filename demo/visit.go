package demo

import (
	"math"

	"tagma/event"
)

const second, minute = event.Time(1000), event.Time(60_000)

// arrive makes the first touch and the registration, and returns the registration's instant. Of customers
// older than the year that is made, the registration alone is kept.
func (s *shopper) arrive() event.Time {
	s.first = s.firstTouch()
	source, scene := s.online(), ""
	switch s.first.source {
	case "百度SEM":
		source = web
	case "公众号", "朋友推荐":
		source = mini
	case "门店扫码":
		source, scene = mini, "门店"
	case "展会二维码":
		source, scene = mini, "展会"
	}
	at := s.cal.moment(s.r, s.joined, s.night)
	if scene != "" {
		at = s.cal.opening(s.r, s.joined)
	}
	if at >= s.cal.cut { // of the last day, only what is before the cut
		start := s.cal.zone.Start(s.joined)
		at = start + event.Time(s.r.Float64()*float64(s.cal.cut-start))
	}
	switch {
	case s.joined < s.cal.first:
	case scene != "":
		s.addFrom(s.first, "qr_scanned", at, mini, text("campaign", s.first.name), text("scene", scene))
		at += event.Time(s.r.between(30, 300)) * second
	default:
		at = s.visit(s.joined, at, source, s.first)
	}
	return s.register(min(at, s.cal.cut-1), source)
}

func (s *shopper) register(at event.Time, source string) event.Time {
	how := "手机号"
	if source == mini {
		how = "微信授权"
	}
	s.addFrom(s.first, "registered", at, source, text("channel", source), text("method", how))
	if s.joined >= s.cal.first && s.r.chance(.7) {
		s.receive(at+20*second, coupon{name: "新人立减20", off: 2000, above: 9900, until: s.joined + 30}, "新人礼", source)
	}
	return at
}

var touchTable = weights(19, 16, 15, 13, 3, 9, 11, 14)

func (s *shopper) firstTouch() touch {
	r := s.r
	for _, g := range s.cal.gatherings {
		if g.kind == "展会" && s.joined >= g.from && s.joined <= g.to && r.chance(.6) {
			return touch{"展会二维码", "线下活动", g.title, ""}
		}
	}
	if s.p.company != "" && r.chance(.4) {
		return touch{"展会二维码", "线下活动", "展会名片回访", ""}
	}
	like := s.shop.categories[s.likes[0]]
	switch touchTable.draw(r) {
	case 0:
		return touch{"百度SEM", "cpc", "SEM-" + like.name, one(r, like.keywords) + one(r, []string{"", "推荐", "品牌排行", "哪个牌子好", "价格"})}
	case 1:
		return touch{"抖音", one(r, []string{"短视频", "直播"}), one(r, []string{"达人种草", "周五直播间", "开箱挑战"}), ""}
	case 2:
		return touch{"小红书", "笔记", one(r, []string{"生活灵感", "好物测评", "租房改造"}), ""}
	case 3:
		return touch{"公众号", "推文", one(r, []string{"每周好物", "会员专享", "节气生活"}), ""}
	case 4:
		return touch{"展会二维码", "线下活动", "展会名片回访", ""}
	case 5:
		if s.p.city.store != "" {
			return touch{"门店扫码", "线下门店", s.p.city.store, ""}
		}
		return touch{"公众号", "推文", "每周好物", ""}
	case 6:
		return touch{"朋友推荐", "裂变", "老带新有礼", ""}
	}
	return touch{} // came by itself
}

// pick draws a product as the customer's taste has it.
func (s *shopper) pick() *product {
	best := s.pickOne()
	for n := s.a.taste; n > 0; n-- {
		if p := s.pickOne(); p.price > best.price {
			best = p
		}
	}
	for n := s.a.taste; n < 0; n++ {
		if p := s.pickOne(); p.price < best.price {
			best = p
		}
	}
	return best
}

func (s *shopper) pickOne() *product {
	k, brand := 0, -1
	switch x := s.r.Float64(); {
	case x < .5:
		k, brand = s.likes[0], s.brand[0]
	case x < .72:
		k, brand = s.likes[1], s.brand[1]
	case x < .84:
		k, brand = s.likes[2], s.brand[2]
	default:
		k = s.shop.likes[0].draw(s.r)
	}
	c := &s.shop.categories[k]
	if brand >= 0 && s.r.chance(.6) {
		return &c.products[one(s.r, c.ofBrand[brand])]
	}
	return &c.products[c.popular.draw(s.r)]
}

// visit is a visit online from an instant on; it returns its end. A campaign marks its first event.
func (s *shopper) visit(d event.Date, at event.Time, source string, from touch) event.Time {
	r, a := s.r, s.a
	step := func(least, most int) { at += event.Time(r.between(least*1000, most*1000)) }
	known := len(s.events) > 0 // and not here for the first time
	if source == app && known && r.chance(.6) {
		s.add("app_login", at, app)
		step(2, 10)
	}
	if s.member && known && r.chance(a.signs) {
		s.add("sign_in", at, source, text("channel", source), count("points", 5))
		s.points += 5
		step(3, 15)
	}
	if r.chance(.24) {
		words := s.shop.categories[s.likes[0]].keywords
		if r.chance(.35) {
			words = s.shop.categories[s.shop.likes[0].draw(r)].keywords
		}
		s.addFrom(from, "search", at, source, text("channel", source), text("keyword", one(r, words)))
		from = touch{}
		step(5, 30)
	}
	promotion := s.cal.promotion[s.cal.index(d)]
	var wanted *product
	inCart := false
	for range 1 + r.few(a.looks-1, 14) {
		p := s.pick()
		stay := int64(min(420, 6+28*r.spread(.8)))
		s.addFrom(from, "view", at, source, text("brand", p.brand), text("category", p.category), text("channel", source),
			count("duration_s", stay), yuan("price", p.price), text("sku", p.sku))
		from = touch{}
		at += event.Time(stay) * second
		if wanted == nil || r.chance(.3) && !inCart {
			wanted = p
		}
		if r.chance(.035 * a.social) {
			s.add("favorite", at, source, text("brand", p.brand), text("category", p.category), yuan("price", p.price), text("sku", p.sku))
			step(1, 6)
		}
		if !inCart && a.buy > 0 && r.chance(.06+a.buy*.35) {
			wanted, inCart = p, true
			s.add("add_to_cart", at, source, text("brand", p.brand), text("category", p.category), text("channel", source), yuan("price", p.price),
				count("quantity", 1), text("sku", p.sku))
			step(2, 20)
		}
		if r.chance(.007 * a.social) {
			s.add("share", at, source, text("category", p.category), text("channel", one(r, []string{"微信好友", "朋友圈", "小红书"})), text("sku", p.sku))
			step(3, 20)
		}
		step(1, 12)
	}
	buy := a.buy * (1 + a.promo*promotion)
	if inCart {
		buy *= 1.6
	}
	if d == s.joined {
		buy *= .5 // who comes for the first time looks first
	}
	if r.chance(buy) {
		step(15, 120)
		s.order(d, at, source, wanted, promotion)
	}
	return at + event.Time(r.between(10, 60))*second
}

// visitStore is a visit to the store of the customer's city.
func (s *shopper) visitStore(d event.Date) {
	if s.p.city.store == "" {
		return
	}
	at := s.cal.opening(s.r, d)
	if s.r.chance(.4) {
		s.add("qr_scanned", at, mini, text("campaign", s.p.city.store), text("scene", "门店"))
		at += event.Time(s.r.between(3, 25)) * minute
	}
	if s.a.buy > 0 && s.r.chance(math.Min(.8, s.a.buy*2.5+.1)) {
		s.order(d, at, store, s.pick(), s.cal.promotion[s.cal.index(d)]/2)
	}
}
