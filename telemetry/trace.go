package telemetry

import "github.com/promptmetrics-go/promptmetrics/timestamp"

// Trace groups the spans of one agent run.
type Trace struct {
	// ID is a UUID; the store makes one if it is empty.
	ID string `json:"trace_id"`
	// PromptName is at most 128 characters, VersionTag 64.
	PromptName *string `json:"prompt_name"`
	VersionTag *string `json:"version_tag"`
	// Metadata has at most 50 members.
	Metadata  Metadata       `json:"metadata"`
	CreatedAt timestamp.Time `json:"created_at"`
	// Spans are set by Reader.Trace only.
	Spans []Span `json:"spans,omitzero"`
}

// SpanStatus is the state of a span, as in OpenTelemetry plus "running".
type SpanStatus string

// The states of a span.
const (
	SpanUnset   SpanStatus = "unset"
	SpanOK      SpanStatus = "ok"
	SpanError   SpanStatus = "error"
	SpanRunning SpanStatus = "running"
)

// Span is one step of a trace.
type Span struct {
	TraceID string `json:"trace_id"`
	// ID is a UUID; the store makes one if it is empty.
	ID string `json:"span_id"`
	// ParentID names the span that this one is part of.
	ParentID *string `json:"parent_id"`
	// Name is 1 to 256 characters.
	Name string `json:"name"`
	// Status defaults to SpanUnset.
	Status SpanStatus `json:"status"`
	// StartTime and EndTime are Unix milliseconds; the end is not before the
	// start.
	StartTime *int64         `json:"start_time"`
	EndTime   *int64         `json:"end_time"`
	Metadata  Metadata       `json:"metadata"`
	CreatedAt timestamp.Time `json:"created_at"`
}

// SpanUpdate changes a span; nil fields stay as they are. Metadata members
// replace those of the same key.
type SpanUpdate struct {
	Status   *SpanStatus `json:"status"`
	EndTime  *int64      `json:"end_time"`
	Metadata Metadata    `json:"metadata"`
}

// TraceFilter narrows a list of traces. Empty fields let everything through.
type TraceFilter struct {
	PromptName string
	// From is the first second, To the first one that is left out.
	From, To timestamp.Time
}
