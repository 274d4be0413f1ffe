package gen

import (
	"math"
	"slices"
	"strings"

	"tagma/event"
)

// kind says in compact form which properties a type has.
type kind struct {
	name                                                      string
	product, amount, category, channel, duration, order, page bool
	points, quantity, stars, coupon, campaign, referrer       bool
}

func newKind(t Type) kind {
	has := func(p string) bool { return slices.Contains(t.Properties, p) }
	may := func(p string) bool { return slices.Contains(t.Sparse, p) }
	return kind{
		name: t.Name, product: has("sku"), amount: has("amount"), category: has("category"), channel: has("channel"),
		duration: has("duration"), order: has("order_id"), page: has("page"), points: has("points"),
		quantity: has("quantity"), stars: has("stars"),
		coupon: may("coupon"), campaign: may("context.campaign.term"), referrer: may("referrer"),
	}
}

// groupSize events make a group: neighbours in time among which customers come with one to four events each.
const groupSize = 8

// sessions are the ways in which the events of a group belong together.
var sessions = [16][groupSize]uint8{
	{0, 1, 2, 3, 4, 5, 6, 7}, {0, 0, 1, 2, 3, 4, 5, 6}, {0, 1, 1, 2, 3, 3, 4, 5}, {0, 1, 0, 2, 3, 4, 4, 5},
	{0, 1, 2, 2, 2, 3, 4, 5}, {0, 1, 2, 3, 1, 4, 5, 6}, {0, 1, 2, 3, 4, 5, 5, 5}, {0, 0, 0, 0, 1, 2, 3, 4},
	{0, 1, 2, 3, 4, 5, 6, 7}, {0, 1, 2, 3, 3, 4, 5, 6}, {0, 1, 1, 1, 2, 3, 4, 4}, {0, 0, 1, 1, 2, 2, 3, 3},
	{0, 1, 2, 3, 4, 4, 5, 6}, {0, 1, 2, 0, 3, 4, 0, 5}, {0, 1, 2, 3, 4, 5, 6, 6}, {0, 1, 2, 2, 3, 4, 4, 4},
}

// maxProperties is more than any event has.
const maxProperties = 12

// maker makes events one after another, each into the same place.
type maker struct {
	w     *World
	e     event.Event
	props [maxProperties]event.Property

	// Texts that are unique to an order are cut from one text for many, which costs no allocation each.
	orders strings.Builder
}

func (w *World) maker() *maker {
	m := &maker{w: w}
	m.e.Source = "bench"
	return m
}

// day returns the day, from 0, that event i happens on.
func (w *World) day(i int) int {
	d := i * Days / w.Events // a first guess: the days differ in weight
	for d > 0 && w.upTo[d] > i {
		d--
	}
	for w.upTo[d+1] <= i {
		d++
	}
	return d
}

// head returns the number of the first event of i's session.
func (w *World) head(i int) int {
	g := i / groupSize
	way := &sessions[mix(uint64(g)*golden+w.seed)&15]
	for j := range way {
		if way[j] == way[i%groupSize] {
			return g*groupSize + j
		}
	}
	return i
}

// time returns the instant of event i; it never falls with i. Some events share the instant of the one before.
func (w *World) time(i, head int) event.Time {
	d := newDraw(w.seed, forEvent, uint64(i))
	jitter := d.unit()
	if i > head && w.head(i-1) == head && d.below(16) == 0 {
		return w.time(i-1, head)
	}
	n := w.day(i)
	x := (float64(i-w.upTo[n]) + jitter) / float64(w.upTo[n+1]-w.upTo[n]) * clockSteps
	k := min(int(x), clockSteps-1)
	ms := w.clock[k] + int64((x-float64(k))*float64(w.clock[k+1]-w.clock[k]))
	return event.Time(w.starts[n] + min(ms, w.starts[n+1]-w.starts[n]-1))
}

// who returns the customer of the session that begins with event head, and the draw that goes on from there.
func (w *World) who(head int) event.ProfileID {
	d := newDraw(w.seed, forSession, uint64(head))
	day := w.day(head)
	// The density falls with rank^-0.6: the first of a million has 0.4 % of the events.
	u := d.unit()
	rank := uint64(u * u * math.Sqrt(u) * float64(w.Customers))
	if w.active(rank, day) {
		return w.customerOf(rank)
	}
	// What a customer who is not there would have done goes evenly to the others.
	rank = uint64(d.below(w.Customers))
	for !w.active(rank, day) {
		rank++
		if rank == uint64(w.Customers) {
			rank = 0
		}
	}
	return w.customerOf(rank)
}

