package api

import (
	"encoding/base64"
	"strings"
)

// Paging is what lists take: how many, and where to go on.
type Paging struct {
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many at most"`
	After string `query:"after" doc:"The next of the page before"`
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"What to give as after for the next page; absent on the last one"`
	Total *int   `json:"total,omitempty" doc:"How many there are in all"`
}

// answer is an answer with a body alone.
type answer[T any] struct{ Body T }

// nothing is an answer without a body.
type nothing struct{}

// cursor makes an opaque text of where a page ended.
func cursor(parts ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join(parts, "\x00")))
}

// place reads a cursor of n parts; "" for all of them when there is none.
func (p Paging) place(n int) ([]string, error) { return placeIn("query.after", p.After, n) }

func placeIn(location, text string, n int) ([]string, error) {
	if text == "" {
		return make([]string, n), nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	parts := strings.Split(string(b), "\x00")
	if err != nil || len(parts) != n {
		return nil, invalid(location, "this is not the next of a page", "give what the page before had as next")
	}
	return parts, nil
}

// pageOf cuts a list that is in memory, ordered by key, after a key.
func pageOf[T any](list []T, p Paging, key func(T) string) (Page[T], error) {
	at, err := p.place(1)
	if err != nil {
		return Page[T]{}, err
	}
	total := len(list)
	out := Page[T]{Items: []T{}, Total: &total}
	if at[0] != "" {
		from := len(list)
		for i, x := range list {
			if key(x) == at[0] {
				from = i + 1
				break
			}
		}
		list = list[from:]
	}
	if len(list) > p.Limit {
		list = list[:p.Limit]
		out.Next = cursor(key(list[len(list)-1]))
	}
	out.Items = append(out.Items, list...)
	return out, nil
}
