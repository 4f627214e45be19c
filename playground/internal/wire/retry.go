package wire

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// The pause before the first repetition, the longest that is chosen here, and
// the longest that a provider may ask for: if it asks for more, its answer is
// passed on, and says when to come back.
const (
	firstPause = 250 * time.Millisecond
	lastPause  = 8 * time.Second
	mostAsked  = 30 * time.Second
)

// persist tries until it works, cannot work, or has been tried often enough.
// ctx is the caller's context, own the call's.
func (w *Client) persist(ctx, own context.Context, try func() *fault) error {
	for n := 0; ; n++ {
		f := try()
		if f == nil {
			return nil
		}
		if !f.again || n >= w.config.Retries {
			return f
		}
		wait := pause(n, f.after, w.random())
		if f.after > mostAsked || outlasts(own, wait) {
			return f
		}
		w.config.Logger.LogAttrs(ctx, slog.LevelDebug, "promptmetrics: asking the provider again",
			slog.String("provider", w.config.Name), slog.Duration("after", wait), slog.Any("error", f.err))
		if err := w.sleep(own, wait); err != nil {
			if ctx.Err() != nil {
				return &fault{err: w.ended(ctx.Err())}
			}
			return f
		}
	}
}

// pause says how long to wait before repetition n, counted from 0: a share of
// an exponentially growing time, and never less than the provider asked for.
// The random part, from [0, 1), keeps many callers from coming back together.
func pause(n int, asked time.Duration, random float64) time.Duration {
	d := lastPause
	if n < 5 { // 250 ms << 5 is lastPause.
		d = firstPause << n
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

// retryAfter reads how long a provider asks to wait: in milliseconds, seconds
// with or without a fraction, or until a date. What is none of them, or is in
// the past, is zero; a day is the most that is believed.
func retryAfter(h http.Header, now time.Time) time.Duration {
	const most = 24 * time.Hour
	number := func(text string, unit time.Duration) (time.Duration, bool) {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n >= 0) {
			return 0, false
		}
		return time.Duration(min(n*float64(unit), float64(most))), true
	}
	if d, ok := number(h.Get("Retry-After-Ms"), time.Millisecond); ok {
		return d
	}
	text := h.Get("Retry-After")
	if d, ok := number(text, time.Second); ok {
		return d
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, min(at.Sub(now), most))
	}
	return 0
}
