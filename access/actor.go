package access

import (
	"fmt"
	"strings"
	"unicode"

	"tagma/errs"
	"tagma/event"
)

// ActorKind is what sort of actor it is.
type ActorKind string

// The kinds of actors.
const (
	UserActor   ActorKind = "user"   // a person who signed in
	TokenActor  ActorKind = "token"  // a program with a token
	LocalActor  ActorKind = "local"  // a command on the same machine, with the token of the data directory
	SystemActor ActorKind = "system" // the program itself
	NobodyActor ActorKind = "nobody" // somebody who failed to sign in
)

// Origin is where a request came from.
type Origin struct {
	// IP is the address of the client, without a port. Limits of sign-ins count by it, so behind a proxy it must be the
	// client's and not the proxy's.
	IP        string
	UserAgent string
}

// maxIP and maxAgent bound what is kept of an origin, in bytes.
const (
	maxIP    = 64
	maxAgent = 256
)

// tidy makes the origin fit to be stored.
func (o Origin) tidy() Origin { return Origin{plain(o.IP, maxIP), plain(o.UserAgent, maxAgent)} }

// plain is a text without control characters, cut to a number of bytes.
func plain(text string, most int) string {
	text = strings.ToValidUTF8(text, "�")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// Actor is who asks, and from where. The zero Actor may nothing. Those who may something come from SignIn, BySession,
// ByToken, System and Local.
type Actor struct {
	Kind        ActorKind
	Name        string // of the user or the token
	DisplayName string // of the user
	Role        Role
	// MustChange says that the user has to change the password before anything else: until then the actor may nothing
	// but that.
	MustChange bool
	Origin     Origin
	// SessionEnds is the instant that the session does not outlast, however much it is used; 0 without one.
	SessionEnds event.Time

	user    int64  // the user, or the token's owner; 0 for none
	session digest // of UserActor
}

// System is the program itself, or a part of it that has a name, such as "bootstrap". It may everything.
func System(name string) Actor { return Actor{Kind: SystemActor, Name: name, Role: Admin} }

// Local is somebody who holds the data directory, as a command does that finds no server running. It may everything.
func Local() Actor { return Actor{Kind: LocalActor, Name: "local", Role: Admin} }

// String is how the actor is named in versions of definitions and in the audit: "admin", "token:nightly", "local".
func (a Actor) String() string {
	switch a.Kind {
	case UserActor:
		return a.Name
	case LocalActor, NobodyActor:
		return string(a.Kind)
	case "":
		return string(NobodyActor)
	}
	if a.Name == "" {
		return string(a.Kind)
	}
	return string(a.Kind) + ":" + a.Name
}

// May says whether the actor has a permission now.
func (a Actor) May(p Permission) bool { return !a.MustChange && a.known() && a.Role.May(p) }

// Permissions lists what the actor may do now.
func (a Actor) Permissions() []Permission {
	if a.MustChange || !a.known() {
		return nil
	}
	return a.Role.Permissions()
}

func (a Actor) known() bool { return a.Kind != "" && a.Kind != NobodyActor }

// Require is nil when the actor has a permission. Otherwise it is Forbidden and says what is missing, or Unauthorized
// when nobody knows who asks.
func (a Actor) Require(p Permission) error {
	switch {
	case a.May(p):
		return nil
	case !a.known():
		return failure(errs.Unauthorized, "", "who asks is not known", "sign in, or send a token")
	case a.MustChange:
		return failure(errs.Forbidden, "password", fmt.Sprintf("%s has to change the password first", a), "the present one was given by somebody else")
	}
	hint := "ask an administrator"
	if holders := holders(p); a.Role.Known() {
		hint = "it takes one of the roles " + holders
		if !strings.Contains(holders, ",") {
			hint = "it takes the role " + holders
		}
	}
	return failure(errs.Forbidden, "permission "+string(p), fmt.Sprintf("%s, whose role is %s, may not %s", a, a.Role, allows(p)), hint)
}

func allows(p Permission) string {
	for _, g := range grants {
		if g.Permission == p {
			return g.Allows
		}
	}
	return "do this"
}
