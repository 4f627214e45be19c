// Package census counts what a package does while it does it: a few nanoseconds
// a count, no locks, no labels. Whoever wants to know takes a snapshot.
package census

import (
	"sync/atomic"
	"time"
)

// Histogram counts observations by size. It is safe for concurrent use; make
// one with [Durations] or [Sizes].
type Histogram struct {
	bounds  []int64 // inclusive, rising
	counts  []atomic.Uint64
	sum     atomic.Int64
	perUnit float64
}

// Distribution is what a histogram has counted.
type Distribution struct {
	// Count of all observations, and the sum of them.
	Count uint64
	Sum   float64
	// Buckets count the observations up to a bound, rising: each holds those
	// of the buckets before it. What is above the last bound is in Count only.
	Buckets []Bucket
}

// Bucket counts the observations of at most UpTo.
type Bucket struct {
	UpTo  float64
	Count uint64
}

// Durations makes a histogram of times, from 0.1 ms to 10 s. Its snapshots are
// in seconds.
func Durations() *Histogram {
	const us = int64(time.Microsecond)
	return histogram(float64(time.Second),
		100*us, 250*us, 500*us, 1000*us, 2500*us, 5000*us, 10_000*us, 25_000*us, 50_000*us, 100_000*us,
		250_000*us, 500_000*us, 1_000_000*us, 2_500_000*us, 5_000_000*us, 10_000_000*us)
}

// Sizes makes a histogram of numbers of things, from 1 to 4096.
func Sizes() *Histogram {
	return histogram(1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
}

func histogram(perUnit float64, bounds ...int64) *Histogram {
	return &Histogram{bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1), perUnit: perUnit}
}

// Observe counts a number of things.
func (h *Histogram) Observe(n int) { h.add(int64(n)) }

// Took counts a time.
func (h *Histogram) Took(d time.Duration) { h.add(int64(max(d, 0))) }

func (h *Histogram) add(n int64) {
	i := 0
	for i < len(h.bounds) && n > h.bounds[i] {
		i++
	}
	h.sum.Add(n)
	h.counts[i].Add(1)
}

// Snapshot gives what was counted so far. While others count, the sum may be
// ahead of the counts by what is being added.
func (h *Histogram) Snapshot() Distribution {
	d := Distribution{Buckets: make([]Bucket, len(h.bounds))}
	for i := range h.counts {
		d.Count += h.counts[i].Load()
		if i < len(h.bounds) {
			d.Buckets[i] = Bucket{float64(h.bounds[i]) / h.perUnit, d.Count}
		}
	}
	d.Sum = float64(h.sum.Load()) / h.perUnit
	return d
}

// Cache counts how often something was found where it was kept. The zero value
// is ready.
type Cache struct{ hits, misses atomic.Uint64 }

// Lookups is what a Cache has counted.
type Lookups struct{ Hits, Misses uint64 }

// Hit counts a lookup that found something, and Miss one that did not.
func (c *Cache) Hit() { c.hits.Add(1) }

// Miss counts a lookup that found nothing of use.
func (c *Cache) Miss() { c.misses.Add(1) }

// Snapshot gives what was counted so far.
func (c *Cache) Snapshot() Lookups { return Lookups{c.hits.Load(), c.misses.Load()} }
