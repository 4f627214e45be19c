package sqlstore

import (
	"bytes"
	"maps"
	"time"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// heard gives logs as observers will hear them. They share no memory with the
// caller, who may go away before they are written.
func (r *recorder) heard(how telemetry.Insertion, logs []telemetry.Log, inserts []logInsert) []telemetry.Recorded {
	if r.observer == nil {
		return nil
	}
	all := make([]telemetry.Recorded, len(logs))
	for i := range logs {
		l := &logs[i]
		all[i] = telemetry.Recorded{Origin: how.From(), Log: telemetry.Log{
			Workspace: r.db.ID().String(), PromptName: l.PromptName, VersionTag: l.VersionTag,
			Provider: copied(l.Provider), Model: copied(l.Model), TokensIn: copied(l.TokensIn), TokensOut: copied(l.TokensOut),
			LatencyMS: copied(l.LatencyMS), CostUSD: copied(l.CostUSD), CostSource: copied(l.CostSource),
			Status: l.Status, ErrorCode: copied(l.ErrorCode), HTTPStatus: copied(l.HTTPStatus),
			RunID: copied(l.RunID), TraceID: copied(l.TraceID), OllamaOptions: bytes.Clone(l.OllamaOptions),
			OllamaKeepAlive: copied(l.OllamaKeepAlive), OllamaFormat: bytes.Clone(l.OllamaFormat), Metadata: inserts[i].members(),
		}}
		if how.Call != nil {
			all[i].Exchange = how.Call.Exchange
		}
	}
	return all
}

// members gives the metadata as it will be read back.
func (l *logInsert) members() telemetry.Metadata {
	text, ok := l.values[len(l.values)-1].(string)
	if !ok {
		return nil
	}
	return members(&text)
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// tell lets the observer hear of what a commit has written: not of what was
// there before under its key.
func (in *ingest) tell(batch []*delivery) {
	for _, d := range batch {
		d.tell(in.observer)
	}
}

// tell lets an observer hear of logs that are durable.
func (d *delivery) tell(observer telemetry.Observer) {
	if observer == nil || !d.fresh {
		return
	}
	for i := range d.heard {
		d.heard[i].At = time.UnixMicro(d.at).UTC()
		d.heard[i].Log.ID, d.heard[i].Log.CreatedAt = d.first+int64(i), wire(d.at)
	}
	observer.Logged(d.heard)
}

// heardSpans is what a request of another program's tracing has written, for
// observers.
type heardSpans struct {
	opened  []telemetry.Trace
	added   []spanRow
	changed []changedSpan
	logs    *delivery // nil for none
}

type changedSpan struct {
	row   spanRow
	ended bool
}

// tellSpans lets the observer hear of what came over OTLP and is durable.
func (s *Store) tellSpans(batch []*load[*spanLoad]) {
	if s.observer == nil {
		return
	}
	for _, l := range batch {
		h := &l.thing.heard
		from := telemetry.Source{Workspace: l.id.String(), Origin: telemetry.FromOTLP}
		for _, t := range h.opened {
			s.observer.TraceOpened(from, ownTrace(t))
		}
		added := make([]telemetry.Span, len(h.added))
		for i, row := range h.added {
			added[i] = ownSpan(row.span())
		}
		if len(added) > 0 {
			s.observer.SpansAdded(from, added)
		}
		for _, c := range h.changed {
			s.observer.SpanChanged(from, ownSpan(c.row.span()), c.ended)
		}
		if h.logs != nil {
			h.logs.tell(s.observer)
		}
	}
}

func (r *recorder) source(o telemetry.Origin) telemetry.Source {
	return telemetry.Source{Workspace: r.db.ID().String(), Origin: o}
}

// traceOpened lets the observer hear of a trace that is durable.
func (r *recorder) traceOpened(o telemetry.Origin, t telemetry.Trace) {
	if r.observer == nil {
		return
	}
	r.observer.TraceOpened(r.source(o), ownTrace(t))
}

// ownTrace shares no memory with what the caller gets or gave.
func ownTrace(t telemetry.Trace) telemetry.Trace {
	t.PromptName, t.VersionTag, t.Metadata = copied(t.PromptName), copied(t.VersionTag), cloned(t.Metadata)
	return t
}

// spansAdded lets the observer hear of spans that are durable.
func (r *recorder) spansAdded(o telemetry.Origin, spans []telemetry.Span) {
	if r.observer == nil {
		return
	}
	own := make([]telemetry.Span, len(spans))
	for i, s := range spans {
		own[i] = ownSpan(s)
	}
	r.observer.SpansAdded(r.source(o), own)
}

// spanChanged lets the observer hear of a change that is durable.
func (r *recorder) spanChanged(o telemetry.Origin, s telemetry.Span, ended bool) {
	if r.observer != nil {
		r.observer.SpanChanged(r.source(o), ownSpan(s), ended)
	}
}

// ownSpan shares no memory with what the caller gets or gave.
func ownSpan(s telemetry.Span) telemetry.Span {
	s.ParentID, s.StartTime, s.EndTime, s.Metadata = copied(s.ParentID), copied(s.StartTime), copied(s.EndTime), cloned(s.Metadata)
	return s
}

func cloned(m telemetry.Metadata) telemetry.Metadata {
	own := maps.Clone(m)
	for key, raw := range own {
		own[key] = bytes.Clone(raw)
	}
	return own
}
