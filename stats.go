package promptmetrics

import (
	"database/sql"
	"sync/atomic"
	"time"

	"github.com/promptmetrics-go/promptmetrics/census"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/gitstore"
)

// Stats are what a client knows of its own work: counts since New, and the
// state of this moment. They ask neither database nor prompt store, so that
// they can be had while both are down. Package prom makes metrics of them.
type Stats struct {
	// Engine is "sqlite" or "postgresql".
	Engine   string
	Database DatabaseStats
	// Queues gather the rows of many callers into one transaction, by what
	// they write: "logs" and "scores".
	Queues map[string]QueueStats
	// Git is nil if Options.Content was given.
	Git *gitstore.Stats
	// Caches count lookups by cache: "answers" (which version a query means),
	// "templates" (parsed versions), "keys" (API keys) and "workspaces"
	// (handles of workspaces).
	Caches map[string]census.Lookups
	// RateLimited counts the requests that the rate limit refused.
	RateLimited uint64
	// Providers are the calls of models by provider.
	Providers map[string]playground.CallStats
	// Evaluations are the runs that this process executes.
	Evaluations eval.RunnerStats
	Reconciler  ReconcilerStats
	Retention   RetentionStats
}

// DatabaseStats say what the database has done.
type DatabaseStats struct {
	// Pools of connections: "read" and "write", or "all" where one does both.
	Pools map[string]sql.DBStats
	// Transactions are the writing ones that were committed, in seconds, and
	// Callers how many callers shared each.
	Transactions, Callers census.Distribution
	// Failed transactions were lost by the database; their callers were told.
	Failed uint64
	// Queued callers wait for the writer of SQLite right now.
	Queued int
	// Audited entries were written into the audit log.
	Audited uint64
}

// QueueStats say what a queue has written.
type QueueStats struct {
	// Queued callers wait right now.
	Queued int
	// Rows a transaction, and how long it took in seconds.
	Rows, Took census.Distribution
	// Failed transactions; their callers were told.
	Failed uint64
}

// ReconcilerStats say how the search for changes in the prompt store goes.
type ReconcilerStats struct {
	Runs, Failed uint64
	// Indexed and Removed versions.
	Indexed, Removed uint64
	// Problems is how many files the last run that found changes left out.
	Problems int
	// Last is when a run last succeeded; zero before the first.
	Last time.Time
	// Running tells of a run under way.
	Running bool
}

// RetentionStats say how the removal of old telemetry goes.
type RetentionStats struct {
	// Rows that were removed, and runs that failed.
	Rows, Failed uint64
	// Last is when a run last succeeded; zero before the first, or without
	// Options.Retention.
	Last time.Time
}

// counts is what the client itself counts.
type counts struct {
	handles census.Cache

	syncs, failedSyncs, indexed, unindexed, problems atomic.Uint64
	removed, failedRetentions                        atomic.Uint64
	lastRetention                                    atomic.Int64 // Unix milliseconds
}

func (c *counts) reconciled(done registry.Reconciled, err error) {
	c.syncs.Add(1)
	if err != nil {
		c.failedSyncs.Add(1)
		return
	}
	c.indexed.Add(uint64(done.Indexed))   //nolint:gosec // never negative.
	c.unindexed.Add(uint64(done.Removed)) //nolint:gosec // never negative.
	if done.Indexed+done.Removed+len(done.Problems) > 0 {
		c.problems.Store(uint64(len(done.Problems)))
	}
}

func (c *counts) expired(removed int64, err error, now time.Time) {
	c.removed.Add(uint64(max(removed, 0)))
	if err != nil {
		c.failedRetentions.Add(1)
		return
	}
	c.lastRetention.Store(now.UnixMilli())
}

// Stats gives what was counted so far. It is cheap enough for every scrape.
func (c *Client) Stats() Stats {
	d, caches := c.db.Stats(), c.registry.CacheStats()
	s := Stats{
		Engine: string(c.db.Dialect()),
		Database: DatabaseStats{
			Pools: d.Pools, Transactions: d.Transactions, Callers: d.Callers, Failed: d.Failed, Queued: d.Queued, Audited: d.Audited,
		},
		Queues: map[string]QueueStats{},
		Caches: map[string]census.Lookups{
			"answers": caches.Answers, "templates": caches.Templates, "keys": c.keyring.Lookups(), "workspaces": c.counts.handles.Snapshot(),
		},
		RateLimited: c.limiter.Refused(), Providers: c.playground.Stats(), Evaluations: c.runner.Stats(),
		Reconciler: ReconcilerStats{
			Runs: c.counts.syncs.Load(), Failed: c.counts.failedSyncs.Load(),
			Indexed: c.counts.indexed.Load(), Removed: c.counts.unindexed.Load(),
			Problems: int(c.counts.problems.Load()), //nolint:gosec // it was the length of a list.
			Last:     moment(c.lastSync.Load()), Running: c.syncing.Load(),
		},
		Retention: RetentionStats{
			Rows: c.counts.removed.Load(), Failed: c.counts.failedRetentions.Load(), Last: moment(c.counts.lastRetention.Load()),
		},
	}
	for name, q := range c.store.Stats() {
		s.Queues[name] = QueueStats(q)
	}
	if c.git != nil {
		git := c.git.Stats()
		s.Git = &git
	}
	return s
}

// moment reads Unix milliseconds, in which 0 is never.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
