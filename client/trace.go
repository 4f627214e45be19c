package client

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

type sentTrace struct {
	ID         string             `json:"trace_id"`
	PromptName *string            `json:"prompt_name,omitempty"`
	VersionTag *string            `json:"version_tag,omitempty"`
	Metadata   telemetry.Metadata `json:"metadata,omitzero"`
}

type sentSpan struct {
	ID        string               `json:"span_id"`
	ParentID  *string              `json:"parent_id,omitempty"`
	Name      string               `json:"name"`
	Status    telemetry.SpanStatus `json:"status,omitempty"`
	StartTime *int64               `json:"start_time,omitempty"`
	EndTime   *int64               `json:"end_time,omitempty"`
	Metadata  telemetry.Metadata   `json:"metadata,omitzero"`
}

func tracePath(id string) string { return "/v1/traces/" + segment(id) }

// CreateTrace implements [telemetry.Recorder].
func (t *Telemetry) CreateTrace(ctx context.Context, trace telemetry.Trace) (telemetry.Trace, error) {
	own := fill(&trace.ID)
	trace.Spans = nil
	q, err := post(http.MethodPost, "/v1/traces", sentTrace{trace.ID, trace.PromptName, trace.VersionTag, trace.Metadata})
	if err != nil {
		return telemetry.Trace{}, err
	}
	a, err := t.link.do(ctx, q)
	if isRepetition(a, err) {
		stored, found := t.Trace(ctx, trace.ID)
		stored.Spans = nil
		switch {
		case found == nil && (own || sameTrace(stored, trace)):
			return stored, nil
		case own && unreadable(found):
			trace.CreatedAt = timestamp.Of(t.now())
			return trace, nil
		}
	}
	if err != nil {
		return telemetry.Trace{}, err
	}
	trace.Metadata = maps.Clone(trace.Metadata)
	return trace, decode(q, a, &trace)
}

// isRepetition reports whether a conflict may be with an attempt of the same
// call whose answer was lost.
func isRepetition(a answer, err error) bool {
	return a.doubt && errors.Is(err, pmerr.ErrConflict) && !errors.Is(err, errForeign)
}

// unreadable reports whether a record is there but the key may not read it. A
// conflict over an id that was made here is then proof enough.
func unreadable(err error) bool { return errors.Is(err, pmerr.ErrForbidden) }

func sameTrace(a, b telemetry.Trace) bool {
	return same(a.PromptName, b.PromptName) && same(a.VersionTag, b.VersionTag) && sameMetadata(a.Metadata, b.Metadata)
}

// AddSpans implements [telemetry.Recorder].
func (t *Telemetry) AddSpans(ctx context.Context, traceID string, spans []telemetry.Span) ([]telemetry.Span, error) {
	if traceID == "" {
		return nil, pmerr.Missing("Trace")
	}
	spans = slices.Clone(spans)
	own := false
	sent := make([]sentSpan, len(spans))
	for i := range spans {
		s := &spans[i]
		own = fill(&s.ID) || own
		s.TraceID = traceID
		sent[i] = sentSpan{s.ID, s.ParentID, s.Name, s.Status, s.StartTime, s.EndTime, s.Metadata}
	}
	q, err := post(http.MethodPost, tracePath(traceID)+"/spans/batch", map[string]any{"spans": sent})
	if err != nil {
		return nil, err
	}
	a, err := t.link.do(ctx, q)
	if isRepetition(a, err) {
		stored, found := t.Trace(ctx, traceID)
		switch {
		case found == nil:
			if added := addedSpans(stored, spans, own); added != nil {
				return added, nil
			}
		case own && unreadable(found):
			for i := range spans {
				spans[i].CreatedAt = timestamp.Of(t.now())
			}
			return spans, nil
		}
	}
	if err != nil {
		return nil, err
	}
	var v struct {
		Spans []telemetry.Span `json:"spans"`
	}
	return v.Spans, decode(q, a, &v)
}

// addedSpans finds the spans of a call in a trace, or nil if the trace has not
// all of them, or others of the same ids. They were added all or none, so one
// id that was made here (own) speaks for all.
func addedSpans(trace telemetry.Trace, spans []telemetry.Span, own bool) []telemetry.Span {
	byID := make(map[string]telemetry.Span, len(trace.Spans))
	for _, s := range trace.Spans {
		byID[s.ID] = s
	}
	added := make([]telemetry.Span, 0, len(spans))
	for _, s := range spans {
		stored, ok := byID[s.ID]
		if !ok || (!own && !sameSpan(stored, s)) {
			return nil
		}
		added = append(added, stored)
	}
	return added
}

func sameSpan(a, b telemetry.Span) bool {
	return a.Name == b.Name && same(a.ParentID, b.ParentID) && same(a.StartTime, b.StartTime) &&
		same(a.EndTime, b.EndTime) && sameMetadata(a.Metadata, b.Metadata)
}

// UpdateSpan implements [telemetry.Recorder].
func (t *Telemetry) UpdateSpan(ctx context.Context, traceID, spanID string, u telemetry.SpanUpdate) (telemetry.Span, error) {
	if err := needSpan(traceID, spanID); err != nil {
		return telemetry.Span{}, err
	}
	q, err := post(http.MethodPatch, tracePath(traceID)+"/spans/"+segment(spanID), struct {
		Status   *telemetry.SpanStatus `json:"status,omitempty"`
		EndTime  *int64                `json:"end_time,omitempty"`
		Metadata telemetry.Metadata    `json:"metadata,omitzero"`
	}{u.Status, u.EndTime, u.Metadata})
	if err != nil {
		return telemetry.Span{}, err
	}
	return read[telemetry.Span](ctx, t.link, q)
}

func needSpan(traceID, spanID string) error {
	switch "" {
	case traceID:
		return pmerr.Missing("Trace")
	case spanID:
		return pmerr.Missing("Span")
	}
	return nil
}

// Traces implements [telemetry.Reader].
func (t *Telemetry) Traces(ctx context.Context, f telemetry.TraceFilter, r page.Request) (page.Of[telemetry.Trace], error) {
	q := parameters{}
	q.text("prompt_name", f.PromptName)
	q.time("from", f.From)
	q.time("to", f.To)
	return readPage[telemetry.Trace](ctx, t.link, "/v1/traces", q, r)
}

// Trace implements [telemetry.Reader].
func (t *Telemetry) Trace(ctx context.Context, traceID string) (telemetry.Trace, error) {
	if traceID == "" {
		return telemetry.Trace{}, pmerr.Missing("Trace")
	}
	return read[telemetry.Trace](ctx, t.link, request{method: http.MethodGet, path: tracePath(traceID)})
}

// Span implements [telemetry.Reader].
func (t *Telemetry) Span(ctx context.Context, traceID, spanID string) (telemetry.Span, error) {
	if err := needSpan(traceID, spanID); err != nil {
		return telemetry.Span{}, err
	}
	return read[telemetry.Span](ctx, t.link, request{method: http.MethodGet, path: tracePath(traceID) + "/spans/" + segment(spanID)})
}

// DeleteTrace implements [telemetry.Eraser].
func (t *Telemetry) DeleteTrace(ctx context.Context, traceID string) error {
	if traceID == "" {
		return pmerr.Missing("Trace")
	}
	return t.link.remove(ctx, tracePath(traceID), nil)
}
