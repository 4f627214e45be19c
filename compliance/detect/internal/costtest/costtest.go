// Package costtest checks in tests what a computation costs, in time of the
// processor, so that what else the machine does makes no difference.
package costtest

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tries is how often a computation that took too long is measured again.
const tries = 5

// Within requires that a computation, which must not start goroutines, takes
// less than the limit. Under the race detector the limit is 20 times as long.
func Within(t testing.TB, limit time.Duration, compute func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	limit *= slack
	least := time.Duration(0)
	for range tries {
		before := used()
		compute()
		took := used() - before
		if least == 0 || took < least {
			least = took
		}
		if least < limit {
			break
		}
	}
	t.Logf("%v", least)
	require.Less(t, least, limit)
}
