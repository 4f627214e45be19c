package s3store

import (
	"testing"

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
