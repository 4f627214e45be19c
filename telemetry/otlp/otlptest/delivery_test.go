package otlptest_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/goleak"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest/pgserver"
	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
	"github.com/promptmetrics-go/promptmetrics/telemetry/otlp/otlptest"
)

// An exporter whose request was not acknowledged sends it again, perhaps to
// another node: both take it, and it is there once.
func TestRepeatedOnTwoNodes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		o := on(t, e)
		nodes := []*server{start(t, o), start(t, o)}
		body, err := os.ReadFile("testdata/openllmetry.in.json")
		require.NoError(t, err)
		binary := otlptest.Binary(t, body)
		var all sync.WaitGroup
		for i := range 12 {
			all.Go(func() {
				r := nodes[i%2].post(t, binary, protobufType)
				if r.status != http.StatusOK {
					t.Errorf("status %d: %s", r.status, r.body)
				}
			})
		}
		all.Wait()
		var trace struct{ Spans []any }
		nodes[0].get(t, "/v1/traces/4bf92f35-77b3-4da6-a3ce-929d0e0e4736", &trace)
		require.Len(t, trace.Spans, 4)
		var logs struct{ Total int }
		nodes[1].get(t, "/v1/logs", &logs)
		require.Equal(t, 2, logs.Total)
	})
}

// A database that is away is 503 with Retry-After, which makes the exporter of
// OpenTelemetry send again until it is back.
func TestExporterOutlastsAnOutage(t *testing.T) {
	t.Parallel()
	postgres, err := pgserver.Start(t.Context(), pgserver.Options{})
	if errors.Is(err, pgserver.ErrNotInstalled) {
		testserver.Missing(t, "PostgreSQL")
	}
	require.NoError(t, err)
	t.Cleanup(postgres.Stop)
	url, err := postgres.CreateDatabase(t.Context(), "")
	require.NoError(t, err)
	s := start(t, promptmetrics.Options{DatabaseURL: url})
	// A proxy in between tells when the exporter was refused.
	behind, err := neturl.Parse(s.url)
	require.NoError(t, err)
	refused := make(chan struct{}, 100)
	proxy := httputil.NewSingleHostReverseProxy(behind)
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.StatusCode == http.StatusServiceUnavailable {
			refused <- struct{}{}
		}
		return nil
	}
	front := httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(front.URL+"/v1/otlp/v1/traces"),
		otlptracehttp.WithHeaders(map[string]string{"Authorization": "Bearer " + s.key}), otlptracehttp.WithTimeout(time.Minute),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: 50 * time.Millisecond, MaxInterval: time.Second, MaxElapsedTime: time.Minute}))
	require.NoError(t, err)
	recorder := &collected{}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(recorder))
	_, span := provider.Tracer("t").Start(t.Context(), "one")
	span.End()
	require.NoError(t, provider.Shutdown(t.Context()))

	require.NoError(t, postgres.Halt(t.Context()))
	body, err := os.ReadFile("testdata/langfuse.in.json")
	require.NoError(t, err)
	r := s.post(t, body, jsonType)
	require.Equal(t, http.StatusServiceUnavailable, r.status, string(r.body))
	require.NotEmpty(t, r.header.Get("Retry-After"))
	done := make(chan error, 1)
	go func() { done <- exporter.ExportSpans(context.WithoutCancel(t.Context()), recorder.spans) }()
	<-refused
	require.NoError(t, postgres.Resume(t.Context()))
	require.NoError(t, <-done)
	require.NoError(t, exporter.Shutdown(context.WithoutCancel(t.Context())))
	var traces struct{ Total int }
	s.get(t, "/v1/traces", &traces)
	require.Equal(t, 1, traces.Total)
}

