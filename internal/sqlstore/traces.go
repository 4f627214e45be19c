package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

type traceRow struct {
	bun.BaseModel `bun:"table:pm_traces,alias:t"`
	db.Owned
	TraceID    string `bun:"trace_id,pk"`
	ID         int64
	PromptName *string
	VersionTag *string
	Metadata   *string
	CreatedAt  int64
}

func (t traceRow) trace() telemetry.Trace {
	return telemetry.Trace{
		ID: t.TraceID, PromptName: t.PromptName, VersionTag: t.VersionTag,
		Metadata: members(t.Metadata), CreatedAt: wire(t.CreatedAt),
	}
}

// InsertTrace opens a trace.
func (r *recorder) InsertTrace(ctx context.Context, t telemetry.Trace) (telemetry.Trace, error) {
	metadata, err := storedMembers(t.Metadata)
	if err != nil {
		return t, err
	}
	err = r.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		id, at, err := claim(ctx, s.Tx(), s.Workspace().String(), countTraces, 1)
		if err != nil {
			return err
		}
		row := traceRow{TraceID: t.ID, ID: id, PromptName: t.PromptName, VersionTag: t.VersionTag, Metadata: metadata, CreatedAt: at}
		if _, err := s.Insert(&row).Exec(ctx); err != nil {
			if db.IsDuplicate(err) {
				return pmerr.New(pmerr.Conflict, "Trace already exists").With("trace_id", t.ID)
			}
			return err
		}
		if err := tally(ctx, s, at, activity{traces: 1}); err != nil {
			return err
		}
		t.CreatedAt = wire(at)
		return audit(ctx, s, entry{action: "trace:create", prompt: valueOf(t.PromptName), version: valueOf(t.VersionTag), target: t.ID})
	})
	t.Spans = nil
	if err == nil {
		r.traceOpened(telemetry.FromCaller, t)
	}
	return t, err
}

// Traces gives a page of traces, newest first.
func (r *recorder) Traces(ctx context.Context, f telemetry.TraceFilter, p page.Request) (out page.Of[telemetry.Trace], err error) {
	if p, err = p.Normal(); err != nil {
		return out, err
	}
	err = r.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		query := func(model any) *bun.SelectQuery {
			q := between(s.Select(model), stored(f.From), stored(f.To))
			if f.PromptName != "" {
				q = q.Where("prompt_name = ?", f.PromptName)
			}
			return q
		}
		var rows []traceRow
		next, err := newest(ctx, query(&rows), &rows, p, "traces", func(t traceRow) [2]int64 { return [2]int64{t.CreatedAt, t.ID} })
		if err != nil {
			return err
		}
		var total int64
		bounded := false
		if f == (telemetry.TraceFilter{}) {
			total, err = alive(ctx, s, countTraces)
		} else {
			total, bounded, err = count(ctx, s, query((*traceRow)(nil)))
		}
		out = page.Map(page.New(p, rows, total, next), traceRow.trace)
		out.TotalIsLowerBound = bounded
		return err
	})
	return out, err
}

func findTrace(ctx context.Context, s *db.Scope, traceID string) (row traceRow, err error) {
	return row, missing(s.Select(&row).Where("trace_id = ?", traceID).Scan(ctx), "Trace")
}

// Trace gives a trace with its spans.
func (r *recorder) Trace(ctx context.Context, traceID string) (out telemetry.Trace, err error) {
	err = r.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		row, err := findTrace(ctx, s, traceID)
		if err != nil {
			return err
		}
		var spans []spanRow
		if err := s.Select(&spans).Where("trace_id = ? AND trace_at = ?", traceID, row.CreatedAt).OrderExpr("start_time IS NULL, start_time, id").Scan(ctx); err != nil {
			return err
		}
		out = row.trace()
		out.Spans = make([]telemetry.Span, len(spans))
		for i, span := range spans {
			out.Spans[i] = span.span()
		}
		return nil
	})
	return out, err
}

// DeleteTrace deletes a trace with its spans, and the references of runs.
func (r *recorder) DeleteTrace(ctx context.Context, traceID string) error {
	return r.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		if err := lock(ctx, s, countSpans); err != nil {
			return err
		}
		if err := lock(ctx, s, countRuns); err != nil {
			return err
		}
		row, err := findTrace(ctx, s, traceID)
		if err != nil {
			return err
		}
		if _, err := removeTrace(ctx, s, row); err != nil {
			return err
		}
		if err := tally(ctx, s, row.CreatedAt, activity{traces: -1}); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "delete_trace", prompt: valueOf(row.PromptName), version: valueOf(row.VersionTag), target: traceID})
	})
}

// removeTrace deletes a trace with its spans and tells how many those were.
// The counters of spans and runs are locked.
func removeTrace(ctx context.Context, s *db.Scope, t traceRow) (spans int64, err error) {
	// Before the row of the trace, as whoever opens traces does: one that opens
	// this trace again would wait for us, and we for its counter.
	if err := lock(ctx, s, countTraces); err != nil {
		return 0, err
	}
	ws := s.Workspace().String()
	result, err := s.Delete((*spanRow)(nil)).Where("trace_id = ? AND trace_at = ?", t.TraceID, t.CreatedAt).Exec(ctx)
	if err != nil {
		return 0, err
	}
	if spans, err = result.RowsAffected(); err != nil {
		return 0, err
	}
	if err := recount(ctx, s.Tx(), ws, countSpans, -spans); err != nil {
		return 0, err
	}
	if _, err := s.Update((*runRow)(nil)).Set("trace_id = NULL").Where("trace_id = ?", t.TraceID).Exec(ctx); err != nil {
		return 0, err
	}
	if _, err := s.Delete((*traceRow)(nil)).Where("trace_id = ?", t.TraceID).Exec(ctx); err != nil {
		return 0, err
	}
	return spans, recount(ctx, s.Tx(), ws, countTraces, -1)
}

func storedMembers(m telemetry.Metadata) (*string, error) {
	value, err := jsonText(m)
	if err != nil || value == nil {
		return nil, err
	}
	text, _ := value.(string)
	return &text, nil
}
