// Package stream has the two logs, the event log and the change log, and the readers that follow them.
//
// A log is a row of records without gaps. Records are numbered from 0 on (their offset) and are stored in
// entries: an entry of Count records has the offsets First … First+Count-1. An entry is written in the
// transaction of whatever made it, so it is in the log exactly when that is true, and offsets have no holes.
// What the records are, only those who write and read them know: a payload is bytes.
//
// A reader is at an offset, its position: all records below it are behind it. See Reader and Runner.
package stream

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

// MaxPayload is the largest payload of an entry, in bytes. It keeps within what one SQLite row may hold.
const MaxPayload = 256 << 20

// maxEntries bounds a batch of entries that are small.
const maxEntries = 4096

// Entry is a block of records that were written as one.
type Entry struct {
	First uint64     // the offset of the first record; given by Append
	Count uint64     // the number of records, at least 1
	At    event.Time // when it was accepted; never less than the entry's before it
	Kind  uint8      // the writer's; opaque here
	// Live says that it happened just now; otherwise it was loaded as history, and reactions leave it alone.
	Live bool
	// Payload is the writer's. Its first byte is the version of its encoding.
	Payload []byte
	// Records may be what the payload says, as whoever appended it has it in memory. A reader finds it there only where the
	// log still remembers it, and does not change it: others read it too.
	Records any
}

// End is the offset after the entry's last record.
func (e *Entry) End() uint64 { return e.First + e.Count }

// Log is one of the two logs. It remembers what is appended through it, so a process has one for each.
type Log struct {
	db    *db.DB
	table string // also the log's name in table cursors
	trims bool
	tail  tail

	recent recent
}

// EventLog is the log of accepted records: what customers did, were and are called.
func EventLog(d *db.DB) *Log { return &Log{db: d, table: "event_log", trims: true} }

// ChangeLog is the log of changes of tags. It is the history of who carried what and why, and is not trimmed.
func ChangeLog(d *db.DB) *Log { return &Log{db: d, table: "change_log"} }

// String is the log's name.
func (l *Log) String() string { return l.table }

// Append writes an entry at the end of the log, in the caller's transaction, and returns the offset of its
// first record. First is ignored, and an At before the last entry's is raised to that. After the commit the
// caller wakes the readers with Runner.Notify.
func (l *Log) Append(ctx context.Context, tx bun.Tx, e Entry) (first uint64, err error) {
	switch {
	case e.Count == 0 || e.Count > math.MaxInt64:
		return 0, fmt.Errorf("stream: append to %s: an entry of %d records", l, e.Count)
	case len(e.Payload) == 0:
		return 0, fmt.Errorf("stream: append to %s: the payload has no version byte", l)
	case len(e.Payload) > MaxPayload:
		return 0, fmt.Errorf("stream: append to %s: a payload of %d bytes, at most %d are possible", l, len(e.Payload), MaxPayload)
	}
	first, last, err := l.end(ctx, tx)
	if err != nil {
		return 0, err
	}
	_, err = db.ExecOften(ctx, tx, "INSERT INTO "+l.table+" (first, count, at_ms, kind, live, payload) VALUES (?, ?, ?, ?, ?, ?)",
		int64(first), int64(e.Count), int64(max(e.At, last)), int64(e.Kind), e.Live, e.Payload)
	if err != nil {
		return 0, fmt.Errorf("stream: append to %s: %w", l, err)
	}
	e.First, e.At = first, max(e.At, last)
	db.AfterCommit(ctx, func() {
		l.tail.grow(&e)
		l.recent.add(e)
	})
	db.InDoubt(ctx, l.tail.doubt)
	return first, nil
}

// End returns the offset that the next record will get. Inside a write transaction that is certain.
func (l *Log) End(ctx context.Context, idb bun.IDB) (uint64, error) {
	end, _, err := l.end(ctx, idb)
	return end, err
}

// committed is the end of what is committed, from memory but for the first time. It may be behind for as long as a commit
// takes to be noted, which is before anybody is notified of it.
func (l *Log) committed(ctx context.Context) (end uint64, err error) {
	if err := l.tail.look(ctx, l); err != nil {
		return 0, err
	}
	return l.tail.last(), nil
}

// end also returns the last entry's time.
func (l *Log) end(ctx context.Context, idb bun.IDB) (end uint64, last event.Time, err error) {
	// Trim always leaves the last entry, so the end is never forgotten.
	question := "SELECT first + count, at_ms FROM " + l.table + " ORDER BY first DESC LIMIT 1"
	if tx, ok := idb.(bun.Tx); ok {
		err = db.TxQueryRow(ctx, tx, question, nil, &end, &last)
	} else {
		err = idb.QueryRowContext(ctx, question).Scan(&end, &last)
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, event.Always, nil
	case err != nil:
		return 0, 0, fmt.Errorf("stream: find the end of %s: %w", l, err)
	}
	return end, last, nil
}

// Read returns committed entries in order, beginning with the one that holds the record at from, until their
// payloads come to maxBytes; at least one, when there is one. At the end of the log there are none.
//
// When the log was trimmed beyond from the error is a Conflict: what follows would have a gap before it.
func (l *Log) Read(ctx context.Context, from uint64, maxBytes int) ([]Entry, error) {
	return l.read(ctx, from, math.MaxInt64, maxBytes)
}

// read is Read for the entries that end at or before to.
func (l *Log) read(ctx context.Context, from, to uint64, maxBytes int) (entries []Entry, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("stream: read %s from %d: %w", l, from, err)
		}
	}()
	from, to = min(from, math.MaxInt64), min(to, math.MaxInt64)
	if entries, ok := l.recent.read(from, to, maxBytes); ok {
		return entries, nil
	}
	rows, err := l.db.Read().QueryContext(ctx, "SELECT first, count, at_ms, kind, live, payload FROM "+l.table+
		" WHERE first >= COALESCE((SELECT MAX(first) FROM "+l.table+" WHERE first <= ?), 0) AND first < ? AND first + count > ? AND first + count <= ? ORDER BY first LIMIT ?",
		from, to, from, to, maxEntries)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for bytes := 0; (bytes < maxBytes || len(entries) == 0) && rows.Next(); {
		var e Entry
		if err := rows.Scan(&e.First, &e.Count, &e.At, &e.Kind, &e.Live, &e.Payload); err != nil {
			return nil, err
		}
		switch n := len(entries); {
		case n == 0 && e.First > from:
			return nil, errs.New(errs.Conflict, "the log begins at %d, what was before it has been trimmed", e.First)
		case n > 0 && e.First != entries[n-1].End():
			return nil, fmt.Errorf("the records %d to %d are missing", entries[n-1].End(), e.First-1)
		}
		entries = append(entries, e)
		bytes += len(e.Payload)
	}
	return entries, rows.Err()
}
