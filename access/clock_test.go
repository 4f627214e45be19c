package access_test

import (
	"sync"
	"time"
)

// clock is a wall clock that moves only when told to, in either direction.
type clock struct {
	mu sync.Mutex
	at time.Time
}

// newClock makes a clock whose times carry no monotonic reading.
func newClock(at time.Time) *clock { return &clock{at: at.Round(0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
