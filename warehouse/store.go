// Package warehouse keeps the whole history of events, traits and identifiers, and gives it back block by
// block: for 256 neighbouring profiles, the rows of the wanted names in order of time, column by column.
//
// The history is a view of the event log with a memory of its own: each batch carries the log offset up to
// which it goes, and both are written together, so that a replay after a crash adds nothing twice.
// It knows no rules, no customers and no links: it speaks of profiles.
package warehouse

import (
	"context"

	"tagma/event"
)

// BlockSize is the number of neighbouring profiles that share a block: profile p lies in block p/256.
const BlockSize = 256

// MaxBlocks is the number of neighbouring blocks that can be read together.
const MaxBlocks = 16

// SeriesKind says what the rows of a series are.
type SeriesKind uint8

// A series is all rows of one kind and name, for every profile.
const (
	// Events are what customers did. Columns: the properties, and SourceColumn.
	Events SeriesKind = iota + 1
	// SystemEvents are what Tagma itself records about a customer (message sent, …).
	SystemEvents
	// Traits have rows (effective time, value): one column, ValueColumn, missing where the trait was removed.
	Traits
	// Identifiers of a kind: rows without time, one column, ValueColumn.
	Identifiers
	// Consents have rows (effective time, value) as Traits have: a bool, missing where the consent was removed.
	Consents
)

// Names of the columns that are not properties.
const (
	ValueColumn  = "\x00value"
	SourceColumn = "\x00source"
)

// Batch is a set of records that is written as one, together with Offset.
type Batch struct {
	// Offset is the event log's offset up to which (exclusive) the history goes after the batch. A batch
	// whose offset is not above the store's is already in it and is skipped.
	Offset      uint64
	Profiles    []event.NewProfile
	Identifiers []event.Identifier
	Events      []event.Event
	System      []event.Event
	Traits      []event.Trait
	Consents    []event.Trait // values are bools, or missing
	Seen        []Seen
}

// EachRecord calls f with the records, whom they are about and when they happened: profiles and identifiers have no time,
// and say event.Never; profiles have neither kind nor name.
func (b *Batch) EachRecord(f func(kind SeriesKind, name string, p event.ProfileID, at event.Time)) {
	for _, list := range []struct {
		kind   SeriesKind
		events []event.Event
	}{{Events, b.Events}, {SystemEvents, b.System}} {
		for i := range list.events {
			e := &list.events[i]
			f(list.kind, e.Name, e.Profile, e.Time)
		}
	}
	for _, list := range []struct {
		kind  SeriesKind
		dated []event.Trait
	}{{Traits, b.Traits}, {Consents, b.Consents}} {
		for i := range list.dated {
			t := &list.dated[i]
			f(list.kind, t.Name, t.Profile, t.Time)
		}
	}
	for i := range b.Identifiers {
		f(Identifiers, b.Identifiers[i].Kind, b.Identifiers[i].Profile, event.Never)
	}
	for i := range b.Profiles {
		f(0, "", b.Profiles[i].Profile, event.Never)
	}
}

// Seen remembers that something was taken in, so that it is taken only once: a message id, a row of a file.
type Seen struct {
	Key   SeenKey
	Value []byte // small; a later one replaces it
}

// SeenKey is a source and message as a hash. The partition groups keys that are forgotten together.
type SeenKey struct {
	Partition uint32
	Hash      [16]byte
}

// Store is the history of one workspace. All methods may be called concurrently; Append and Ingest calls
// are serialised inside.
type Store interface {
	// Offset is the event log's offset up to which the history goes.
	Offset() uint64
	// Append writes batches, ascending by offset, as one. It does not wait for the disk: a crash may lose them, and the log
	// replays them.
	Append(ctx context.Context, batches ...*Batch) error
	// Sync makes everything appended so far survive a crash of the machine.
	Sync() error
	// StartLoad begins to stage a bulk load outside the history. Staging again under an id throws away what was staged.
	StartLoad(id string) (Load, error)
	// Ingest puts a finished load into the history, as one, together with offset, and removes its files.
	// A load already ingested, or an offset not above the store's, is skipped.
	Ingest(ctx context.Context, id string, offset uint64) error
	// DropLoads removes staged loads that were never ingested, except those that keep names.
	DropLoads(keep func(id string) bool) error
	// Seen looks keys up, in the order given: a nil value where one was never seen, else its value (never nil).
	Seen(keys []SeenKey) ([][]byte, error)
	// Profile returns what is known of one profile now. It reads memory only.
	Profile(event.ProfileID) Profile
	// Snapshot returns a view that later writes do not change. Close it.
	Snapshot() (Snapshot, error)
	// Checkpoint writes the history as it is now, with the finished loads that are staged, into a new directory on the same
	// disk, which can be opened as a history. Its files never change; where it can they are links, so it costs hardly any
	// room. Until with has returned nothing is appended or ingested: what with looks at goes with this very history, and a
	// load that was finished by then is in the checkpoint. A checkpoint that fails leaves no directory.
	Checkpoint(dir string, with func() error) error
	// Compact merges what was appended, so that reading is fastest and the files smallest.
	Compact(ctx context.Context) error
	// Size is the number of bytes of the history's files.
	Size() (int64, error)
	Close() error
}

