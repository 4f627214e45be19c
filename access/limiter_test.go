package access_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// minute is the start of an aligned window of a minute.
var minute = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newLimiter makes a limiter whose background work does not come into play.
func newLimiter(tb testing.TB, o access.LimiterOptions) *access.Limiter {
	tb.Helper()
	if o.SnapshotEvery == 0 {
		o.SnapshotEvery = time.Hour
	}
	l, err := access.NewLimiter(o)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = l.Close(ctx) // some tests leave the store down.
	})
	return l
}

func TestNewLimiterRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]access.LimiterOptions{
		"Now":           {Max: 1},
		"Window":        {Max: 1, Now: time.Now, Window: -1},
		"at most 366":   {Max: 1, Now: time.Now, Window: math.MaxInt64},
		"Max":           {Max: math.MaxInt64, Now: time.Now},
		"SnapshotEvery": {Max: 1, Now: time.Now, SnapshotEvery: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := access.NewLimiter(o)
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.ErrorContains(t, err, name)
		})
	}
}

func TestTake(t *testing.T) {
	t.Parallel()
	type step struct {
		at        time.Duration // since the start of the window.
		remaining int64         // -1: refused.
		reset     time.Duration // since the start of the window.
		retry     time.Duration
	}
	const s, ms = time.Second, time.Millisecond
	for name, c := range map[string]struct {
		limit int64
		steps []step
	}{
		"counts down and refuses": {3, []step{
			{at: 0, remaining: 2, reset: 60 * s},
			{at: 1 * s, remaining: 1, reset: 61 * s},
			{at: 2 * s, remaining: 0, reset: 62 * s},
			// In the next window all three count, a third of a minute each.
			{at: 3 * s, remaining: -1, reset: 62 * s, retry: 59 * s},
			{at: 61 * s, remaining: -1, reset: 62 * s, retry: 1 * s},
			// Nothing came for a minute, so all of it is there.
			{at: 62 * s, remaining: 2, reset: 122 * s},
		}},
		"gives back the last window bit by bit": {6, []step{
			{at: 50 * s, remaining: 5, reset: 110 * s},
			{at: 51 * s, remaining: 4, reset: 111 * s},
			{at: 52 * s, remaining: 3, reset: 112 * s},
			{at: 53 * s, remaining: 2, reset: 113 * s},
			{at: 54 * s, remaining: 1, reset: 114 * s},
			{at: 55 * s, remaining: 0, reset: 115 * s},
			{at: 60 * s, remaining: -1, reset: 115 * s, retry: 10 * s},
			{at: 70 * s, remaining: 0, reset: 130 * s},
			{at: 71 * s, remaining: -1, reset: 130 * s, retry: 9 * s},
			{at: 80 * s, remaining: 0, reset: 140 * s},
		}},
		"rounds the reset up to a second": {2, []step{
			{at: 1, remaining: 1, reset: 61 * s},
			{at: 1500 * ms, remaining: 0, reset: 62 * s},
			{at: 1500*ms + 1, remaining: -1, reset: 62 * s, retry: 60*s - 1},
		}},
		"does not count what it refuses": {1, []step{
			{at: 0, remaining: 0, reset: 60 * s},
			{at: 30 * s, remaining: -1, reset: 60 * s, retry: 30 * s},
			{at: 59 * s, remaining: -1, reset: 60 * s, retry: 1 * s},
			{at: 60 * s, remaining: 0, reset: 120 * s},
		}},
		"forgets after a long time": {1, []step{
			{at: 0, remaining: 0, reset: 60 * s},
			{at: 1000 * time.Hour, remaining: 0, reset: 1000*time.Hour + 60*s},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClock(minute)
			l := newLimiter(t, access.LimiterOptions{Window: time.Minute, Max: c.limit, Now: clock.now})
			for _, step := range c.steps {
				clock.add(minute.Add(step.at).Sub(clock.now()))
				require.Equal(t, access.Decision{
					Allowed: step.remaining >= 0, Limit: c.limit, Remaining: max(step.remaining, 0),
					Reset: minute.Add(step.reset), RetryAfter: step.retry,
				}, l.Take(t.Context(), "key:7"), "at %s", step.at)
			}
		})
	}
}

