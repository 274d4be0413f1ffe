package access

import (
	"context"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"tagma/errs"
)

func TestHashes(t *testing.T) {
	h := newHasher(cheap)
	hash, err := h.hash(t.Context(), password)
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Fatalf("%q, %v", hash, err)
	}
	if other, _ := h.hash(t.Context(), password); other == hash {
		t.Error("two hashes of one password are the same")
	}
	for text, want := range map[string]bool{password: true, password + " ": false, "": false} {
		if ok, weak, err := h.check(t.Context(), hash, text); ok != want || weak || err != nil {
			t.Errorf("%q: %v, %v, %v", text, ok, weak, err)
		}
	}
	for _, c := range []Cost{{128, 1, 1}, {64, 2, 1}} {
		if ok, weak, err := newHasher(c).check(t.Context(), hash, password); !ok || !weak || err != nil {
			t.Errorf("%v: %v, %v, %v", c, ok, weak, err)
		}
	}
	if ok, weak, err := newHasher(Cost{32, 1, 1}).check(t.Context(), hash, password); !ok || weak || err != nil {
		t.Errorf("a lower cost: %v, %v, %v", ok, weak, err)
	}
	for _, broken := range []string{"", "x", "$argon2i$v=19$m=64,t=1,p=1$AAAA$AAAA", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$", strings.Replace(hash, "v=19", "v=16", 1), strings.Replace(hash, "t=1", "t=0", 1), hash + "!"} {
		if _, _, err := h.check(t.Context(), broken, password); err == nil {
			t.Errorf("%q was read", broken)
		}
	}
	if ok, _, err := h.check(t.Context(), h.nobody, ""); ok || err != nil {
		t.Errorf("nobody's password: %v, %v", ok, err)
	}
}

// The test vector of the reference implementation of argon2id with 64 MiB, 2 passes and one lane.
func TestTheReferenceVector(t *testing.T) {
	const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, weak, err := newHasher(DefaultCost()).check(t.Context(), hash, "password"); !ok || !weak || err != nil {
		t.Errorf("%v, %v, %v", ok, weak, err)
	}
}

func TestTooManyAreRefusedRatherThanQueued(t *testing.T) {
	h := newHasher(cheap)
	for range hashers {
		h.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.hash(ctx, "x"); err == nil || h.waiting.Load() != 0 {
		t.Errorf("%v, %d waiting", err, h.waiting.Load())
	}
	h.waiting.Store(maxWaiting)
	_, err := h.hash(t.Context(), "x")
	wantError(t, err, errs.Busy, "try again")
}

// Secrets are compared in constant time. A comparison with == or bytes.Equal could not be seen from outside, so the
// test looks at what the files that compare secrets use.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	for name, wants := range map[string][]string{
		"hash.go": {"subtle.ConstantTimeCompare("}, "secret.go": {"subtle.ConstantTimeCompare("},
		"session.go": {"hash.equal("}, "token.go": {"hash.equal("}, "local.go": {"hash.equal("}, "source.go": {"hash.equal("},
	} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range tree.Imports {
			if spec.Path.Value == `"bytes"` {
				t.Errorf("%s compares with package bytes", name)
			}
		}
		for _, want := range wants {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s does not use %s", name, want)
			}
		}
	}
	if d := digestOf("a"); !d.equal(d[:]) || d.equal(d[:31]) || d.equal(nil) {
		t.Error("digests do not compare")
	}
}
