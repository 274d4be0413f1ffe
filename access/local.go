package access

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"tagma/errs"
)

// LocalTokenName is the name of the file in the data directory that holds the local token.
const LocalTokenName = "local-token"

// localPrefix begins a local token.
const localPrefix = "tgl_"

// localToken is what a serving process knows of its own local token, in memory only.
type localToken struct {
	mu   sync.RWMutex
	hash digest
	on   bool
}

func (l *localToken) is(text string) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	hash := digestOf(text)
	return l.on && l.hash.equal(hash[:])
}

func (l *localToken) set(hash digest, on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hash, l.on = hash, on
}

// StartLocalToken makes the token by which commands on the same machine go through this process, and writes it into the
// data directory, in a file that its owner alone can read. Whoever can read that file could read the database as well,
// so the token may everything. Each start makes a new one. End it with EndLocalToken.
func (a *Access) StartLocalToken() (err error) {
	path := filepath.Join(a.db.Dir(), LocalTokenName)
	defer func() {
		if err != nil {
			err = fmt.Errorf("access: write %s: %w", path, err)
		}
	}()
	file, err := os.CreateTemp(a.db.Dir(), LocalTokenName+"-*") // of mode 0600
	if err != nil {
		return err
	}
	text := localPrefix + newSecret(secretBytes)
	_, err = file.WriteString(text + "\n")
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path) // at once: nobody reads half a token
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	a.local.set(digestOf(text), true)
	return nil
}

// EndLocalToken makes the local token worthless and removes its file.
func (a *Access) EndLocalToken() error {
	a.local.set(digest{}, false)
	path := filepath.Join(a.db.Dir(), LocalTokenName)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("access: remove %s: %w", path, err)
	}
	return nil
}

// ReadLocalToken returns the local token of the process that serves a data directory. It is NotFound when there is none,
// and Forbidden for those who may not read it.
func ReadLocalToken(dir string) (string, error) {
	path := filepath.Join(dir, LocalTokenName)
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", errs.New(errs.NotFound, "there is no local token in %s: nothing serves it (%w)", dir, err)
	case errors.Is(err, fs.ErrPermission):
		return "", errs.New(errs.Forbidden, "%s belongs to another user: run the command as the one who serves the directory (%w)", path, err)
	case err != nil:
		return "", fmt.Errorf("access: read %s: %w", path, err)
	}
	return strings.TrimSpace(string(text)), nil
}
