package otelexport_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/promptmetrics-go/promptmetrics/internal/collectortest"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/telemetry/otelexport"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	c := export(t, otelexport.Options{}, func(e *otelexport.Exporter) {
		e.Logged([]telemetry.Recorded{
			recorded(1, nil), recorded(2, nil),
			recorded(3, func(r *telemetry.Recorded) {
				r.Log.Status, r.Log.ErrorCode, r.Log.TokensIn, r.Log.TokensOut = telemetry.Failed, ptr("TIMEOUT"), nil, ptr(int64(0))
			}),
			recorded(4, func(r *telemetry.Recorded) {
				r.Log.LatencyMS, r.Log.TokensIn, r.Log.TokensOut = nil, nil, nil // nothing to measure
			}),
			recorded(5, func(r *telemetry.Recorded) { r.Origin = telemetry.FromOTLP }),
		})
	})

	unit, durations := c.Histogram("gen_ai.client.operation.duration")
	require.Equal(t, "s", unit)
	require.Len(t, durations, 2)
	for _, p := range durations {
		all := collectortest.Attributes(p.Attributes)
		if _, failed := all["error.type"]; failed {
			require.Equal(t, map[string]any{
				"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini", "error.type": "TIMEOUT",
			}, all)
			require.EqualValues(t, 1, p.Count)
			continue
		}
		require.Equal(t, map[string]any{"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini"}, all)
		require.EqualValues(t, 2, p.Count)
		require.InDelta(t, 3, p.GetSum(), 1e-9)
		require.Equal(t, []float64{0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}, p.ExplicitBounds)
		require.EqualValues(t, 2, p.BucketCounts[8], "1.5 s is up to 2.56 s")
	}

	unit, tokens := c.Histogram("gen_ai.client.token.usage")
	require.Equal(t, "{token}", unit)
	require.Len(t, tokens, 2)
	for _, p := range tokens {
		all := collectortest.Attributes(p.Attributes)
		require.NotContains(t, all, "error.type")
		require.Len(t, p.ExplicitBounds, 14)
		switch all["gen_ai.token.type"] {
		case "input":
			require.EqualValues(t, 2, p.Count)
			require.InDelta(t, 2000, p.GetSum(), 0)
		case "output":
			require.EqualValues(t, 3, p.Count, "0 is a number of tokens")
			require.InDelta(t, 40, p.GetSum(), 0)
		default:
			t.Errorf("%v", all)
		}
	}
}

func TestMetricsHaveFewSeriesWhateverCallersSend(t *testing.T) {
	t.Parallel()
	c := export(t, otelexport.Options{}, func(e *otelexport.Exporter) {
		for i := range int64(1000) {
			e.Logged([]telemetry.Recorded{recorded(i, func(r *telemetry.Recorded) {
				r.Log.Model, r.Log.Status, r.Log.ErrorCode = ptr(fmt.Sprint("model-", i)), telemetry.Failed, ptr(fmt.Sprint("request ", i, " failed"))
			})})
		}
	})
	_, durations := c.Histogram("gen_ai.client.operation.duration")
	count := uint64(0)
	others := (*metricspb.HistogramDataPoint)(nil)
	for _, p := range durations {
		count += p.Count
		if collectortest.Attributes(p.Attributes)["gen_ai.request.model"] == "_OTHER" {
			others = p
		}
	}
	require.Len(t, durations, 101)
	require.EqualValues(t, 1000, count, "all are counted")
	require.EqualValues(t, 900, others.Count)
	require.Equal(t, "_OTHER", collectortest.Attributes(others.Attributes)["error.type"])
}

