package gen

import (
	"fmt"

	"tagma/event"
)

const skus = 20_000

// product is one article of the shop.
type product struct {
	brand, category int
	cents           int64
}

// catalogue is what the shop sells.
type catalogue struct {
	products   []product
	pick       alias   // of all products
	byCategory [][]int // products, most wanted first
}

func newCatalogue(seed uint64) catalogue {
	brands, categories := len(Brands()), len(Categories())
	byBrand, byCategory := newAlias(zipf(brands, 0.8)), newAlias(zipf(categories, 0.9))
	c := catalogue{products: make([]product, skus), byCategory: make([][]int, categories), pick: newAlias(zipf(skus, 0.7))}
	for i := range c.products {
		d := newDraw(seed, forCatalogue, uint64(i))
		p := product{brand: byBrand.draw(&d), category: byCategory.draw(&d)}
		if i < categories {
			p.category = i // none is empty
		}
		// From some yuan to some thousands, most below two hundred, as prices are written: .90 .00 .50 .99
		u := d.unit()
		yuan := 9 + int64(190*u*u) + int64(4000*u*u*u*u*u*u*u*u)
		p.cents = yuan*100 + [...]int64{90, 0, 50, 99}[d.below(4)]
		c.products[i] = p
		c.byCategory[p.category] = append(c.byCategory[p.category], i)
	}
	return c
}

// texts are the ready properties and how often each occurs.
type texts struct {
	category, brand, sku, page, channel, coupon, term, campaign, referrer   []event.Property
	pickPage, pickChannel, pickCoupon, pickTerm, pickCampaign, pickReferrer alias
}

func newTexts() texts {
	ids := make([]string, skus)
	for i := range ids {
		ids[i] = fmt.Sprintf("SKU%05d", i)
	}
	t := texts{
		category: properties("category", Categories()),
		brand:    properties("brand", Brands()),
		sku:      properties("sku", ids),
		page:     properties("page", Pages()),
		channel:  properties("channel", Channels()),
		coupon:   properties("coupon", Coupons()),
		term:     properties("context.campaign.term", Terms()),
		campaign: properties("context.campaign.source", Campaigns()),
		referrer: properties("referrer", Referrers()),
	}
	t.pickPage = newAlias(zipf(len(t.page), 1))
	t.pickChannel = newAlias(zipf(len(t.channel), 1))
	t.pickCoupon = newAlias(zipf(len(t.coupon), 0.8))
	t.pickTerm = newAlias(zipf(len(t.term), 0.8))
	t.pickCampaign = newAlias(zipf(len(t.campaign), 0.6))
	t.pickReferrer = newAlias(zipf(len(t.referrer), 1))
	return t
}
