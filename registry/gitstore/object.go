package gitstore

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	// maxBlob is the largest prompt file that is stored or read, in bytes.
	maxBlob = 10 << 20
	// maxObject is the largest tree, commit or delta base that is loaded.
	maxObject = 64 << 20
)

var (
	errMissing  = errors.New("gitstore: no such object")
	errTooLarge = errors.New("gitstore: object too large")
	errDamaged  = errors.New("gitstore: damaged object")
)

// object is a git object that is about to be written.
type object struct {
	hash plumbing.Hash
	kind plumbing.ObjectType
	// size of the plain bytes.
	size int
	// Either plain, to be stored without compression, or stream, the zlib
	// stream of the plain bytes.
	plain, stream []byte
}

// hashOf names an object the way git does.
func hashOf(kind plumbing.ObjectType, data []byte) plumbing.Hash {
	h := sha1.New()
	head := make([]byte, 0, 32)
	head = append(head, kind.Bytes()...)
	head = append(head, ' ')
	head = strconv.AppendInt(head, int64(len(data)), 10)
	head = append(head, 0)
	h.Write(head)
	h.Write(data)
	return plumbing.Hash(h.Sum(head[:0]))
}

// parseHash reads a full hash in lower-case hexadecimal.
func parseHash(s string) (h plumbing.Hash, ok bool) {
	if len(s) != 2*len(h) {
		return h, false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return h, false
		}
	}
	_, err := hex.Decode(h[:], []byte(s))
	return h, err == nil
}

// damaged wraps errDamaged with what is wrong.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errDamaged, fmt.Sprintf(format, args...))
}
