package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
	"github.com/promptmetrics-go/promptmetrics/internal/collectortest"
)

const calledModel = `{"prompt_name":"welcome","version_tag":"1.0.0","provider":"openai","model":"gpt-4o-mini","tokens_in":1000,"tokens_out":20,"latency_ms":1500}`

func TestExportVariables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		env  []string
		want string
	}{
		{"no address", nil, "OTEL_EXPORTER_OTLP_ENDPOINT must be set when OTEL_ENABLED is true, such as http://localhost:4318"},
		{"one address of two", []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://x/v1/traces"}, "OTEL_EXPORTER_OTLP_ENDPOINT must be set when OTEL_ENABLED is true, such as http://localhost:4318"},
		{"an address without a scheme", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT must be an address such as http://localhost:4318"},
		{"an address with a user", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://u:hunter2@collector"}, "OTEL_EXPORTER_OTLP_ENDPOINT must not have a user: send what authenticates as a header"},
		{"an address for spans that is none", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=hunter2"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT must be an address such as http://localhost:4318"},
		{"an address for metrics that is none", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=ftp://hunter2"}, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT must be an address such as http://localhost:4318"},
		{"this server itself", []string{"PORT=4319", "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4319"}, "OTEL_EXPORTER_OTLP_ENDPOINT is this server itself, which listens on port 4319: set it to the address of a collector"},
		{"gRPC", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, `OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf, not "grpc": set OTEL_EXPORTER_OTLP_ENDPOINT to where the collector takes OTLP over HTTP, usually port 4318`},
		{"headers that are no pairs", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "OTEL_EXPORTER_OTLP_HEADERS=hunter2"}, "OTEL_EXPORTER_OTLP_HEADERS must be name=value pairs with commas between them, their values percent-encoded, such as a=1,b=two%20words"},
		{"headers that are not encoded", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "OTEL_EXPORTER_OTLP_HEADERS=key=hunter2%"}, "OTEL_EXPORTER_OTLP_HEADERS must be name=value pairs with commas between them, their values percent-encoded, such as a=1,b=two%20words"},
		{"a header that cannot be sent", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "OTEL_EXPORTER_OTLP_HEADERS=key=hunter2%0A"}, `OTEL_EXPORTER_OTLP_HEADERS: "key" is no header that can be sent`},
		{"attributes that are no pairs", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "OTEL_RESOURCE_ATTRIBUTES=production"}, "OTEL_RESOURCE_ATTRIBUTES must be name=value pairs with commas between them, their values percent-encoded, such as a=1,b=two%20words"},
		{"a timeout of nothing", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "OTEL_EXPORTER_OTLP_TIMEOUT=0"}, `OTEL_EXPORTER_OTLP_TIMEOUT must be an integer from 1 to 600000, not "0"`},
		{"an interval of nothing", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "OTEL_METRIC_EXPORT_INTERVAL=1"}, `OTEL_METRIC_EXPORT_INTERVAL must be an integer from 100 to 86400000, not "1"`},
		{"another exporter", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "OTEL_TRACES_EXPORTER=zipkin"}, `OTEL_TRACES_EXPORTER must be otlp or none, not "zipkin"`},
		{"another exporter of metrics", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "OTEL_METRICS_EXPORTER=prometheus"}, `OTEL_METRICS_EXPORTER must be otlp or none, not "prometheus"`},
		{"no exporter at all", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=none"}, "OTEL_TRACES_EXPORTER and OTEL_METRICS_EXPORTER are both none: remove one of them, or set OTEL_ENABLED to false"},
		{"a capture of something", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=some"}, `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT must be true, 1, false or 0, not "some"`},
		{"lines of something", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "LOG_METADATA_STDOUT=some"}, `LOG_METADATA_STDOUT must be true, 1, false or 0, not "some"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			env := append([]string{"PORT=0", "HOST=127.0.0.1", "DATA_DIR=" + t.TempDir(), "OTEL_ENABLED=true"}, c.env...)
			r := programs.Run(t, servertest.Call{Dir: t.TempDir(), Env: env}, "promptmetrics-server")
			require.Equal(t, 1, r.Code)
			require.Equal(t, "promptmetrics-server: "+c.want+"\n", r.Err)
			require.NotContains(t, r.Err, "hunter2")
		})
	}

	t.Run("are complained of beside other faults", func(t *testing.T) {
		t.Parallel()
		for _, c := range [][2]string{
			{"OTEL_EXPORTER_OTLP_HEADERS=", "OTEL_EXPORTER_OTLP_ENDPOINT must be set when OTEL_ENABLED is true, such as http://localhost:4318"},
			{"OTEL_EXPORTER_OTLP_ENDPOINT=http://x\nOTEL_EXPORTER_OTLP_HEADERS=key=hunter2%0A", `OTEL_EXPORTER_OTLP_HEADERS: "key" is no header that can be sent`},
		} {
			env := append(strings.Split(c[0], "\n"), "PORT=x", "OTEL_ENABLED=true")
			r := programs.Run(t, servertest.Call{Dir: t.TempDir(), Env: env}, "promptmetrics-server")
			require.Equal(t, 1, r.Code)
			require.Equal(t, "promptmetrics-server: PORT must be an integer from 0 to 65535, not \"x\"\npromptmetrics-server: "+c[1]+"\n", r.Err)
		}
	})

	t.Run("are said to have no effect where nobody said so", func(t *testing.T) {
		t.Parallel()
		s := programs.Start(t, t.TempDir(), "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1")
		s.Stop(t)
		require.Contains(t, s.Out()+s.Err(), "OTEL_EXPORTER_OTLP_ENDPOINT is set, but nothing is exported: OTEL_ENABLED=true does that")
	})

	t.Run("are not looked at when it is off", func(t *testing.T) {
		t.Parallel()
		s := programs.Start(t, t.TempDir(), "OTEL_ENABLED=false", "OTEL_EXPORTER_OTLP_ENDPOINT=nonsense", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_RESOURCE_ATTRIBUTES=x")
		s.Stop(t)
		require.NotContains(t, s.Out()+s.Err(), "OTEL")
	})
}

func TestExport(t *testing.T) {
	t.Parallel()
	c := collectortest.New(t)
	s := programs.Start(t, t.TempDir(), "OTEL_ENABLED=true", "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL+"/", "OTEL_EXPORTER_OTLP_HEADERS=x-team=blue%20one",
		"OTEL_SERVICE_NAME=prompts", "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test")
	key := s.Key(t)
	const trace, parent = "0af76519-16cd-43dd-8448-eb211c80319c", "00f067aa0ba902b7"
	for _, q := range [][3]string{
		{"POST", "/v1/traces", `{"trace_id":"` + trace + `"}`},
		{"POST", "/v1/traces/" + trace + "/spans", `{"span_id":"` + parent + `","name":"agent","status":"running","start_time":1700000000000}`},
		{"POST", "/v1/logs", strings.Replace(calledModel, "{", `{"trace_id":"`+trace+`",`, 1)},
		{"POST", "/v1/logs/batch", `{"logs":[` + calledModel + `,` + calledModel + `]}`},
		{"PATCH", "/v1/traces/" + trace + "/spans/" + parent, `{"status":"ok","end_time":1700000002000}`},
	} {
		status, answer := s.Ask(t, key, q[0], q[1], q[2])
		require.Less(t, status, 300, "%s %s: %s", q[0], q[1], answer)
	}
	s.Stop(t) // SIGTERM: at once what would have been sent a second later

	names := map[string]int{}
	for _, span := range c.Spans() {
		names[span.Name]++
		all := collectortest.Attributes(span.Attributes)
		require.Equal(t, "default", all["promptmetrics.workspace"])
		if span.Name == "agent" || all["promptmetrics.log.id"] == int64(1) {
			require.Equal(t, strings.ReplaceAll(trace, "-", ""), collectortest.ID(span.TraceId))
		}
		if span.Name == "agent" {
			require.Equal(t, parent, collectortest.ID(span.SpanId))
		} else {
			require.InDelta(t, 0.000162, all["promptmetrics.cost.usd"], 1e-9)
		}
	}
	require.Equal(t, map[string]int{"agent": 1, "chat gpt-4o-mini": 3}, names)
	_, points := c.Histogram("gen_ai.client.token.usage")
	require.Len(t, points, 2)
	service := collectortest.Attributes(c.ResourceSpans()[0].Resource.Attributes)
	require.Equal(t, "prompts", service["service.name"])
	require.Equal(t, "test", service["deployment.environment.name"])
	for _, r := range c.Requests() {
		require.Equal(t, "blue one", r.Header.Get("X-Team"))
	}
	require.NotContains(t, s.Err()+s.Out(), "blue one")
}

func TestACollectorThatIsDownDisturbsNobody(t *testing.T) {
	t.Parallel()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, gone.Close())
	s := programs.Start(t, t.TempDir(), "OTEL_ENABLED=true", "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+gone.Addr().String(), "OTEL_EXPORTER_OTLP_HEADERS=key=hunter2")
	key := s.Key(t)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 25 {
				if status, answer, err := s.Try(t.Context(), key, "POST", "/v1/logs", calledModel); err != nil || status != 202 {
					t.Errorf("%d %s %v", status, answer, err)
				}
			}
		})
	}
	callers.Wait()
	require.Eventually(t, func() bool { return strings.Contains(s.Err(), "telemetry cannot be exported") }, time.Minute, 10*time.Millisecond)
	s.Stop(t)
	require.Equal(t, 1, strings.Count(s.Err(), "telemetry cannot be exported"), s.Err())
	require.Contains(t, s.Err(), "not all telemetry was exported")
	require.Contains(t, s.Err(), "spans_failed=200")
	require.NotContains(t, s.Err(), "hunter2")
}

func TestACollectorThatHangsDoesNotKeepTheServerFromStopping(t *testing.T) {
	t.Parallel()
	c := collectortest.New(t)
	c.Answer(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s := programs.Start(t, t.TempDir(), "OTEL_ENABLED=true", "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "OTEL_EXPORTER_OTLP_TIMEOUT=600000")
	status, answer := s.Ask(t, s.Key(t), "POST", "/v1/logs", calledModel)
	require.Equal(t, 202, status, answer)
	s.Stop(t)
	require.Contains(t, s.Err(), "spans_failed=1")
}

func TestLines(t *testing.T) {
	t.Parallel()

	t.Run("are all of standard output, in order, one for each log", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		s := programs.Start(t, dir, "LOG_METADATA_STDOUT=true")
		key := s.Key(t)
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				for range 25 {
					_, _, _ = s.Try(t.Context(), key, "POST", "/v1/logs", calledModel)
				}
			})
		}
		callers.Wait()
		for range 2 {
			request, err := http.NewRequest(http.MethodPost, s.URL+"/v1/logs", strings.NewReader(calledModel))
			require.NoError(t, err)
			request.Header = http.Header{"X-Api-Key": {key}, "Content-Type": {"application/json"}, "Idempotency-Key": {"again"}}
			answer, err := http.DefaultTransport.RoundTrip(request)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, 202, answer.StatusCode)
		}
		_, page := s.Ask(t, key, "GET", "/v1/logs?limit=1", "")
		s.Stop(t)
		require.Contains(t, s.Err(), "PromptMetrics listens on")

		next := 1
		var last map[string]any
		for line := range strings.Lines(s.Out()) {
			last = nil
			require.NoError(t, json.Unmarshal([]byte(line), &last), line)
			require.EqualValues(t, next, last["id"])
			next++
		}
		require.Equal(t, 102, next)
		var listed struct{ Items []map[string]any }
		require.NoError(t, json.Unmarshal([]byte(page), &listed))
		at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(last["timestamp"]))
		require.NoError(t, err)
		require.EqualValues(t, at.Unix(), last["created_at"])
		delete(last, "timestamp")
		require.Equal(t, listed.Items[0], last, "as the API gives it")
	})

	t.Run("that nobody reads any more end nothing, and are counted", func(t *testing.T) {
		t.Parallel()
		read, write, err := os.Pipe()
		require.NoError(t, err)
		s := programs.StartInto(t, t.TempDir(), write, "LOG_METADATA_STDOUT=true")
		require.NoError(t, write.Close())
		key := s.Key(t)
		status, answer := s.Ask(t, key, "POST", "/v1/logs", calledModel)
		require.Equal(t, 202, status, answer)
		line, err := bufio.NewReader(read).ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, line, `"prompt_name":"welcome"`)
		require.NoError(t, read.Close())
		for range 20 {
			status, answer := s.Ask(t, key, "POST", "/v1/logs", calledModel)
			require.Equal(t, 202, status, answer)
		}
		s.Stop(t)
		require.Contains(t, s.Err(), "cannot be written")
		require.Contains(t, s.Err(), "not all logs were written as lines")
		require.Contains(t, s.Err(), "lost=20")
	})

	t.Run("that wait for a reader keep no request and no end waiting", func(t *testing.T) {
		t.Parallel()
		read, write, err := os.Pipe()
		require.NoError(t, err)
		t.Cleanup(func() { _ = read.Close() })
		dir := t.TempDir()
		s := programs.StartInto(t, dir, write, "LOG_METADATA_STDOUT=true")
		require.NoError(t, write.Close())
		key := s.Key(t)
		batch := `{"logs":[` + strings.Repeat(calledModel+",", 999) + calledModel + `]}`
		for range 40 { // much more than a pipe and the queue hold
			status, answer := s.Ask(t, key, "POST", "/v1/logs/batch", batch)
			require.Equal(t, 202, status, answer)
		}
		s.Signal(t, syscall.SIGTERM)
		require.Zero(t, s.Wait(t, 30*time.Second))
		require.Contains(t, s.Err(), "not all logs were written as lines")
		require.FileExists(t, filepath.Join(dir, "data", "promptmetrics.db"))
	})
}