// The guard of logs holds for spans: what a policy blocks is refused span by
// span, and the exporter is told not to send it again.
func TestComplianceGuardsSpans(t *testing.T) {
	t.Parallel()
	s := start(t, on(t, dbtest.Engine{Dialect: "sqlite"}))
	ws, err := s.Workspace("default")
	require.NoError(t, err)
	body := []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[
		{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0000000000000001","name":"clean"},
		{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0000000000000002","name":"chat","endTimeUnixNano":"5","attributes":[
			{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},
			{"key":"gen_ai.input.messages","value":{"stringValue":"[{\"role\":\"user\",\"content\":\"I am \\u0061da@example.org\"}]"}}]},
		{"traceId":"1102030405060708090a0b0c0d0e0f10","spanId":"0000000000000003","name":"mail bob@example.org"}]}]}]}`)

	_, err = ws.Compliance.SetPolicy(t.Context(), compliance.Policy{OnLogIngest: compliance.Block})
	require.NoError(t, err)
	r := s.post(t, body, jsonType)
	require.Equal(t, 200, r.status, string(r.body))
	var answer struct {
		PartialSuccess struct{ RejectedSpans, ErrorMessage string }
	}
	require.NoError(t, json.Unmarshal(r.body, &answer))
	require.Equal(t, "2", answer.PartialSuccess.RejectedSpans)
	require.Contains(t, answer.PartialSuccess.ErrorMessage, "policy")
	require.NotContains(t, string(r.body), "example.org")
	var traces struct{ Total int }
	s.get(t, "/v1/traces", &traces)
	require.Equal(t, 1, traces.Total, "no trace without spans")
	var trace struct{ Spans []struct{ Name string } }
	s.get(t, "/v1/traces/01020304-0506-0708-090a-0b0c0d0e0f10", &trace)
	require.Len(t, trace.Spans, 1)
	require.Equal(t, "clean", trace.Spans[0].Name)
	var logs struct{ Total int }
	s.get(t, "/v1/logs", &logs)
	require.Zero(t, logs.Total)

	_, err = ws.Compliance.SetPolicy(t.Context(), compliance.Policy{OnLogIngest: compliance.Warn})
	require.NoError(t, err)
	require.JSONEq(t, "{}", string(s.post(t, body, jsonType).body))
	s.get(t, "/v1/logs", &logs)
	require.Equal(t, 1, logs.Total)
	var scores struct{ Items []struct{ Stage string } }
	s.get(t, "/v1/compliance/scores", &scores)
	require.NotEmpty(t, scores.Items)
	require.Equal(t, "log_ingest", scores.Items[0].Stage)
}

// A judgement in an event is a result of the evaluation of that name.
func TestScoresBecomeResults(t *testing.T) {
	t.Parallel()
	s := start(t, on(t, dbtest.Engine{Dialect: "sqlite"}))
	ws, err := s.Workspace("default")
	require.NoError(t, err)
	relevance, err := ws.Evals.Create(t.Context(), eval.Evaluation{Name: "Relevance", PromptName: "support-answer"})
	require.NoError(t, err)
	body, err := os.ReadFile("testdata/genai_newest.in.json")
	require.NoError(t, err)
	for range 2 {
		require.Equal(t, 200, s.post(t, body, jsonType).status)
	}
	var results struct{ Items []eval.Result }
	s.get(t, "/v1/evaluations/1/results", &results)
	require.Len(t, results.Items, 1)
	got := results.Items[0]
	require.Equal(t, relevance.ID, got.EvaluationID)
	require.InDelta(t, 0.75, got.Score, 0)
	require.Equal(t, "1.2.0", *got.VersionTag)
	require.JSONEq(t, `"a1b2c3d4e5f60718"`, string(got.Metadata["span_id"]))
	require.JSONEq(t, `"relevant"`, string(got.Metadata["label"]))
}

// Spans of other programs may be changed like all others.
func TestSpansOfExportersAreSpans(t *testing.T) {
	t.Parallel()
	s := start(t, on(t, dbtest.Engine{Dialect: "sqlite"}))
	long := strings.Repeat("x", 5000)
	body := []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0000000000000001",
		"name":"a","attributes":[{"key":"long","value":{"stringValue":"` + long + `"}}]}]}]}]}`)
	require.Equal(t, 200, s.post(t, body).status)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch,
		s.url+"/v1/traces/01020304-0506-0708-090a-0b0c0d0e0f10/spans/0000000000000001", strings.NewReader(`{"status":"ok","metadata":{"note":"mine"}}`))
	require.NoError(t, err)
	req.Header.Set("X-API-Key", s.key)
	r := s.do(t, req)
	require.Equal(t, 200, r.status, string(r.body))
	require.Contains(t, string(r.body), long)
	require.Contains(t, string(r.body), "mine")
}

// Nothing runs on when the client was closed.
func TestNothingRunsOn(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("with requests", func(t *testing.T) {
		s := start(t, on(t, dbtest.Engine{Dialect: "sqlite"}))
		body, err := os.ReadFile("testdata/langfuse.in.json")
		require.NoError(t, err)
		require.Equal(t, 200, s.post(t, body, jsonType).status)
		require.Equal(t, 400, s.post(t, []byte("x"), protobufType, "Content-Encoding: gzip").status)
		s.http.CloseIdleConnections()
	})
}
