package tag

import (
	"fmt"

	"tagma/errs"
)

func ruleAt(i int, field string) string { return fmt.Sprintf("rules[%d].%s", i, field) }

// placed returns the faults of an error with their places below another one.
func placed(err error, place string) []errs.Fault {
	var out []errs.Fault
	for _, f := range errs.FaultsOf(err) {
		if f.Place != "" {
			f.Place = place + ":" + f.Place
		} else {
			f.Place = place
		}
		out = append(out, f)
	}
	return out
}