func TestProvidersOfTheProgram(t *testing.T) {
	t.Parallel()
	hear := func(e *otelexport.Exporter) {
		e.SpansAdded(telemetry.Source{Workspace: "default"}, []telemetry.Span{
			{TraceID: traceUUID, ID: "00f067aa0ba902b7", Name: "agent", EndTime: ptr(int64(5))},
			{TraceID: traceUUID, ID: "00f067aa0ba902b8", ParentID: ptr("00f067aa0ba902b7"), Name: "step", EndTime: ptr(int64(5))},
		})
		e.Logged([]telemetry.Recorded{
			recorded(1, func(r *telemetry.Recorded) { r.Log.TraceID = ptr(traceUUID) }),
			recorded(2, nil),
		})
	}

	t.Run("get spans under their ids, if they were made for it", func(t *testing.T) {
		t.Parallel()
		got := tracetest.NewInMemoryExporter()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(got), sdktrace.WithIDGenerator(otelexport.NewIDs(nil)))
		e := exporting(t, nil, otelexport.Options{TracerProvider: provider, KeepsIDs: true})
		hear(e)
		finish(t, e)
		spans := got.GetSpans()
		require.Len(t, spans, 4)
		require.Equal(t, "00f067aa0ba902b7", spans[0].SpanContext.SpanID().String())
		require.False(t, spans[0].Parent.IsValid())
		require.Equal(t, spans[0].SpanContext.SpanID(), spans[1].Parent.SpanID())
		require.Equal(t, "00f067aa0ba902b8", spans[1].SpanContext.SpanID().String())
		for _, s := range spans[:3] {
			require.Equal(t, traceHex, s.SpanContext.TraceID().String())
		}
		require.NotEqual(t, traceHex, spans[3].SpanContext.TraceID().String())

		_, other := provider.Tracer("the program's").Start(context.Background(), "other")
		require.True(t, other.SpanContext().IsValid())
		other.End()
		_, again := provider.Tracer("the program's").Start(trace.ContextWithSpan(context.Background(), other), "again")
		require.Equal(t, other.SpanContext().TraceID(), again.SpanContext().TraceID())
		require.NotEqual(t, other.SpanContext().SpanID(), again.SpanContext().SpanID())
		again.End()
		require.NoError(t, provider.Shutdown(t.Context()), "it was not shut down")
	})

	t.Run("get spans in their traces, if they were not", func(t *testing.T) {
		t.Parallel()
		got := tracetest.NewInMemoryExporter()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(got))
		e := exporting(t, nil, otelexport.Options{TracerProvider: provider})
		hear(e)
		finish(t, e)
		spans := got.GetSpans()
		require.Len(t, spans, 4)
		for _, s := range spans[:3] {
			require.Equal(t, traceHex, s.SpanContext.TraceID().String())
			require.True(t, s.Parent.IsRemote())
		}
		require.Equal(t, "00f067aa0ba902b7", spans[1].Parent.SpanID().String())
		require.False(t, spans[3].Parent.IsValid())
		require.NoError(t, provider.Shutdown(t.Context()))
	})

	t.Run("get metrics", func(t *testing.T) {
		t.Parallel()
		reader := metric.NewManualReader()
		provider := metric.NewMeterProvider(metric.WithReader(reader))
		e := exporting(t, nil, otelexport.Options{MeterProvider: provider})
		hear(e)
		finish(t, e)
		var got metricdata.ResourceMetrics
		require.NoError(t, reader.Collect(t.Context(), &got))
		require.Len(t, got.ScopeMetrics, 1)
		require.Len(t, got.ScopeMetrics[0].Metrics, 2)
		require.NoError(t, provider.Shutdown(t.Context()))
	})
}

func TestOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	provider := sdktrace.NewTracerProvider()
	for name, c := range map[string]struct {
		options otelexport.Options
		want    string
	}{
		"nothing to export to":       {otelexport.Options{}, "Options.TracesURL, MetricsURL, TracerProvider or MeterProvider is required"},
		"two ways for spans":         {otelexport.Options{TracesURL: "http://x", TracerProvider: provider}, "exclude each other"},
		"ids of nobody's":            {otelexport.Options{TracesURL: "http://x", KeepsIDs: true}, "Options.KeepsIDs is about Options.TracerProvider"},
		"no address":                 {otelexport.Options{TracesURL: "collector:4318"}, "Options.TracesURL must be an address such as http://localhost:4318"},
		"an address of another kind": {otelexport.Options{MetricsURL: "grpc://collector"}, "Options.MetricsURL must be an address"},
		"an address with a user":     {otelexport.Options{TracesURL: "http://u:hunter2@x"}, "Options.TracesURL must not have a user"},
		"an address with a fragment": {otelexport.Options{TracesURL: "http://x#"}, "must not have a fragment"},
		"a header that is none":      {otelexport.Options{TracesURL: "http://x", Headers: map[string]string{"a b": "hunter2"}}, `"a b" is no header`},
		"a header's value":           {otelexport.Options{TracesURL: "http://x", Headers: map[string]string{"k": "hunter2\n"}}, `"k" is no header`},
		"a queue without room":       {otelexport.Options{TracesURL: "http://x", QueueSize: -1}, "Options.QueueSize must be from 1"},
		"a negative time":            {otelexport.Options{TracesURL: "http://x", Timeout: -1}, "Options.Timeout must not be negative"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := otelexport.New(c.options)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

// environment is what would change everything, if it were asked.
var environment = []string{
	"OTEL_SDK_DISABLED=true", "OTEL_SERVICE_NAME=hijacked", "OTEL_RESOURCE_ATTRIBUTES=service.name=hijacked,team=hijacked",
	"OTEL_TRACES_SAMPLER=always_off", "OTEL_BSP_MAX_QUEUE_SIZE=1", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=1", "OTEL_BSP_SCHEDULE_DELAY=3600000",
	"OTEL_BSP_EXPORT_TIMEOUT=1", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=1", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT=1",
	"OTEL_METRIC_EXPORT_INTERVAL=3600000", "OTEL_METRIC_EXPORT_TIMEOUT=1", "OTEL_METRICS_EXEMPLAR_FILTER=always_on",
	"OTEL_GO_X_CARDINALITY_LIMIT=1", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_HEADERS=a=hijacked",
	"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true",
}

// TestTheEnvironmentHasNoSay runs itself in a process with another environment.
func TestTheEnvironmentHasNoSay(t *testing.T) {
	t.Parallel()
	if os.Getenv("OTEL_SERVICE_NAME") != "hijacked" {
		self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheEnvironmentHasNoSay$", "-test.v")
		self.Env = append(os.Environ(), environment...)
		out, err := self.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "--- PASS")
		return
	}
	c := collectortest.New(t)
	e := exporting(t, c, otelexport.Options{TracesURL: c.Traces(), MetricsURL: c.Metrics(), BatchDelay: time.Millisecond, MetricInterval: 10 * time.Millisecond})
	e.Logged([]telemetry.Recorded{own(t), recorded(1, nil), recorded(2, func(r *telemetry.Recorded) { r.Log.Model = ptr("other") })})
	c.Until(t, "spans and metrics", func() bool {
		_, points := c.Histogram("gen_ai.client.operation.duration")
		return len(c.Spans()) == 3 && len(points) == 3
	})
	finish(t, e)
	service := collectortest.Attributes(c.ResourceSpans()[0].Resource.Attributes)
	require.Equal(t, "promptmetrics", service["service.name"])
	require.NotContains(t, service, "team")
	require.NotContains(t, collectortest.Attributes(c.Spans()[0].Attributes), "gen_ai.input.messages")
	require.Equal(t, "gpt-4o-mini", collectortest.Attributes(c.Spans()[0].Attributes)["gen_ai.request.model"])
	for _, r := range c.Requests() {
		require.Empty(t, r.Header.Get("A"))
	}
	require.Equal(t, otelexport.Stats{Exported: 3}, e.Stats())
}

func TestOptionsArePrintedWithoutSecrets(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	o := otelexport.Options{TracesURL: "http://x/v1/traces?key=hunter2", Headers: map[string]string{"authorization": "hunter2"}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		fmt.Fprintf(&said, verb, o)
	}
	require.NotContains(t, said.String(), "hunter2")
	require.True(t, strings.Contains(said.String(), "http://x/v1/traces"), "the rest is printed")
}
