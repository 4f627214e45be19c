//go:build !race

package access_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
)

// The race detector makes pools forget at random, so this is not run with it.
// Neither may it run in parallel: all allocations of the process are counted.
func TestARequestAllocatesNothing(t *testing.T) { //nolint:paralleltest // see above.
	store := newKeyStore()
	ring := newRing(t, store)
	_, secret := store.put(t, access.Key{})
	_, err := ring.Authenticate(t.Context(), secret)
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = ring.Authenticate(t.Context(), secret) }))

	limiter := newLimiter(t, access.LimiterOptions{Max: 10, Now: time.Now})
	require.Zero(t, testing.AllocsPerRun(1000, func() { limiter.Take(t.Context(), "key:7") }))
}
