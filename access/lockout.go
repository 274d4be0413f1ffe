package access

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

// Limits of failed sign-ins. What is refused because of them is not a failure, so nobody can hold a lock-out up by
// going on trying.
const (
	// nameFailures within nameWindow lock a name out from an address, for nameLock after the last of them.
	nameFailures = 5
	nameWindow   = 15 * minute
	nameLock     = 15 * minute
	// From addressFailures within addressWindow on, whatever the names, each locks the address: for addressLock at first,
	// twice as long each time, at most maxAddressLock. It is slower because many people may share an address.
	addressFailures = 20
	addressWindow   = day
	addressLock     = minute
	maxAddressLock  = hour
)

// lockout is the error of a sign-in that is refused because of the failures before it.
type lockout struct {
	until   event.Time
	message string
}

func (l *lockout) Error() string { return l.message }

// LockedUntil returns the instant from which on another sign-in is taken, when err is one that was refused because of
// too many failures. Such an error is of the kind errs.Limited.
func LockedUntil(err error) (until event.Time, ok bool) {
	if l := (*lockout)(nil); errors.As(err, &l) {
		return l.until, true
	}
	return 0, false
}

func locked(who string, until, now event.Time) error {
	minutes := (until - now + minute - 1) / minute
	unit := "minutes"
	if minutes == 1 {
		unit = "minute"
	}
	message := fmt.Sprintf("too many failed sign-ins %s: try again after %s, in %d %s, or ask an administrator", who, until, minutes, unit)
	return &errs.Error{Kind: errs.Limited, Cause: &lockout{until, message}}
}

