package client

import (
	"context"
	"sync"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// ErrQueueFull refuses a log that finds the queue of a [Batcher] full; test
// for it with errors.Is.
var ErrQueueFull error = pmerr.New(pmerr.Unavailable, "the log was refused: the queue of the batcher is full")

// ErrBatcherClosed refuses a log after Close.
var ErrBatcherClosed error = pmerr.New(pmerr.Unavailable, "the log was refused: the batcher is closed")

// Batcher takes logs without blocking and delivers them in batches. Every log
// that it accepts is either delivered or handed to OnUndelivered. It is safe
// for concurrent use.
type Batcher struct {
	sink    LogSink
	options BatcherOptions
	// wake tells the goroutine that there may be something to do.
	wake chan struct{}
	// done is closed when the goroutine has ended.
	done chan struct{}
	// life ends when Close runs out of time: what is left is reported.
	life context.Context //nolint:containedctx // the lifetime of the goroutine.
	end  context.CancelFunc

	mu sync.Mutex
	// queue holds the waiting logs in pieces of at most MaxBatch.
	queue  [][]item
	queued int
	// accepted and settled number the logs: those up to settled are delivered
	// or reported.
	accepted, settled uint64
	// urgent is the number up to which somebody waits.
	urgent  uint64
	waiters []*waiter
	closed  bool
	stats   BatcherStats
	// untold counts refusals that the Logger has not heard of.
	untold int64
}

// item is an accepted log with its number, counted from 1.
type item struct {
	number uint64
	log    telemetry.Log
}

// waiter is one call of Flush.
type waiter struct {
	until uint64
	done  chan struct{}
	// lost and err tell of undelivered logs among those waited for.
	lost int
	err  error
}

// BatcherStats counts what became of the logs.
type BatcherStats struct {
	// Accepted were taken by Log: Delivered + Undelivered + Pending.
	Accepted int64
	// Delivered were confirmed by the sink.
	Delivered int64
	// Undelivered were handed to OnUndelivered.
	Undelivered int64
	// Pending are waiting or being sent.
	Pending int64
	// Refused were turned away because the queue was full or closed.
	Refused int64
	// Batches were delivered.
	Batches int64
}

// NewBatcher starts a batcher; Close ends it. Options that cannot work are an
// ErrValidation that names each of them.
func NewBatcher(sink LogSink, options BatcherOptions) (*Batcher, error) {
	options = options.withDefaults()
	faults := options.validate()
	if sink == nil {
		faults = append(faults, "sink must be set, for example to Client.Telemetry")
	}
	if faults != nil {
		return nil, pmerr.Invalid(faults...)
	}
	b := &Batcher{sink: sink, options: options, wake: make(chan struct{}, 1), done: make(chan struct{})}
	b.life, b.end = context.WithCancel(context.Background())
	go b.run()
	return b, nil
}

// Log accepts a log for delivery and returns at once. The log and what it
// points to must not be changed afterwards. ErrQueueFull, ErrBatcherClosed.
func (b *Batcher) Log(l telemetry.Log) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.queued >= b.options.MaxQueue {
		b.stats.Refused++
		b.untold++
		if b.closed {
			return ErrBatcherClosed
		}
		return ErrQueueFull
	}
	b.accepted++
	last := len(b.queue) - 1
	if last < 0 || len(b.queue[last]) == b.options.MaxBatch {
		b.queue = append(b.queue, nil)
		last++
	}
	b.queue[last] = append(b.queue[last], item{b.accepted, l})
	b.queued++
	if b.queued == 1 || b.queued >= b.options.MaxBatch {
		b.signal()
	}
	return nil
}

// Flush waits until every log that was accepted before is delivered or
// reported. It returns an error if some of them were not delivered, with the
// code of the last reason, or the context's error if that ends first.
func (b *Batcher) Flush(ctx context.Context) error {
	b.mu.Lock()
	if b.settled >= b.accepted {
		b.mu.Unlock()
		return nil
	}
	w := &waiter{until: b.accepted, done: make(chan struct{})}
	b.waiters = append(b.waiters, w)
	b.urgent = b.accepted
	b.signal()
	b.mu.Unlock()
	select {
	case <-w.done:
		return w.result()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *waiter) result() error {
	if w.lost == 0 {
		return nil
	}
	code := pmerr.Unavailable
	if e := pmerr.From(w.err); e.Code != pmerr.Internal {
		code = e.Code
	}
	return pmerr.New(code, "%d of the logs were not delivered", w.lost).Because(w.err)
}

// Close refuses further logs and waits, like Flush, for the accepted ones. If
// the context ends first, what is not delivered by then goes to OnUndelivered.
// When Close returns, the batcher's goroutine has ended.
func (b *Batcher) Close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	b.signal()
	b.mu.Unlock()
	err := b.Flush(ctx)
	if ctx.Err() != nil {
		b.end()
	}
	<-b.done
	b.end()
	return err
}

// Stats counts what became of the logs so far.
func (b *Batcher) Stats() BatcherStats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	s.Accepted = int64(b.accepted)            //nolint:gosec // nobody counts that far.
	s.Pending = int64(b.accepted - b.settled) //nolint:gosec // as above.
	return s
}

// signal wakes the goroutine; one pending signal is enough.
func (b *Batcher) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// run delivers until the batcher is closed and empty.
func (b *Batcher) run() {
	defer close(b.done)
	timer := time.NewTimer(b.options.FlushEvery)
	timer.Stop()
	ticking := false
	due := false
	for {
		batch, waiting, over := b.take(due)
		due = false
		switch {
		case batch != nil:
			timer.Stop()
			ticking = false
			b.deliver(batch)
			b.tellRefused()
			continue
		case over:
			b.tellRefused()
			return
		case waiting && !ticking:
			timer.Reset(b.options.FlushEvery)
			ticking = true
		}
		select {
		case <-b.wake:
		case <-timer.C:
			ticking, due = false, true
		}
	}
}

// take removes the next batch from the queue, if it is time to send one: it is
// full, or due, or somebody waits for it. waiting reports whether there are
// logs at all, over that none can come any more.
func (b *Batcher) take(due bool) (batch []item, waiting, over bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.queued == 0 {
		return nil, false, b.closed
	}
	first := b.queue[0]
	if len(first) < b.options.MaxBatch && !due && !b.closed && b.settled >= b.urgent {
		return nil, true, false
	}
	b.queue[0] = nil
	b.queue = b.queue[1:]
	b.queued -= len(first)
	return first, false, false
}

// settle records what became of a batch, of which missing logs were lost, and
// lets those go who waited for it.
func (b *Batcher) settle(batch []item, lost []loss, missing int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settled = batch[len(batch)-1].number
	b.stats.Undelivered += int64(missing)
	b.stats.Delivered += int64(len(batch) - missing)
	if missing < len(batch) {
		b.stats.Batches++
	}
	var still []*waiter
	for _, w := range b.waiters {
		for _, l := range lost {
			for _, i := range l.items {
				if i.number <= w.until {
					w.lost, w.err = w.lost+1, l.err
				}
			}
		}
		if w.until <= b.settled {
			close(w.done)
		} else {
			still = append(still, w)
		}
	}
	b.waiters = still
}

// tellRefused logs how many logs were refused since it was called last. Log
// itself does not: a log handler may block.
func (b *Batcher) tellRefused() {
	b.mu.Lock()
	n := b.untold
	b.untold = 0
	b.mu.Unlock()
	if n > 0 {
		b.options.Logger.Error("promptmetrics: logs were refused, the batcher's queue is full or closed", "logs", n)
	}
}
