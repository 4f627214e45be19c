package client

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"
)

// The pause before the first repetition, and the longest that the client
// chooses by itself.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// fault is why one attempt failed.
type fault struct {
	err error
	// again says that the same request may succeed later.
	again bool
	// doubt says that the server may have carried the request out.
	doubt bool
	// after is how long the server asked to wait; zero if it did not.
	after time.Duration
}

// persist tries until it works, cannot work, or has been tried often enough.
// doubt reports whether some failed attempt may have been carried out.
func (w *wire) persist(ctx context.Context, r request, try func() *fault) (doubt bool, err error) {
	for n := 0; ; n++ {
		f := try()
		if f == nil {
			return doubt, nil
		}
		doubt = doubt || f.doubt
		if !f.again || n >= w.retries || (r.once && doubt) {
			return doubt, f.err
		}
		wait := pause(n, f.after, w.random())
		if wait > w.maxWait || outlasts(ctx, wait) {
			return doubt, f.err
		}
		w.log.LogAttrs(ctx, slog.LevelDebug, "promptmetrics: trying again",
			slog.String("request", r.name()), slog.Duration("after", wait), slog.Any("error", f.err))
		if err := w.sleep(ctx, wait); err != nil {
			return doubt, ended(r, err)
		}
	}
}

// pause says how long to wait before repetition n, counted from 0: a share of
// an exponentially growing time, and never less than the server asked for. The
// random part, from [0, 1), keeps many clients from coming back together.
func pause(n int, asked time.Duration, random float64) time.Duration {
	d := lastPause
	if n < 6 { // 100 ms << 6 is beyond lastPause.
		d = min(firstPause<<n, lastPause)
	}
	half := d / 2
	spread := time.Duration(random * float64(half))
	if asked > 0 {
		return asked + spread
	}
	return half + spread
}

// outlasts reports whether the context ends before the pause does; then the
// error at hand says more than the context's.
func outlasts(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < wait //nolint:forbidigo // deadlines are in real time.
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func random() float64 { return rand.Float64() } //nolint:gosec // spreads load, guards nothing.
