package access

import (
	"context"
	"errors"
	"slices"
	"time"
)

// SharedWindows counts units in one place for all nodes of a service, such as
// Redis. It estimates a sliding window as [Limiter] does, on a clock of its own,
// so that the clocks of the nodes do not matter.
type SharedWindows interface {
	// Take admits a unit of a subject, or refuses it. The counter is first
	// raised to what this node knows about the subject: whatever was lost comes
	// back with the first node that remembers it. An error means that the unit
	// was neither admitted nor refused as far as this node can tell; it comes
	// within a fraction of a second, and at once while the counters are known to
	// be out of reach.
	Take(ctx context.Context, rule Rule, known Window) (Taken, error)
	// Raise raises counters that are lower than what this node knows; a counter
	// is never lowered. The error is that of Take.
	Raise(ctx context.Context, rule Rule, known []Window) error
	// Lost calls lost whenever counters may have been lost: when they are back
	// within reach after an outage, and when they were found emptied. It returns
	// when ctx ends.
	Lost(ctx context.Context, lost func())
}

// Rule is how many units fit into a sliding window.
type Rule struct {
	Window time.Duration
	Max    int64
}

// Taken answers [SharedWindows.Take].
type Taken struct {
	Allowed bool
	// At is when, on the clock of the shared windows.
	At time.Time
	// Window is how the subject stands now, this unit included if it was
	// admitted. It contains At.
	Window Window
}

const (
	// clockBack is how far the clock of the shared windows must run backwards to
	// be taken for a clock that was set back, and not for answers that overtook
	// each other.
	clockBack = int64(time.Second)
	// raiseTimeout bounds how long shared counters are raised after a loss.
	raiseTimeout = 10 * time.Second
)

// errStrange says that shared windows answered what cannot be.
var errStrange = errors.New("the shared windows answered with an impossible counter")

// takeShared takes a unit for all nodes.
func (l *Limiter) takeShared(ctx context.Context, subject string) (Decision, error) {
	taken, err := l.shared.Take(ctx, l.rule(), l.known(subject))
	if err != nil {
		return Decision{}, err
	}
	return l.heard(subject, taken)
}

func (l *Limiter) rule() Rule { return Rule{Window: time.Duration(l.window), Max: l.limit} }

// known is what this node knows about a subject, as it was when it heard it: the
// shared windows bring it to their own time.
func (l *Limiter) known(subject string) Window {
	s := l.shard(subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.counters[subject]; c != nil {
		return c.window(subject)
	}
	return Window{Subject: subject}
}

// window is the counter for others.
func (c *counter) window(subject string) Window {
	return Window{
		Subject: subject, Start: time.Unix(0, c.start).UTC(), Newest: time.Unix(0, c.last).UTC(),
		Previous: c.previous, Current: c.current,
	}
}

// heard keeps what the shared windows answered and makes a decision of it.
func (l *Limiter) heard(subject string, taken Taken) (Decision, error) {
	t := taken.At.UnixNano()
	state := counter{
		start: taken.Window.Start.UnixNano(), last: taken.Window.Newest.UnixNano(),
		previous: taken.Window.Previous, current: taken.Window.Current,
	}
	if state.start < 0 || state.start > t || t-state.start >= l.window || state.previous < 0 || state.current < 0 ||
		max(state.previous, state.current) > maxLimit || state.last > t {
		return Decision{}, errStrange
	}
	s := l.shard(subject)
	s.mu.Lock()
	now, here := l.clock()
	l.ahead.Store(t - here)
	c := s.counters[subject]
	if c == nil {
		c = s.add(subject, t, l.window)
	}
	switch {
	case c.start-t > clockBack: // theirs was set back, and is right
		*c = state
	case c.start <= t:
		c.advance(t, l.window)
		c.raise(state)
	} // else the answer was overtaken by one of the next window
	c.changed = c.changed || taken.Allowed
	s.mu.Unlock()
	return state.decide(taken.Allowed, l.limit, l.window, now, t), nil
}

// raise lifts a counter to another one of the same time. Units are never taken
// back, so the higher count is the newer one.
func (c *counter) raise(to counter) {
	c.start, c.last = to.start, max(c.last, to.last)
	c.previous, c.current = max(c.previous, to.previous), max(c.current, to.current)
}

// decide tells how a counter stands at t after a unit was admitted or refused.
func (c *counter) decide(allowed bool, limit, window int64, now time.Time, t int64) Decision {
	left := limit - c.used(t, window)
	d := Decision{Allowed: allowed, Limit: limit, Reset: secondUp(now.Add(time.Duration(c.full(window) - t)))}
	switch {
	case allowed:
		d.Remaining = max(left, 0)
	case left > 0: // the shared windows have rounded against us by a hair
		d.RetryAfter = 1
	default:
		d.RetryAfter = time.Duration(max(c.free(window, limit)-t, 1))
	}
	return d
}

// sharedTime is the time on the clock of the shared windows, as far as known.
// For a counter that has heard of a later time it stands still.
func (l *Limiter) sharedTime(c *counter, t int64) int64 {
	t += l.ahead.Load()
	if l.shared != nil && c != nil && c.start-t <= clockBack {
		t = max(t, c.start)
	}
	return t
}

// remind brings what this node knows to shared windows that may have lost it.
func (l *Limiter) remind(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, raiseTimeout)
	defer cancel()
	for batch := range slices.Chunk(l.all(), saveBatch) {
		if l.shared.Raise(ctx, l.rule(), batch) != nil {
			return // they will be lost again, and each Take brings its own.
		}
	}
}

// all gives every subject that has a unit in its window.
func (l *Limiter) all() (windows []Window) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		for subject, c := range s.counters {
			if !c.empty() {
				windows = append(windows, c.window(subject))
			}
		}
		s.mu.Unlock()
	}
	return windows
}
