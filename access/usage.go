package access

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"
)

const (
	// flushEvery is how often collected uses go to the store.
	flushEvery = time.Second
	// flushTimeout bounds one write of them.
	flushTimeout = 5 * time.Second
	// flushBatch bounds how many keys one write changes, so that it does not
	// hold up the writes of requests.
	flushBatch = 500
	// maxPending bounds the keys that wait while the store is down.
	maxPending = verifiedShards * verifiedLimit
)

// usage collects when keys were used and writes it in batches, for each key at
// most once in an interval: the time in the store is never behind the last use
// by more than that.
type usage struct {
	store KeyStore
	log   *slog.Logger
	every time.Duration

	mu      sync.Mutex
	pending map[int64]time.Time

	// turn lets one flush run at a time; it guards failing.
	turn    sync.Mutex
	failing bool
}

// note records a use. Most calls are one atomic load.
func (u *usage) note(e *entry, now time.Time) {
	at, last := now.UnixNano(), e.used.Load()
	if since := time.Duration(at - last); since < u.every && since > -u.every {
		return
	}
	if !e.used.CompareAndSwap(last, at) {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.add(e.who.KeyID, now)
}

func (u *usage) add(id int64, at time.Time) {
	if old, known := u.pending[id]; known && old.After(at) || !known && len(u.pending) >= maxPending {
		return
	}
	if u.pending == nil {
		u.pending = map[int64]time.Time{}
	}
	u.pending[id] = at
}

func (u *usage) run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = u.flush(ctx) // it has been logged, and is tried again.
		}
	}
}

// flush writes what was collected. What cannot be written is kept.
func (u *usage) flush(ctx context.Context) error {
	u.turn.Lock()
	defer u.turn.Unlock()
	u.mu.Lock()
	left := u.pending
	u.pending = nil
	u.mu.Unlock()
	for len(left) > 0 {
		batch := make(map[int64]time.Time, min(len(left), flushBatch))
		for id, at := range left {
			if batch[id] = at; len(batch) == flushBatch {
				break
			}
		}
		if err := u.write(ctx, batch); err != nil {
			u.keep(left)
			if !u.failing && ctx.Err() == nil {
				u.log.WarnContext(ctx, "last use of API keys cannot be stored, trying again", "error", err)
				u.failing = true
			}
			return err
		}
		maps.DeleteFunc(left, func(id int64, _ time.Time) bool { _, done := batch[id]; return done })
		u.failing = false
	}
	return nil
}

func (u *usage) write(ctx context.Context, batch map[int64]time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	return u.store.TouchKeys(ctx, batch)
}

// keep puts back what was not written, unless the key was used again since.
func (u *usage) keep(left map[int64]time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for id, at := range left {
		u.add(id, at)
	}
}
