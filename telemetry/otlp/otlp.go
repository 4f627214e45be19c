// Package otlp reads traces as OpenTelemetry exporters send them over HTTP, in
// protobuf and in JSON, and turns them into telemetry of PromptMetrics.
//
// [Decode] reads a body into a [Request], within limits that hold for hostile
// bytes. [Convert] understands the dialects in which instrumentations speak of
// model calls; see [Dialects] for the table. What no dialect knows stays in the
// metadata of the span, so that nothing is lost.
package otlp

import (
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// The limits of a request. One that is beyond them is refused as a whole.
const (
	// MaxSpans is how many spans a request holds.
	MaxSpans = 10_000
	// MaxValues is how many attributes, values in them, events and links a
	// request holds in all: two bytes can ask for one.
	MaxValues = 500_000
	// MaxDepth is how deep lists and maps of an attribute lie inside each other.
	MaxDepth = 32
)

// Encoding is how a request, and the answer to it, is written.
type Encoding string

// The encodings of OTLP over HTTP, by their content type.
const (
	Protobuf Encoding = "application/x-protobuf"
	JSON     Encoding = "application/json"
)

// Request is an ExportTraceServiceRequest.
type Request struct {
	Resources []ResourceSpans
	// spans and values count towards the limits.
	spans, values int
}

// ResourceSpans are the spans of one process.
type ResourceSpans struct {
	Attributes []Attribute
	SchemaURL  string
	Scopes     []ScopeSpans
}

// ScopeSpans are the spans of one instrumentation.
type ScopeSpans struct {
	Name, Version string
	Attributes    []Attribute
	SchemaURL     string
	Spans         []Span
}

// Span is one span as it was sent. IDs are as long as the sender made them.
type Span struct {
	TraceID, ID, ParentID []byte
	TraceState            string
	Flags                 uint64
	Name                  string
	Kind                  int64
	Start, End            uint64 // nanoseconds since 1970; 0 is not known
	Attributes            []Attribute
	Events                []Event
	Links                 []Link
	StatusCode            int64
	StatusMessage         string

	DroppedAttributes, DroppedEvents, DroppedLinks uint64
}

// Event is something that happened at one moment of a span.
type Event struct {
	Time       uint64
	Name       string
	Attributes []Attribute
	Dropped    uint64
}

// Link leads to another span.
type Link struct {
	TraceID, SpanID []byte
	TraceState      string
	Attributes      []Attribute
	Dropped, Flags  uint64
}

// Attribute is a name with a value.
type Attribute struct {
	Key   string
	Value Value
}

// Decode reads a request. What cannot be read is an ErrBadRequest, what is
// beyond the limits an error of the kind TooLarge.
func Decode(e Encoding, body []byte) (*Request, error) {
	r := &Request{}
	if e == JSON {
		return r, r.decodeJSON(body)
	}
	return r, r.decodeProtobuf(body)
}

// Spans is how many spans the request holds.
func (r *Request) Spans() int { return r.spans }

func (r *Request) countSpan() error {
	if r.spans++; r.spans > MaxSpans {
		return pmerr.New(pmerr.TooLarge, "The request has more than %d spans", MaxSpans)
	}
	return nil
}

func (r *Request) countValue() error {
	if r.values++; r.values > MaxValues {
		return pmerr.New(pmerr.TooLarge, "The request has more than %d attributes, values, events and links", MaxValues)
	}
	return nil
}

func errDepth() error {
	return pmerr.New(pmerr.BadRequest, "An attribute is nested deeper than %d", MaxDepth)
}
