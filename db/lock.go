package db

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"tagma/errs"
	"tagma/event"
)

// LockName is the name of the lock file inside the data directory.
const LockName = "lock"

// Holder is the process that holds a data directory. It is what the lock file says, as JSON.
type Holder struct {
	PID   int        `json:"pid"`
	Since event.Time `json:"since_ms"`
	// Address is where a serving process can be reached, empty when it does not serve.
	Address string `json:"address,omitempty"`
}

// Lock is the right to use a data directory, for one process at a time. The system ends it together with
// the process, however that ends.
type Lock struct {
	file   *os.File
	holder Holder
}

// LockDir takes the lock of a data directory at the instant now. Take it before Open.
//
// When another process holds it the error is Busy and names it. A directory that does not exist is NotFound.
func LockDir(dir string, now event.Time) (*Lock, error) {
	path := filepath.Join(dir, LockName)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o644)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errs.New(errs.NotFound, "there is no data directory %s (%w)", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("db: lock %s: %w", dir, err)
	}
	if err := seize(file); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = inUse(dir, file)
		} else {
			err = fmt.Errorf("db: lock %s: %w", dir, err)
		}
		return nil, errors.Join(err, file.Close())
	}
	l := &Lock{file: file, holder: Holder{PID: os.Getpid(), Since: now}}
	if err := l.write(); err != nil {
		return nil, errors.Join(fmt.Errorf("db: lock %s: %w", dir, err), file.Close())
	}
	return l, nil
}

// seize takes the file's lock. It tries a few times, because ReadLock may hold it for an instant.
func seize(file *os.File) (err error) {
	for range 25 {
		if err = flock(file, syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		time.Sleep(2 * time.Millisecond)
	}
	return err
}

func flock(file *os.File, how int) error {
	for {
		if err := syscall.Flock(int(file.Fd()), how); err != syscall.EINTR {
			return err
		}
	}
}

func inUse(dir string, file *os.File) error {
	h, err := decodeHolder(file)
	if err != nil || h.PID == 0 { // it is just starting or ending
		return errs.New(errs.Busy, "the data directory %s is in use by another process: try again when that has ended", dir)
	}
	serving := ""
	if h.Address != "" {
		serving = ", which serves at " + h.Address
	}
	return errs.New(errs.Busy, "the data directory %s is in use by process %d%s, since %s: try again when that has ended", dir, h.PID, serving, h.Since)
}

func (l *Lock) write() error {
	text, err := json.Marshal(l.holder)
	if err != nil {
		return err
	}
	// Written first and cut off after, so that one who reads in between still finds a whole text in front.
	if _, err := l.file.WriteAt(append(text, '\n'), 0); err != nil {
		return err
	}
	return l.file.Truncate(int64(len(text)) + 1)
}

// SetAddress notes where this process can be reached, for other commands on the same directory.
func (l *Lock) SetAddress(address string) error {
	l.holder.Address = address
	if err := l.write(); err != nil {
		return fmt.Errorf("db: note the address in %s: %w", l.file.Name(), err)
	}
	return nil
}

// Unlock gives the directory free. Call it after Close.
func (l *Lock) Unlock() error {
	// The file stays: removing it would let two processes hold two files of the same name.
	if err := errors.Join(l.file.Truncate(0), l.file.Close()); err != nil {
		return fmt.Errorf("db: unlock %s: %w", l.file.Name(), err)
	}
	return nil
}

// ReadLock returns who holds a data directory, and false when nobody does.
func ReadLock(dir string) (Holder, bool, error) {
	file, err := os.Open(filepath.Join(dir, LockName))
	if errors.Is(err, os.ErrNotExist) {
		return Holder{}, false, nil
	}
	if err != nil {
		return Holder{}, false, fmt.Errorf("db: read the lock of %s: %w", dir, err)
	}
	defer file.Close()
	h, err := decodeHolder(file)
	if err != nil {
		return Holder{}, false, fmt.Errorf("db: read the lock of %s: %w", dir, err)
	}
	if h.PID == 0 {
		return Holder{}, false, nil
	}
	// The text may be that of a process that crashed: the lock itself knows.
	switch err := flock(file, syscall.LOCK_SH|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return h, true, nil
	case err != nil:
		return Holder{}, false, fmt.Errorf("db: read the lock of %s: %w", dir, err)
	}
	return Holder{}, false, nil
}

// decodeHolder reads the lock file; an empty one is the zero Holder.
func decodeHolder(file *os.File) (h Holder, err error) {
	err = json.NewDecoder(io.NewSectionReader(file, 0, 64<<10)).Decode(&h)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return h, err
}
