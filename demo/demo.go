// Package demo makes up a shop: 拾光生活, a lifestyle retailer with a website, a mini-program, an app, stores and
// exhibitions, its customers and a year of what they did. It gives the shop's tag definitions and prints the
// report of `tagma demo`. Everything follows from a seed and a last day: nothing is read from outside.
package demo

import (
	_ "embed"

	"tagma/errs"
	"tagma/event"
)

// ShopName is what the demo shop is called.
const ShopName = "拾光生活"

// DefaultCustomers is the size of the demo shop.
const DefaultCustomers = 20_000

//go:embed tags.yaml
var tags []byte

// Definitions returns the demo's definitions file: schema, measures, categories, tags and segments. Its name
// in messages is demo/tags.yaml. The caller may change the copy.
func Definitions() []byte { return append([]byte(nil), tags...) }

// Options say which shop to make.
type Options struct {
	Customers int         // how many; below 1 is refused
	End       event.Date  // the last day of the year that is made
	Hour      int         // events of the last day are before this local hour, 1…24; 0 means 24
	Zone      *event.Zone // the shop's zone
	Seed      uint64      // the same options give the same records; customer i of a seed is the same in every size of shop
}

// Identifier is a kind and value by which a customer is known.
type Identifier struct{ Kind, Value string }

// Record is one customer. Profile and Arrival of its traits, consents and events are not set. Identifiers start with
// the user_id; Traits, Consents and Events are in order of time, and the properties of events are sorted by name.
// Every trait is timed, so that the shop can be looked at as of an earlier day.
type Record struct {
	Identifiers []Identifier
	Traits      []event.Trait
	Consents    []event.Trait
	Events      []event.Event

	archetype string
}

// Generate makes the shop and gives its customers to emit, in order of their user_id. The slices of a record
// are reused: they may be read only until emit returns. An error of emit ends the work and is returned.
//
// Events reach from a year before the end of o.End to it, but for the registrations of older customers,
// which lie up to four years back. Time and memory: about a second for 20,000 customers, one customer at a time.
func Generate(o Options, emit func(Record) error) error {
	var faults []errs.Fault
	if o.Customers < 1 {
		faults = append(faults, errs.Fault{Place: "customers", Message: "a shop needs at least one customer"})
	}
	if o.Zone == nil {
		faults = append(faults, errs.Fault{Place: "zone", Message: "a time zone is needed"})
	}
	if o.Hour < 0 || o.Hour > 24 {
		faults = append(faults, errs.Fault{Place: "hour", Message: "the hour of the last day must be 1…24, or 0 for the whole day"})
	}
	if len(faults) > 0 {
		return errs.Faulty("demo", faults)
	}
	s := &shopper{cal: newCalendar(o), shop: newCatalog(), seed: o.Seed}
	for i := 1; i <= o.Customers; i++ {
		if err := emit(s.customer(i)); err != nil {
			return err
		}
	}
	return nil
}
