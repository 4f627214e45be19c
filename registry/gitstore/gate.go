package gitstore

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

const (
	// breakAfter is how many failures in a row keep callers from the host.
	breakAfter = 3
	// firstPause doubles with every further failure, up to maxPause.
	firstPause = 2 * time.Second
	maxPause   = time.Minute
	// maxRetryAfter bounds what a host may ask for.
	maxRetryAfter = 15 * time.Minute
)

// gate keeps callers from a host that fails: they are refused at once instead
// of waiting. After a pause one of them tries it again. The caller makes sure
// that only one exchange happens at a time.
type gate struct {
	now func() time.Time

	mu       sync.Mutex
	failures int
	until    time.Time
	// last is the failure of the latest exchange; nil if it went well.
	last error
}

// enter lets an exchange begin, or tells when one may.
func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	wait := g.until.Sub(g.now())
	if wait <= 0 {
		return nil
	}
	err := pmerr.New(pmerr.Unavailable, "The git host failed repeatedly and is not called for a while; try again later").Because(g.last)
	err.RetryAfter = wait.Round(time.Second) + time.Second
	return err
}

// leave notes how an exchange ended. A fault that says nothing of the host's
// health, such as a wrong token, counts as an answer.
func (g *gate) leave(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := faultOf(err)
	g.last = err
	if err == nil || !f.down {
		g.failures, g.until = 0, time.Time{}
		return
	}
	g.failures++
	var pause time.Duration
	if g.failures >= breakAfter {
		pause = min(firstPause<<min(g.failures-breakAfter, 10), maxPause)
		pause += time.Duration(rand.Int64N(int64(pause)/4 + 1)) // so that nodes do not come back together
	}
	if f.retryAfter > 0 {
		pause = max(pause, min(f.retryAfter, maxRetryAfter))
	}
	g.until = g.now().Add(pause)
}
