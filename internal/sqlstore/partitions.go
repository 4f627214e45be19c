package sqlstore

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// sliced are the tables that PostgreSQL keeps in slices by time, and what
// counts their rows.
var sliced = []slicedTable{{"pm_logs", countLogs}, {"pm_spans", countSpans}}

type slicedTable struct{ name, kind string }

// Of the slices that are made ahead: so much time, and at least so many.
const (
	aheadTime   = 8 * 24 * time.Hour
	aheadSlices = 2
)

// MakePartitions makes the slices of the time to come, as wide as fits what is
// kept for a time; 0 is for ever. It tells how many it made.
func (s *Store) MakePartitions(ctx context.Context, keep time.Duration) (made int, err error) {
	now, width := s.db.Now(), db.WidthFor(keep)
	for _, t := range sliced {
		n, err := s.db.EnsurePartitions(ctx, t.name, now, now.Add(max(aheadTime, aheadSlices*width.Span())), width)
		made += n
		if err != nil {
			return made, err
		}
	}
	return made, nil
}

// moments are the times of the rows that a transaction writes.
type moments struct{ all []int64 }

func (m *moments) add(at int64) {
	if !slices.Contains(m.all, at) {
		m.all = append(m.all, at)
	}
}

// updateAt runs a writing function. If a slice was missing for one of its rows,
// it makes the slices of all its times and runs the function once more: that
// happens where nothing has made slices ahead, or where a clock is far off.
func updateAt(ctx context.Context, d *db.DB, fn func(ctx context.Context, tx *db.Tx, at *moments) error) error {
	var at moments
	once := func() error {
		return d.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return fn(ctx, tx, &at) })
	}
	err := once()
	for range sliced {
		table, lacks := db.LacksPartition(err)
		if !lacks {
			return err
		}
		for _, micros := range at.all {
			t := db.Time(micros)
			if _, err := d.EnsurePartitions(ctx, table, t, t, db.Day); err != nil {
				return err
			}
		}
		err = once()
	}
	return err
}

// reaching runs a query for the newest logs, which should look no further back
// than it must: read adds since to its query and tells whether it found enough.
// The search begins at the cursor, where the filter ends, or now.
func reaching(
	s *db.Scope, f telemetry.LogFilter, cursor *[2]int64, read func(since func(*bun.SelectQuery) *bun.SelectQuery) (enough bool, err error),
) error {
	start := db.Micros(s.Now())
	if !f.To.IsZero() {
		start = min(start, stored(f.To))
	}
	if cursor != nil {
		start = min(start, cursor[0])
	}
	reaches := s.Tx().Reaches()
	bounded := len(reaches) > 1
	if f.TraceID != "" {
		reaches = reaches[len(reaches)-1:] // a trace has few logs: they may be anywhere
	}
	for i, reach := range reaches {
		from := start - reach.Microseconds()
		last := i == len(reaches)-1 || from <= stored(f.From)
		enough, err := read(func(q *bun.SelectQuery) *bun.SelectQuery {
			if cursor != nil && bounded {
				// The cursor's condition on two columns leaves out no slice.
				q = q.Where("created_at <= ?", cursor[0])
			}
			if last {
				return q
			}
			return q.Where("created_at >= ?", from)
		})
		if err != nil || enough || last {
			return err
		}
	}
	return nil
}

// newestLogs reads a page of logs, newest first.
func newestLogs(ctx context.Context, s *db.Scope, f telemetry.LogFilter, p page.Request) (rows []logRow, next string, err error) {
	var cursor *[2]int64
	if p.Cursor != "" {
		cursor = new([2]int64)
		if err := page.DecodeCursor("logs", p.Cursor, cursor); err != nil {
			return nil, "", err
		}
	}
	err = reaching(s, f, cursor, func(since func(*bun.SelectQuery) *bun.SelectQuery) (bool, error) {
		rows = nil
		next, err = newest(ctx, since(logQuery(s, &rows, f)), &rows, p, "logs", logKey)
		if err != nil || next != "" || cursor != nil || !totalled(f) {
			return next != "", err
		}
		// All that there are may be fewer than a page.
		total, _, err := logTotal(ctx, s, f)
		return int64(p.Offset()+len(rows)) >= total, err
	})
	return rows, next, err
}
