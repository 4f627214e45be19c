// Package telemetry records what model calls and agents did: logs with tokens,
// latency and cost; traces with spans; workflow runs.
//
// A record is durable when the call that made it returns. [Service] does the
// work of one workspace in-process; the remote client implements the same
// interfaces over HTTP.
package telemetry

import (
	"context"
	"iter"

	"github.com/promptmetrics-go/promptmetrics/page"
)

// Recorder writes telemetry. Faults of the input are ErrValidation with every
// fault named; a store that is down is ErrUnavailable, and then nothing was
// recorded.
type Recorder interface {
	// Log records one model call and returns its id.
	Log(ctx context.Context, l Log) (int64, error)
	// LogBatch records up to 1,000 model calls, all or none, and returns their
	// ids in order.
	LogBatch(ctx context.Context, logs []Log) ([]int64, error)
	// CreateTrace opens a trace; an empty ID is filled. A trace of that id
	// exists: ErrConflict.
	CreateTrace(ctx context.Context, t Trace) (Trace, error)
	// AddSpans adds up to 1,000 spans to a trace, all or none; empty IDs are
	// filled. Unknown trace: ErrNotFound. A span of that id exists: ErrConflict.
	AddSpans(ctx context.Context, traceID string, spans []Span) ([]Span, error)
	// UpdateSpan changes a span, usually to end it. Unknown trace or span:
	// ErrNotFound.
	UpdateSpan(ctx context.Context, traceID, spanID string, u SpanUpdate) (Span, error)
	// CreateRun opens a workflow run; an empty ID is filled. A run of that id
	// exists: ErrConflict. Unknown trace: ErrNotFound.
	CreateRun(ctx context.Context, r Run) (Run, error)
	// UpdateRun changes a run and tells whether there was anything to change.
	// Unknown run: ErrNotFound.
	UpdateRun(ctx context.Context, runID string, u RunUpdate) (changed bool, err error)
}

// Reader reads telemetry, newest first. Bad filters and pages are
// ErrValidation; a store that is down is ErrUnavailable.
type Reader interface {
	Logs(ctx context.Context, f LogFilter, r page.Request) (page.Of[Log], error)
	// ExportLogs streams every log of the filter in constant memory. The
	// sequence ends after the first error.
	ExportLogs(ctx context.Context, f LogFilter) iter.Seq2[Log, error]
	Traces(ctx context.Context, f TraceFilter, r page.Request) (page.Of[Trace], error)
	// Trace gives a trace with its spans, by start time, then by arrival.
	// ErrNotFound.
	Trace(ctx context.Context, traceID string) (Trace, error)
	// Span gives one span. Unknown trace or span: ErrNotFound.
	Span(ctx context.Context, traceID, spanID string) (Span, error)
	Runs(ctx context.Context, f RunFilter, r page.Request) (page.Of[Run], error)
	// Run gives one run. ErrNotFound.
	Run(ctx context.Context, runID string) (Run, error)
}

// Eraser deletes telemetry. What does not exist is ErrNotFound.
type Eraser interface {
	// DeleteTrace deletes a trace with its spans; runs that name it stay and
	// lose the reference.
	DeleteTrace(ctx context.Context, traceID string) error
	DeleteRun(ctx context.Context, runID string) error
}
