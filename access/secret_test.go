package access_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func newSecret(tb testing.TB) string {
	tb.Helper()
	secret, err := access.NewSecret(rand.Reader)
	require.NoError(tb, err)
	return secret
}

func TestNewSecret(t *testing.T) {
	t.Parallel()
	t.Run("is pm_ and 64 hexadecimal digits of the random", func(t *testing.T) {
		t.Parallel()
		secret, err := access.NewSecret(bytes.NewReader(bytes.Repeat([]byte{0xAB}, 32)))
		require.NoError(t, err)
		require.Equal(t, "pm_"+strings.Repeat("ab", 32), secret)
	})
	t.Run("differs every time", func(t *testing.T) {
		t.Parallel()
		seen := map[string]bool{}
		for range 1000 {
			secret := newSecret(t)
			require.Regexp(t, regexp.MustCompile(`^pm_[0-9a-f]{64}$`), secret)
			require.False(t, seen[secret])
			seen[secret] = true
		}
	})
	t.Run("fails when there is too little random", func(t *testing.T) {
		t.Parallel()
		_, err := access.NewSecret(bytes.NewReader(make([]byte, 31)))
		require.ErrorIs(t, err, pmerr.ErrInternal)
		broken := errors.New("no entropy")
		_, err = access.NewSecret(iotest.ErrReader(broken))
		require.ErrorIs(t, err, broken)
		require.NotContains(t, pmerr.From(err).Message, "entropy")
	})
}

const opensslHMAC = "e3f47068ed1ccdf134f943c30b31ba99ece0bcf56f5338a7e3ee54378fd98a10"

// The expectation comes from OpenSSL:
// printf %s pm_abab… | openssl dgst -sha256 -hmac 0123456789abcdef.
func TestHashIsHMACOfTheSecretUnderTheSalt(t *testing.T) {
	t.Parallel()
	sum := access.Hash([]byte("0123456789abcdef"), "pm_"+strings.Repeat("ab", 32))
	require.Equal(t, opensslHMAC, hex.EncodeToString(sum[:]))
}

func TestCheckSalt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		salt string
		ok   bool
	}{
		"empty is refused":                     {"", false},
		"15 characters are refused":            {"fifteen chars!!", false},
		"15 characters of 2 bytes are refused": {strings.Repeat("é", 15), false},
		"16 characters pass":                   {"sixteen chars!!!", true},
		"64 characters pass":                   {strings.Repeat("f", 64), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := access.CheckSalt(c.salt)
			if c.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.ErrorContains(t, err, "API_KEY_SALT must be at least 16 characters")
			if c.salt != "" {
				require.NotContains(t, err.Error(), c.salt)
			}
		})
	}
}
