package sqlstore

import (
	"context"
	"slices"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// spanLoad is one request of another program's tracing, made ready by its
// caller's goroutine, and what became of it.
type spanLoad struct {
	traces []telemetry.Trace
	spans  []spanInsert
	out    telemetry.Ingested
	heard  heardSpans
}

// spanInsert is a span made ready.
type spanInsert struct {
	row    spanRow
	role   telemetry.SpanRole
	tokens bool
	log    *logInsert
	scores []scored
	// heard is the log as observers will hear it; empty if nobody listens.
	heard []telemetry.Recorded
}

// scored is a score made ready.
type scored struct {
	telemetry.SpanScore
	metadata *string
}

// spanKey names a span within a workspace.
type spanKey struct{ trace, span string }

func (s *spanInsert) key() spanKey { return spanKey{s.row.TraceID, s.row.SpanID} }

// maxSpanRows bounds a transaction, in spans.
const maxSpanRows = 4000

// Ingest stores spans; see [telemetry.Store].
func (r *recorder) Ingest(ctx context.Context, in telemetry.Ingestion) (telemetry.Ingested, error) {
	l := &load[*spanLoad]{id: r.db.ID(), actor: r.db.Actor(), thing: &spanLoad{
		traces: slices.Clone(in.Traces), spans: make([]spanInsert, len(in.Spans)),
	}}
	for i := range in.Spans {
		var err error
		s := &l.thing.spans[i]
		if *s, err = newSpanInsert(&in.Spans[i]); err != nil {
			return telemetry.Ingested{}, err
		}
		if s.log != nil {
			s.heard = r.heard(telemetry.Insertion{Origin: telemetry.FromOTLP}, []telemetry.Log{*in.Spans[i].Call}, []logInsert{*s.log})
		}
	}
	if err := r.spans.deliver(ctx, l); err != nil {
		return telemetry.Ingested{}, err
	}
	return l.thing.out, nil
}

func newSpanInsert(s *telemetry.IngestedSpan) (out spanInsert, err error) {
	metadata, err := storedMembers(s.Metadata)
	if err != nil {
		return out, err
	}
	out = spanInsert{role: s.Role, row: spanRow{
		TraceID: s.TraceID, SpanID: s.ID, ParentID: s.ParentID, Name: s.Name, Status: string(s.Status),
		StartTime: s.StartTime, EndTime: s.EndTime, Metadata: metadata,
	}}
	if s.Call != nil {
		l, err := newLogInsert(s.Call)
		if err != nil {
			return out, err
		}
		out.log = &l
		out.tokens = l.tokensIn > 0 || l.tokensOut > 0 || l.cost > 0
	}
	for _, score := range s.Scores {
		one := scored{SpanScore: score}
		if one.metadata, err = storedMembers(score.Metadata); err != nil {
			return out, err
		}
		out.scores = append(out.scores, one)
	}
	return out, nil
}

// spanWriter writes the requests of one workspace.
type spanWriter struct {
	tx  *db.Tx
	ws  string
	all []*load[*spanLoad]
	// moments are the times of the rows that are written.
	moments *moments
	// traces are those of the requests, as they are stored.
	traces map[string]*knownTrace
	opened int64
	// fresh are spans that are stored or completed now, with their requests.
	fresh []freshSpan
}

type freshSpan struct {
	*spanInsert
	of *load[*spanLoad]
	// stored is the span as it was before it is completed; nil for a new one.
	stored *spanRow
}

// writeSpans writes requests. The counters are locked in the order of all
// writers: spans, traces, logs, results, sums of days, audit.
func writeSpans(ctx context.Context, tx *db.Tx, ws string, all []*load[*spanLoad], at *moments) error {
	w := &spanWriter{tx: tx, ws: ws, all: all, moments: at}
	// While these are held no trace goes away, and nobody else adds spans: what
	// is not there now is new.
	for _, kind := range []string{countSpans, countTraces} {
		if err := recount(ctx, tx, ws, kind, 0); err != nil {
			return err
		}
	}
	for _, l := range all {
		l.thing.out, l.thing.heard = telemetry.Ingested{}, heardSpans{}
	}
	for _, step := range []func(context.Context) error{
		w.writeTraces, w.sortOut, w.insertSpans, w.completeSpans, w.writeLogs, w.writeScores, w.tally, w.audit,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// sortOut finds which spans are new, and which come with the end that the
// stored ones lack.
func (w *spanWriter) sortOut(ctx context.Context) error {
	first := map[spanKey]int{} // places in fresh
	var ask []spanKey
	for _, l := range w.all {
		for i := range l.thing.spans {
			s := &l.thing.spans[i]
			place, twice := first[s.key()]
			switch {
			case !twice:
				first[s.key()] = len(w.fresh)
				w.fresh = append(w.fresh, freshSpan{spanInsert: s, of: l})
				if w.traces[s.row.TraceID].existed {
					ask = append(ask, s.key())
				}
			case w.fresh[place].row.unfinished() && !s.row.unfinished():
				w.fresh[place].spanInsert = s
			}
		}
	}
	stored, err := w.lookUp(ctx, ask)
	if err != nil {
		return err
	}
	kept := w.fresh[:0]
	for _, f := range w.fresh {
		row, there := stored[f.key()]
		switch {
		case !there:
		case row.unfinished() && !f.row.unfinished():
			f.stored = &row
		default:
			continue
		}
		kept = append(kept, f)
		f.of.thing.out.Spans++
	}
	w.fresh = kept
	return nil
}

// unfinished tells a span whose end is not known.
func (s *spanRow) unfinished() bool { return s.EndTime == nil }

const (
	spanColumns = `workspace_id, trace_id, span_id, trace_at, id, parent_id, name, status, start_time, end_time, metadata, created_at`
	spanWidth   = 12
)

var spanInserts = withEnd(insertTexts("INSERT INTO pm_spans ("+spanColumns+") VALUES ", spanWidth), " ON CONFLICT DO NOTHING")

func withEnd(texts [len(chunkSizes)]string, end string) [len(chunkSizes)]string {
	for i := range texts {
		texts[i] += end
	}
	return texts
}

func (w *spanWriter) insertSpans(ctx context.Context) error {
	added := int64(0)
	for i := range w.fresh {
		if w.fresh[i].stored == nil {
			added++
		}
	}
	if added == 0 {
		return nil
	}
	id, at, err := claim(ctx, w.tx, w.ws, countSpans, added)
	if err != nil {
		return err
	}
	rows := rowWriter{tx: w.tx, texts: &spanInserts, width: spanWidth}
	for i := range w.fresh {
		if w.fresh[i].stored != nil {
			continue
		}
		s := &w.fresh[i].row
		w.moments.add(w.traces[s.TraceID].at)
		if err := rows.add(ctx, []any{
			w.ws, s.TraceID, s.SpanID, w.traces[s.TraceID].at, id, value(s.ParentID), s.Name, s.Status,
			value(s.StartTime), value(s.EndTime), value(s.Metadata), at,
		}); err != nil {
			return err
		}
		id++
		s.CreatedAt = at
		w.fresh[i].of.thing.heard.added = append(w.fresh[i].of.thing.heard.added, *s)
	}
	return rows.flush(ctx)
}

const completeSQL = `UPDATE pm_spans SET parent_id = ?, name = ?, status = ?, start_time = ?, end_time = ?, metadata = ?
WHERE workspace_id = ? AND trace_id = ? AND span_id = ? AND trace_at = ?`

// completeSpans ends spans that came before without their end. What was known
// of them and is not said again stays.
func (w *spanWriter) completeSpans(ctx context.Context) error {
	for i := range w.fresh {
		f := &w.fresh[i]
		if f.stored == nil {
			continue
		}
		s := f.row
		if s.ParentID == nil {
			s.ParentID = f.stored.ParentID
		}
		if s.StartTime == nil {
			s.StartTime = f.stored.StartTime
		}
		if f.stored.Metadata != nil {
			merged := members(f.stored.Metadata)
			for name, raw := range members(s.Metadata) {
				merged[name] = raw
			}
			var err error
			if s.Metadata, err = storedMembers(merged); err != nil {
				return err
			}
		}
		if _, err := w.tx.Run(ctx, completeSQL, value(s.ParentID), s.Name, s.Status, value(s.StartTime), value(s.EndTime), value(s.Metadata),
			w.ws, s.TraceID, s.SpanID, w.traces[s.TraceID].at); err != nil {
			return err
		}
		before := f.stored.span()
		s.CreatedAt = f.stored.CreatedAt
		f.of.thing.heard.changed = append(f.of.thing.heard.changed, changedSpan{s, !before.Ended() && s.span().Ended()})
	}
	return nil
}

func (w *spanWriter) tally(ctx context.Context) error {
	if w.opened == 0 {
		return nil
	}
	var at int64
	for _, t := range w.traces {
		if !t.existed {
			at = t.at
			break
		}
	}
	_, err := w.tx.Run(ctx, activitySQL, w.ws, at/microsPerDay, int64(0), int64(0), w.opened, int64(0))
	return err
}

// audit writes one entry for each request that brought something.
func (w *spanWriter) audit(ctx context.Context) error {
	entered := slices.DeleteFunc(slices.Clone(w.all), func(l *load[*spanLoad]) bool { return l.thing.out.Spans == 0 })
	if len(entered) == 0 {
		return nil
	}
	id, at, err := claim(ctx, w.tx, w.ws, countAudit, int64(len(entered)))
	if err != nil {
		return err
	}
	for i, l := range entered {
		e := entry{action: "otlp:ingest"}
		if len(l.thing.traces) == 1 {
			e.target = l.thing.traces[0].ID
		}
		if err := insertAudit(ctx, w.tx, w.ws, l.actor, id+int64(i), at, e); err != nil {
			return err
		}
	}
	return nil
}