// address is what the limits count by: an IPv4 address, or the network that an IPv6 address is in, since whoever has
// one has them all.
func (o Origin) address() string {
	ip, err := netip.ParseAddr(o.IP)
	if err != nil {
		return plain(o.IP, maxIP)
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	network, err := ip.Prefix(64)
	if err != nil {
		return ip.String()
	}
	return network.String()
}

// subjectOf is a name, as it was typed or as it is stored, together with an address.
func subjectOf(name, address string) []byte {
	sum := sha256.Sum256([]byte(name + "\x00" + address))
	return sum[:]
}

// checkLimits is a Limited error when a name or an address is locked out.
func checkLimits(ctx context.Context, idb bun.IDB, subject []byte, address string, now event.Time) error {
	until, err := nameLockedUntil(ctx, idb, subject)
	if err != nil {
		return err
	}
	if now < until {
		return locked("with this name from this address", until, now)
	}
	if until, err = addressLockedUntil(ctx, idb, address); err != nil {
		return err
	}
	if now < until {
		return locked("from this address", until, now)
	}
	return nil
}

// nameLockedUntil is the end of the last lock-out of a name and an address; 0 when there was none lately.
func nameLockedUntil(ctx context.Context, idb bun.IDB, subject []byte) (event.Time, error) {
	var n int
	var first, last sql.NullInt64
	row := idb.QueryRowContext(ctx, "SELECT COUNT(*), MIN(at_ms), MAX(at_ms) FROM (SELECT at_ms FROM sign_in_failures WHERE subject = ? ORDER BY at_ms DESC LIMIT ?)", subject, nameFailures)
	if err := row.Scan(&n, &first, &last); err != nil {
		return 0, fmt.Errorf("access: count failed sign-ins of a name: %w", err)
	}
	return nameLockEnd(n, event.Time(first.Int64), event.Time(last.Int64)), nil
}

// nameLockEnd tells the end of a lock-out by the last failures, at most nameFailures of them.
func nameLockEnd(n int, first, last event.Time) event.Time {
	if n < nameFailures || last-first >= nameWindow {
		return 0
	}
	return last + nameLock
}

// addressLockedUntil is the end of the last lock-out of an address; 0 when there was none lately.
func addressLockedUntil(ctx context.Context, idb bun.IDB, address string) (event.Time, error) {
	var n int
	var last sql.NullInt64
	row := idb.QueryRowContext(ctx, `SELECT COUNT(*), MAX(at_ms) FROM sign_in_failures WHERE address = ?
		AND at_ms > (SELECT MAX(at_ms) FROM sign_in_failures WHERE address = ?) - ?`, address, address, int64(addressWindow))
	if err := row.Scan(&n, &last); err != nil {
		return 0, fmt.Errorf("access: count failed sign-ins of an address: %w", err)
	}
	if n < addressFailures {
		return 0, nil
	}
	lock := addressLock
	for i := addressFailures; i < n && lock < maxAddressLock; i++ {
		lock *= 2
	}
	return event.Time(last.Int64) + min(lock, maxAddressLock), nil
}

// noteFailure counts a failed sign-in. user is 0 when nobody has the name.
func noteFailure(ctx context.Context, tx bun.Tx, subject []byte, user int64, address string, now event.Time) error {
	var of any
	if user != 0 {
		of = user
	}
	if _, err := db.Exec(ctx, tx, "INSERT INTO sign_in_failures (at_ms, subject, user, address) VALUES (?, ?, ?, ?)", int64(now), subject, of, address); err != nil {
		return err
	}
	return forgetFailures(ctx, tx, now)
}

// clearFailures ends a lock-out of a name and an address. The address is relieved of these failures too, but only of
// these: else whoever has a name of his own could guess those of others for ever.
func clearFailures(ctx context.Context, tx bun.Tx, subject []byte) error {
	_, err := db.Exec(ctx, tx, "DELETE FROM sign_in_failures WHERE subject = ?", subject)
	return err
}

// forgetFailures removes those that count no more.
func forgetFailures(ctx context.Context, tx bun.Tx, now event.Time) error {
	_, err := db.Exec(ctx, tx, "DELETE FROM sign_in_failures WHERE at_ms <= ?", int64(now-addressWindow))
	return err
}

// lockedUsers are the users who are locked out from some address now, by their numbers, with the end of it.
func lockedUsers(ctx context.Context, idb bun.IDB, now event.Time) (_ map[int64]event.Time, err error) {
	rows, err := idb.QueryContext(ctx, "SELECT user, subject, at_ms FROM sign_in_failures WHERE user IS NOT NULL AND at_ms > ? ORDER BY subject, at_ms", int64(now-nameLock-nameWindow))
	if err != nil {
		return nil, fmt.Errorf("access: find who is locked out: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out := map[int64]event.Time{}
	var of string
	var last []event.Time // of one subject
	for rows.Next() {
		var user int64
		var subject []byte
		var at event.Time
		if err := rows.Scan(&user, &subject, &at); err != nil {
			return nil, fmt.Errorf("access: find who is locked out: %w", err)
		}
		if string(subject) != of {
			of, last = string(subject), last[:0]
		}
		last = append(last, at)
		last = last[max(0, len(last)-nameFailures):]
		if until := nameLockEnd(len(last), last[0], at); now < until {
			out[user] = max(out[user], until)
		}
	}
	return out, rows.Err()
}

// Unlock ends every lock-out of a user. It takes the permission Users.
func (a *Access) Unlock(ctx context.Context, by Actor, name string) error {
	if err := by.Require(Users); err != nil {
		return err
	}
	return within("unlock a user", a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		acc, err := accountNamed(ctx, tx, name)
		if err != nil {
			return err
		}
		if _, err := db.Exec(ctx, tx, "DELETE FROM sign_in_failures WHERE user = ?", acc.id); err != nil {
			return err
		}
		return a.note(ctx, tx, by, "user.unlock", "user", acc.Name, nil, nil)
	}))
}

// UnlockAddress ends every lock-out of an address, that of single names included. It takes the permission Users.
func (a *Access) UnlockAddress(ctx context.Context, by Actor, address string) error {
	if err := by.Require(Users); err != nil {
		return err
	}
	if _, err := netip.ParseAddr(address); err != nil {
		return failure(errs.Invalid, "address", fmt.Sprintf("%q is no address", plain(address, maxIP)), "an address is written like 192.0.2.7 or 2001:db8::7")
	}
	address = Origin{IP: address}.address()
	return within("unlock an address", a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := db.Exec(ctx, tx, "DELETE FROM sign_in_failures WHERE address = ?", address); err != nil {
			return err
		}
		return a.note(ctx, tx, by, "address.unlock", "address", address, nil, nil)
	}))
}
