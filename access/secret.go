package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
)

// secretBytes is the length of a secret before it is written in letters: 256 bits.
const secretBytes = 32

// letters writes secrets: small letters and digits only, so that a double click takes the whole.
var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newSecret returns n random bytes, in letters.
func newSecret(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails: where the system has no random numbers the program ends
	return letters.EncodeToString(b)
}

// digest is the SHA-256 of a secret. A secret of 256 random bits needs no slow hash and no salt.
type digest [sha256.Size]byte

func digestOf(secret string) digest { return sha256.Sum256([]byte(secret)) }

// equal compares in a time that does not tell how much is equal.
func (d digest) equal(other []byte) bool { return subtle.ConstantTimeCompare(d[:], other) == 1 }

// newPassword returns a random password that can be read out and typed: four groups of five, 98 bits.
func newPassword() string {
	const alphabet = "abcdefghijkmnpqrstuvwxyz23456789" // without l and o, 1 and 0
	b := make([]byte, 20)
	_, _ = rand.Read(b) // see newSecret
	out := make([]byte, 0, 23)
	for i, c := range b {
		if i > 0 && i%5 == 0 {
			out = append(out, '-')
		}
		out = append(out, alphabet[int(c)%len(alphabet)]) // 32 letters: every one is as likely
	}
	return string(out)
}
