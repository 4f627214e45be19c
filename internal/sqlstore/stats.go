package sqlstore

import (
	"sync/atomic"

	"github.com/promptmetrics-go/promptmetrics/census"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
)

// QueueStats say what one of the queues has written that gather the rows of
// many callers into one transaction.
type QueueStats struct {
	// Queued is how many callers wait to be taken right now.
	Queued int
	// Rows a committed transaction, and how long it took in seconds, the wait
	// for the writer of SQLite included.
	Rows, Took census.Distribution
	// Failed transactions; their callers were told.
	Failed uint64
}

// Stats gives the queues by what they write.
func (s *Store) Stats() map[string]QueueStats {
	return map[string]QueueStats{
		"logs":   s.ingest.stats(len(s.ingest.queue)),
		"scores": s.scores.stats(len(s.scores.queue)),
	}
}

// commits counts the transactions of a queue.
type commits struct {
	rows, took *census.Histogram
	failed     *atomic.Uint64
}

func newCommits() commits {
	return commits{rows: census.Sizes(), took: census.Durations(), failed: &atomic.Uint64{}}
}

func (c commits) count(d *db.DB, rows int, commit func() error) error {
	began := d.Now()
	err := commit()
	if err != nil {
		c.failed.Add(1)
		return err
	}
	c.rows.Observe(rows)
	c.took.Took(d.Now().Sub(began))
	return nil
}

func (c commits) stats(queued int) QueueStats {
	return QueueStats{Queued: queued, Rows: c.rows.Snapshot(), Took: c.took.Snapshot(), Failed: c.failed.Load()}
}
