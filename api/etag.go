package api

import "strings"

// Matching is what edits take: the version that they were made from.
type Matching struct {
	IfMatch string `header:"If-Match" doc:"The version that the edit was made from, in quotes as ETag gives it"`
}

// check is nil when the version named is the present one.
func (m Matching) check(current string) error {
	if m.IfMatch == "" {
		p := newProblem(428, "say which version the edit was made from: send the header If-Match with the ETag")
		p.Current = current
		return p
	}
	for given := range strings.SplitSeq(m.IfMatch, ",") {
		given = strings.TrimPrefix(strings.TrimSpace(given), "W/")
		if given == "*" || strings.Trim(given, `"`) == current {
			return nil
		}
	}
	p := newProblem(412, "somebody else has changed it since: look at the present version "+current+" first")
	p.Current = current
	return p
}

func quoted(version string) string { return `"` + version + `"` }
