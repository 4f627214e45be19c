package otelexport

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/promptmetrics-go/promptmetrics/internal/outbox"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// scope is the name of the instrumentation.
const scope = "github.com/promptmetrics-go/promptmetrics/telemetry/otelexport"

// Exporter exports what it observes. It is safe for concurrent use.
type Exporter struct {
	options  Options
	report   *report
	box      *outbox.Box[event]
	tracer   trace.Tracer
	traced   bool
	keepsIDs bool
	metrics  *instruments // nil for none
	pipeline *pipeline

	closing sync.Once
	closed  error
}

var _ telemetry.Observer = (*Exporter)(nil)

// event is something to export: a log or a span.
type event struct {
	workspace string
	log       *telemetry.Recorded
	span      *telemetry.Span
}

// maxWaiting bounds what waits to be made into spans, in bytes.
const maxWaiting = 32 << 20

// New makes an exporter. The error names what is wrong with an option; whether
// anybody listens at an address shows only when something is sent. Call Close
// when nothing is recorded any more.
func New(o Options) (*Exporter, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	e := &Exporter{options: o, report: newReport(o.Logger, o.Now), traced: o.TracesURL != "" || o.TracerProvider != nil}
	e.pipeline = newPipeline(o, e.report)
	tracers, meters := o.TracerProvider, o.MeterProvider
	e.keepsIDs = o.KeepsIDs
	if e.pipeline.tracers != nil {
		tracers, e.keepsIDs = e.pipeline.tracers, true
	}
	if e.pipeline.meters != nil {
		meters = e.pipeline.meters
	}
	if tracers == nil {
		tracers = noop.NewTracerProvider()
	}
	e.tracer = tracers.Tracer(scope, trace.WithInstrumentationVersion(o.ServiceVersion))
	if meters != nil {
		var err error
		if e.metrics, err = newInstruments(meters.Meter(scope)); err != nil {
			e.pipeline.close(context.Background())
			return nil, err
		}
	}
	e.box = outbox.New(maxWaiting, event.weight, e.export)
	return e, nil
}

// Logged implements [telemetry.Observer].
func (e *Exporter) Logged(logs []telemetry.Recorded) {
	events := make([]event, 0, len(logs))
	for _, l := range logs {
		if l.Origin == telemetry.FromOTLP {
			continue
		}
		if x := l.Exchange; x != nil && !e.options.CaptureContent && (x.Input != nil || x.Output != nil) {
			silent := *x
			silent.Input, silent.Output = nil, nil // nobody will read it: it need not wait
			l.Exchange = &silent
		}
		events = append(events, event{workspace: l.Log.Workspace, log: &l})
	}
	e.box.Offer(events...)
}

// TraceOpened implements [telemetry.Observer]: a trace is what its spans name.
func (e *Exporter) TraceOpened(telemetry.Source, telemetry.Trace) {}

// SpansAdded implements [telemetry.Observer].
func (e *Exporter) SpansAdded(s telemetry.Source, spans []telemetry.Span) {
	for _, span := range spans {
		if span.Ended() {
			e.offer(s, span)
		}
	}
}

// SpanChanged implements [telemetry.Observer].
func (e *Exporter) SpanChanged(s telemetry.Source, span telemetry.Span, ended bool) {
	if ended {
		e.offer(s, span)
	}
}

func (e *Exporter) offer(s telemetry.Source, span telemetry.Span) {
	if e.traced && s.Origin != telemetry.FromOTLP {
		e.box.Offer(event{workspace: s.Workspace, span: &span})
	}
}

// export makes spans and metrics of events. It does not wait for anybody.
func (e *Exporter) export(events []event) {
	ctx := context.Background()
	for _, v := range events {
		switch {
		case v.span != nil:
			e.emit(e.ofSpan(v.workspace, v.span))
			continue
		case e.metrics != nil:
			e.metrics.record(ctx, v.log)
		}
		if e.traced {
			e.emit(e.ofLog(v.log))
		}
	}
}

// weight is about how many bytes an event holds.
func (v event) weight() int {
	n := 1 << 10
	var m telemetry.Metadata
	if v.span != nil {
		m = v.span.Metadata
	} else {
		m = v.log.Log.Metadata
		if x := v.log.Exchange; x != nil {
			for _, turns := range [][]telemetry.Turn{x.Input, x.Output} {
				for _, t := range turns {
					n += 64 + len(t.Content)
					for _, c := range t.ToolCalls {
						n += 64 + len(c.Arguments)
					}
				}
			}
		}
	}
	for name, raw := range m {
		n += 64 + len(name) + len(raw)
	}
	return n
}

// Stats are what has become of what was heard.
type Stats struct {
	// Exported spans were taken by the collector.
	Exported uint64
	// Failed spans were refused by it, or not taken in time.
	Failed uint64
	// Dropped spans, or model calls with their metrics, did not fit into the
	// queue.
	Dropped uint64
}

// Stats gives what has become of what was heard so far. Of what goes to a
// TracerProvider of the program's own, it knows only what was dropped before.
func (e *Exporter) Stats() Stats {
	s := e.report.stats()
	s.Dropped += e.box.Dropped()
	return s
}

// Close exports what was heard, until the context ends: what is left then is
// lost, and counted. Call it when nothing is recorded any more, such as after
// Close of the client; what is heard afterwards is dropped. The error tells
// that something was lost on the way out.
func (e *Exporter) Close(ctx context.Context) error {
	e.closing.Do(func() {
		boxed := e.box.Close(ctx)
		e.pipeline.close(ctx)
		e.closed = e.report.last(e.Stats(), boxed)
	})
	return e.closed
}
