package sqlstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// convoy writes small things that come in masses. One goroutine takes what all
// callers have queued, writes it in one transaction, with one update of each
// counter, and answers everybody. There is no timer: a batch is what arrived
// while the one before it was committed.
type convoy[T any] struct {
	db *db.DB
	// write writes the things of one workspace.
	write func(ctx context.Context, tx *db.Tx, ws string, all []*load[T], at *moments) error
	// written is told of what a commit has made durable.
	written func(all []*load[T])
	// weigh tells how much of the bound of a transaction, most, a thing takes up.
	weigh func(thing T) int
	most  int
	queue chan *load[T]
	done  chan struct{}
	commits

	mu     sync.RWMutex // guards queue against being closed while sent to
	closed bool
}

// load is one thing on its way.
type load[T any] struct {
	id    workspace.ID
	actor workspace.Actor
	thing T
	err   error
	done  chan struct{}
}

// maxConvoy bounds a transaction in things, where they are all alike.
const maxConvoy = 1000

func newConvoy[T any](d *db.DB, write func(context.Context, *db.Tx, string, []*load[T], *moments) error) *convoy[T] {
	return newWeighedConvoy(d, maxConvoy, func(T) int { return 1 }, write, func([]*load[T]) {})
}

// newWeighedConvoy is a convoy of things of unlike size.
func newWeighedConvoy[T any](
	d *db.DB, most int, weigh func(T) int,
	write func(context.Context, *db.Tx, string, []*load[T], *moments) error, written func([]*load[T]),
) *convoy[T] {
	c := &convoy[T]{
		db: d, write: write, written: written, weigh: weigh, most: most,
		queue: make(chan *load[T], maxConvoy), done: make(chan struct{}), commits: newCommits(),
	}
	go c.run()
	return c
}

func (c *convoy[T]) close() {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.queue)
	}
	c.mu.Unlock()
	<-c.done
}

// deliver queues a thing and waits until it is durable. Once it is queued it
// will be written, whatever becomes of ctx; but the wait ends with it.
func (c *convoy[T]) deliver(ctx context.Context, l *load[T]) error {
	l.done = make(chan struct{})
	if err := c.enqueue(ctx, l); err != nil {
		return err
	}
	select {
	case <-l.done:
		return l.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *convoy[T]) enqueue(ctx context.Context, l *load[T]) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return pmerr.New(pmerr.Unavailable, "the store is closed")
	}
	select {
	case c.queue <- l:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *convoy[T]) run() {
	defer close(c.done)
	var batch []*load[T]
	for first := range c.queue {
		batch = c.drain(append(batch[:0], first))
		c.carry(batch)
		for i, l := range batch {
			close(l.done)
			batch[i] = nil
		}
	}
}

func (c *convoy[T]) drain(batch []*load[T]) []*load[T] {
	weight := c.weigh(batch[0].thing)
	for weight < c.most {
		select {
		case l, ok := <-c.queue:
			if !ok {
				return batch
			}
			batch = append(batch, l)
			weight += c.weigh(l.thing)
		default:
			return batch
		}
	}
	return batch
}

// carry commits a batch. If the database refuses it, each thing is tried alone,
// so that one cannot fail the others.
func (c *convoy[T]) carry(batch []*load[T]) {
	err := c.commit(batch)
	if err == nil {
		return
	}
	alone := len(batch) > 1 && !errors.Is(err, pmerr.ErrUnavailable)
	for i, l := range batch {
		if alone {
			err = c.commit(batch[i : i+1])
		}
		l.err = err
	}
}

func (c *convoy[T]) commit(batch []*load[T]) error {
	// Nodes that take workspaces in one order never wait for each other in a
	// circle; and the things of one stand together.
	slices.SortStableFunc(batch, func(a, b *load[T]) int { return strings.Compare(a.id.String(), b.id.String()) })
	return c.count(c.db, len(batch), func() error { return c.store(batch) })
}

func (c *convoy[T]) store(batch []*load[T]) error {
	// The transaction belongs to all callers, so it does not end with one.
	err := updateAt(context.Background(), c.db, func(ctx context.Context, tx *db.Tx, at *moments) error {
		for rest := batch; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n].id == rest[0].id {
				n++
			}
			if err := c.write(ctx, tx, rest[0].id.String(), rest[:n], at); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	})
	if err == nil {
		c.written(batch)
	}
	return err
}
