package identity

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/event"
)

// Kind is a kind of identifier, such as user_id or phone.
type Kind struct {
	ID     int64
	Name   string
	Entity event.Entity
	// Person says that it marks a person and not only a device: customers without such an identifier are not in
	// the universe.
	Person bool
	// Priority orders kinds, 1 first: which identifier a customer is shown by, and whom a row is about when its
	// identifiers disagree.
	Priority int
}

// defaults are the kinds that every workspace has from its beginning, in order of priority.
var defaults = []Kind{
	{Name: "user_id", Person: true},
	{Name: "phone", Person: true},
	{Name: "email", Person: true},
	{Name: "wecom", Person: true},
	{Name: "unionid", Person: true},
	{Name: "openid", Person: true},
	{Name: "anonymous_id"},
	{Name: "device_id"},
}

// DefaultKinds are the kinds that every workspace has from its beginning, in order of priority.
func DefaultKinds() []Kind {
	kinds := make([]Kind, len(defaults))
	for i, k := range defaults {
		kinds[i] = k
		kinds[i].ID, kinds[i].Priority = int64(i+1), i+1
	}
	return kinds
}

// Kinds returns the workspace's kinds of identifiers in order of priority; the default ones before the first
// identifier was taken in.
func Kinds(ctx context.Context, idb bun.IDB) ([]Kind, error) {
	rows, err := idb.QueryContext(ctx, "SELECT id, name, person, entity, priority FROM identifier_kinds ORDER BY priority, id")
	if err != nil {
		return nil, fmt.Errorf("identity: read the kinds of identifiers: %w", err)
	}
	defer rows.Close()
	var kinds []Kind
	for rows.Next() {
		var k Kind
		if err := rows.Scan(&k.ID, &k.Name, &k.Person, &k.Entity, &k.Priority); err != nil {
			return nil, fmt.Errorf("identity: read the kinds of identifiers: %w", err)
		}
		kinds = append(kinds, k)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("identity: read the kinds of identifiers: %w", err)
	}
	if len(kinds) == 0 {
		kinds = DefaultKinds()
	}
	return kinds, nil
}

// insertKinds stores kinds that are not stored yet.
func insertKinds(ctx context.Context, tx bun.Tx, kinds []Kind) error {
	for _, k := range kinds {
		_, err := db.Exec(ctx, tx, "INSERT INTO identifier_kinds (id, name, person, entity, priority) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
			k.ID, k.Name, k.Person, int64(k.Entity), k.Priority)
		if err != nil {
			return fmt.Errorf("identity: store the kind %s: %w", k.Name, err)
		}
	}
	return nil
}
