package gitstore

import (
	"sync/atomic"
	"time"

	"github.com/promptmetrics-go/promptmetrics/census"
)

// Stats say what a store has done since it was opened.
type Stats struct {
	// Queued changes wait for the committer right now; QueuedBytes is what
	// they weigh.
	Queued      int
	QueuedBytes int64
	// Changes a batch, and how long the batch took in seconds: its objects
	// written and synced, the branch moved.
	Changes, Took census.Distribution
	// Failed batches; their callers were told.
	Failed uint64
	// Packs is how many pack files the repository has right now. Merges made
	// them fewer, FailedMerges did not.
	Packs                int
	Merges, FailedMerges uint64
}

// counts is what Stats are made of.
type counts struct {
	changes, took                *census.Histogram
	failed, merges, failedMerges atomic.Uint64
}

func newCounts() *counts { return &counts{changes: census.Sizes(), took: census.Durations()} }

func (c *counts) batch(changes int, took time.Duration, err error) {
	if err != nil {
		c.failed.Add(1)
		return
	}
	c.changes.Observe(changes)
	c.took.Took(took)
}

func (c *counts) merge(merged, failed bool) {
	if failed {
		c.failedMerges.Add(1)
	} else if merged {
		c.merges.Add(1)
	}
}

// Stats gives what was counted so far.
func (s *Store) Stats() Stats {
	queued, bytes := 0, 0
	for _, b := range s.lines() {
		b.queue.mu.Lock()
		queued, bytes = queued+len(b.queue.jobs), bytes+b.queue.bytes
		b.queue.mu.Unlock()
	}
	return Stats{
		Queued: queued, QueuedBytes: int64(bytes),
		Changes: s.counts.changes.Snapshot(), Took: s.counts.took.Snapshot(), Failed: s.counts.failed.Load(),
		Packs: len(s.odb.own()), Merges: s.counts.merges.Load(), FailedMerges: s.counts.failedMerges.Load(),
	}
}
