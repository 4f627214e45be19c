package otlptest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// The SDK of OpenTelemetry as a program uses it: protobuf, gzip, a batch
// processor, the key as a bearer token, the endpoint with the path of ours.
func TestSDKOfOpenTelemetry(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(t, e))
		exporter, err := otlptracehttp.New(t.Context(),
			otlptracehttp.WithEndpointURL(s.url+"/v1/otlp/v1/traces"),
			otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
			otlptracehttp.WithHeaders(map[string]string{"Authorization": "Bearer " + s.key, "X-Workspace-Id": "default"}))
		require.NoError(t, err)
		provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter),
			sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "shop"))))
		tracer := provider.Tracer("shop/agent", trace.WithInstrumentationVersion("1.0"))

		ctx, agent := tracer.Start(t.Context(), "invoke_agent seller", trace.WithAttributes(
			attribute.String("gen_ai.operation.name", "invoke_agent"),
			attribute.String("gen_ai.conversation.id", "c-1")))
		_, call := tracer.Start(ctx, "chat gpt-4o-mini", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("gen_ai.operation.name", "chat"),
			attribute.String("gen_ai.provider.name", "openai"),
			attribute.String("gen_ai.request.model", "gpt-4o-mini"),
			attribute.String("gen_ai.prompt.name", "sell"),
			attribute.String("gen_ai.prompt.version", "2.0.0"),
			attribute.Int("gen_ai.usage.input_tokens", 1000),
			attribute.Int("gen_ai.usage.output_tokens", 500),
			attribute.StringSlice("gen_ai.response.finish_reasons", []string{"stop"})))
		call.AddEvent("first token")
		call.SetStatus(codes.Ok, "")
		call.End()
		_, failed := tracer.Start(ctx, "chat gpt-4o-mini", trace.WithLinks(trace.Link{SpanContext: call.SpanContext()}), trace.WithAttributes(
			attribute.String("gen_ai.operation.name", "chat"), attribute.String("gen_ai.request.model", "gpt-4o-mini")))
		failed.RecordError(errors.New("cut off"))
		failed.SetStatus(codes.Error, "cut off")
		failed.End()
		agent.End()
		require.NoError(t, provider.Shutdown(context.WithoutCancel(t.Context())))

		id := call.SpanContext().TraceID().String()
		uuid := id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
		var got telemetry.Trace
		s.get(t, "/v1/traces/"+uuid, &got)
		require.Equal(t, "sell", *got.PromptName)
		require.Equal(t, "2.0.0", *got.VersionTag)
		require.JSONEq(t, `"c-1"`, string(got.Metadata["session_id"]))
		require.JSONEq(t, `"shop"`, string(got.Metadata["service_name"]))
		require.Len(t, got.Spans, 3)
		require.Equal(t, agent.SpanContext().SpanID().String(), got.Spans[0].ID)
		span := got.Spans[1]
		require.Equal(t, call.SpanContext().SpanID().String(), span.ID)
		require.Equal(t, agent.SpanContext().SpanID().String(), *span.ParentID)
		require.Equal(t, telemetry.SpanOK, span.Status)
		for name, want := range map[string]string{
			"model": `"gpt-4o-mini"`, "provider": `"openai"`, "tokens_in": "1000", "tokens_out": "500", "cost_usd": "0.00045", "kind": `"client"`,
		} {
			require.JSONEq(t, want, string(span.Metadata[name]), name)
		}
		require.Contains(t, string(span.Metadata["events"]), "first token")
		require.Contains(t, string(got.Spans[2].Metadata["links"]), span.ID)

		var logs struct{ Items []telemetry.Log }
		s.get(t, "/v1/logs?trace_id="+uuid, &logs)
		require.Len(t, logs.Items, 2)
		l, bad := logs.Items[0], logs.Items[1]
		if l.Status == telemetry.Failed {
			l, bad = bad, l
		}
		require.Equal(t, "sell", l.PromptName)
		require.Equal(t, "2.0.0", l.VersionTag)
		require.Equal(t, "gpt-4o-mini", *l.Model)
		require.EqualValues(t, 1000, *l.TokensIn)
		require.InDelta(t, 0.00045, *l.CostUSD, 1e-12)
		require.Equal(t, telemetry.CostFromTable, *l.CostSource)
		require.NotNil(t, l.LatencyMS)
		require.Equal(t, "*errors.errorString", *bad.ErrorCode)
	})
}

// What an exporter is told, it understands: a partial success is an error that
// names the reason and is not sent again, a wrong key is one with the message.
func TestSDKUnderstandsTheAnswers(t *testing.T) {
	t.Parallel()
	s := start(t, on(t, dbtest.Engine{Dialect: "sqlite"}))
	export := func(headers map[string]string, spans ...sdktrace.ReadOnlySpan) error {
		exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(s.url+"/v1/otlp/v1/traces"),
			otlptracehttp.WithHeaders(headers), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, MaxElapsedTime: time.Minute}))
		require.NoError(t, err)
		defer func() { require.NoError(t, exporter.Shutdown(context.WithoutCancel(t.Context()))) }()
		return exporter.ExportSpans(t.Context(), spans)
	}
	recorder := &collected{}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(recorder))
	_, span := provider.Tracer("t").Start(t.Context(), "one")
	span.End()
	require.NoError(t, provider.Shutdown(t.Context()))
	require.Len(t, recorder.spans, 1)

	require.NoError(t, export(map[string]string{"X-API-Key": s.key}, recorder.spans...))
	err := export(map[string]string{"X-API-Key": s.key}, recorder.spans[0], nameless{recorder.spans[0]})
	require.ErrorContains(t, err, "1 spans")
	require.ErrorContains(t, err, "a span id 8")
	require.ErrorContains(t, export(map[string]string{"X-API-Key": "pm_" + strings.Repeat("0", 64)}, recorder.spans...), "API key")
}

// collected keeps spans.
type collected struct{ spans []sdktrace.ReadOnlySpan }

func (c *collected) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	c.spans = append(c.spans, spans...)
	return nil
}

func (*collected) Shutdown(context.Context) error { return nil }

// nameless is a span without an id.
type nameless struct{ sdktrace.ReadOnlySpan }

func (nameless) SpanContext() trace.SpanContext { return trace.SpanContext{} }
