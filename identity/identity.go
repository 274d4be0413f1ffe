// Package identity knows who is who: which profile an identifier such as user_id:17850 belongs to. It finds
// profiles, creates them, and adds identifiers to them. It never merges two: linking profiles into one customer
// is not its business yet, and it says so by reporting a conflict.
package identity

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"unicode"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/event"
)

// MaxValue is the largest identifier, in bytes.
const MaxValue = 512

// Key is an identifier: a kind and a value, exactly as given.
type Key struct{ Kind, Value string }

// String is how people write it: user_id:17850.
func (k Key) String() string { return k.Kind + ":" + k.Value }

// Check says what is wrong with a key, "" when nothing is.
func (k Key) Check() string {
	switch {
	case k.Kind == "":
		return "an identifier has no kind"
	case k.Value == "":
		return fmt.Sprintf("the identifier %s is empty", k.Kind)
	case len(k.Value) > MaxValue:
		return fmt.Sprintf("the identifier %s has %d bytes, at most %d are possible", k.Kind, len(k.Value), MaxValue)
	case strings.ContainsFunc(k.Value, unicode.IsControl):
		return fmt.Sprintf("the identifier %s has a control character in it, such as a line break or a tab", k.Kind)
	}
	return ""
}

// Lookup returns the profile that an identifier belongs to, false when it is not known.
func Lookup(ctx context.Context, idb bun.IDB, k Key) (p event.ProfileID, ok bool, err error) {
	row := idb.QueryRowContext(ctx, "SELECT i.profile FROM identifiers AS i JOIN identifier_kinds AS k ON k.id = i.kind WHERE k.name = ? AND i.value = ?", k.Kind, k.Value)
	switch err := row.Scan(&p); {
	case errors.Is(err, sql.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("identity: look up %s: %w", k, err)
	}
	return p, true, nil
}

// LookupOften is Lookup for a program that asks for very many, one at a time. It sees what is committed.
func LookupOften(ctx context.Context, d *db.DB, k Key) (p event.ProfileID, ok bool, err error) {
	const question = "SELECT i.profile FROM identifiers AS i JOIN identifier_kinds AS k ON k.id = i.kind WHERE k.name = ? AND i.value = ?"
	switch err := d.QueryRow(ctx, question, []any{k.Kind, k.Value}, &p); {
	case errors.Is(err, sql.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("identity: look up %s: %w", k, err)
	}
	return p, true, nil
}

// Resolver finds and creates profiles. It remembers what it found, in bounded memory. It may be used by several
// goroutines; its sessions follow one another, as write transactions do.
type Resolver struct {
	mu    sync.Mutex
	cache *cache
	kinds map[string]Kind
	asked bool // whether the table is empty
	// open are the sessions that are not closed. While there is another one, what that committed may not be remembered yet.
	open    int
	warming bool // Warm is at work, and nothing has gone wrong meanwhile
	warmed  bool // Warm has done what it can
}

// NewResolver returns a resolver for one database.
func NewResolver() *Resolver { return &Resolver{cache: newCache(generation)} }

// Request asks for the profile of one customer.
type Request struct {
	// Keys are what the customer is called here, at least one, each of another kind. Check them before.
	Keys []Key
	// Known says not to create a profile.
	Known bool
}

// Resolution is the answer to a Request.
type Resolution struct {
	// Found says that there is a profile; it is always so unless Request.Known was set.
	Found   bool
	Profile event.ProfileID
	// New says that it was created just now.
	New    bool
	Entity event.Entity
	// Person says that one of the request's keys marks a person.
	Person bool
	// Becomes says that an older profile got a key that marks a person, and perhaps had none before.
	Becomes bool
	// Added are the keys that became the profile's just now.
	Added []Key
	// Conflict are two keys of different profiles, when there are such; Profile is then that of the first, the
	// one of higher priority, and nothing was added.
	Conflict [2]Key
}

// Conflicting says that the keys belong to different profiles.
func (r *Resolution) Conflicting() bool { return r.Conflict[0].Kind != "" }

// Session is a resolver at work in one write transaction. It is not safe for concurrent use.
type Session struct {
	r       *Resolver
	tx      bun.Tx
	pending map[cacheKey]event.ProfileID // made in this transaction
	order   []cacheKey
	stored  int    // how many of order are in the database
	kinds   []Kind // never heard of before
	// unstored are kinds that there are and that the database does not have yet.
	unstored []Kind
	first    uint64 // the first profile number that was free at the start
	next     uint64

	isPerson func(event.ProfileID) bool
	persons  map[event.ProfileID]bool // those that became a person in this transaction

	alone   bool // no other session was open when this one began
	missing []cacheKey
	found   map[cacheKey]event.ProfileID
	wanted  []want
}

// want is a key of a request, in Resolve.
type want struct {
	key     cacheKey
	profile event.ProfileID
	ok      bool
}

// Begin starts to resolve in a write transaction, or in one for reading where Flush is never called. End the session with Close. isPerson says whether a profile of an
// earlier transaction has an identifier that marks a person.
func (r *Resolver) Begin(ctx context.Context, tx bun.Tx, isPerson func(event.ProfileID) bool) (*Session, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kinds == nil {
		kinds, err := Kinds(ctx, tx)
		if err != nil {
			return nil, err
		}
		r.kinds = map[string]Kind{}
		for _, k := range kinds {
			r.kinds[k.Name] = k
		}
	}
	var unstored []Kind
	if !r.asked {
		some := false
		if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM identifiers)").Scan(&some); err != nil {
			return nil, fmt.Errorf("identity: look for identifiers: %w", err)
		}
		r.asked = true
		if !some {
			r.cache.complete = true
			for _, k := range r.kinds { // nothing is stored, so perhaps not even the default kinds
				unstored = append(unstored, k)
			}
		}
	}
	next, err := db.NextNumber(ctx, tx, "profiles", 0)
	if err != nil {
		return nil, err
	}
	r.open++
	return &Session{r: r, tx: tx, unstored: unstored, alone: r.open == 1, isPerson: isPerson, persons: map[event.ProfileID]bool{}, pending: map[cacheKey]event.ProfileID{},
		found: map[cacheKey]event.ProfileID{}, first: next, next: next}, nil
}

