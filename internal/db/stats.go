package db

import (
	"database/sql"
	"sync/atomic"
	"time"

	"github.com/promptmetrics-go/promptmetrics/census"
)

// Stats say what the database has done since it was opened.
type Stats struct {
	// Pools are the pools of connections, by what they are for: "read" and
	// "write", or "all" where one does both.
	Pools map[string]sql.DBStats
	// Transactions are the writing ones that were committed, in seconds, and
	// Callers how many callers shared each. Failed ones were rolled back for a
	// reason of the database.
	Transactions, Callers census.Distribution
	Failed                uint64
	// Queued is how many callers wait for the writer of SQLite right now.
	Queued int
	// Audited is how many entries the audit log got.
	Audited uint64
}

// counts is what Stats are made of.
type counts struct {
	took, callers   *census.Histogram
	failed, audited atomic.Uint64
}

func newCounts() *counts { return &counts{took: census.Durations(), callers: census.Sizes()} }

// transaction counts one that has ended. That a function refused its own caller
// is no failure of the database.
func (c *counts) transaction(tx *Tx, callers int, took time.Duration, err error) {
	switch {
	case err == nil:
		c.took.Took(took)
		c.callers.Observe(callers)
		c.audited.Add(tx.audited)
	case isDown(err):
		c.failed.Add(1)
	}
}

// Audited tells that entries were written into the audit log. They count once
// the transaction is committed.
func (t *Tx) Audited(entries int) { t.audited += uint64(entries) } //nolint:gosec // never negative.

// Stats gives what was counted so far.
func (d *DB) Stats() Stats {
	s := Stats{
		Pools:        map[string]sql.DBStats{"all": d.read.Stats()},
		Transactions: d.counts.took.Snapshot(), Callers: d.counts.callers.Snapshot(),
		Failed: d.counts.failed.Load(), Audited: d.counts.audited.Load(),
	}
	if d.write != d.read {
		s.Pools = map[string]sql.DBStats{"read": d.read.Stats(), "write": d.write.Stats()}
	}
	if d.writer != nil {
		s.Queued = len(d.writer.queue)
	}
	return s
}
