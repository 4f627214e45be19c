package access_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// windows are shared windows in memory: one limiter that others ask. The real
// ones are tested with redisnode.
type windows struct {
	mu     sync.Mutex
	down   bool
	answer func(known access.Window) access.Taken
	known  []access.Window
	raised [][]access.Window
	lost   chan struct{}
}

func (w *windows) Take(_ context.Context, _ access.Rule, known access.Window) (access.Taken, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return access.Taken{}, errors.New("down")
	}
	w.known = append(w.known, known)
	return w.answer(known), nil
}

func (w *windows) Raise(_ context.Context, _ access.Rule, known []access.Window) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.raised = append(w.raised, known)
	return nil
}

func (w *windows) Lost(ctx context.Context, lost func()) {
	for {
		select {
		case <-w.lost:
			lost()
			w.lost <- struct{}{} // answered
		case <-ctx.Done():
			return
		}
	}
}

func TestSharedWindowsMustBeWholeMicroseconds(t *testing.T) {
	t.Parallel()
	_, err := access.NewLimiter(access.LimiterOptions{Now: time.Now, Max: 1, Window: 1500, Shared: &windows{}})
	require.ErrorIs(t, err, pmerr.ErrValidation)
	require.ErrorContains(t, err, "whole microseconds")
}

// While the shared windows are out of reach, nodes together stay within a limit,
// and each still admits something.
func TestNodesDivideALimitThatNobodyCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit       int64
		nodes, each int
	}{
		{300, 1, 300},
		{300, 2, 150},
		{301, 2, 150},
		{300, 7, 42},
		{3, 2, 1},
		{1, 1, 1},
		{1, 5, 1}, // a limit below the number of nodes is not none
		{5, 5, 1},
		{300, 0, 300}, // nobody is nobody's share
	} {
		clock := newClock(minute)
		l := newLimiter(t, access.LimiterOptions{Max: c.limit, Now: clock.now, Shared: &windows{down: true}, Nodes: func() int { return c.nodes }})
		admitted := 0
		for range 2 * c.limit {
			d := l.Take(t.Context(), "key:1")
			require.Equal(t, c.limit, d.Limit)
			if d.Allowed {
				admitted++
				require.EqualValues(t, c.each-admitted, d.Remaining, "%+v", c)
				continue
			}
			require.Positive(t, d.RetryAfter)
			require.LessOrEqual(t, d.RetryAfter, time.Minute)
		}
		require.Equal(t, c.each, admitted, "%+v", c)
		// The time to retry is exact.
		d := l.Take(t.Context(), "key:1")
		clock.add(d.RetryAfter - 1)
		require.False(t, l.Take(t.Context(), "key:1").Allowed, "%+v", c)
		clock.add(1)
		require.True(t, l.Take(t.Context(), "key:1").Allowed, "%+v", c)
	}
}

func TestALimiterGoesOnFromWhatItHeard(t *testing.T) {
	t.Parallel()
	// The clock of the shared windows is an hour and a bit ahead.
	clock := newClock(minute)
	ahead := time.Hour + 10*time.Second
	w := &windows{lost: make(chan struct{})}
	w.answer = func(known access.Window) access.Taken {
		at := clock.now().Add(ahead)
		return access.Taken{Allowed: true, At: at, Window: access.Window{
			Subject: known.Subject, Start: at.Truncate(time.Minute), Newest: at, Current: 60,
		}}
	}
	l := newLimiter(t, access.LimiterOptions{Max: 100, Now: clock.now, Shared: w, Nodes: func() int { return 2 }})
	d := l.Take(t.Context(), "key:1")
	require.Equal(t, access.Decision{Allowed: true, Limit: 100, Remaining: 40, Reset: minute.Add(time.Minute)}, d)
	l.Take(t.Context(), "key:1")
	require.Equal(t, access.Window{Subject: "key:1"}, w.known[0], "nothing was known")
	require.EqualValues(t, 60, w.known[1].Current)

	w.down = true
	for i := range int64(20) {
		d := l.Take(t.Context(), "key:1")
		require.True(t, d.Allowed)
		require.Equal(t, 19-i, d.Remaining, "half of what was left")
	}
	d = l.Take(t.Context(), "key:1")
	require.False(t, d.Allowed)
	w.lost <- struct{}{}
	<-w.lost
	require.Len(t, w.raised, 1)
	require.Len(t, w.raised[0], 1)
	require.EqualValues(t, 100, w.raised[0][0].Current, "20 here and as many there")
	require.Equal(t, minute.Add(time.Hour), w.raised[0][0].Start, "by the other clock")

	// Its window ends when theirs does, 10 s earlier than by our own clock.
	clock.add(d.RetryAfter - 1)
	require.False(t, l.Take(t.Context(), "key:1").Allowed)
	clock.add(1)
	require.True(t, l.Take(t.Context(), "key:1").Allowed)
}

// An answer that overtook another one, or that comes from a clock that was set
// back, neither refills nor locks out.
func TestAnswersInAnyOrder(t *testing.T) {
	t.Parallel()
	clock := newClock(minute)
	w := &windows{}
	l := newLimiter(t, access.LimiterOptions{Max: 10, Now: clock.now, Shared: w})
	tell := func(at time.Time, current int64) {
		w.answer = func(known access.Window) access.Taken {
			return access.Taken{At: at, Window: access.Window{Subject: known.Subject, Start: at.Truncate(time.Minute), Newest: at, Current: current}}
		}
		l.Take(t.Context(), "key:1")
	}
	known := func() access.Window {
		w.answer = func(known access.Window) access.Taken { return access.Taken{At: time.Unix(0, -1)} } // impossible, so it changes nothing
		before := len(w.known)
		w.down = false
		l.Take(t.Context(), "key:1")
		return w.known[before]
	}
	tell(minute.Add(time.Millisecond), 7)
	require.EqualValues(t, 7, known().Current)
	tell(minute.Add(-time.Millisecond), 9)
	require.Equal(t, minute, known().Start, "the newer window stays")
	require.Less(t, known().Current, int64(11))
	tell(minute.Add(-time.Hour), 3)
	require.Equal(t, minute.Add(-time.Hour), known().Start, "a clock that was set back is right")
}

func TestImpossibleAnswersAreNotBelieved(t *testing.T) {
	t.Parallel()
	now := minute.Add(time.Second)
	for name, taken := range map[string]access.Taken{
		"nothing":          {},
		"from the future":  {At: now, Window: access.Window{Start: now.Add(time.Hour), Newest: now}},
		"too long ago":     {At: now, Window: access.Window{Start: now.Add(-time.Hour), Newest: now}},
		"below zero":       {At: now, Window: access.Window{Start: minute, Newest: now, Current: -1}},
		"more than can be": {At: now, Window: access.Window{Start: minute, Newest: now, Previous: math.MaxInt64}},
		"newer than now":   {At: now, Window: access.Window{Start: minute, Newest: now.Add(1)}},
	} {
		w := &windows{answer: func(access.Window) access.Taken { taken.Allowed = true; return taken }}
		l := newLimiter(t, access.LimiterOptions{Max: 2, Now: newClock(now).now, Shared: w})
		require.True(t, l.Take(t.Context(), "key:1").Allowed, name)
		require.True(t, l.Take(t.Context(), "key:1").Allowed, name)
		require.False(t, l.Take(t.Context(), "key:1").Allowed, name+": it counts by itself")
	}
}
