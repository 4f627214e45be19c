package otelexport

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otel "go.opentelemetry.io/otel/sdk"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// pipeline is the SDK with our exporters below it; nothing in it is global.
type pipeline struct {
	tracers *sdk.TracerProvider   // nil for none
	meters  *metric.MeterProvider // nil for none

	stop *stop
	idle func() // closes what connections are open
}

// maxBatch is how many spans the SDK hands over at once.
const maxBatch = 512

// metricTimeout bounds the sending of one round of metrics, with repetitions.
const metricTimeout = 30 * time.Second

// maxSeries bounds the series of one metric; the SDK sums up the others.
const maxSeries = 2000

// newPipeline says everything to the SDK that it would otherwise look for in
// the environment. The resource it mixes with what it finds there, so the
// exporters do not ask it.
func newPipeline(o Options, r *report) *pipeline {
	p := &pipeline{stop: newStop(), idle: func() {}}
	if o.TracesURL == "" && o.MetricsURL == "" {
		return p
	}
	var client *http.Client
	client, p.idle = newClient(o.HTTPClient)
	as := resourceOf(o)
	to := func(url, what string) *sender {
		return &sender{
			url: url, what: what, version: o.ServiceVersion, headers: o.Headers, timeout: o.Timeout,
			http: client, stop: p.stop, report: r, now: o.Now,
		}
	}
	if o.TracesURL != "" {
		spans := newBounded(o.QueueSize, &spanExporter{resource: as, version: o.ServiceVersion, to: to(o.TracesURL, "spans"), report: r}, o.BatchDelay, r)
		p.tracers = sdk.NewTracerProvider(
			sdk.WithSpanProcessor(spans),
			sdk.WithSampler(sdk.AlwaysSample()),
			sdk.WithIDGenerator(NewIDs(nil)),
			sdk.WithResource(resource.Empty()),
			sdk.WithRawSpanLimits(sdk.SpanLimits{
				AttributeValueLengthLimit: -1, AttributeCountLimit: -1, EventCountLimit: -1, LinkCountLimit: -1,
				AttributePerEventCountLimit: -1, AttributePerLinkCountLimit: -1,
			}),
		)
	}
	if o.MetricsURL != "" {
		p.meters = metric.NewMeterProvider(
			metric.WithReader(metric.NewPeriodicReader(
				&metricExporter{resource: as, version: o.ServiceVersion, to: to(o.MetricsURL, "metrics")},
				metric.WithInterval(o.MetricInterval), metric.WithTimeout(metricTimeout))),
			metric.WithResource(resource.Empty()),
			metric.WithExemplarFilter(exemplar.AlwaysOffFilter),
			metric.WithCardinalityLimit(maxSeries),
		)
	}
	return p
}

// close sends what is left until the context ends, and waits for all that runs.
func (p *pipeline) close(ctx context.Context) {
	p.stop.begin()
	over := context.AfterFunc(ctx, p.stop.end)
	defer over()
	// What ends the sending is ours to say, so that nothing runs on when
	// these return; their errors have been reported one by one.
	wait := context.WithoutCancel(ctx)
	if p.tracers != nil {
		_ = p.tracers.Shutdown(wait)
	}
	if p.meters != nil {
		_ = p.meters.Shutdown(wait)
	}
	p.stop.end()
	p.idle()
}

// resourceOf says who exports.
func resourceOf(o Options) []attribute.KeyValue {
	all := []attribute.KeyValue{
		attribute.String("service.name", o.ServiceName),
		attribute.String("telemetry.sdk.name", "opentelemetry"),
		attribute.String("telemetry.sdk.language", "go"),
		attribute.String("telemetry.sdk.version", otel.Version()),
	}
	if o.ServiceVersion != "" {
		all = append(all, attribute.String("service.version", o.ServiceVersion))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Resource)) {
		if !slices.ContainsFunc(all, func(kv attribute.KeyValue) bool { return string(kv.Key) == name }) {
			all = append(all, attribute.String(name, o.Resource[name]))
		}
	}
	return all
}

// bounded is the SDK's batch processor with a queue that is never too long for
// it: that one drops what does not fit, and nobody would know.
type bounded struct {
	sdk.SpanProcessor
	limit   int64
	waiting atomic.Int64 // spans, with those that are being sent
	bytes   atomic.Int64
	report  *report
}

// maxQueued bounds what the spans of the queue hold, in bytes.
const maxQueued = 64 << 20

func newBounded(limit int, e sdk.SpanExporter, delay time.Duration, r *report) *bounded {
	b := &bounded{limit: int64(limit), report: r}
	b.SpanProcessor = sdk.NewBatchSpanProcessor(releasing{e, b},
		sdk.WithMaxQueueSize(limit), sdk.WithMaxExportBatchSize(min(maxBatch, limit)),
		sdk.WithBatchTimeout(delay), sdk.WithExportTimeout(0)) // the exporter has limits of its own
	return b
}

// OnEnd implements [sdk.SpanProcessor]; one goroutine calls it.
func (b *bounded) OnEnd(s sdk.ReadOnlySpan) {
	size := sizeOf(s)
	if b.waiting.Load() >= b.limit || b.bytes.Load()+size > maxQueued {
		b.report.dropped(1)
		return
	}
	b.waiting.Add(1)
	b.bytes.Add(size)
	b.SpanProcessor.OnEnd(s)
}

// releasing makes room once spans are sent, or given up.
type releasing struct {
	sdk.SpanExporter
	bounded *bounded
}

// ExportSpans implements [sdk.SpanExporter].
func (r releasing) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := r.SpanExporter.ExportSpans(ctx, spans)
	size := int64(0)
	for _, s := range spans {
		size += sizeOf(s)
	}
	r.bounded.waiting.Add(-int64(len(spans)))
	r.bounded.bytes.Add(-size)
	return err
}

// sizeOf is about how many bytes a span holds.
func sizeOf(s sdk.ReadOnlySpan) int64 {
	n := 256
	for _, kv := range s.Attributes() {
		n += 64 + len(kv.Key)
		if kv.Value.Type() == attribute.STRING {
			n += len(kv.Value.AsString())
		}
	}
	return int64(n)
}
