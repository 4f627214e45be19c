package telemetry

import (
	"context"
	"fmt"
	"iter"
	"maps"

	"github.com/google/uuid"

	"github.com/promptmetrics-go/promptmetrics/internal/jsontext"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Service is the telemetry of one workspace.
type Service struct {
	store  Store
	prices *PriceTable
	guard  Guard
}

// Guard decides which logs, and spans of other programs, may be recorded.
type Guard interface {
	// CheckLogs gives the error with which logs are refused.
	CheckLogs(ctx context.Context, logs []Log) error
	// CheckSpans gives the error with which spans are refused that another
	// program's tracing sent; ErrBadRequest if it is for what is in them.
	CheckSpans(ctx context.Context, spans []Span) error
}

var (
	_ Recorder = (*Service)(nil)
	_ Reader   = (*Service)(nil)
	_ Eraser   = (*Service)(nil)
)

// NewService makes the telemetry of a workspace on its store.
func NewService(store Store, prices *PriceTable) *Service {
	return &Service{store: store, prices: prices}
}

// Guarded gives the same telemetry with a guard before Log, LogBatch and Ingest. Calls
// that this program makes itself are always recorded.
func (s *Service) Guarded(g Guard) *Service {
	guarded := *s
	guarded.guard = g
	return &guarded
}

// admit asks the guard, if there is one.
func (s *Service) admit(ctx context.Context, logs []Log) error {
	if s.guard == nil {
		return nil
	}
	return s.guard.CheckLogs(ctx, logs)
}

// Log records one model call; see [Recorder].
func (s *Service) Log(ctx context.Context, l Log) (int64, error) { return s.Record(ctx, "", l) }

// LogBatch records model calls, all or none; see [Recorder].
func (s *Service) LogBatch(ctx context.Context, logs []Log) ([]int64, error) {
	return s.RecordBatch(ctx, "", logs)
}

// Record is Log with an idempotency key: the same key again, within a day,
// records nothing and answers the same id. The key is at most 128 characters.
func (s *Service) Record(ctx context.Context, key string, l Log) (int64, error) {
	var f faults
	f.log(&l)
	f.key(key)
	if err := f.err(); err != nil {
		return 0, err
	}
	logs := []Log{l}
	if err := s.admit(ctx, logs); err != nil {
		return 0, err
	}
	logs[0].complete(s.prices)
	return s.store.InsertLogs(ctx, Insertion{Key: key}, logs)
}

// RecordCall records a model call that this program made, with an action for
// the audit log, and returns the log as it was completed: with its cost.
func (s *Service) RecordCall(ctx context.Context, c Call, l Log) (Log, error) {
	var f faults
	f.log(&l)
	if err := f.err(); err != nil {
		return l, err
	}
	l.complete(s.prices)
	id, err := s.store.InsertLogs(ctx, Insertion{Call: &c}, []Log{l})
	l.ID = id
	return l, err
}

// RecordBatch is LogBatch with an idempotency key; see [Service.Record].
func (s *Service) RecordBatch(ctx context.Context, key string, logs []Log) ([]int64, error) {
	var f faults
	f.key(key)
	f.batch("logs", len(logs))
	if err := f.err(); err != nil {
		return nil, err
	}
	own := make([]Log, len(logs)) // the caller's logs are not ours to fill
	copy(own, logs)
	for i := range own {
		f.prefix = fmt.Sprintf("logs[%d].", i)
		f.log(&own[i])
		if len(f.list) > maxFaults {
			break
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	if err := s.admit(ctx, own); err != nil {
		return nil, err
	}
	for i := range own {
		own[i].complete(s.prices)
	}
	first, err := s.store.InsertLogs(ctx, Insertion{Key: key, Batch: true}, own)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(own))
	for i := range ids {
		ids[i] = first + int64(i)
	}
	return ids, nil
}

// maxFaults ends the check of a batch that is wrong throughout.
const maxFaults = 100

func (f *faults) key(key string) { f.text("Idempotency-Key", key, 0, maxReference) }

func (f *faults) batch(field string, n int) {
	f.check(n >= 1 && n <= MaxBatch, "%s must have 1 to %d items", field, MaxBatch)
}

// Logs gives a page of logs; see [Reader].
func (s *Service) Logs(ctx context.Context, f LogFilter, r page.Request) (page.Of[Log], error) {
	if err := f.check(); err != nil {
		return page.Of[Log]{}, err
	}
	return s.store.Logs(ctx, f, r)
}

// ExportLogs streams logs; see [Reader].
func (s *Service) ExportLogs(ctx context.Context, f LogFilter) iter.Seq2[Log, error] {
	if err := f.check(); err != nil {
		return func(yield func(Log, error) bool) { yield(Log{}, err) }
	}
	return s.store.ExportLogs(ctx, f)
}

func (f LogFilter) check() error {
	var bad faults
	bad.check(f.Status == "" || f.Status == OK || f.Status == Failed, "status must be ok or error")
	bad.check(len(f.Metadata) <= 10, "metadata filters must be at most 10")
	for _, s := range []string{f.PromptName, f.VersionTag, f.Provider, f.Model, f.TraceID} {
		bad.check(storable(s), "filters must be UTF-8 without NUL")
	}
	for key, value := range f.Metadata {
		bad.check(storable(key) && storable(value), "metadata filters must be UTF-8 without NUL")
	}
	return bad.err()
}

// CreateTrace opens a trace; see [Recorder].
func (s *Service) CreateTrace(ctx context.Context, t Trace) (Trace, error) {
	if t.ID == "" {
		t.ID = uuid.NewString()
	}
	var f faults
	f.trace(&t)
	if err := f.err(); err != nil {
		return Trace{}, err
	}
	return s.store.InsertTrace(ctx, t)
}

// Traces gives a page of traces; see [Reader].
func (s *Service) Traces(ctx context.Context, f TraceFilter, r page.Request) (page.Of[Trace], error) {
	if !storable(f.PromptName) {
		return page.Of[Trace]{}, pmerr.Invalid("prompt_name must be UTF-8 without NUL")
	}
	return s.store.Traces(ctx, f, r)
}

// Trace gives a trace with its spans; see [Reader].
func (s *Service) Trace(ctx context.Context, traceID string) (Trace, error) {
	if !isUUID(traceID) {
		return Trace{}, pmerr.Missing("Trace")
	}
	return s.store.Trace(ctx, traceID)
}

// DeleteTrace deletes a trace with its spans; see [Eraser].
func (s *Service) DeleteTrace(ctx context.Context, traceID string) error {
	if !isUUID(traceID) {
		return pmerr.Missing("Trace")
	}
	return s.store.DeleteTrace(ctx, traceID)
}

// AddSpan adds one span to a trace; the errors are those of AddSpans.
func (s *Service) AddSpan(ctx context.Context, traceID string, span Span) (Span, error) {
	added, err := s.addSpans(ctx, traceID, false, []Span{span})
	if err != nil {
		return Span{}, err
	}
	return added[0], nil
}

// AddSpans adds spans to a trace, all or none; see [Recorder].
func (s *Service) AddSpans(ctx context.Context, traceID string, spans []Span) ([]Span, error) {
	return s.addSpans(ctx, traceID, true, spans)
}

func (s *Service) addSpans(ctx context.Context, traceID string, batch bool, spans []Span) ([]Span, error) {
	var f faults
	f.batch("spans", len(spans))
	if err := f.err(); err != nil {
		return nil, err
	}
	own := make([]Span, len(spans))
	copy(own, spans)
	seen := make(map[string]int, len(own))
	for i := range own {
		if batch {
			f.prefix = fmt.Sprintf("spans[%d].", i)
		}
		if own[i].ID == "" {
			own[i].ID = uuid.NewString()
		}
		if own[i].Status == "" {
			own[i].Status = SpanUnset
		}
		own[i].TraceID = traceID
		f.span(&own[i])
		if before, twice := seen[own[i].ID]; twice {
			f.check(false, "span_id is also that of spans[%d]", before)
		}
		seen[own[i].ID] = i
		if len(f.list) > maxFaults {
			break
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	if !isUUID(traceID) {
		return nil, pmerr.Missing("Trace")
	}
	return s.store.InsertSpans(ctx, traceID, batch, own)
}

// Span gives one span; see [Reader].
func (s *Service) Span(ctx context.Context, traceID, spanID string) (Span, error) {
	if !isUUID(traceID) {
		return Span{}, pmerr.Missing("Trace")
	}
	if !isSpanID(spanID) {
		return Span{}, pmerr.Missing("Span")
	}
	return s.store.Span(ctx, traceID, spanID)
}

// UpdateSpan changes a span; see [Recorder].
func (s *Service) UpdateSpan(ctx context.Context, traceID, spanID string, u SpanUpdate) (Span, error) {
	var f faults
	f.check(u.Status == nil || validSpanStatus(*u.Status), "status must be one of unset, ok, error, running")
	f.atLeastZero("end_time", u.EndTime)
	f.metadata(u.Metadata)
	if err := f.err(); err != nil {
		return Span{}, err
	}
	if !isUUID(traceID) {
		return Span{}, pmerr.Missing("Trace")
	}
	if !isSpanID(spanID) {
		return Span{}, pmerr.Missing("Span")
	}
	return s.store.UpdateSpan(ctx, traceID, spanID, func(span *Span) error {
		if u.Status != nil {
			span.Status = *u.Status
		}
		if u.EndTime != nil {
			span.EndTime = u.EndTime
		}
		span.Metadata = merge(span.Metadata, u.Metadata)
		var f faults
		f.interval(span)
		// The members themselves were checked when they came. Those of another
		// program's spans may be longer than what is sent here.
		f.check(len(span.Metadata) <= maxMembers, "metadata must have at most %d keys", maxMembers)
		return f.err()
	})
}

// merge lays members over others; nil stays nil if there are none.
func merge(under, over Metadata) Metadata {
	if len(over) == 0 {
		return under
	}
	out := make(Metadata, len(under)+len(over))
	maps.Copy(out, under)
	maps.Copy(out, over)
	return out
}

// CreateRun opens a workflow run; see [Recorder].
func (s *Service) CreateRun(ctx context.Context, r Run) (Run, error) {
	if r.ID == "" {
		r.ID = uuid.NewString()
	}
	if r.Status == "" {
		r.Status = RunRunning
	}
	if jsontext.Absent(r.Input) {
		r.Input = nil
	}
	if jsontext.Absent(r.Output) {
		r.Output = nil
	}
	var f faults
	f.run(&r)
	if err := f.err(); err != nil {
		return Run{}, err
	}
	return s.store.InsertRun(ctx, r)
}

// Runs gives a page of runs; see [Reader].
func (s *Service) Runs(ctx context.Context, f RunFilter, r page.Request) (page.Of[Run], error) {
	var bad faults
	bad.check(f.Status == "" || validRunStatus(f.Status), "status must be one of running, completed, failed")
	bad.check(storable(f.WorkflowName), "workflow_name must be UTF-8 without NUL")
	bad.check(storable(f.TraceID), "trace_id must be UTF-8 without NUL")
	if err := bad.err(); err != nil {
		return page.Of[Run]{}, err
	}
	return s.store.Runs(ctx, f, r)
}

// Run gives one run; see [Reader].
func (s *Service) Run(ctx context.Context, runID string) (Run, error) {
	if !isUUID(runID) {
		return Run{}, pmerr.Missing("Run")
	}
	return s.store.Run(ctx, runID)
}

// UpdateRun changes a run; see [Recorder].
func (s *Service) UpdateRun(ctx context.Context, runID string, u RunUpdate) (changed bool, err error) {
	var f faults
	f.check(u.Status == nil || validRunStatus(*u.Status), "status must be one of running, completed, failed")
	if jsontext.Absent(u.Output) {
		u.Output = nil
	}
	f.object("output", u.Output)
	f.metadata(u.Metadata)
	if err := f.err(); err != nil {
		return false, err
	}
	if !isUUID(runID) {
		return false, pmerr.Missing("Run")
	}
	var over error
	changed, err = s.store.UpdateRun(ctx, runID, func(r *Run) bool {
		if u.Status == nil && u.Output == nil && len(u.Metadata) == 0 {
			return false
		}
		if u.Status != nil {
			r.Status = *u.Status
		}
		if u.Output != nil {
			r.Output = u.Output
		}
		r.Metadata = merge(r.Metadata, u.Metadata)
		var f faults
		f.metadata(r.Metadata)
		over = f.err()
		return over == nil
	})
	if err == nil {
		err = over
	}
	return changed, err
}

// DeleteRun deletes a run; see [Eraser].
func (s *Service) DeleteRun(ctx context.Context, runID string) error {
	if !isUUID(runID) {
		return pmerr.Missing("Run")
	}
	return s.store.DeleteRun(ctx, runID)
}
