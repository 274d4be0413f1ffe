-- +goose Up

-- Who may sign in. Names are in Unicode's form NFC, without the difference of large and small letters.
CREATE TABLE users (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    role         TEXT NOT NULL, -- viewer, operator, manager, admin
    state        TEXT NOT NULL, -- active, disabled
    password     TEXT NOT NULL, -- $argon2id$v=19$m=…,t=…,p=…$salt$hash
    must_change  INTEGER NOT NULL,
    created_ms   INTEGER NOT NULL,
    signed_in_ms INTEGER        -- NULL: never
) STRICT;

-- A session is known by the SHA-256 of its secret; the secret is in the browser alone.
CREATE TABLE sessions (
    id         INTEGER PRIMARY KEY,
    secret     BLOB NOT NULL UNIQUE,
    user       INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_ms INTEGER NOT NULL,
    used_ms    INTEGER NOT NULL,
    ip         TEXT NOT NULL,
    user_agent TEXT NOT NULL
) STRICT;

CREATE INDEX sessions_of_user ON sessions (user);

-- Wrong passwords of the last day. The name is not kept as it was typed, since people type passwords there.
CREATE TABLE sign_in_failures (
    id      INTEGER PRIMARY KEY,
    at_ms   INTEGER NOT NULL,
    subject BLOB NOT NULL,    -- SHA-256 of the name and the address
    user    INTEGER REFERENCES users (id) ON DELETE CASCADE, -- NULL: nobody has that name
    address TEXT NOT NULL
) STRICT;

CREATE INDEX sign_in_failures_subject ON sign_in_failures (subject, at_ms);
CREATE INDEX sign_in_failures_address ON sign_in_failures (address, at_ms);
CREATE INDEX sign_in_failures_user ON sign_in_failures (user, at_ms) WHERE user IS NOT NULL;
CREATE INDEX sign_in_failures_at ON sign_in_failures (at_ms);

CREATE TABLE tokens (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    owner      INTEGER REFERENCES users (id) ON DELETE SET NULL, -- whose role bounds it; NULL: made on this machine
    made_by    TEXT NOT NULL,
    secret     BLOB NOT NULL UNIQUE, -- SHA-256
    hint       TEXT NOT NULL,        -- the last characters of the token
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    used_ms    INTEGER,
    revoked_ms INTEGER
) STRICT;

CREATE UNIQUE INDEX tokens_name ON tokens (name) WHERE revoked_ms IS NULL;
CREATE INDEX tokens_owner ON tokens (owner) WHERE owner IS NOT NULL;

-- Write keys are in clear: they stand in web pages and apps for everybody to read, and only allow to send.
CREATE TABLE write_keys (
    id         INTEGER PRIMARY KEY,
    source     INTEGER NOT NULL REFERENCES sources (id),
    key        TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    used_ms    INTEGER,
    revoked_ms INTEGER
) STRICT;

CREATE INDEX write_keys_of_source ON write_keys (source);

-- What was done by whom. Each row's hash covers that of the row before, so that no row can be altered or taken out
-- unseen. What the object was before and after lies in audit_bodies, where it can be cleared without touching a row:
-- the row has a digest of it, made with a salt that goes together with it.
CREATE TABLE audit (
    id          INTEGER PRIMARY KEY, -- 1, 2, 3 …
    at_ms       INTEGER NOT NULL,
    actor_kind  TEXT NOT NULL,
    actor       TEXT NOT NULL,
    ip          TEXT NOT NULL,
    user_agent  TEXT NOT NULL,
    action      TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object      TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    digest      BLOB,                -- NULL: there is neither a before nor an after
    hash        BLOB NOT NULL
) STRICT;

CREATE INDEX audit_of_object ON audit (object_kind, object);
CREATE INDEX audit_of_actor ON audit (actor);
CREATE INDEX audit_at ON audit (at_ms);

CREATE TABLE audit_bodies (
    audit       INTEGER PRIMARY KEY REFERENCES audit (id),
    salt        BLOB,
    before_json TEXT,
    after_json  TEXT,
    cleared_ms  INTEGER -- when salt, before and after were cleared
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'rows of audit are never changed');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_remains BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'rows of audit are never deleted');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_bodies_stay BEFORE UPDATE ON audit_bodies
WHEN NEW.salt IS NOT NULL OR NEW.before_json IS NOT NULL OR NEW.after_json IS NOT NULL OR NEW.cleared_ms IS NULL OR NEW.audit <> OLD.audit BEGIN
    SELECT RAISE(ABORT, 'rows of audit_bodies are cleared or left alone');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_bodies_remain BEFORE DELETE ON audit_bodies BEGIN
    SELECT RAISE(ABORT, 'rows of audit_bodies are never deleted');
END;
-- +goose StatementEnd
