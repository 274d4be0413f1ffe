package oracle

import "tagma/event"

// Outcome is what a node of a rule came to, as far as it says whether a test of it means something: an expression
// that never holds, or is always missing, tests little.
type Outcome uint8

// The outcomes.
const (
	No   Outcome = iota // does not hold, missing, the number 0, an empty list, no event
	Yes                 // holds, or there is something
	None                // no value of its own
)

func outcome(x any) Outcome {
	yes := false
	switch x := x.(type) {
	case event.Value:
		switch x.Kind() {
		case event.BoolKind:
			yes = x.Bool()
		case event.NumberKind:
			yes = x.Number().Sign() != 0
		case event.ListKind:
			yes = len(x.List()) > 0
		default:
			yes = x.Present()
		}
	case anyOf:
		yes = len(x) > 0
	case selection:
		yes = len(x) > 0
	case one:
		yes = x.e != nil
	case elapsed:
		yes = x.ok
	default:
		return None
	}
	if yes {
		return Yes
	}
	return No
}
