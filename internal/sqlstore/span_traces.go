package sqlstore

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// knownTrace is a trace of the requests that are written.
type knownTrace struct {
	existed bool
	at      int64 // created_at
	// trace is what the requests say of it.
	trace telemetry.Trace

	// What is stored of it.
	prompt, version, metadata *string
}

var (
	traceInserts = insertTexts("INSERT INTO pm_traces (workspace_id, trace_id, id, prompt_name, version_tag, metadata, created_at) VALUES ", traceWidth)
	traceLookUps = lookUpTexts("SELECT t.trace_id, t.created_at, t.prompt_name, t.version_tag, t.metadata FROM (VALUES ", "(?)",
		") AS k JOIN pm_traces AS t ON t.workspace_id = ? AND t.trace_id = k.column1")
	spanLookUps = lookUpTexts("SELECT "+
		"s.trace_id, s.span_id, s.parent_id, s.status, s.start_time, s.end_time, s.metadata, s.created_at FROM (VALUES ", "(?, ?, CAST(? AS BIGINT))",
		") AS k JOIN pm_spans AS s ON s.workspace_id = ? AND s.trace_id = k.column1 AND s.span_id = k.column2 AND s.trace_at = k.column3")
)

const traceWidth = 7

// lookUpTexts are queries for a few fixed numbers of keys.
func lookUpTexts(head, key, end string) (texts [len(chunkSizes)]string) {
	for i, size := range chunkSizes {
		texts[i] = head + key + strings.Repeat(", "+key, size-1) + end
	}
	return texts
}

// lookUp asks for things by their keys, which stand one after the other in args.
func (w *spanWriter) ask(ctx context.Context, texts *[len(chunkSizes)]string, width int, args []any, read func(*sql.Rows) error) error {
	for i, size := range chunkSizes {
		for len(args) >= size*width {
			if err := w.tx.Each(ctx, texts[i], append(slices.Clone(args[:size*width]), w.ws), read); err != nil {
				return err
			}
			args = args[size*width:]
		}
	}
	return nil
}

// lookUp finds stored spans.
func (w *spanWriter) lookUp(ctx context.Context, keys []spanKey) (map[spanKey]spanRow, error) {
	found := make(map[spanKey]spanRow)
	args := make([]any, 0, 3*len(keys))
	for _, k := range keys {
		args = append(args, k.trace, k.span, w.traces[k.trace].at)
	}
	err := w.ask(ctx, &spanLookUps, 3, args, func(rows *sql.Rows) error {
		var s spanRow
		err := rows.Scan(&s.TraceID, &s.SpanID, &s.ParentID, &s.Status, &s.StartTime, &s.EndTime, &s.Metadata, &s.CreatedAt)
		found[spanKey{s.TraceID, s.SpanID}] = s
		return err
	})
	return found, err
}

// writeTraces opens the traces that are missing, and adds to the others what
// they lack.
func (w *spanWriter) writeTraces(ctx context.Context) error {
	w.traces = map[string]*knownTrace{}
	var ids []any
	for _, l := range w.all {
		for _, t := range l.thing.traces {
			known := w.traces[t.ID]
			if known == nil {
				w.traces[t.ID], ids = &knownTrace{trace: t}, append(ids, t.ID)
				continue
			}
			known.trace = complement(known.trace, t)
		}
	}
	if err := w.ask(ctx, &traceLookUps, 1, ids, func(rows *sql.Rows) error {
		var id string
		var t knownTrace
		if err := rows.Scan(&id, &t.at, &t.prompt, &t.version, &t.metadata); err != nil {
			return err
		}
		known := w.traces[id]
		t.existed, t.trace = true, known.trace
		*known = t
		return nil
	}); err != nil {
		return err
	}
	if err := w.openTraces(ctx, ids); err != nil {
		return err
	}
	for _, id := range ids {
		if t := w.traces[id.(string)]; t.existed { //nolint:forcetypeassert // filled above.
			if err := w.complementTrace(ctx, t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *spanWriter) openTraces(ctx context.Context, ids []any) error {
	for _, t := range w.traces {
		if !t.existed {
			w.opened++
		}
	}
	if w.opened == 0 {
		return nil
	}
	next, at, err := claim(ctx, w.tx, w.ws, countTraces, w.opened)
	if err != nil {
		return err
	}
	rows := rowWriter{tx: w.tx, texts: &traceInserts, width: traceWidth}
	for _, id := range ids { // in the order in which they came
		t := w.traces[id.(string)] //nolint:forcetypeassert // the caller filled it.
		if t.existed {
			continue
		}
		t.at = at
		metadata, err := storedMembers(t.trace.Metadata)
		if err != nil {
			return err
		}
		if err := rows.add(ctx, []any{w.ws, t.trace.ID, next, value(t.trace.PromptName), value(t.trace.VersionTag), value(metadata), at}); err != nil {
			return err
		}
		next++
		opened := t.trace
		opened.CreatedAt = wire(at)
		w.all[0].thing.heard.opened = append(w.all[0].thing.heard.opened, opened)
	}
	return rows.flush(ctx)
}

// complement adds to what is known of a trace what it lacks.
func complement(known, more telemetry.Trace) telemetry.Trace {
	if known.PromptName == nil && more.PromptName != nil {
		known.PromptName, known.VersionTag = more.PromptName, more.VersionTag
	}
	if len(more.Metadata) > 0 {
		merged := maps.Clone(more.Metadata)
		maps.Copy(merged, known.Metadata)
		known.Metadata = merged
	}
	return known
}

// maxTraceMembers is how many members the metadata of a trace may grow to.
const maxTraceMembers = 50

const complementSQL = "UPDATE pm_traces SET prompt_name = ?, version_tag = ?, metadata = ? WHERE workspace_id = ? AND trace_id = ?"

func (w *spanWriter) complementTrace(ctx context.Context, t *knownTrace) error {
	stored := telemetry.Trace{PromptName: t.prompt, VersionTag: t.version, Metadata: members(t.metadata)}
	full := complement(stored, t.trace)
	if len(full.Metadata) > maxTraceMembers {
		full.Metadata = stored.Metadata
	}
	if full.PromptName == stored.PromptName && len(full.Metadata) == len(stored.Metadata) {
		return nil
	}
	metadata, err := storedMembers(full.Metadata)
	if err != nil {
		return err
	}
	_, err = w.tx.Run(ctx, complementSQL, value(full.PromptName), value(full.VersionTag), value(metadata), w.ws, t.trace.ID)
	return err
}
