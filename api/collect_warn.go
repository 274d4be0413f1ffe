package api

import (
	"context"
	"fmt"

	"tagma/event"
	"tagma/identity"
)

// remark is something to know about messages that were taken all the same. Of each sort there is one in an answer.
type remark struct {
	Location string `json:"location"` // of the first such message
	Message  string `json:"message"`
	Count    int    `json:"count"` // such messages
}

// remarks are gathered while the messages of a request are taken.
type remarks struct {
	ahead, unlinked *remark
	both            []bothIDs
}

// bothIDs are the two identifiers of a message that says who somebody is.
type bothIDs struct {
	user, device identity.Key
	location     string
}

// muchAhead is by how much a message must be of the future to be remarked, in milliseconds: clocks are never equal.
const muchAhead = 60_000

// note remarks what can be seen of a message that will be taken. The keys are its identifiers.
func (r *remarks) note(m *message, location string, keys []identity.Key, ahead event.Time) {
	if ahead > muchAhead {
		if r.ahead == nil {
			field := "timestamp"
			if m.original.there() {
				field = "originalTimestamp"
			}
			r.ahead = &remark{Location: below(location, field),
				Message: "it is said to happen in the future: it was taken as happening when it arrived; send sentAt, by the same clock, and the time between counts"}
		}
		r.ahead.Count++
	}
	if m.kind == "identify" && len(keys) == 2 {
		r.both = append(r.both, bothIDs{keys[0], keys[1], below(location, "anonymousId")})
	}
}

// below is a field's place below a message's, which is "" where the message is the body.
func below(location, field string) string {
	if location == "" {
		return field
	}
	return location + "." + field
}

// link remarks devices that belong to another customer than the user that they were named with. Call it when the
// messages are taken.
func (r *remarks) link(ctx context.Context, s *Server) error {
	for _, b := range r.both {
		user, known, err := identity.LookupOften(ctx, s.w.DB, b.user)
		if err != nil {
			return err
		}
		device, there, err := identity.LookupOften(ctx, s.w.DB, b.device)
		if err != nil {
			return err
		}
		if !known || !there || user == device {
			continue
		}
		if r.unlinked == nil {
			r.unlinked = &remark{Location: b.location, Message: fmt.Sprintf("the anonymousId %s belongs to another customer than the userId %s: they stay two, since linking customers is not available yet; this was taken for the userId", b.device.Value, b.user.Value)}
		}
		r.unlinked.Count++
	}
	return nil
}

// list gives what there is.
func (r *remarks) list() (out []remark) {
	for _, one := range []*remark{r.unlinked, r.ahead} {
		if one != nil {
			out = append(out, *one)
		}
	}
	return out
}
