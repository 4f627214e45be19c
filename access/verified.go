package access

import (
	"context"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// The table of verified keys holds at most 64 × 256 keys. Hashes are uniform,
// so the shards fill evenly, and copying one to add a key takes microseconds.
const (
	verifiedShards = 64
	verifiedLimit  = 256
)

// verified is the table of keys that the store has confirmed, by hash. Reading
// takes no lock: each shard is a map that is copied when it changes. Looking a
// hash up in a map is not constant in time, but what could be learnt is about
// an HMAC whose salt the caller does not know.
type verified struct{ shards [verifiedShards]shard }

// entry is what a key's row said at one moment. All but the atomics is fixed.
type entry struct {
	who Identity
	// expires in Unix seconds; [never] if it does not.
	expires int64
	// confirmed is when the read of the row began, on the ring's own clock.
	confirmed time.Duration
	// doubts is Keyring.doubts from before that read.
	doubts uint64
	// refresh is the earliest time, on that clock, to ask the store again ahead
	// of time; never while that is being done.
	refresh atomic.Int64
	// used is the last use that was handed to the store, in Unix nanoseconds.
	used atomic.Int64
}

const never = math.MaxInt64

func (e *entry) expired(now time.Time) bool { return now.Unix() >= e.expires }

type shard struct {
	entries atomic.Pointer[map[[32]byte]*entry]
	// mu guards flights, and changes of entries.
	mu      sync.Mutex
	flights map[[32]byte]*flight
}

// flight is one read of a key's row that several callers wait for.
type flight struct {
	done chan struct{}
	// The rest is set before done is closed, and fixed from then on.
	entry *entry
	// cause is why there is no entry; nil when there is.
	cause error
	// missing tells that the store has no such key.
	missing bool
	// abandoned tells that the caller who read went away: the failure says
	// nothing about the store.
	abandoned bool
	// void tells that the key was revoked meanwhile: the row may be older.
	void bool

	// next is the read for those of this flight whom its result does not
	// answer. Guarded by the shard's mu.
	next *flight
}

func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (v *verified) shard(hash [32]byte) *shard { return &v.shards[hash[0]%verifiedShards] }

func (s *shard) get(hash [32]byte) *entry {
	if m := s.entries.Load(); m != nil {
		return (*m)[hash]
	}
	return nil
}

// board joins the read that is under way for a hash, or opens one: then mine is
// true and the caller must end it with land. Whoever was on a flight before
// names it, and all who were on it get the same one, which began later than
// they came.
func (s *shard) board(hash [32]byte, before *flight) (f *flight, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if before != nil && before.next != nil {
		return before.next, false
	}
	if f = s.flights[hash]; f == nil {
		f, mine = &flight{done: make(chan struct{})}, true
		if s.flights == nil {
			s.flights = map[[32]byte]*flight{}
		}
		s.flights[hash] = f
	}
	if before != nil {
		before.next = f
	}
	return f, mine
}

// land ends a read: what it found takes effect, unless the key was revoked here
// since the read began.
func (s *shard) land(hash [32]byte, f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(f.done)
	if f.void {
		return
	}
	delete(s.flights, hash)
	switch {
	case f.cause == nil:
		s.put(hash, f.entry)
	case f.missing:
		s.drop(hash)
	}
}

// forget drops a key and makes a read that is under way worthless.
func (s *shard) forget(hash [32]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(hash)
	if f := s.flights[hash]; f != nil {
		f.void = true
		delete(s.flights, hash)
	}
}

// voidAll makes all reads that are under way worthless.
func (s *shard) voidAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for hash, f := range s.flights {
		f.void = true
		delete(s.flights, hash)
	}
}

// put adds or replaces an entry. Call it with mu held.
func (s *shard) put(hash [32]byte, e *entry) {
	next := s.copy()
	if old := next[hash]; old != nil {
		// The row lags behind what this process has yet to write.
		e.used.Store(max(e.used.Load(), old.used.Load()))
	} else if len(next) >= verifiedLimit {
		delete(next, oldest(next))
	}
	next[hash] = e
	s.entries.Store(&next)
}

// drop removes an entry. Call it with mu held.
func (s *shard) drop(hash [32]byte) {
	if s.get(hash) == nil {
		return
	}
	next := s.copy()
	delete(next, hash)
	s.entries.Store(&next)
}

func (s *shard) copy() map[[32]byte]*entry {
	if m := s.entries.Load(); m != nil {
		return maps.Clone(*m)
	}
	return map[[32]byte]*entry{}
}

// oldest finds the entry that was confirmed longest ago: keys in use are
// confirmed every few seconds, so it is the one that is used least.
func oldest(entries map[[32]byte]*entry) (hash [32]byte) {
	var least *entry
	for h, e := range entries {
		if least == nil || e.confirmed < least.confirmed {
			hash, least = h, e
		}
	}
	return hash
}
