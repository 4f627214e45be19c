package client

import (
	"context"
	"sync"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// crew owns the goroutines of a client, so that Close can wait for them.
type crew struct {
	// life ends with the client. It is no request's context.
	life context.Context //nolint:containedctx // the lifetime of the goroutines below.
	end  context.CancelFunc

	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

func newCrew() *crew {
	life, end := context.WithCancel(context.Background())
	return &crew{life: life, end: end}
}

// start runs work in the background. Its context has the values of ctx, not
// its end: the call that needed the work first may give up, others still wait.
// After close it starts nothing and returns false.
func (c *crew) start(ctx context.Context, work func(context.Context)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(c.life, cancel)
	c.wg.Go(func() {
		defer cancel()
		defer stop()
		work(ctx)
	})
	return true
}

func (c *crew) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.end()
	c.wg.Wait()
}

func errClosed() error {
	return pmerr.New(pmerr.Unavailable, "the client is closed")
}
