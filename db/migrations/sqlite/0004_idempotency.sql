-- +goose Up

-- Answers to writes that named an Idempotency-Key, so that a repeated request is answered and not carried out again.
-- They are kept for a day.
CREATE TABLE idempotency (
    id      BLOB PRIMARY KEY, -- SHA-256 of the actor, the route and the key
    request BLOB NOT NULL,    -- SHA-256 of the path and the body
    at_ms   INTEGER NOT NULL,
    status  INTEGER NOT NULL,
    headers TEXT NOT NULL,    -- JSON
    body    BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_at ON idempotency (at_ms);
