package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Ingestion is what one request of another program's tracing brings: spans of
// any number of traces. It may bring again what came before.
type Ingestion struct {
	// Traces say what is known of the traces of the spans, each once. A trace
	// that exists keeps what it has and gets what it lacks.
	Traces []Trace
	Spans  []IngestedSpan
}

// IngestedSpan is a span with what it means. A metadata of it may have texts of
// any length: they are kept as they came.
type IngestedSpan struct {
	Span
	// Role says how the span counts, see [CountedCalls].
	Role SpanRole
	// Call is the log of the model call that the span is, if it has ended.
	Call *Log
	// Scores are judgements that came with the span.
	Scores []SpanScore
}

// SpanRole says what a span is to those around it.
type SpanRole string

// The roles.
const (
	// PlainSpan is any step: a call below it belongs to a call above it.
	PlainSpan SpanRole = ""
	// CallSpan is a call of a model.
	CallSpan SpanRole = "call"
	// BoundarySpan is a tool or an agent: calls below it are calls of its own.
	BoundarySpan SpanRole = "boundary"
)

// SpanScore is the score that an evaluation gave to what a span did.
type SpanScore struct {
	// Evaluation is its name, PromptName the prompt that was judged: the result
	// is recorded if there is an evaluation of that name for that prompt.
	Evaluation, PromptName string
	// VersionTag is the version that was judged; nil leaves it to the evaluation.
	VersionTag *string
	// Score is at least 0.
	Score    float64
	Metadata Metadata
}

// Ingested says what became of an Ingestion.
type Ingested struct {
	// Spans, Logs and Scores are how many were recorded that were not there
	// before, spans that were completed included.
	Spans, Logs, Scores int
	// Refused are the indexes of spans that the guard refused; Reason says why.
	Refused []int
	Reason  string
}

// Ingest records spans with their traces, logs and scores, in one transaction,
// once however often they come. Spans that a guard refuses are left out. Other
// faults are ErrValidation, and then nothing was recorded.
func (s *Service) Ingest(ctx context.Context, in Ingestion) (Ingested, error) {
	if err := in.check(); err != nil {
		return Ingested{}, err
	}
	refused, reason, err := s.admitSpans(ctx, in.Spans)
	if err != nil {
		return Ingested{}, err
	}
	own := in.without(refused)
	if len(own.Spans) == 0 {
		return Ingested{Refused: refused, Reason: reason}, nil
	}
	for i := range own.Spans {
		if own.Spans[i].Call != nil {
			own.Spans[i].complete(s.prices)
		}
	}
	out, err := s.store.Ingest(ctx, own)
	out.Refused, out.Reason = refused, reason
	return out, err
}

// complete fills the log, and says in the span what it cost.
func (s *IngestedSpan) complete(prices *PriceTable) {
	l := *s.Call
	l.complete(prices)
	s.Call = &l
	if l.CostUSD == nil {
		return
	}
	costs, err := json.Marshal(*l.CostUSD)
	if err != nil {
		return // what is no number was refused before
	}
	s.Metadata = merge(s.Metadata, Metadata{"cost_usd": costs, "cost_source": json.RawMessage(`"` + string(*l.CostSource) + `"`)})
}

// without leaves out the spans of these indexes, and traces that have none left.
func (in Ingestion) without(refused []int) Ingestion {
	out := Ingestion{Spans: make([]IngestedSpan, 0, len(in.Spans))}
	used := map[string]bool{}
	for i := range in.Spans {
		if len(refused) > 0 && refused[0] == i {
			refused = refused[1:]
			continue
		}
		out.Spans = append(out.Spans, in.Spans[i])
		used[in.Spans[i].TraceID] = true
	}
	for _, t := range in.Traces {
		if used[t.ID] {
			out.Traces = append(out.Traces, t)
		}
	}
	return out
}

// admitSpans asks the guard, if there is one: first about all, and only if it
// refuses them about each.
func (s *Service) admitSpans(ctx context.Context, spans []IngestedSpan) (refused []int, reason string, err error) {
	if s.guard == nil || len(spans) == 0 {
		return nil, "", nil
	}
	all := make([]Span, len(spans))
	for i := range spans {
		all[i] = spans[i].Span
	}
	if err = s.guard.CheckSpans(ctx, all); err == nil || !errors.Is(err, pmerr.ErrBadRequest) {
		return nil, "", err
	}
	reason = pmerr.From(err).Message
	if len(all) == 1 {
		return []int{0}, reason, nil
	}
	for i := range all {
		switch err := s.guard.CheckSpans(ctx, all[i:i+1]); {
		case err == nil:
		case errors.Is(err, pmerr.ErrBadRequest):
			refused = append(refused, i)
		default:
			return nil, "", err
		}
	}
	// What is harmless one by one was only too much to be looked at together.
	if refused == nil {
		reason = ""
	}
	return refused, reason, nil
}

func (in Ingestion) check() error {
	var f faults
	traces := make(map[string]bool, len(in.Traces))
	for i := range in.Traces {
		f.prefix = fmt.Sprintf("traces[%d].", i)
		t := in.Traces[i]
		f.check(!traces[t.ID], "trace_id stands twice")
		traces[t.ID] = true
		f.foreign(t.Metadata)
		t.Metadata = nil
		f.trace(&t)
	}
	for i := range in.Spans {
		s := in.Spans[i]
		f.prefix = fmt.Sprintf("spans[%d].", i)
		f.check(traces[s.TraceID], "trace_id must be that of one of the traces")
		f.check(s.Role == PlainSpan || s.Role == CallSpan || s.Role == BoundarySpan, "role must be call, boundary or empty")
		f.foreign(s.Metadata)
		s.Metadata = nil
		f.span(&s.Span)
		if s.Call != nil {
			f.prefix += "call."
			f.log(s.Call)
		}
		for j := range s.Scores {
			f.prefix = fmt.Sprintf("spans[%d].scores[%d].", i, j)
			f.spanScore(&s.Scores[j])
		}
		if len(f.list) > maxFaults {
			break
		}
	}
	return f.err()
}

// foreign checks metadata whose texts may be long. What is no JSON is found by
// the store; here is what only a database would find.
func (f *faults) foreign(m Metadata) {
	f.check(len(m) <= maxMembers, "metadata must have at most %d keys", maxMembers)
	for key, raw := range m {
		f.check(storable(key) && len(key) <= maxMemberKey, "metadata keys must be at most %d characters", maxMemberKey)
		f.check(json.Valid(raw) && storable(string(raw)) && !strings.Contains(string(raw), `\u0000`), "metadata.%s must be valid JSON without NUL", key)
	}
}

func (f *faults) spanScore(s *SpanScore) {
	f.text("evaluation", s.Evaluation, 1, maxPromptName)
	f.text("prompt_name", s.PromptName, 1, maxPromptName)
	f.optional("version_tag", s.VersionTag, maxVersionTag)
	f.check(s.Score >= 0 && s.Score <= maxScore, "score must be a number from 0 to %d", int64(maxScore))
	f.foreign(s.Metadata)
}

// maxScore keeps sums of scores finite.
const maxScore = 1e12
