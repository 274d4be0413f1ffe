// Package event holds what every part of Tagma speaks of: events, traits and identifiers of customers,
// their values (exact decimals, instants, local days) and the borders of local days. It knows no storage
// and no rules.
package event

// ProfileID numbers a profile: a dense number from 0 on, never reused. Events belong to profiles, and
// profiles are never merged. A customer is a set of profiles and is numbered by its first one, so that
// without links the two are the same number.
type ProfileID uint32

// Event is something a customer did, or that happened to it, at an instant.
type Event struct {
	Profile ProfileID
	Name    string
	Time    Time
	// Arrival is the event's place in the order of arrival of all records of the workspace. It decides
	// between events of the same instant.
	Arrival uint64
	Source  string
	// Props are sorted by name; nested objects are dotted names (context.campaign.term); none is missing.
	Props []Property
}

// Trait is a value of a profile's trait from an instant on. A missing Value removes the trait.
type Trait struct {
	Profile ProfileID
	Name    string
	Time    Time // Always when the source gave none
	Arrival uint64
	Value   Value
}

// Identifier says that a profile is known by a value of a kind, such as user_id or phone.
type Identifier struct {
	Profile ProfileID
	Kind    string
	Value   string
}

// Entity is a kind of thing that carries tags. An identifier kind belongs to one entity, a profile is of the
// entity of its first identifier, and every entity has a universe of its own; all share one numbering of
// profiles, one history and one index. (docs/decisions/0003)
type Entity uint8

// Customer is the entity that everything means when it does not say another.
const Customer Entity = 0

// NewProfile says that a profile came to be.
type NewProfile struct {
	Profile ProfileID
	Entity  Entity
	// Person says that one of its identifiers is of a kind that marks a person, and not only a device.
	Person  bool
	Arrival uint64
	// Seen is the effective time of the record that created the profile: Always when that has none. It counts
	// as a first sight of the profile; Never does not.
	Seen Time
}
