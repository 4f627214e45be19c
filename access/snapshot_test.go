package access_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestARestartKeepsTheCounters(t *testing.T) {
	t.Parallel()
	const limit = 10
	// start makes the limiter of a process that has just begun.
	start := func(t *testing.T, store access.WindowStore, now func() time.Time) *access.Limiter {
		t.Helper()
		l := newLimiter(t, access.LimiterOptions{Max: limit, Now: now, Store: store, SnapshotEvery: time.Second})
		require.NoError(t, l.Load(t.Context()))
		return l
	}
	take := func(l *access.Limiter, n int) (allowed int) {
		for range n {
			if l.Take(t.Context(), "key:1").Allowed {
				allowed++
			}
		}
		return allowed
	}
	inBubble(t, "that closed", func(t *testing.T) {
		store := newWindowStore()
		first := start(t, store, time.Now)
		require.Equal(t, 7, take(first, 7))
		require.NoError(t, first.Close(t.Context()))
		require.NoError(t, first.Close(t.Context()))
		second := start(t, store, time.Now)
		require.Equal(t, 3, take(second, 10))
	})
	inBubble(t, "that was killed, but for the last second", func(t *testing.T) {
		store := newWindowStore()
		first := start(t, store, time.Now)
		take(first, 7)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, 3, take(start(t, store, time.Now), 10))
	})
	inBubble(t, "into the next window", func(t *testing.T) {
		store := newWindowStore()
		time.Sleep(50 * time.Second) // the bubble begins on a full minute.
		first := start(t, store, time.Now)
		take(first, limit)
		require.NoError(t, first.Close(t.Context()))
		time.Sleep(25 * time.Second) // a quarter of the next has passed.
		second := start(t, store, time.Now)
		require.Equal(t, 2, take(second, 10), "three quarters of 10, rounded up, still count")
	})
	inBubble(t, "and does not when they mean nothing any more", func(t *testing.T) {
		store := newWindowStore()
		first := start(t, store, time.Now)
		take(first, limit)
		require.NoError(t, first.Close(t.Context()))
		time.Sleep(2 * time.Minute)
		second := start(t, store, time.Now)
		require.Zero(t, second.Subjects())
		require.Equal(t, limit, take(second, limit))
	})
	inBubble(t, "though the clock was set back by a day", func(t *testing.T) {
		store := newWindowStore()
		first := start(t, store, time.Now)
		take(first, limit)
		require.NoError(t, first.Close(t.Context()))
		clock := newClock(time.Now().Add(-24 * time.Hour))
		second := start(t, store, clock.now)
		d := second.Take(t.Context(), "key:1")
		require.False(t, d.Allowed)
		require.LessOrEqual(t, d.RetryAfter, time.Minute)
		clock.add(d.RetryAfter)
		require.True(t, second.Take(t.Context(), "key:1").Allowed)
	})
}

func TestSnapshots(t *testing.T) {
	t.Parallel()
	inBubble(t, "hold what changed, and nothing is written without a change", func(t *testing.T) {
		store := newWindowStore()
		l := newLimiter(t, access.LimiterOptions{Max: 5, Now: time.Now, Store: store, SnapshotEvery: time.Second})
		l.Take(t.Context(), "a")
		l.Take(t.Context(), "b")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, 1, store.saveCount())
		l.Take(t.Context(), "a")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, 2, store.saveCount())
		require.EqualValues(t, 2, store.rows["a"].Current)
		require.EqualValues(t, 1, store.rows["b"].Current)
	})
	inBubble(t, "drop what is stale", func(t *testing.T) {
		store := newWindowStore()
		l := newLimiter(t, access.LimiterOptions{Max: 5, Now: time.Now, Store: store, SnapshotEvery: time.Second})
		l.Take(t.Context(), "old")
		time.Sleep(3 * time.Minute)
		l.Take(t.Context(), "new")
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []string{"new"}, store.subjects())
	})
	inBubble(t, "of many subjects are written in bounded batches", func(t *testing.T) {
		store := newWindowStore()
		l := newLimiter(t, access.LimiterOptions{Max: 5, Now: time.Now, Store: store})
		for i := range 1200 {
			l.Take(t.Context(), fmt.Sprint("key:", i))
		}
		require.NoError(t, l.Close(t.Context()))
		require.Equal(t, 3, store.saveCount())
		require.Len(t, store.rows, 1200)
	})
	inBubble(t, "that failed are made up for, and logged once", func(t *testing.T) {
		var out bytes.Buffer
		store := newWindowStore()
		store.breakDown(errors.New("no route"))
		l := newLimiter(t, access.LimiterOptions{
			Max: 5, Now: time.Now, Store: store, SnapshotEvery: time.Second,
			Logger: slog.New(slog.NewTextHandler(&out, nil)),
		})
		l.Take(t.Context(), "a")
		time.Sleep(5 * time.Second)
		l.Take(t.Context(), "b")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.Equal(t, 1, strings.Count(out.String(), "counters of the rate limiter cannot be stored"))
		store.breakDown(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []string{"a", "b"}, store.subjects())
	})
	inBubble(t, "that hang are logged too, and Close does not wait for them", func(t *testing.T) {
		var out bytes.Buffer
		l := newLimiter(t, access.LimiterOptions{
			Max: 5, Now: time.Now, Store: hangingStore{}, SnapshotEvery: time.Second,
			Logger: slog.New(slog.NewTextHandler(&out, nil)),
		})
		l.Take(t.Context(), "a")
		time.Sleep(8 * time.Second)
		synctest.Wait()
		require.Contains(t, out.String(), "cannot be stored")
		require.True(t, l.Take(t.Context(), "a").Allowed, "nobody waits for the store")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		require.ErrorIs(t, l.Close(ctx), pmerr.ErrUnavailable)
		require.Equal(t, time.Second, time.Since(began))
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, l.Close(ctx), pmerr.ErrUnavailable)
	})
	inBubble(t, "that cannot be loaded leave the limiter usable", func(t *testing.T) {
		store := newWindowStore()
		store.breakDown(errors.New("no route"))
		l := newLimiter(t, access.LimiterOptions{Max: 1, Now: time.Now, Store: store})
		require.ErrorIs(t, l.Load(t.Context()), pmerr.ErrUnavailable)
		require.True(t, l.Take(t.Context(), "a").Allowed)
		require.False(t, l.Take(t.Context(), "a").Allowed)
	})
}

