package ingest

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
	"tagma/identity"
)

// Record is what is known of one customer at once: who it is, and what it was and did.
type Record struct {
	// Identifiers are what the customer is called, at least one, each of another kind.
	Identifiers []identity.Key
	// Known says that the customer must be there: the record creates nobody.
	Known  bool
	Traits []Trait
	// Consents are what the customer agreed to, or did not: values are bools.
	Consents []Trait
	Events   []Event
}

// Trait is a value of a trait from an instant on; event.Always when it has no time. A missing Value removes it.
type Trait struct {
	Name  string
	Time  event.Time
	Value event.Value
}

// Event is something the customer did. Props are best sorted by name.
type Event struct {
	Name   string
	Time   event.Time
	Source string // "" is the loader's
	Props  []event.Property
}

// check says what is wrong with a record as such.
func (r *Record) check() error {
	if len(r.Identifiers) == 0 {
		return errs.New(errs.Invalid, "load: a record has no identifier")
	}
	for _, k := range r.Identifiers {
		if wrong := k.Check(); wrong != "" {
			return errs.New(errs.Invalid, "load: %s", wrong)
		}
	}
	wrong := ""
	for i := range r.Traits {
		wrong = cmp.Or(wrong, nameFault(r.Traits[i].Name))
	}
	for i := range r.Consents {
		wrong = cmp.Or(wrong, nameFault(r.Consents[i].Name))
	}
	for i := range r.Events {
		wrong = cmp.Or(wrong, nameFault(r.Events[i].Name))
	}
	if wrong != "" {
		return errs.New(errs.Invalid, "load: a trait, consent or event of %s: %s", r.Identifiers[0], wrong)
	}
	for _, c := range r.Consents {
		if k := c.Value.Kind(); k != event.BoolKind && k != event.Missing {
			return errs.New(errs.Invalid, "load: the consent %s of %s is %s: a consent is true or false", c.Name, r.Identifiers[0], c.Value)
		}
	}
	return nil
}

// Limits of the records that are handed on together, and of what is committed as one.
const (
	packetEvents = 4096
	loadBytes    = 150 << 20
)

// Loader takes typed records in by bulk loads: the demo shop, the bench, a move from another system. It keeps no
// message ids: adding a record twice has it twice. What the schema declares, as it is when the Loader is made, is held
// against every record. A Loader is not safe for concurrent use.
type Loader struct {
	ctx      context.Context
	cancel   context.CancelFunc
	packet   *packet
	packets  chan *packet
	free     chan *packet
	done     chan struct{}
	declared *declarations // nil: none

	mu     sync.Mutex
	err    error
	counts Counts // committed
}

// packet is some records, in memory that is used again.
type packet struct {
	keys     []identity.Key
	known    []bool // by record
	traits   []Trait
	consents []Trait
	events   []Event
	props    []event.Property
	records  []packed
}

// packed is where a record's parts end.
type packed struct{ keys, traits, consents, events int }

// NewLoader starts to load records of a source. End it with Close.
func NewLoader(ctx context.Context, d Deps, source string) (*Loader, error) {
	if source == "" {
		return nil, errs.New(errs.Invalid, "load: the source has no name")
	}
	if err := ensureSource(ctx, d, source); err != nil {
		return nil, err
	}
	declared, err := declaredIn(ctx, d)
	if err != nil {
		return nil, err
	}
	l := &Loader{declared: declared, packet: &packet{}, packets: make(chan *packet, 2), free: make(chan *packet, 4), done: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(ctx)
	go l.work(d, source)
	return l, nil
}

// Add takes a record over: it is copied, texts excepted, so the slices can be used again. An error is that of an
// earlier record; what was committed before it stays.
func (l *Loader) Add(r Record) error {
	if err := r.check(); err != nil {
		return err
	}
	if l.declared != nil {
		if err := l.declared.record(&r); err != nil {
			return err
		}
	}
	p := l.packet
	p.keys = append(p.keys, r.Identifiers...)
	p.known = append(p.known, r.Known)
	p.traits = append(p.traits, r.Traits...)
	p.consents = append(p.consents, r.Consents...)
	for _, e := range r.Events {
		from := len(p.props)
		p.props = append(p.props, e.Props...)
		e.Props = sortProperties(p.props[from:len(p.props):len(p.props)])
		p.events = append(p.events, e)
	}
	p.records = append(p.records, packed{len(p.keys), len(p.traits), len(p.consents), len(p.events)})
	if len(p.events)+len(p.traits)+len(p.consents)+len(p.keys) >= packetEvents {
		return l.send()
	}
	return nil
}

// send hands the packet to the worker.
func (l *Loader) send() error {
	select {
	case l.packets <- l.packet:
	case <-l.ctx.Done():
		return l.failure()
	}
	select {
	case l.packet = <-l.free:
		p := l.packet
		p.keys, p.known, p.traits, p.consents, p.events, p.props, p.records = p.keys[:0], p.known[:0], p.traits[:0], p.consents[:0], p.events[:0], p.props[:0], p.records[:0]
	default:
		l.packet = &packet{}
	}
	return nil
}

func (l *Loader) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	return l.ctx.Err()
}

