package s3store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Unopened gives a store that has not tried its bucket.
func Unopened(tb testing.TB, o Options) *Store {
	tb.Helper()
	s, err := newStore(o.withDefaults())
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	return s
}

// KeepStates is how many states a bucket remembers.
const KeepStates = keepStates

// frozen is a time.
func frozen() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC) }
