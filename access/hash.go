package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"

	"tagma/errs"
)

// Cost is the work that argon2id takes to hash a password once. It is stored with each hash.
type Cost struct {
	KiB     uint32 // memory
	Passes  uint32 // over the memory
	Threads uint8
}

// DefaultCost takes 32 MiB and, on one core of a server, about a tenth of a second.
func DefaultCost() Cost { return Cost{KiB: 32 << 10, Passes: 3, Threads: 1} }

const (
	saltBytes = 16
	hashBytes = 32
	// hashers is how many passwords are hashed at a time, since each takes memory and a core.
	hashers = 2
	// maxWaiting is how many may wait for that.
	maxWaiting = 64
)

// hasher hashes passwords, a few at a time.
type hasher struct {
	cost    Cost
	slots   chan struct{}
	waiting atomic.Int32
	// nobody is the hash of no password: to check one against it is as much work as against a user's.
	nobody string
}

func newHasher(cost Cost) *hasher {
	random := make([]byte, saltBytes+hashBytes)
	_, _ = rand.Read(random) // see newSecret
	return &hasher{cost: cost, slots: make(chan struct{}, hashers), nobody: writeHash(cost, random[:saltBytes], random[saltBytes:])}
}

// enter waits for a slot. The caller gives it back by calling leave.
func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	if h.waiting.Add(1) > maxWaiting {
		h.waiting.Add(-1)
		return nil, errs.New(errs.Busy, "too many people are signing in at this moment: try again in a few seconds")
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("access: wait to check a password: %w", ctx.Err())
	}
}

// hash returns the hash of a password with its salt and cost, in the usual notation.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // see newSecret
	return writeHash(h.cost, salt, derive(h.cost, salt, password, hashBytes)), nil
}

// check says whether a hash is that of a password, and whether it was made with less work than is asked for now.
func (h *hasher) check(ctx context.Context, hash, password string) (ok, weak bool, err error) {
	cost, salt, want, err := readHash(hash)
	if err != nil {
		return false, false, err
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return false, false, err
	}
	defer leave()
	got := derive(cost, salt, password, uint32(len(want)))
	weak = cost.KiB < h.cost.KiB || cost.Passes < h.cost.Passes || len(want) < hashBytes
	return subtle.ConstantTimeCompare(got, want) == 1 && len(password) <= MaxPassword, weak, nil
}

func derive(c Cost, salt []byte, password string, size uint32) []byte {
	return argon2.IDKey([]byte(password), salt, c.Passes, c.KiB, c.Threads, size)
}

var encoding = base64.RawStdEncoding

func writeHash(c Cost, salt, hash []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.KiB, c.Passes, c.Threads, encoding.EncodeToString(salt), encoding.EncodeToString(hash))
}

func readHash(text string) (c Cost, salt, hash []byte, err error) {
	parts := strings.Split(text, "$")
	version := 0
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return c, nil, nil, fmt.Errorf("access: a stored password is not a hash of argon2id")
	}
	if _, err = fmt.Sscanf(parts[2], "v=%d", &version); err == nil && version != argon2.Version {
		err = fmt.Errorf("version %d of argon2 is not known", version)
	}
	if err == nil {
		_, err = fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.KiB, &c.Passes, &c.Threads)
	}
	if err == nil && (c.Passes == 0 || c.Threads == 0) {
		err = fmt.Errorf("the cost %s cannot be", parts[3])
	}
	if err == nil {
		salt, err = encoding.DecodeString(parts[4])
	}
	if err == nil {
		hash, err = encoding.DecodeString(parts[5])
	}
	if err == nil && len(hash) < 16 {
		err = fmt.Errorf("it has %d bytes", len(hash))
	}
	if err != nil {
		return c, nil, nil, fmt.Errorf("access: read a stored hash: %w", err)
	}
	return c, salt, hash, nil
}