// make makes event i. What it returns is overwritten by the next call, its texts are not.
func (m *maker) make(i int) *event.Event {
	w := m.w
	head := w.head(i)
	d := newDraw(w.seed, forEvent, uint64(i))
	d.next() // the jitter of its time
	d.next() // and whether it has one of its own
	c := w.who(head)
	k := &w.kinds[w.pick.draw(&d)]
	m.e.Profile, m.e.Name, m.e.Time, m.e.Arrival = c, k.name, w.time(i, head), uint64(i)
	ps := m.props[:0]

	var article product
	sku, favourite := 0, w.favourite(c)
	if k.product || k.category || k.amount {
		if d.below(10) < 3 {
			of := w.catalogue.byCategory[favourite]
			u := d.unit()
			sku = of[int(u*u*float64(len(of)))]
		} else {
			sku = w.catalogue.pick.draw(&d)
		}
		article = w.catalogue.products[sku]
	}
	quantity := int64(1)
	if k.quantity {
		if q := d.below(100); q >= 70 {
			quantity = int64(2 + (q-70)*(q-70)/110) // 2…9
		}
	}
	coupon := k.coupon && d.chance(10)

	if k.amount {
		cents := article.cents * quantity
		if coupon {
			cents -= cents / 10
		}
		ps = append(ps, event.Property{Name: "amount", Value: event.Num(event.Scaled(cents, 2))})
	}
	if k.product {
		ps = append(ps, w.texts.brand[article.brand])
	}
	if k.category {
		ps = append(ps, w.texts.category[article.category])
	}
	if k.channel {
		ps = append(ps, w.texts.channel[w.texts.pickChannel.draw(&d)])
	}
	if k.campaign && d.chance(8) {
		ps = append(ps, w.texts.campaign[w.texts.pickCampaign.draw(&d)])
		if d.chance(50) {
			ps = append(ps, w.texts.term[w.texts.pickTerm.draw(&d)])
		}
	}
	if coupon {
		ps = append(ps, w.texts.coupon[w.texts.pickCoupon.draw(&d)])
	}
	if k.duration {
		u := d.unit()
		ps = append(ps, event.Property{Name: "duration", Value: event.Num(event.Int(1 + int64(90*u) + int64(1700*u*u*u*u*u*u*u*u)))})
	}
	if k.order {
		ps = append(ps, event.Property{Name: "order_id", Value: event.Text(m.orderID(head))})
	}
	if k.page {
		ps = append(ps, w.texts.page[w.texts.pickPage.draw(&d)])
	}
	if k.points {
		ps = append(ps, event.Property{Name: "points", Value: event.Num(event.Int(int64(1 + d.below(10)*d.below(10)/4)))})
	}
	if k.quantity {
		ps = append(ps, event.Property{Name: "quantity", Value: event.Num(event.Int(quantity))})
	}
	if k.referrer && d.chance(8) {
		ps = append(ps, w.texts.referrer[w.texts.pickReferrer.draw(&d)])
	}
	if k.product {
		ps = append(ps, w.texts.sku[sku])
	}
	if k.stars {
		ps = append(ps, event.Property{Name: "stars", Value: event.Num(event.Int(5 - int64(d.below(5)*d.below(5)/4)))})
	}
	m.e.Props = ps
	return &m.e
}

const orderWidth = 18

// orderID is unique to a session: the lines of an order share it. O, the local date, nine digits.
func (m *maker) orderID(head int) string {
	if m.orders.Cap()-m.orders.Len() < orderWidth {
		m.orders.Reset()
		m.orders.Grow(orderWidth * 4096)
	}
	at := m.orders.Len()
	y, month, day := (m.w.first + event.Date(m.w.day(head))).Civil()
	var b [orderWidth]byte
	b[0] = 'O'
	digits(b[1:9], y*10000+int(month)*100+day)
	digits(b[9:], head)
	m.orders.Write(b[:])
	return m.orders.String()[at:]
}

func digits(b []byte, n int) {
	for i := len(b) - 1; i >= 0; i, n = i-1, n/10 {
		b[i] = byte('0' + n%10)
	}
}