// Load stages records. The rows of one profile must be added in order of Arrival; times may be in any order.
// Load is not safe for concurrent use.
type Load interface {
	Profile(event.NewProfile) error
	Identifier(event.Identifier) error
	// Event takes the event over only until it returns: the caller may reuse Props.
	Event(*event.Event) error
	Trait(event.Trait) error
	// Consent stages a consent, whose value is a bool or missing.
	Consent(event.Trait) error
	Seen(Seen) error
	// Bytes is the memory that the load holds; the caller finishes it before that grows too large.
	Bytes() int64
	// Finish writes the files and syncs them. Nothing can be added afterwards.
	Finish(ctx context.Context) error
	// Abort throws the load away. After Finish it does nothing.
	Abort()
}

// Profile is what the history knows of a profile itself.
type Profile struct {
	// Known says that a NewProfile, or any record of it, was written.
	Known bool
	// FirstSeen is the earliest effective time of any of the profile's records that have one (events, system
	// events, traits, consents, NewProfile.Seen); event.Never where there is none yet. Identifiers have no time and do not
	// count.
	FirstSeen event.Time
	// Untimed says that one of the records has no time: the profile exists at every instant.
	Untimed bool
	Entity  event.Entity
	Person  bool
}

// PropertyInfo is a property of a series as met so far.
type PropertyInfo struct {
	Name  string
	Kinds []event.Kind // those that occurred, ascending
}

// SeriesInfo is a series as met so far. Property names of traits, consents and identifiers are not listed; Kinds of
// a trait's or consent's values are under ValueColumn. Of events, what the elements of lists hold is listed as well,
// under the names that Elements gives: such a name has kinds and no column.
type SeriesInfo struct {
	Kind       SeriesKind
	Name       string
	Rows       uint64 // rows written, erased ones included
	Properties []PropertyInfo
}

// Snapshot is the history at one moment.
type Snapshot interface {
	Offset() uint64
	// Profiles is the number of profile numbers given out: ids are below it.
	Profiles() uint32
	// Profile returns what is known of one.
	Profile(event.ProfileID) Profile
	// Series lists what exists, by kind and name.
	Series() []SeriesInfo
	// Dict returns the dictionary of a property's texts; it may be empty, never nil. Dictionaries are shared by
	// all series: a property's texts have the same codes everywhere, so columns of two series can be compared
	// by code.
	Dict(property string) event.Dict
	// Texts returns up to limit texts that occur in a property, for completion.
	Texts(property string, limit int) []string
	// Reader prepares to read the series of a request. Close it. A reader serves one goroutine.
	Reader(Request) (Reader, error)
	Close()
}

// Crowd is what a Snapshot may be as well: it tells of many profiles at once who is a person, of an entity, with a record
// that has no time or one not later than now. The result is that of asking each for its Profile, and much quicker.
type Crowd interface {
	// People sets bit i of into, which is clear, for each profile first+i of them, i below n.
	People(first event.ProfileID, n int, entity event.Entity, now event.Time, into event.Bits)
}

// Request says which rows and columns are wanted.
type Request struct{ Series []SeriesRequest }

// SeriesRequest names a series. One that does not exist reads as empty.
type SeriesRequest struct {
	Kind    SeriesKind
	Name    string
	Columns []string // properties, ValueColumn, SourceColumn
	// Arrivals asks for Table.Arrivals.
	Arrivals bool
	// Rows with From ≤ time < To are wanted. Others may be given as well. Both zero: all rows.
	From, To event.Time
}

// Reader reads blocks. What it fills in is valid until its next call.
type Reader interface {
	// Blocks reads the rows of neighbouring blocks from number first on: of one at least and of most at most, with
	// most from 1 to MaxBlocks. Block.N says how many profiles there are. Calls with ascending numbers are fastest.
	Blocks(first uint32, most int, into *Block) error
	// Profile reads the rows of one profile: a block of one.
	Profile(p event.ProfileID, into *Block) error
	Close()
}

// Block is the rows of neighbouring profiles, a table for each series of the request, in its order.
type Block struct {
	First  event.ProfileID
	N      int // a multiple of BlockSize, or 1; of gathered profiles any number
	Tables []Table
	// Profiles are those of a block that was gathered, N of them; nil where they are First, First+1 and so on.
	Profiles []event.ProfileID
}

// Profile is the profile at a place of the block.
func (b *Block) Profile(i int) event.ProfileID {
	if b.Profiles != nil {
		return b.Profiles[i]
	}
	return b.First + event.ProfileID(i)
}

// Table is the rows of one series: profile by profile, and for each profile in order of time, then arrival.
type Table struct {
	Start    []int32  // rows of profile i are Start[i] … Start[i+1]-1; N+1 entries
	Owner    []uint16 // the profile index of a row
	Times    []event.Time
	Arrivals []uint64 // when asked for
	// Columns has, for each wanted column, one typed column per kind that occurs in these rows (usually one,
	// none when the column is absent). No element is present in two of them.
	Columns [][]event.Column
}

// Rows is the number of rows.
func (t *Table) Rows() int { return len(t.Times) }