// Close commits what is left, and returns the numbers of all records committed.
func (l *Loader) Close() (Counts, error) {
	var err error
	if len(l.packet.records) > 0 {
		err = l.send()
	}
	close(l.packets)
	<-l.done
	l.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		err = l.err
	}
	return l.counts, err
}

// work commits packets, as many in one transaction as a load may hold.
func (l *Loader) work(d Deps, source string) {
	defer close(l.done)
	for {
		first, ok := <-l.packets
		if !ok {
			return
		}
		var counts Counts
		err := commit(l.ctx, d, source, func(ctx context.Context, load *load) error {
			p, ok := first, true
			for ok {
				if err := load.packet(ctx, source, p); err != nil {
					return err
				}
				select {
				case l.free <- p:
				default:
				}
				if load.bytes() >= loadBytes {
					break
				}
				select {
				case p, ok = <-l.packets:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			counts = load.counts
			return nil
		})
		l.mu.Lock()
		if err != nil {
			l.err = fmt.Errorf("load: %w", err)
			l.mu.Unlock()
			l.cancel()
			return
		}
		for i, n := range counts.fields() {
			*l.counts.fields()[i] += *n
		}
		l.mu.Unlock()
	}
}

// packet stages the records of a packet.
func (l *load) packet(ctx context.Context, source string, p *packet) error {
	l.requests = l.requests[:0]
	from := 0
	for i, r := range p.records {
		l.requests = append(l.requests, identity.Request{Keys: p.keys[from:r.keys:r.keys], Known: p.known[i]})
		from = r.keys
	}
	answers, err := l.resolve(ctx)
	if err != nil {
		return err
	}
	var out event.Event
	traits, consents, events := 0, 0, 0
	for i, r := range p.records {
		a := &answers[i]
		if err := refused(a, l.requests[i].Keys); err != nil {
			return err
		}
		if err := l.customer(ctx, a, earliestOf(p.traits[traits:r.traits], p.consents[consents:r.consents], p.events[events:r.events])); err != nil {
			return err
		}
		for ; traits < r.traits; traits++ {
			t := &p.traits[traits]
			if err := l.trait(ctx, event.Trait{Profile: a.Profile, Name: t.Name, Time: t.Time, Value: t.Value}); err != nil {
				return err
			}
		}
		for ; consents < r.consents; consents++ {
			c := &p.consents[consents]
			if err := l.consent(ctx, event.Trait{Profile: a.Profile, Name: c.Name, Time: c.Time, Value: c.Value}); err != nil {
				return err
			}
		}
		for ; events < r.events; events++ {
			e := &p.events[events]
			out.Profile, out.Name, out.Time, out.Source, out.Props = a.Profile, e.Name, e.Time, source, e.Props
			if e.Source != "" {
				out.Source = e.Source
			}
			if err := l.event(ctx, &out); err != nil {
				return err
			}
		}
	}
	return nil
}

// refused says why a record cannot be given to a customer.
func refused(a *identity.Resolution, keys []identity.Key) error {
	switch {
	case a.Conflicting():
		return errs.New(errs.Conflict, "a record identifies two customers (%s, %s)", a.Conflict[0], a.Conflict[1])
	case !a.Found:
		return errs.New(errs.NotFound, "there is no customer %s: import the customer's records first", keys[0])
	}
	return nil
}

// earliestOf is the earliest effective time of a record's parts, Always when it has none.
func earliestOf(traits, consents []Trait, events []Event) event.Time {
	first := event.Never
	for _, dated := range [][]Trait{traits, consents} {
		for i := range dated {
			first = min(first, dated[i].Time)
		}
	}
	for i := range events {
		first = min(first, events[i].Time)
	}
	if first == event.Never {
		return event.Always
	}
	return first
}

// ensureSource notes a source when it is a new one.
func ensureSource(ctx context.Context, d Deps, source string) error {
	return d.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error { return addSource(ctx, tx, source, d.Now()) })
}

func addSource(ctx context.Context, tx bun.Tx, source string, now event.Time) error {
	var known bool
	// Not through bun, which would write the name into the text.
	if err := tx.Tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM sources WHERE name = ?)", source).Scan(&known); err != nil || known {
		return err
	}
	n, err := db.NextNumber(ctx, tx, "sources", 1)
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, tx, "INSERT INTO sources (id, name, created_ms) VALUES (?, ?, ?)", int64(n+1), source, int64(now))
	return err
}