func TestSubjectsAreLimitedApart(t *testing.T) {
	t.Parallel()
	l := newLimiter(t, access.LimiterOptions{Max: 1, Now: newClock(minute).now})
	require.True(t, l.Take(t.Context(), "key:1").Allowed)
	require.True(t, l.Take(t.Context(), "key:2").Allowed)
	require.False(t, l.Take(t.Context(), "key:1").Allowed)
	require.False(t, l.Take(t.Context(), "key:2").Allowed)
}

func TestNoLimit(t *testing.T) {
	t.Parallel()
	for _, limit := range []int64{0, -1} {
		l := newLimiter(t, access.LimiterOptions{Max: limit, Now: newClock(minute).now, Store: newWindowStore()})
		require.NoError(t, l.Load(t.Context()))
		for range 1000 {
			require.Equal(t, access.Decision{Allowed: true}, l.Take(t.Context(), "key:1"))
		}
		require.Zero(t, l.Subjects())
	}
}

// exactLog is what the limiter approximates: every admitted unit with its time.
type exactLog struct {
	window time.Duration
	at     []time.Time
}

// between counts the units after from, up to and with to.
func (e *exactLog) between(from, to time.Time) (n int64) {
	for i := len(e.at) - 1; i >= 0 && e.at[i].After(from); i-- {
		if !e.at[i].After(to) {
			n++
		}
	}
	return n
}

// Whatever comes, the limiter keeps to what its documentation says of the error
// that it makes against an exact sliding log.
func TestTakeAgainstAnExactLog(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 7))
		limit, window := 1+random.Int64N(40), time.Duration(1+random.Int64N(int64(time.Minute)))
		t.Run(fmt.Sprintf("seed %d, %d in %s", seed, limit, window), func(t *testing.T) {
			t.Parallel()
			clock := newClock(minute.Add(time.Duration(random.Int64N(int64(time.Hour)))))
			l := newLimiter(t, access.LimiterOptions{Window: window, Max: limit, Now: clock.now})
			exact := exactLog{window: window}
			for range 3000 {
				clock.add(gap(random, window, limit))
				exact.check(t, l, clock, limit)
			}
		})
	}
}

// gap gives bursts, steady traffic, pauses, and ends of windows.
func gap(random *rand.Rand, window time.Duration, limit int64) time.Duration {
	switch random.IntN(20) {
	case 0:
		return time.Duration(random.Int64N(int64(2*window) + 1))
	case 1:
		return window
	case 2, 3, 4, 5, 6, 7, 8, 9:
		return 0
	default:
		return time.Duration(random.Int64N(2*int64(window)/limit + 1))
	}
}

func (e *exactLog) check(t *testing.T, l *access.Limiter, clock *clock, limit int64) {
	t.Helper()
	now := clock.now()
	d := l.Take(t.Context(), "key:1")
	into := time.Duration(now.UnixNano() % int64(e.window))
	start := now.Add(-into)
	// Bounds are open at from, and a unit at the very start is of this window.
	current := e.between(start.Add(-1), now)
	previous := e.between(start.Add(-e.window-1), start.Add(-1))
	sliding := e.between(now.Add(-e.window), now)
	passed := float64(into) / float64(e.window)

	if !d.Allowed {
		require.Zero(t, d.Remaining)
		require.Greater(t, float64(sliding), float64(limit)-float64(previous)*(1-passed)-1, "refused too much")
		require.Positive(t, d.RetryAfter)
		require.LessOrEqual(t, d.RetryAfter, e.window)
		// The time to retry is exact: not a nanosecond before.
		clock.add(d.RetryAfter - 1)
		require.False(t, l.Take(t.Context(), "key:1").Allowed)
		clock.add(1)
		require.True(t, l.Take(t.Context(), "key:1").Allowed)
		e.at = append(e.at, clock.now())
		return
	}
	e.at = append(e.at, now)
	require.Zero(t, d.RetryAfter)
	require.LessOrEqual(t, current+1, limit, "never more than the limit in an aligned window")
	require.LessOrEqual(t, float64(sliding+1), float64(limit)+float64(previous)*passed+1e-6, "admitted too much")
	estimate := limit - d.Remaining
	require.LessOrEqual(t, math.Abs(float64(estimate-sliding-1)), float64(previous)*max(passed, 1-passed)+1, "estimated wrong")
	until := d.Reset.Sub(now)
	require.GreaterOrEqual(t, until, e.window)
	require.Less(t, until, e.window+time.Second)
	require.Zero(t, d.Reset.Nanosecond())
}

