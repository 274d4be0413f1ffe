-- +goose Up

-- What people decided by hand about a customer's tag, and what files brought: rows are only added, and the latest one
-- counts. Which rows hold at an instant is told by package tag.
CREATE TABLE assignments (
    id         INTEGER PRIMARY KEY,      -- the order in which they were made
    definition INTEGER NOT NULL,         -- the tag
    customer   INTEGER NOT NULL,
    action     TEXT NOT NULL,            -- set, remove: it has the value, or has it not; release: no longer by hand
    kind       TEXT NOT NULL DEFAULT '', -- of the value; '' where none is named
    value      TEXT NOT NULL DEFAULT '',
    at_ms      INTEGER NOT NULL,         -- it holds from this instant on
    until_ms   INTEGER,                  -- and before this one; NULL for no end
    cause      TEXT NOT NULL,            -- manual, import
    reason     TEXT NOT NULL DEFAULT '',
    actor      TEXT NOT NULL DEFAULT '',
    made_ms    INTEGER NOT NULL          -- by the machine's clock
) STRICT;

CREATE INDEX assignments_of_tag ON assignments (definition, customer);
CREATE INDEX assignments_of_customer ON assignments (customer);
CREATE INDEX assignments_end ON assignments (until_ms) WHERE until_ms IS NOT NULL;

-- The last row of assignments that a run saw.
ALTER TABLE computed ADD COLUMN assigned INTEGER NOT NULL DEFAULT 0;