// hangingStore answers when its caller gives up.
type hangingStore struct{}

func (hangingStore) LoadWindows(context.Context) ([]access.Window, error) { return nil, nil }

func (hangingStore) SaveWindows(ctx context.Context, _ []access.Window, _ time.Time) error {
	<-ctx.Done()
	return ctx.Err()
}

// What is loaded may have been written by anybody: it locks nobody out, and
// breaks nothing.
func TestLoadOfWhatCannotBe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		w    access.Window
		want int // how many of 10 are admitted.
	}{
		"a window of now":             {access.Window{Start: minute, Current: 4}, 6},
		"negative counts":             {access.Window{Start: minute, Previous: -5, Current: math.MinInt64}, 10},
		"huge counts":                 {access.Window{Start: minute, Previous: math.MaxInt64, Current: math.MaxInt64}, 0},
		"a huge previous count":       {access.Window{Start: minute, Previous: math.MaxInt64}, 0},
		"a start in the year 9999":    {access.Window{Start: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), Current: 4}, 6},
		"a start in the year 1":       {access.Window{Current: 4}, 10},
		"a start off the window":      {access.Window{Start: minute.Add(-77 * time.Second), Previous: 9, Current: 4}, 7},
		"the window before":           {access.Window{Start: minute.Add(-time.Minute), Previous: 9, Current: 4}, 6},
		"the one before that":         {access.Window{Start: minute.Add(-2 * time.Minute), Previous: 9, Current: 4}, 10},
		"only a previous one, faded":  {access.Window{Start: minute.Add(-time.Minute), Previous: 9}, 10},
		"only a previous one, intact": {access.Window{Start: minute, Previous: 9}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClock(minute)
			c.w.Subject = "key:1"
			long := access.Window{Subject: strings.Repeat("x", 129), Start: minute, Current: 1}
			l := newLimiter(t, access.LimiterOptions{
				Max: 10, Now: clock.now,
				Store: newWindowStore(c.w, long, access.Window{Start: minute, Current: 1}),
			})
			require.NoError(t, l.Load(t.Context()))
			require.LessOrEqual(t, l.Subjects(), 1)
			allowed := 0
			for range 10 {
				d := l.Take(t.Context(), "key:1")
				if d.Allowed {
					allowed++
				}
				require.Less(t, d.Remaining, int64(10))
				require.LessOrEqual(t, d.RetryAfter, time.Minute)
				require.LessOrEqual(t, d.Reset.Sub(clock.now()), time.Minute)
			}
			require.Equal(t, c.want, allowed)
			clock.add(time.Minute)
			require.True(t, l.Take(t.Context(), "key:1").Allowed)
		})
	}
	t.Run("counts above a limit that was lowered fade like the limit", func(t *testing.T) {
		t.Parallel()
		clock := newClock(minute)
		l := newLimiter(t, access.LimiterOptions{
			Max: 10, Now: clock.now,
			Store: newWindowStore(access.Window{Subject: "key:1", Start: minute, Previous: 1000}),
		})
		require.NoError(t, l.Load(t.Context()))
		clock.add(30 * time.Second)
		require.EqualValues(t, 4, l.Take(t.Context(), "key:1").Remaining)
	})
	t.Run("more subjects than there is room for", func(t *testing.T) {
		t.Parallel()
		var windows []access.Window
		for i := range 2 * access.MaxSubjects {
			windows = append(windows, access.Window{Subject: fmt.Sprint(i), Start: minute, Current: 1})
		}
		l := newLimiter(t, access.LimiterOptions{Max: 10, Now: newClock(minute).now, Store: newWindowStore(windows...)})
		require.NoError(t, l.Load(t.Context()))
		require.LessOrEqual(t, l.Subjects(), access.MaxSubjects)
	})
	t.Run("a subject that was counted already stays", func(t *testing.T) {
		t.Parallel()
		l := newLimiter(t, access.LimiterOptions{
			Max: 10, Now: newClock(minute).now,
			Store: newWindowStore(access.Window{Subject: "key:1", Start: minute, Current: 1}),
		})
		for range 9 {
			l.Take(t.Context(), "key:1")
		}
		require.NoError(t, l.Load(t.Context()))
		require.EqualValues(t, 0, l.Take(t.Context(), "key:1").Remaining)
	})
}
