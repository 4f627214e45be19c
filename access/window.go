package access

import "math/bits"

// counter counts one subject's units in two buckets, the fixed window that runs
// now and the one before. All times and lengths are in nanoseconds; times are
// on the limiter's own clock.
//
// How many units lie in the sliding window that ends at t is estimated as
//
//	current + previous × (start + window − t) / window
//
// as if the units of the window before had come evenly. The formula is from
// Cloudflare, "How we built rate limiting capable of scaling to millions of
// domains" (https://blog.cloudflare.com/counting-things-a-lot-of-different-things/).
// It is off by at most previous × max(f, 1−f), f being how much of the running
// window has passed; for even traffic by one. Two things keep it honest: the
// share of the window before is rounded up, and it is dropped as soon as the
// last unit is a whole window ago, for then the sliding window is known to be
// empty.
type counter struct {
	// start of the running window.
	start int64
	// last is when the newest unit was admitted.
	last int64
	// previous and current are the units of the two windows.
	previous, current int64
	// changed tells that the snapshot does not have the newest unit.
	changed bool
}

// advance brings the counter to the time t.
func (c *counter) advance(t, window int64) {
	// The clock was set back. What is counted stays counted, in a window that
	// starts over: nothing is refilled, and it fades in the usual time instead
	// of when the clock has caught up.
	c.start, c.last = min(c.start, t), min(c.last, t)
	switch passed := t - c.start; {
	case passed >= 2*window:
		c.start, c.previous, c.current = align(t, window), 0, 0
	case passed >= window:
		c.start, c.previous, c.current = c.start+window, c.current, 0
	}
	if c.current == 0 && t-c.last >= window {
		c.previous = 0
	}
}

// used estimates the units of the sliding window that ends at t. Call it, and
// the methods below, on a counter that was advanced to t.
func (c *counter) used(t, window int64) int64 {
	share, rest := scale(c.previous, c.start+window-t, window)
	if rest {
		share++
	}
	return c.current + share
}

// empty reports whether the counter is as good as a new one.
func (c *counter) empty() bool { return c.previous == 0 && c.current == 0 }

// admit counts units at t.
func (c *counter) admit(t, units int64) {
	c.current += units
	c.last = t
	c.changed = true
}

// full is when the whole limit is there again if nothing more is admitted.
func (c *counter) full(window int64) int64 { return c.last + window }

// free is when one unit is there again, for a counter that has none left.
func (c *counter) free(window, limit int64) int64 {
	var at int64
	if room := limit - 1 - c.current; room >= 0 {
		// In this window, once no more than room is left of the previous one.
		left, _ := scale(room, window, c.previous)
		at = c.start + window - left
	} else {
		// In the next, once no more than limit−1 is left of this one.
		left, _ := scale(limit-1, window, c.current)
		at = c.start + 2*window - left
	}
	return min(at, c.full(window))
}

// scale gives n × part / whole rounded down, and whether that cut something
// off. The product may exceed 64 bits; the result must not, and none of the
// three be negative.
func scale(n, part, whole int64) (quotient int64, rest bool) {
	high, low := bits.Mul64(uint64(n), uint64(part))
	q, r := bits.Div64(high, low, uint64(whole))
	return int64(q), r != 0 //nolint:gosec // bounded by n or by part.
}

// align gives the start of the window that t lies in, counted from 1970.
func align(t, window int64) int64 {
	into := t % window
	if into < 0 {
		into += window
	}
	return t - into
}
