// Package outbox hands things to one goroutine, in order and without ever
// keeping who offers them waiting: what does not fit is dropped and counted.
package outbox

import (
	"context"
	"sync"
)

// Box is a bounded queue with the goroutine that empties it. It is safe for
// concurrent use.
type Box[T any] struct {
	limit int
	weigh func(T) int
	do    func([]T)

	mu      sync.Mutex
	waiting []T
	weight  int // of what waits and of what is being done
	dropped uint64
	closed  bool

	wake chan struct{} // has room for one: there is something to do
	done chan struct{}
}

// New makes a box that holds things of a total weight up to limit. Do is called
// by one goroutine, until Close, with what has gathered since the call before,
// and must not keep the slice.
func New[T any](limit int, weigh func(T) int, do func([]T)) *Box[T] {
	b := &Box[T]{limit: limit, weigh: weigh, do: do, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go b.run()
	return b
}

// Offer puts things into the box, each as a whole or not at all. It never
// waits. What is offered after Close is dropped.
func (b *Box[T]) Offer(things ...T) {
	b.mu.Lock()
	for i, thing := range things {
		w := b.weigh(thing)
		if b.closed || b.weight+w > b.limit {
			b.dropped += uint64(len(things) - i) // what follows must not overtake
			break
		}
		b.weight += w
		b.waiting = append(b.waiting, thing)
	}
	b.mu.Unlock()
	b.nudge()
}

func (b *Box[T]) nudge() {
	select {
	case b.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Dropped is how many things did not fit.
func (b *Box[T]) Dropped() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}

// Close takes nothing more and waits until everything in the box is done, or
// until the context ends; then the goroutine ends once do returns, and what
// still waits is dropped.
func (b *Box[T]) Close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.nudge()
	select {
	case <-b.done:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropped += uint64(len(b.waiting))
	b.waiting = nil
	return ctx.Err()
}

func (b *Box[T]) run() {
	defer close(b.done)
	var doing []T
	for range b.wake {
		for {
			var last bool
			if doing, last = b.take(doing); len(doing) > 0 {
				b.do(doing)
				b.finish(doing)
				continue
			}
			if last {
				return
			}
			break
		}
	}
}

// take gives what waits, in exchange for a slice to gather in, and tells
// whether nothing will come any more.
func (b *Box[T]) take(done []T) (doing []T, last bool) {
	clear(done)
	b.mu.Lock()
	defer b.mu.Unlock()
	doing, b.waiting = b.waiting, done[:0]
	return doing, b.closed
}

func (b *Box[T]) finish(done []T) {
	weight := 0
	for _, thing := range done {
		weight += b.weigh(thing)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.weight -= weight
}
