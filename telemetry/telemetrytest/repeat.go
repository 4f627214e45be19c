package telemetrytest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// Repeater records with idempotency keys.
type Repeater interface {
	Telemetry
	Record(ctx context.Context, key string, l telemetry.Log) (int64, error)
	RecordBatch(ctx context.Context, key string, logs []telemetry.Log) ([]int64, error)
}

// RunRepeats checks recording with idempotency keys. open gives two workspaces
// of one store that nothing else uses.
func RunRepeats(t *testing.T, open func(testing.TB) (mine, theirs Repeater)) {
	t.Helper()
	for name, run := range repeatCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mine, theirs := open(t)
			run(t, mine, theirs)
		})
	}
}

func repeatCases() map[string]func(t *testing.T, mine, theirs Repeater) {
	count := func(t *testing.T, r Repeater) int64 {
		t.Helper()
		p, err := r.Logs(t.Context(), telemetry.LogFilter{}, page.Request{Limit: 1})
		require.NoError(t, err)
		return p.Total
	}
	return map[string]func(t *testing.T, mine, theirs Repeater){
		"the same key again records nothing and gives the same id": func(t *testing.T, mine, _ Repeater) {
			for range 3 {
				id, err := mine.Record(t.Context(), "key", call("p"))
				require.NoError(t, err)
				require.EqualValues(t, 1, id)
			}
			id, err := mine.Record(t.Context(), "other", call("p"))
			require.NoError(t, err)
			require.EqualValues(t, 2, id)
			require.EqualValues(t, 2, count(t, mine))
		},

		"no key records every time": func(t *testing.T, mine, _ Repeater) {
			for want := range int64(3) {
				id, err := mine.Record(t.Context(), "", call("p"))
				require.NoError(t, err)
				require.Equal(t, want+1, id)
			}
		},

		"a batch gives the same ids": func(t *testing.T, mine, _ Repeater) {
			for range 2 {
				ids, err := mine.RecordBatch(t.Context(), "key", calls(3))
				require.NoError(t, err)
				require.Equal(t, []int64{1, 2, 3}, ids)
			}
			require.EqualValues(t, 3, count(t, mine))
		},

		"a key of another request is a conflict": func(t *testing.T, mine, _ Repeater) {
			_, err := mine.RecordBatch(t.Context(), "key", calls(3))
			require.NoError(t, err)
			_, err = mine.RecordBatch(t.Context(), "key", calls(2))
			require.ErrorIs(t, err, pmerr.ErrConflict)
			_, err = mine.Record(t.Context(), "key", call("p"))
			require.ErrorIs(t, err, pmerr.ErrConflict)
			require.EqualValues(t, 3, count(t, mine))
		},

		"many with one key at once record once": func(t *testing.T, mine, _ Repeater) {
			var calls sync.WaitGroup
			for range 32 {
				calls.Go(func() {
					id, err := mine.Record(t.Context(), "key", call("p"))
					if err != nil || id != 1 {
						t.Errorf("id %d, %v", id, err)
					}
				})
			}
			calls.Wait()
			require.EqualValues(t, 1, count(t, mine))
		},

		"many with one key and different requests at once record one of them": func(t *testing.T, mine, _ Repeater) {
			var callers sync.WaitGroup
			var mu sync.Mutex
			sizes := map[int]bool{}
			for i := range 24 {
				size := i%3 + 1
				callers.Go(func() {
					_, err := mine.RecordBatch(t.Context(), "key", calls(size))
					switch {
					case err == nil:
						mu.Lock()
						sizes[size] = true
						mu.Unlock()
					case !errors.Is(err, pmerr.ErrConflict):
						t.Error(err)
					}
				})
			}
			callers.Wait()
			require.Len(t, sizes, 1)
			require.True(t, sizes[int(count(t, mine))])
		},

		"a faulty request does not use up its key": func(t *testing.T, mine, _ Repeater) {
			_, err := mine.Record(t.Context(), "key", telemetry.Log{})
			require.ErrorIs(t, err, pmerr.ErrValidation)
			id, err := mine.Record(t.Context(), "key", call("p"))
			require.NoError(t, err)
			require.EqualValues(t, 1, id)
		},

		"a key is one workspace's": func(t *testing.T, mine, theirs Repeater) {
			_, err := theirs.RecordBatch(t.Context(), "key", calls(5))
			require.NoError(t, err)
			id, err := mine.Record(t.Context(), "key", call("p"))
			require.NoError(t, err)
			require.EqualValues(t, 1, id)
			require.EqualValues(t, 1, count(t, mine))
		},

		"a key that cannot be is a fault": func(t *testing.T, mine, _ Repeater) {
			for _, key := range []string{strings.Repeat("k", 129), "a\x00", "\xff"} {
				_, err := mine.Record(t.Context(), key, call("p"))
				require.ErrorIs(t, err, pmerr.ErrValidation, "%q", key)
				require.Contains(t, pmerr.From(err).Fields[0], "Idempotency-Key")
			}
		},
	}
}