func TestEvenTrafficIsCountedToOne(t *testing.T) {
	t.Parallel()
	clock := newClock(minute)
	l := newLimiter(t, access.LimiterOptions{Window: time.Minute, Max: 300, Now: clock.now})
	exact := exactLog{window: time.Minute}
	for range 2000 { // 240 a minute.
		clock.add(250 * time.Millisecond)
		d := l.Take(t.Context(), "key:1")
		require.True(t, d.Allowed, "traffic below the limit is never refused")
		exact.at = append(exact.at, clock.now())
		require.InDelta(t, exact.between(clock.now().Add(-time.Minute), clock.now()), 300-d.Remaining, 1)
	}
}

func TestTooMuchTrafficGetsTheLimit(t *testing.T) {
	t.Parallel()
	clock := newClock(minute)
	l := newLimiter(t, access.LimiterOptions{Window: time.Minute, Max: 300, Now: clock.now})
	admitted := 0
	for range 10 * 60 * 50 { // ten minutes, 50 a second.
		if l.Take(t.Context(), "key:1").Allowed {
			admitted++
		}
		clock.add(20 * time.Millisecond)
	}
	require.LessOrEqual(t, admitted, 10*300)
	require.GreaterOrEqual(t, admitted, 10*300-10)
}

// At Reset, and not before, a burst of the whole limit passes.
func TestResetIsWhenAllIsThereAgain(t *testing.T) {
	t.Parallel()
	for _, into := range []time.Duration{0, time.Second, 30 * time.Second, 59 * time.Second} {
		t.Run("taken at "+into.String(), func(t *testing.T) {
			t.Parallel()
			clock := newClock(minute.Add(into))
			l := newLimiter(t, access.LimiterOptions{Window: time.Minute, Max: 100, Now: clock.now})
			var reset time.Time
			for range 100 {
				reset = l.Take(t.Context(), "a").Reset
				l.Take(t.Context(), "b")
			}
			clock.add(reset.Sub(clock.now()) - 1)
			require.NotEqual(t, int64(99), l.Take(t.Context(), "b").Remaining)
			clock.add(1)
			for i := range int64(100) {
				d := l.Take(t.Context(), "a")
				require.True(t, d.Allowed)
				require.Equal(t, 99-i, d.Remaining)
			}
			require.False(t, l.Take(t.Context(), "a").Allowed)
		})
	}
}

func TestAClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	for _, back := range []time.Duration{time.Millisecond, 11 * time.Second, time.Minute, time.Hour, 24 * 365 * time.Hour} {
		t.Run("by "+back.String(), func(t *testing.T) {
			t.Parallel()
			clock := newClock(minute.Add(10 * time.Second))
			l := newLimiter(t, access.LimiterOptions{Window: time.Minute, Max: 10, Now: clock.now})
			for range 10 {
				require.True(t, l.Take(t.Context(), "key:1").Allowed)
			}
			clock.add(-back)
			d := l.Take(t.Context(), "key:1")
			require.False(t, d.Allowed, "nothing is refilled")
			require.LessOrEqual(t, d.RetryAfter, time.Minute, "nobody is locked out")
			require.LessOrEqual(t, d.Reset.Sub(clock.now()), time.Minute+time.Second)
			clock.add(d.RetryAfter)
			require.True(t, l.Take(t.Context(), "key:1").Allowed)
			clock.add(time.Minute)
			require.EqualValues(t, 9, l.Take(t.Context(), "key:1").Remaining)
		})
	}
	t.Run("to and fro over the end of a window refills nothing", func(t *testing.T) {
		t.Parallel()
		clock := newClock(minute.Add(time.Minute - 5*time.Millisecond))
		l := newLimiter(t, access.LimiterOptions{Window: time.Minute, Max: 10, Now: clock.now})
		for range 10 {
			require.True(t, l.Take(t.Context(), "key:1").Allowed)
		}
		for range 50 {
			clock.add(10 * time.Millisecond)
			require.False(t, l.Take(t.Context(), "key:1").Allowed)
			clock.add(-10 * time.Millisecond)
			require.False(t, l.Take(t.Context(), "key:1").Allowed)
		}
	})
}

func TestRetryAfterHoldsOnARealClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, access.LimiterOptions{Window: time.Minute, Max: 3, Now: time.Now})
		for range 3 {
			require.True(t, l.Take(t.Context(), "key:1").Allowed)
		}
		d := l.Take(t.Context(), "key:1")
		require.False(t, d.Allowed)
		time.Sleep(d.RetryAfter - 1)
		require.False(t, l.Take(t.Context(), "key:1").Allowed)
		time.Sleep(time.Nanosecond)
		require.True(t, l.Take(t.Context(), "key:1").Allowed)
	})
}

func TestTakeFromManyAtOnceAdmitsExactlyTheLimit(t *testing.T) {
	t.Parallel()
	const limit = 1000
	l := newLimiter(t, access.LimiterOptions{Max: limit, Now: newClock(minute.Add(time.Second)).now})
	var allowed, refused atomic.Int64
	var seen [limit]atomic.Int64
	var takers sync.WaitGroup
	for range 16 {
		takers.Go(func() {
			for range 200 {
				d := l.Take(t.Context(), "key:1")
				if !d.Allowed {
					refused.Add(1)
					continue
				}
				allowed.Add(1)
				seen[d.Remaining].Add(1)
			}
		})
	}
	takers.Wait()
	require.EqualValues(t, limit, allowed.Load())
	require.EqualValues(t, 16*200-limit, refused.Load())
	for i := range seen {
		require.EqualValues(t, 1, seen[i].Load(), "each number remains once")
	}
}

func TestSubjectsAreBounded(t *testing.T) {
	t.Parallel()
	t.Run("a flood of subjects does not free who used up a limit", func(t *testing.T) {
		t.Parallel()
		clock := newClock(minute)
		l := newLimiter(t, access.LimiterOptions{Max: 5, Now: clock.now})
		for range 5 {
			require.True(t, l.Take(t.Context(), "heavy").Allowed)
		}
		for i := range 4 * access.MaxSubjects {
			require.True(t, l.Take(t.Context(), fmt.Sprint("flood:", i)).Allowed, "newcomers are not locked out")
		}
		require.LessOrEqual(t, l.Subjects(), access.MaxSubjects)
		require.False(t, l.Take(t.Context(), "heavy").Allowed)
	})
	t.Run("long subjects share their first 128 bytes", func(t *testing.T) {
		t.Parallel()
		l := newLimiter(t, access.LimiterOptions{Max: 1, Now: newClock(minute).now})
		require.True(t, l.Take(t.Context(), strings.Repeat("x", 128)+"a").Allowed)
		require.False(t, l.Take(t.Context(), strings.Repeat("x", 128)+strings.Repeat("b", 1<<20)).Allowed)
		require.True(t, l.Take(t.Context(), strings.Repeat("x", 127)).Allowed)
		require.Equal(t, 2, l.Subjects())
	})
	inBubble(t, "idle ones are forgotten a window after their last unit", func(t *testing.T) {
		l := newLimiter(t, access.LimiterOptions{Max: 5, Now: time.Now, SnapshotEvery: time.Second})
		for i := range 1000 {
			l.Take(t.Context(), fmt.Sprint("key:", i))
		}
		time.Sleep(59 * time.Second)
		synctest.Wait()
		require.Equal(t, 1000, l.Subjects())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Zero(t, l.Subjects())
	})
}
