package access

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

const (
	secretPrefix = "pm_"
	secretBytes  = 32
	secretLength = len(secretPrefix) + 2*secretBytes
	minSalt      = 16
)

// NewSecret makes the secret of an API key: "pm_" and 64 lower-case hexadecimal
// digits, 256 bits of random. It fails only when random does.
func NewSecret(random io.Reader) (string, error) {
	var raw [secretBytes]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", pmerr.New(pmerr.Internal, "No random bytes for a new API key").Because(err)
	}
	return secretPrefix + hex.EncodeToString(raw[:]), nil
}

// wellFormed reports whether a text looks like a secret of [NewSecret]. It
// costs a flood of nonsense its access to the store.
func wellFormed(secret string) bool {
	if len(secret) != secretLength || secret[:len(secretPrefix)] != secretPrefix {
		return false
	}
	for i := len(secretPrefix); i < len(secret); i++ {
		if c := secret[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// CheckSalt checks the salt under which secrets are hashed: at least 16
// characters. ErrValidation, naming API_KEY_SALT and never showing its value.
func CheckSalt(salt string) error {
	if n := utf8.RuneCountInString(salt); n < minSalt {
		return pmerr.Invalid("API_KEY_SALT must be at least " + strconv.Itoa(minSalt) +
			" characters, it has " + strconv.Itoa(n) + "; set a longer random value, and keep it: keys made under another salt stop working")
	}
	return nil
}

// Hash is HMAC-SHA256(salt, secret): all that is ever stored of a secret.
func Hash(salt []byte, secret string) [32]byte {
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte(secret))
	return [32]byte(mac.Sum(nil))
}

// hasher computes [Hash] under one salt without allocating: keying an HMAC
// costs two blocks of SHA-256, which pooled instances pay once.
type hasher struct{ pool sync.Pool }

type keyedHash struct {
	mac hash.Hash
	in  [secretLength]byte
	out [sha256.Size]byte
}

func newHasher(salt []byte) *hasher {
	salt = bytes.Clone(salt)
	return &hasher{pool: sync.Pool{New: func() any {
		return &keyedHash{mac: hmac.New(sha256.New, salt)}
	}}}
}

// sum hashes a well-formed secret.
func (h *hasher) sum(secret string) [32]byte {
	k := h.pool.Get().(*keyedHash) //nolint:forcetypeassert // the pool holds nothing else.
	k.mac.Reset()
	copy(k.in[:], secret)
	k.mac.Write(k.in[:])
	k.mac.Sum(k.out[:0])
	sum := k.out
	clear(k.in[:]) // no secret waits in the pool.
	h.pool.Put(k)
	return sum
}
