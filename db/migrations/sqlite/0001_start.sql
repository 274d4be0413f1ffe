-- Times are milliseconds since 1970-01-01 UTC. Numbers of rows are given by the program (table counters).

-- +goose Up

CREATE TABLE workspace (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    next INTEGER NOT NULL -- the next number that is free
) STRICT;

-- The two logs. An entry holds the records first … first+count-1 of its log.
CREATE TABLE event_log (
    first   INTEGER PRIMARY KEY,
    count   INTEGER NOT NULL,
    at_ms   INTEGER NOT NULL,
    kind    INTEGER NOT NULL,
    live    INTEGER NOT NULL,
    payload BLOB NOT NULL
) STRICT;

CREATE TABLE change_log (
    first   INTEGER PRIMARY KEY,
    count   INTEGER NOT NULL,
    at_ms   INTEGER NOT NULL,
    kind    INTEGER NOT NULL,
    live    INTEGER NOT NULL,
    payload BLOB NOT NULL
) STRICT;

-- How far each reader of a log has come. A row holds trimming back for as long as it exists, so the
-- migration that retires a reader deletes its row.
CREATE TABLE cursors (
    reader   TEXT PRIMARY KEY,
    log      TEXT NOT NULL,
    position INTEGER NOT NULL
) STRICT;

CREATE TABLE sources (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE identifier_kinds (
    id       INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    person   INTEGER NOT NULL,
    entity   INTEGER NOT NULL,
    priority INTEGER NOT NULL
) STRICT;

-- Millions of rows. The other direction, from profile to identifiers, is read from the warehouse; a foreign
-- key on kind would cost a look-up a row and guard nothing, since kinds are never deleted.
CREATE TABLE identifiers (
    kind    INTEGER NOT NULL,
    value   TEXT NOT NULL,
    profile INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE definitions (
    id         INTEGER PRIMARY KEY,
    kind       TEXT NOT NULL,
    key        TEXT NOT NULL,
    version    INTEGER NOT NULL,
    state      TEXT NOT NULL,
    body       TEXT NOT NULL, -- JSON
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    UNIQUE (kind, key)
) STRICT;

CREATE TABLE definition_versions (
    definition INTEGER NOT NULL REFERENCES definitions (id),
    version    INTEGER NOT NULL,
    body       TEXT NOT NULL, -- JSON
    at_ms      INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    reason     TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (definition, version)
) STRICT;

CREATE TABLE runs (
    id          INTEGER PRIMARY KEY,
    kind        TEXT NOT NULL,
    as_of_ms    INTEGER NOT NULL,
    started_ms  INTEGER NOT NULL,
    finished_ms INTEGER,
    state       TEXT NOT NULL,
    scope       TEXT NOT NULL DEFAULT '',
    parameters  TEXT NOT NULL DEFAULT '{}', -- JSON
    stats       TEXT NOT NULL DEFAULT '{}', -- JSON
    error       TEXT NOT NULL DEFAULT ''
) STRICT;

-- What the last run of each tag and segment was made of: it tells why the next one changes anything.
CREATE TABLE computed (
    definition INTEGER PRIMARY KEY REFERENCES definitions (id),
    run        INTEGER NOT NULL,
    version    INTEGER NOT NULL, -- of the definition
    closure    TEXT NOT NULL,    -- the versions of all that it refers to
    events     INTEGER NOT NULL, -- the event log's offset that it saw
    as_of_ms   INTEGER NOT NULL
) STRICT;

CREATE TABLE imports (
    id          INTEGER PRIMARY KEY,
    source      TEXT NOT NULL,
    file        TEXT NOT NULL,
    started_ms  INTEGER NOT NULL,
    finished_ms INTEGER,
    state       TEXT NOT NULL,
    report      TEXT NOT NULL DEFAULT '{}' -- JSON
) STRICT;
