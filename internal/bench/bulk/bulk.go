// Package bulk fills a PostgreSQL database with logs, as many as somebody has
// who has used PromptMetrics for months, in minutes: it copies them straight
// into the slices of the table, and writes the daily sums, totals, counters and
// audit entries that recording them one by one would have left.
//
// The logs are those of a few workspaces of very different size, with prompts
// and versions of which few are used much, busy days and quiet nights.
package bulk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
)

// Options say what to fill in.
type Options struct {
	// URL of a PostgreSQL database without logs; its schema is made if need be.
	URL string
	// Rows is how many logs there will be.
	Rows int
	// Days is over how many days they are spread. Default 90.
	Days int
	// End is when the last one comes. Default now.
	End time.Time
	// Workers is how many days are written at once. Default 2.
	Workers int
	// Progress, if given, hears how many logs are there already, and what is
	// done, now and then.
	Progress func(rows int64, doing string)
}

// Share is a workspace and its part of all logs.
type Share struct {
	Name string
	Part float64
}

// Shares are the workspaces, the largest first.
func Shares() []Share {
	return []Share{
		{"acme", 0.45},
		{"globex", 0.25},
		{"initech", 0.13},
		{"umbrella", 0.08},
		{"hooli", 0.05},
		{"stark", 0.025},
		{"wayne", 0.0149},
		{"tiny", 0.0001},
	}
}

// Prompt names the prompt of a rank; 0 is used most.
func Prompt(rank int) string { return fmt.Sprintf("prompt-%02d", rank) }

// Prompts is how many prompts each workspace has.
const Prompts = 40

// Filled is what was made.
type Filled struct {
	Rows   int64
	Copied time.Duration // until the logs were there, with their indexes
	Took   time.Duration // until everything was
}

// Fill fills a database. It refuses one that has logs.
func Fill(ctx context.Context, o Options) (f Filled, err error) {
	begun := time.Now()
	if o.Progress == nil {
		o.Progress = func(int64, string) {}
	}
	o.Days, o.Workers = cmp.Or(o.Days, 90), cmp.Or(o.Workers, 2)
	if o.End.IsZero() {
		o.End = begun
	}
	if err := prepare(ctx, o); err != nil {
		return f, err
	}
	total := newSums()
	if err := copyDays(ctx, o, total); err != nil {
		return f, err
	}
	conn, err := pgx.Connect(ctx, o.URL)
	if err != nil {
		return f, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	f.Rows, f.Copied = int64(o.Rows), time.Since(begun)
	o.Progress(f.Rows, "the sums")
	if err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return total.write(ctx, tx) }); err != nil {
		return f, err
	}
	o.Progress(f.Rows, "statistics of the planner")
	if _, err := conn.Exec(ctx, "ANALYZE"); err != nil {
		return f, err
	}
	f.Took = time.Since(begun)
	return f, nil
}

// prepare makes the schema and takes away the slices of the logs, which must be
// empty.
func prepare(ctx context.Context, o Options) error {
	d, err := db.Open(ctx, db.Config{Dialect: db.PostgreSQL, URL: o.URL, Now: time.Now})
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		var full bool
		if err := tx.RunRow(ctx, "SELECT EXISTS (SELECT 1 FROM pm_logs) OR EXISTS (SELECT 1 FROM pm_log_days)").Scan(&full); err != nil {
			return err
		}
		if full {
			return errors.New("the database has logs already: name an empty one")
		}
		list, err := d.Partitions(ctx, "pm_logs")
		if err != nil {
			return err
		}
		for _, p := range list {
			if err := tx.DropPartition(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// copyDays writes the logs, a few days at once.
func copyDays(ctx context.Context, o Options, total *sums) error {
	plan := plan(o)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	next := make(chan *day)
	var all sync.WaitGroup
	var rows atomic.Int64
	var mu sync.Mutex
	for range o.Workers {
		all.Go(func() {
			conn, err := pgx.Connect(ctx, o.URL)
			if err != nil {
				stop(err)
				return
			}
			defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
			for d := range next {
				part := newSums()
				err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return d.write(ctx, tx, part) })
				if err != nil {
					stop(fmt.Errorf("the logs of %s: %w", d.start.Format(time.DateOnly), err))
					return
				}
				mu.Lock()
				total.merge(part)
				mu.Unlock()
				o.Progress(rows.Add(d.rows), "logs")
			}
		})
	}
	for _, d := range plan {
		select {
		case next <- d:
		case <-ctx.Done():
		}
	}
	close(next)
	all.Wait()
	return context.Cause(ctx)
}

// plan spreads the rows over days and workspaces, so that each day can be
// written by itself: it knows the ids that its logs get.
func plan(o Options) (days []*day) {
	begin := o.End.Add(-time.Duration(o.Days) * 24 * time.Hour).UTC()
	var weights []float64
	whole := 0.0
	for at := begin.Truncate(24 * time.Hour); at.Before(o.End); at = at.AddDate(0, 0, 1) {
		d := &day{start: at, from: later(at, begin), to: earlier(at.AddDate(0, 0, 1), o.End.UTC())}
		weight := d.to.Sub(d.from).Hours()
		if wd := at.Weekday(); wd == time.Saturday || wd == time.Sunday {
			weight *= 0.5
		}
		days, weights, whole = append(days, d), append(weights, weight), whole+weight
	}
	shares := Shares()
	given := make([]int64, len(shares)) // rows of each workspace on the days before
	sum := 0.0
	for i, d := range days {
		sum += weights[i]
		part := 0.0
		for w, share := range shares {
			before := math.Round(part * float64(o.Rows))
			part += share.Part
			all := math.Round(part*float64(o.Rows)) - before // of the workspace, on all days
			until := int64(math.Round(all * sum / whole))
			d.shares = append(d.shares, portion{workspace: share.Name, first: given[w] + 1, rows: until - given[w]})
			d.rows += until - given[w]
			given[w] = until
		}
	}
	return days
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
