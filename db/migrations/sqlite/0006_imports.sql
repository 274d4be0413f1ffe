-- +goose Up

-- Who imported; '' where nobody was noted.
ALTER TABLE imports ADD COLUMN actor TEXT NOT NULL DEFAULT '';
-- What the files that came in one request have in common: its number; '' for files of a command.
ALTER TABLE imports ADD COLUMN upload TEXT NOT NULL DEFAULT '';
-- Why the file was not taken in to its end.
ALTER TABLE imports ADD COLUMN problem TEXT NOT NULL DEFAULT '';