// kind returns a kind; one that was never heard of is added as one that marks a person, last in priority.
func (s *Session) kind(name string) Kind {
	if k, ok := s.r.kinds[name]; ok {
		return k
	}
	for _, k := range s.kinds {
		if k.Name == name {
			return k
		}
	}
	k := Kind{Name: name, Person: true}
	for _, known := range s.r.kinds {
		k.ID, k.Priority = max(k.ID, known.ID), max(k.Priority, known.Priority)
	}
	for _, known := range s.kinds {
		k.ID, k.Priority = max(k.ID, known.ID), max(k.Priority, known.Priority)
	}
	k.ID++
	k.Priority++
	s.kinds = append(s.kinds, k)
	return k
}

// Resolve answers requests in order: a later one finds what an earlier one created. The answers are put into
// out, which has the requests' length. What it creates is written by Flush.
//
// A request none of whose keys is known creates a profile that has them all; where some are known, and to one
// profile, the others become that profile's.
func (s *Session) Resolve(ctx context.Context, requests []Request, out []Resolution) error {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.wanted, s.missing = s.wanted[:0], s.missing[:0]
	var last Key
	var lastKind Kind
	for _, q := range requests {
		for _, k := range q.Keys {
			if k.Kind != lastKind.Name {
				lastKind = s.kind(k.Kind)
			}
			if k == last { // neighbouring rows are often about the same customer
				s.wanted = append(s.wanted, s.wanted[len(s.wanted)-1])
				continue
			}
			w := want{key: cacheKey{lastKind.ID, k.Value}}
			if w.profile, w.ok = s.r.cache.get(w.key); !w.ok {
				if w.profile, w.ok = s.pending[w.key]; !w.ok && !(s.r.cache.complete && s.alone) {
					s.missing = append(s.missing, w.key)
				}
			}
			s.wanted = append(s.wanted, w)
			last = k
		}
	}
	if err := s.load(ctx); err != nil {
		return err
	}
	wanted := s.wanted
	for i := range requests {
		n := len(requests[i].Keys)
		if err := s.decide(&requests[i], wanted[:n], &out[i]); err != nil {
			return err
		}
		wanted = wanted[n:]
	}
	return nil
}

// lookupStep is how many identifiers one statement asks for or stores.
const lookupStep = 400

// load looks up what the memory does not have.
func (s *Session) load(ctx context.Context) error {
	clear(s.found)
	if len(s.missing) == 0 {
		return nil
	}
	sort.Slice(s.missing, func(i, j int) bool { return less(s.missing[i], s.missing[j]) })
	for from := 0; from < len(s.missing); {
		kind, to := s.missing[from].kind, from
		args := []any{kind}
		for to < len(s.missing) && s.missing[to].kind == kind && len(args) <= lookupStep {
			if to == from || s.missing[to] != s.missing[to-1] {
				args = append(args, s.missing[to].value)
			}
			to++
		}
		if err := s.lookup(ctx, args); err != nil {
			return fmt.Errorf("identity: look up identifiers: %w", err)
		}
		from = to
	}
	return nil
}

func less(a, b cacheKey) bool {
	if a.kind != b.kind {
		return a.kind < b.kind
	}
	return a.value < b.value
}

