// Package lease runs jobs that one of many processes does for all, on a
// database that they share: each at its interval, never two at once, and taken
// over from a process that dies.
//
// A lease is a row: who holds it, and until when nobody else may, by the clock
// of the database, so that those of the processes do not matter. While a job
// runs its process keeps moving that time on; when it is done the time becomes
// that of the next run, which is anybody's. A process that dies stops moving it.
package lease

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"
)

// Store keeps the leases. Times are by its clock. All methods return
// ErrUnavailable when the database is down.
type Store interface {
	// TakeLease gives a free lease to a holder for a time, or tells how long it
	// is not free yet.
	TakeLease(ctx context.Context, name, holder string, during time.Duration) (taken bool, wait time.Duration, err error)
	// KeepLease moves the end of a lease to so long after now, if it is still
	// the holder's.
	KeepLease(ctx context.Context, name, holder string, during time.Duration) (kept bool, err error)
	// ReleaseLeases frees what a holder has.
	ReleaseLeases(ctx context.Context, holder string) error
}

// Options of a Runner.
type Options struct {
	Store  Store
	Logger *slog.Logger
	// During is for how long a lease is taken while its job runs: so long a job
	// waits after its process has died. Default 15 s.
	During time.Duration
	// Look is how often a process looks at least whether a lease became free
	// before its time. Default 10 s.
	Look time.Duration
}

func (o Options) withDefaults() Options {
	if o.During == 0 {
		o.During = 15 * time.Second
	}
	if o.Look == 0 {
		o.Look = 10 * time.Second
	}
	return o
}

// Runner runs jobs under leases. It is safe for concurrent use.
type Runner struct {
	o      Options
	holder string
}

// New makes a runner.
func New(o Options) *Runner { return &Runner{o: o.withDefaults(), holder: rand.Text()} }

// Run runs a job at once if it is due, and then at each interval, wherever it
// is due and nobody else runs it, until ctx ends. The job's own context ends
// earlier if the lease was lost: by then somebody else may be at work, so what
// it does must bear that.
func (r *Runner) Run(ctx context.Context, name string, interval time.Duration, job func(ctx context.Context)) {
	for {
		taken, wait, err := r.o.Store.TakeLease(ctx, name, r.holder, r.o.During)
		if err == nil && taken {
			r.under(ctx, name, job)
			wait = interval
			_, err = r.o.Store.KeepLease(ctx, name, r.holder, interval)
		}
		if err != nil { // the database is down: who needs it says so
			if ctx.Err() == nil {
				r.o.Logger.Debug("the lease of a background job cannot be had", "job", name, "error", err)
			}
			wait = r.o.Look
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(wait, r.o.Look)):
		}
	}
}

// under runs a job while its lease is kept.
func (r *Runner) under(ctx context.Context, name string, job func(context.Context)) {
	ctx, stop := context.WithCancel(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		r.keep(ctx, name, stop)
	}()
	job(ctx)
	stop()
	<-kept
}

// keep moves the end of the lease on until the job is done, and stops the job
// when the lease is lost, or may be.
func (r *Runner) keep(ctx context.Context, name string, stop context.CancelFunc) {
	step := r.o.During / 3
	ticker := time.NewTicker(step)
	defer ticker.Stop()
	last := time.Now() //nolint:forbidigo // a span of time, that no other clock has to know.
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		begun := time.Now() //nolint:forbidigo // as above.
		limited, cancel := context.WithTimeout(ctx, step)
		kept, err := r.o.Store.KeepLease(limited, name, r.holder, r.o.During)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && kept:
			last = begun
		case err == nil || begun.Sub(last) > r.o.During/2: // the next attempt would end too late
			r.o.Logger.Warn("a background job stops: its lease was lost", "job", name, "error", err)
			stop()
			return
		}
	}
}

// Release frees the leases of this runner, for the next process to run what is
// due. It is for the end, when no job runs any more.
func (r *Runner) Release(ctx context.Context) error { return r.o.Store.ReleaseLeases(ctx, r.holder) }
