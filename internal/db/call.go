package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// errTooLong says that a call of several statements took too long as a whole.
var errTooLong = errors.New("the call took too long")

// unhurried marks a context.
type unhurried struct{}

// Unhurried gives a context whose calls may take as long as they take: for
// maintenance that reads whole tables. A server that does not answer ends them
// all the same.
func Unhurried(ctx context.Context) context.Context {
	return context.WithValue(ctx, unhurried{}, true)
}

func isUnhurried(ctx context.Context) bool { return ctx.Value(unhurried{}) != nil }

// guard runs a call, and ends it when the server has fallen silent or the call
// has taken too long; what it returns is translated.
func (p *postgres) guard(ctx context.Context, do func(context.Context) error) error {
	if p.pulse.silent.Load() { // unless it is back, waiting would be in vain
		if err := p.pulse.check(ctx); err != nil {
			return p.verdict(ctx, ctx, err)
		}
	}
	call, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := p.watch(call, cancel)
	defer w.stop()
	return p.verdict(ctx, call, do(call))
}

// verdict tells our own ending of a call from its caller's.
func (p *postgres) verdict(ctx, call context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return Translate(err)
	}
	if cause := context.Cause(call); cause != nil {
		err = errors.Join(cause, err)
	}
	switch {
	case errors.Is(err, errSilent):
		return later(err, retrySilent, "the database does not answer")
	case errors.Is(err, errTooLong):
		return later(err, retryBusy, "the database took too long")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled): // a limit of the driver
		return later(err, retrySoon, "the database is not available")
	}
	if isStale(err) {
		p.generation.Add(1)
	}
	return Translate(err)
}

func later(cause error, after time.Duration, message string) error {
	down := pmerr.Down(cause, "%s", message)
	down.RetryAfter = after
	return down
}

// watch is the watch over one call.
type watch struct {
	pulse  *pulse
	limit  time.Duration
	cancel context.CancelCauseFunc
	timer  *time.Timer
	done   chan struct{}
}

func (p *postgres) watch(call context.Context, cancel context.CancelCauseFunc) *watch {
	w := &watch{pulse: p.pulse, limit: p.limit, cancel: cancel, done: make(chan struct{})}
	if isUnhurried(call) {
		w.limit = 0
	}
	w.timer = time.AfterFunc(p.pulse.patience, func() { w.run(call) })
	return w
}

// run looks after a call that takes long.
func (w *watch) run(call context.Context) {
	defer close(w.done)
	again := time.NewTicker(w.pulse.patience)
	defer again.Stop()
	for waited := w.pulse.patience; ; waited += w.pulse.patience {
		if err := w.pulse.check(call); err != nil {
			w.cancel(err) // without effect if the call has ended
			return
		}
		if w.limit > 0 && waited >= w.limit {
			w.cancel(fmt.Errorf("%w: %s", errTooLong, waited))
			return
		}
		select {
		case <-again.C:
		case <-call.Done():
			return
		}
	}
}

func (w *watch) stop() {
	if w.timer.Stop() {
		return
	}
	w.cancel(nil)
	<-w.done
}

// generationKey is under which a connection knows when it was made.
const generationKey = "promptmetrics generation"

// mark notes on a new connection when it was made.
func (p *postgres) mark(_ context.Context, c *pgx.Conn) error {
	p.ends.add(c.PgConn())
	c.PgConn().CustomData()[generationKey] = p.generation.Load()
	return nil
}

func (p *postgres) isMarked(c *pgx.Conn) bool {
	return c.PgConn().CustomData()[generationKey] == p.generation.Load()
}

// checkMark throws away a connection from before the server fell silent, or
// before its schema changed under what is prepared on it.
func (p *postgres) checkMark(_ context.Context, c *pgx.Conn) error {
	if p.isMarked(c) {
		return nil
	}
	_ = c.PgConn().Conn().Close() // without the farewell, which may find nobody
	return driver.ErrBadConn
}

// pingAfter is how long a connection may rest before its next use asks whether
// it still works.
const pingAfter = time.Second

func (p *postgres) worthAPing(_ context.Context, o stdlib.ShouldPingParams) bool {
	return o.IdleDuration > pingAfter && p.isMarked(o.Conn)
}
