-- +goose Up

-- Who asked for the run; '' where nobody did: it was time, or the tags that are decided live were decided anew.
ALTER TABLE runs ADD COLUMN actor TEXT NOT NULL DEFAULT '';
