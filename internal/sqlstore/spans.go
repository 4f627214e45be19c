package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

type spanRow struct {
	bun.BaseModel `bun:"table:pm_spans,alias:s"`
	db.Owned
	TraceID   string `bun:"trace_id,pk"`
	SpanID    string `bun:"span_id,pk"`
	TraceAt   int64
	ID        int64
	ParentID  *string
	Name      string
	Status    string
	StartTime *int64
	EndTime   *int64
	Metadata  *string
	CreatedAt int64
}

func (s spanRow) span() telemetry.Span {
	return telemetry.Span{
		TraceID: s.TraceID, ID: s.SpanID, ParentID: s.ParentID, Name: s.Name, Status: telemetry.SpanStatus(s.Status),
		StartTime: s.StartTime, EndTime: s.EndTime, Metadata: members(s.Metadata), CreatedAt: wire(s.CreatedAt),
	}
}

// InsertSpans adds spans to a trace, all or none.
func (r *recorder) InsertSpans(ctx context.Context, traceID string, batch bool, spans []telemetry.Span) ([]telemetry.Span, error) {
	rows := make([]spanRow, len(spans))
	for i, span := range spans {
		metadata, err := storedMembers(span.Metadata)
		if err != nil {
			return nil, err
		}
		rows[i] = spanRow{
			TraceID: traceID, SpanID: span.ID, ParentID: span.ParentID, Name: span.Name, Status: string(span.Status),
			StartTime: span.StartTime, EndTime: span.EndTime, Metadata: metadata,
		}
	}
	err := updateAt(ctx, r.whole, func(ctx context.Context, tx *db.Tx, moments *moments) error {
		s := r.db.Scope(tx)
		// The counter comes first: while it is held the trace cannot go away.
		first, at, err := claim(ctx, s.Tx(), s.Workspace().String(), countSpans, int64(len(rows)))
		if err != nil {
			return err
		}
		trace, err := findTrace(ctx, s, traceID)
		if err != nil {
			return err
		}
		moments.add(trace.CreatedAt)
		for i := range rows {
			rows[i].ID, rows[i].CreatedAt, rows[i].TraceAt = first+int64(i), at, trace.CreatedAt
		}
		if _, err := s.Insert(&rows).Exec(ctx); err != nil {
			if db.IsDuplicate(err) {
				return pmerr.New(pmerr.Conflict, "Span already exists").With("trace_id", traceID)
			}
			return err
		}
		e := entry{action: "create_span", target: traceID}
		if !batch {
			e = entry{action: "trace:span:create", target: rows[0].SpanID}
		}
		return audit(ctx, s, e)
	})
	if err != nil {
		return nil, err
	}
	out := make([]telemetry.Span, len(rows))
	for i, row := range rows {
		out[i] = row.span()
	}
	r.spansAdded(telemetry.FromCaller, out)
	return out, nil
}

// findSpan finds the trace first: its time says in which slice the span is.
func findSpan(ctx context.Context, s *db.Scope, traceID, spanID string) (row spanRow, err error) {
	trace, err := findTrace(ctx, s, traceID)
	if err != nil {
		return row, err
	}
	err = s.Select(&row).Where("trace_id = ? AND span_id = ? AND trace_at = ?", traceID, spanID, trace.CreatedAt).Scan(ctx)
	return row, missing(err, "Span")
}

// Span gives one span.
func (r *recorder) Span(ctx context.Context, traceID, spanID string) (out telemetry.Span, err error) {
	err = r.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		row, err := findSpan(ctx, s, traceID, spanID)
		out = row.span()
		return err
	})
	return out, err
}

// UpdateSpan applies a change to a span.
func (r *recorder) UpdateSpan(ctx context.Context, traceID, spanID string, change func(*telemetry.Span) error) (out telemetry.Span, err error) {
	ended := false
	err = r.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		if err := lock(ctx, s, countSpans); err != nil {
			return err
		}
		row, err := findSpan(ctx, s, traceID, spanID)
		if err != nil {
			return err
		}
		out = row.span()
		before := out.Ended()
		if err := change(&out); err != nil {
			return err
		}
		ended = !before && out.Ended()
		metadata, err := storedMembers(out.Metadata)
		if err != nil {
			return err
		}
		if _, err := s.Update((*spanRow)(nil)).Set("status = ?", string(out.Status)).Set("end_time = ?", out.EndTime).Set("metadata = ?", metadata).
			Where("trace_id = ? AND span_id = ? AND trace_at = ?", traceID, spanID, row.TraceAt).Exec(ctx); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "trace:span:update", target: spanID})
	})
	if err == nil {
		r.spanChanged(telemetry.FromCaller, out, ended)
	}
	return out, err
}
