package identity

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"tagma/event"
)

// Match is a profile that an identifier was found for.
type Match struct {
	Profile event.ProfileID
	Key     Key
}

// Search finds profiles by the value of an identifier, of any kind: first those whose identifier is the text, then those
// whose identifier begins with it, in order of the value; at most limit, each profile once. A text such as phone:138 asks
// for one kind alone, where there is such a kind. It is a look-up for each kind.
func Search(ctx context.Context, idb bun.IDB, text string, limit int) ([]Match, error) {
	kinds, err := Kinds(ctx, idb)
	if err != nil || text == "" {
		return nil, err
	}
	if name, value, ok := strings.Cut(text, ":"); ok {
		for _, k := range kinds {
			if k.Name == name {
				kinds, text = []Kind{k}, value
				break
			}
		}
	}
	var out []Match
	seen := map[event.ProfileID]bool{}
	find := func(k Kind, where string, args ...any) error {
		rows, err := idb.QueryContext(ctx, "SELECT value, profile FROM identifiers WHERE kind = ? AND "+where+" ORDER BY value LIMIT ?",
			append(append([]any{k.ID}, args...), limit)...)
		if err != nil {
			return fmt.Errorf("identity: search for %s: %w", k.Name, err)
		}
		defer rows.Close()
		for rows.Next() {
			m := Match{Key: Key{Kind: k.Name}}
			if err := rows.Scan(&m.Key.Value, &m.Profile); err != nil {
				return fmt.Errorf("identity: search for %s: %w", k.Name, err)
			}
			if !seen[m.Profile] && len(out) < limit {
				seen[m.Profile] = true
				out = append(out, m)
			}
		}
		return rows.Err()
	}
	for _, k := range kinds {
		if err := find(k, "value = ?", text); err != nil {
			return nil, err
		}
	}
	for _, k := range kinds {
		if len(out) >= limit {
			break
		}
		// Values are compared as bytes: what begins with the text lies between it and the text with the last character
		// that there is.
		if err := find(k, "value > ? AND value < ?", text, text+"\xf4\x8f\xbf\xbf"); err != nil {
			return nil, err
		}
	}
	return out, nil
}