// lookup asks for the values of one kind: args are the kind and the values.
func (s *Session) lookup(ctx context.Context, args []any) error {
	query := "SELECT value, profile FROM identifiers WHERE kind = ? AND value IN (?" + strings.Repeat(", ?", len(args)-2) + ")"
	// Not through bun, which would write the values into the text.
	rows, err := s.tx.Tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		k := cacheKey{kind: args[0].(int64)}
		var p event.ProfileID
		if err := rows.Scan(&k.value, &p); err != nil {
			return err
		}
		s.found[k] = p
		s.r.cache.put(k, p)
	}
	return rows.Err()
}

// decide answers one request. Keys that mark a person decide whom it is about. A device says so only where no such
// key is known, and not when its profile is a person already and the request names another: people share devices, and
// a profile once written to cannot be told apart again.
func (s *Session) decide(q *Request, wanted []want, out *Resolution) error {
	*out = Resolution{}
	first := -1 // the known key that decides: one of a person if there is any, then by priority
	var best Kind
	for i := range wanted {
		w := &wanted[i]
		if !w.ok {
			if w.profile, w.ok = s.found[w.key]; !w.ok {
				w.profile, w.ok = s.pending[w.key]
			}
		}
		k := s.kind(q.Keys[i].Kind)
		out.Person = out.Person || k.Person
		if w.ok && (first < 0 || k.Person && !best.Person || k.Person == best.Person && k.Priority < best.Priority) {
			first, best = i, k
		}
	}
	if first >= 0 && out.Person && !best.Person && (s.persons[wanted[first].profile] || s.isPerson(wanted[first].profile)) {
		first = -1 // somebody else's device
	}
	if first >= 0 {
		out.Found, out.Profile, out.Entity = true, wanted[first].profile, best.Entity
		for i := range wanted {
			if wanted[i].ok && wanted[i].profile != out.Profile && s.kind(q.Keys[i].Kind).Person == best.Person {
				out.Conflict = [2]Key{q.Keys[first], q.Keys[i]}
				return nil
			}
		}
	}
	if first < 0 && q.Known {
		return nil
	}
	if first < 0 {
		if s.next > 1<<32-1 {
			return errors.New("identity: there are no profile numbers left")
		}
		out.Found, out.New, out.Profile = true, true, event.ProfileID(s.next)
		out.Entity = s.kind(q.Keys[0].Kind).Entity
		s.next++
	}
	out.Becomes = !out.New && out.Person && !best.Person
	if out.Person && (out.New || out.Becomes) {
		s.persons[out.Profile] = true
	}
	for i := range wanted {
		if !wanted[i].ok {
			k := cacheKey{wanted[i].key.kind, strings.Clone(wanted[i].key.value)}
			s.pending[k] = out.Profile
			s.order = append(s.order, k)
			out.Added = append(out.Added, Key{q.Keys[i].Kind, k.value})
		}
	}
	return nil
}

// Flush writes what the session created. Call it before the transaction commits.
func (s *Session) Flush(ctx context.Context) error {
	if n := s.next - s.first; n > 0 {
		if _, err := db.NextNumber(ctx, s.tx, "profiles", n); err != nil {
			return err
		}
		s.first = s.next
	}
	if err := insertKinds(ctx, s.tx, append(s.unstored, s.kinds...)); err != nil {
		return err
	}
	rows := s.order[s.stored:]
	sort.Slice(rows, func(i, j int) bool { return less(rows[i], rows[j]) }) // neighbours share pages
	if err := s.insert(ctx, rows); err != nil {
		return fmt.Errorf("identity: store identifiers: %w", err)
	}
	s.stored = len(s.order)
	return nil
}

// insertSteps are how many identifiers a statement stores: many of a load, few of what is sent now.
var insertSteps = [...]int{lookupStep, 20, 1}

func (s *Session) insert(ctx context.Context, rows []cacheKey) error {
	args := make([]any, 0, 3*min(len(rows), lookupStep))
	for _, step := range insertSteps {
		if len(rows) < step {
			continue
		}
		stmt, err := s.tx.Tx.PrepareContext(ctx, "INSERT INTO identifiers (kind, value, profile) VALUES (?, ?, ?)"+strings.Repeat(", (?, ?, ?)", step-1))
		if err != nil {
			return err
		}
		for ; len(rows) >= step && err == nil; rows = rows[step:] {
			args = args[:0]
			for _, k := range rows[:step] {
				args = append(args, k.kind, k.value, int64(s.pending[k]))
			}
			_, err = stmt.ExecContext(ctx, args...)
		}
		if err = errors.Join(err, stmt.Close()); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the session, after the transaction is over: with committed, what it created is remembered; else it
// never was.
func (s *Session) Close(committed bool) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.r.open--
	if !committed {
		// A commit may report a failure and yet have happened: ask again instead of trusting the memory.
		s.r.asked, s.r.kinds, s.r.warming, s.r.cache.complete = false, nil, false, false
		return
	}
	for _, k := range s.kinds {
		s.r.kinds[k.Name] = k
	}
	for k, p := range s.pending {
		s.r.cache.put(k, p)
	}
}
