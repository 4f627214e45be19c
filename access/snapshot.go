package access

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

const (
	// saveTimeout bounds one snapshot in the background.
	saveTimeout = 5 * time.Second
	// saveBatch bounds how many windows one write changes, so that it does not
	// hold up the writes of requests.
	saveBatch = 500
)

// Load takes over what the last snapshot counted. Call it once, before the
// first Take; a subject that was already counted stays as it is. ErrUnavailable
// leaves the limiter usable, with empty counters.
func (l *Limiter) Load(ctx context.Context) error {
	if l.store == nil || l.limit <= 0 {
		return nil
	}
	windows, err := l.store.LoadWindows(ctx)
	if err != nil {
		return pmerr.Down(err, "The counters of the rate limiter could not be loaded")
	}
	for _, w := range windows {
		l.restore(w)
	}
	return nil
}

// restore takes over one window. It comes from a store that others may write
// to, and from a time when the options may have been different.
func (l *Limiter) restore(w Window) {
	_, t := l.clock()
	if w.Subject == "" || len(w.Subject) > maxSubject || time.Unix(0, t).Sub(w.Start) >= 2*time.Duration(l.window) {
		return
	}
	start := t
	if w.Start.Before(time.Unix(0, t)) {
		start = w.Start.UnixNano()
	}
	c := counter{
		start: start, last: start, // all of the previous window came before.
		previous: min(max(w.Previous, 0), l.limit), current: min(max(w.Current, 0), l.limit),
	}
	if c.current > 0 {
		c.last = start + l.window // unknown; the latest it can be, which advance cuts to now.
	}
	if c.advance(t, l.window); c.empty() {
		return
	}
	s := l.shard(w.Subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counters[w.Subject] == nil {
		*s.add(w.Subject, t, l.window) = c
	}
}

// Close ends the background work and takes the last snapshot. It fails with
// ErrUnavailable when ctx ends first or the store is down. Calling it again
// tries again.
func (l *Limiter) Close(ctx context.Context) error {
	err := errors.Join(l.seeds.end(ctx), l.snapshots.end(ctx))
	if err == nil {
		err = l.snapshot(ctx)
	}
	if err != nil {
		return pmerr.Down(err, "The counters of the rate limiter could not be stored")
	}
	return nil
}

func (l *Limiter) run(ctx context.Context) {
	if l.limit <= 0 {
		return
	}
	tick := time.NewTicker(l.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.snapshotInTime(ctx)
		}
	}
}

func (l *Limiter) snapshotInTime(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	_ = l.snapshot(ctx) // it has been logged, and is tried again.
}

// snapshot forgets the subjects that are idle and stores the ones that changed
// since the last snapshot.
func (l *Limiter) snapshot(ctx context.Context) error {
	l.turn.Lock()
	defer l.turn.Unlock()
	_, t := l.clock()
	stale := time.Unix(0, l.sharedTime(nil, t)-2*l.window).UTC()
	var err error
	for batch := range slices.Chunk(l.collect(l.resend), saveBatch) {
		if err = l.store.SaveWindows(ctx, batch, stale); err != nil {
			break
		}
	}
	if err != nil && !l.failing && !errors.Is(ctx.Err(), context.Canceled) {
		l.log.WarnContext(ctx, "counters of the rate limiter cannot be stored, trying again", "error", err)
	}
	l.resend = err != nil
	l.failing = err != nil
	return err
}

// collect forgets idle subjects and gives the changed ones, or all. Without a
// store there is nobody to give them to.
func (l *Limiter) collect(all bool) (windows []Window) {
	for i := range l.shards {
		windows = l.shards[i].collect(windows, l, all)
	}
	return windows
}

func (s *limiterShard) collect(windows []Window, l *Limiter, all bool) []Window {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, t := l.clock()
	for subject, c := range s.counters {
		if c.advance(l.sharedTime(c, t), l.window); c.empty() {
			delete(s.counters, subject)
			continue
		}
		if l.store != nil && (all || c.changed) {
			c.changed = false
			windows = append(windows, c.window(subject))
		}
	}
	return windows
}
