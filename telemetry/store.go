package telemetry

import (
	"context"
	"iter"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Store keeps the telemetry of one workspace. What it is given is valid and
// complete; every writing method is durable when it returns, in one
// transaction with its audit entry. All methods return ErrUnavailable when the
// database is down, and otherwise the errors of [Recorder], [Reader] and
// [Eraser].
type Store interface {
	// InsertLogs stores logs and returns the first of their consecutive ids.
	// A key that was used within the last day stores nothing again and returns
	// the ids of then; used for another number of logs it is an ErrConflict.
	InsertLogs(ctx context.Context, i Insertion, logs []Log) (first int64, err error)
	Logs(ctx context.Context, f LogFilter, r page.Request) (page.Of[Log], error)
	ExportLogs(ctx context.Context, f LogFilter) iter.Seq2[Log, error]

	InsertTrace(ctx context.Context, t Trace) (Trace, error)
	Traces(ctx context.Context, f TraceFilter, r page.Request) (page.Of[Trace], error)
	Trace(ctx context.Context, traceID string) (Trace, error)
	DeleteTrace(ctx context.Context, traceID string) error

	InsertSpans(ctx context.Context, traceID string, batch bool, spans []Span) ([]Span, error)
	Span(ctx context.Context, traceID, spanID string) (Span, error)
	// UpdateSpan applies change to the span as it is inside the transaction.
	UpdateSpan(ctx context.Context, traceID, spanID string, change func(*Span) error) (Span, error)

	// Ingest stores spans that were not there before, and completes those that
	// were there and had not ended, with one entry in the audit log. Only what
	// is stored or completed now is logged and scored.
	Ingest(ctx context.Context, in Ingestion) (Ingested, error)

	InsertRun(ctx context.Context, r Run) (Run, error)
	Runs(ctx context.Context, f RunFilter, r page.Request) (page.Of[Run], error)
	Run(ctx context.Context, runID string) (Run, error)
	// UpdateRun applies change to the run as it is inside the transaction;
	// nothing is written when it reports no change.
	UpdateRun(ctx context.Context, runID string, change func(*Run) (changed bool)) (changed bool, err error)
	DeleteRun(ctx context.Context, runID string) error
}

// Insertion says how logs are stored.
type Insertion struct {
	// Key makes a repetition harmless; empty for none.
	Key string
	// Batch is one entry of the audit log for all.
	Batch bool
	// Call is set for a log that one of our own model calls made.
	Call *Call
	// Origin is what observers are told; empty stands for FromModelCall if Call
	// is set, else for FromCaller.
	Origin Origin
}

// From says how the logs came.
func (i Insertion) From() Origin {
	switch {
	case i.Origin != "":
		return i.Origin
	case i.Call != nil:
		return FromModelCall
	}
	return FromCaller
}

// Call says what the audit log tells of a model call that was logged.
type Call struct {
	// Action such as "playground_chat"; empty for a call that has no entry,
	// because nothing of it was answered or it belongs to something that has
	// one.
	Action string
	// Exchange is for observers; it is not stored. It may be nil.
	Exchange *Exchange
}

// StoreOf gives the stores of workspaces.
type StoreOf interface {
	Workspace(id workspace.ID, actor workspace.Actor) Store
}
