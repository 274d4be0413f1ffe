package tag

import (
	"strings"
	"sync"

	"tagma/library"
	"tagma/rule"
)

// gates remembers conditions that were checked against one revision of the library, by their texts.
type gates struct {
	mu       sync.Mutex
	revision uint64
	byText   map[string]gate
}

// maxGates is how many conditions are remembered. A shop asks a few dozen, over and over.
const maxGates = 1024

func (s *gates) get(text string, revision uint64) (gate, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.revision != revision {
		return gate{}, false
	}
	g, ok := s.byText[text]
	return g, ok
}

func (s *gates) put(text string, revision uint64, g gate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.revision != revision || s.byText == nil || len(s.byText) >= maxGates {
		s.revision, s.byText = revision, map[string]gate{}
	}
	s.byText[text] = g
}

// publishedRef is the tag or segment of a key of a published value: tag:KEY, number:KEY, segment:KEY.
func publishedRef(key string) library.Ref {
	kind, name, _ := strings.Cut(key, ":")
	if kind == "segment" {
		return library.Ref{Kind: library.KindSegment, Key: name}
	}
	return library.Ref{Kind: library.KindTag, Key: name}
}

func isNumberKey(key string) bool { return strings.HasPrefix(key, "number:") }

// mayHold says that an expression is a condition, or a value that may be true.
func mayHold(x *rule.Expr) bool {
	q := Query{Rule: &rule.Rule{Expr: x}}
	return q.CanBeCondition()
}
