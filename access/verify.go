package access

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tagma/event"
)

// AuditCheck is what VerifyAudit found.
type AuditCheck struct {
	Rows    uint64 // that are in order, from the first on
	Cleared uint64 // of these, whose before and after were cleared
	// Head is the hash of the last row in order, in hex. Who notes it elsewhere can tell later that all rows up to
	// there are still the same: whoever can write to the database could make all hashes anew.
	Head string
	// Broken is the first row that was altered or is missing; 0 when all are in order. Why says what is wrong with it.
	Broken uint64
	Why    string
}

// VerifyAudit reads the whole audit and finds the first row that was altered, taken out or put in, or whose before and
// after are not what they were. 100,000 rows take a second or two.
func (a *Access) VerifyAudit(ctx context.Context) (check AuditCheck, err error) {
	err = a.db.Read().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		check, err = verifyAudit(ctx, tx)
		return err
	})
	if err != nil {
		return AuditCheck{}, fmt.Errorf("access: verify the audit: %w", err)
	}
	return check, nil
}

func verifyAudit(ctx context.Context, tx bun.Tx) (check AuditCheck, err error) {
	var given uint64 // how many numbers of rows were given out
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE((SELECT next FROM counters WHERE name = ?), 0)", auditCounter).Scan(&given); err != nil {
		return check, err
	}
	rows, err := tx.QueryContext(ctx, "SELECT "+auditColumns+", a.hash, b.audit IS NOT NULL, b.salt, b.before_json, b.after_json, COALESCE(b.cleared_ms, 0) FROM audit AS a LEFT JOIN audit_bodies AS b ON b.audit = a.id ORDER BY a.id")
	if err != nil {
		return check, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var previous []byte
	for rows.Next() {
		var r AuditRow
		var hash []byte
		var b bodies
		if err := rows.Scan(append(r.columns(), &hash, &b.there, &b.salt, &b.before, &b.after, &b.cleared)...); err != nil {
			return check, err
		}
		why := ""
		switch {
		case r.ID != check.Rows+1:
			why = "it is missing"
		case !bytes.Equal(hash, r.hash(previous)):
			why = "it is not what was written, or does not follow the row before"
		default:
			why = b.wrong(r)
		}
		if why != "" {
			check.Broken, check.Why = check.Rows+1, why
			return check, nil
		}
		previous = append(previous[:0], hash...)
		check.Rows, check.Head = r.ID, hex.EncodeToString(hash)
		if b.cleared != 0 {
			check.Cleared++
		}
	}
	if err := rows.Err(); err != nil {
		return check, err
	}
	if check.Rows != given {
		check.Broken, check.Why = check.Rows+1, fmt.Sprintf("it is missing: %d rows were written", given)
	}
	return check, nil
}

// bodies are what lies beside a row.
type bodies struct {
	there         bool
	salt          []byte
	before, after sql.NullString
	cleared       event.Time
}

// wrong says what is wrong with them, "" when nothing is.
func (b bodies) wrong(r AuditRow) string {
	switch {
	case b.there != r.HasBodies():
		if b.there {
			return "it has got a before or an after that was not written with it"
		}
		return "its before and after are missing"
	case !b.there:
		return ""
	case b.cleared != 0:
		if b.before.Valid || b.after.Valid {
			return "its before and after were put back after they were cleared"
		}
		return ""
	case !bytes.Equal(r.digest, bodyDigest(b.salt, b.before, b.after)):
		return "its before or after is not what was written"
	}
	return ""
}
