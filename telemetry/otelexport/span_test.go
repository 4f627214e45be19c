package otelexport_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/promptmetrics-go/promptmetrics/internal/collectortest"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/telemetry/otelexport"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	traceUUID = "0af76519-16cd-43dd-8448-eb211c80319c"
	traceHex  = "0af7651916cd43dd8448eb211c80319c"
)

// export gives what a collector gets of what is heard.
func export(t *testing.T, o otelexport.Options, hear func(*otelexport.Exporter)) *collectortest.Collector {
	t.Helper()
	c := collectortest.New(t)
	e := exporting(t, c, o)
	hear(e)
	finish(t, e)
	return c
}

func spansOf(t *testing.T, o otelexport.Options, logs ...telemetry.Recorded) []*tracepb.Span {
	t.Helper()
	return export(t, o, func(e *otelexport.Exporter) { e.Logged(logs) }).Spans()
}

// own is one of our own calls, with all that is known of it.
func own(t *testing.T) telemetry.Recorded {
	return recorded(7, func(r *telemetry.Recorded) {
		r.Origin = telemetry.FromModelCall
		r.Log.TraceID, r.Log.RunID, r.Log.HTTPStatus = ptr(traceUUID), ptr("run-1"), ptr(200)
		r.Log.Metadata = metadata(t, `{"finish_reason":"stop","team":"blue","tries":2,"share":0.5,"vip":true,"none":null,"tags":["a","b"],
			"gen_ai.conversation.id":"c-9","input":"what was said","gen_ai.completion.0.content":"what was answered"}`)
		r.Exchange = &telemetry.Exchange{
			Input: []telemetry.Turn{
				{Role: "system", Content: "Be <brief>."},
				{Role: "user", Content: "Weather in Paris?"},
				{Role: "assistant", ToolCalls: []telemetry.ToolCall{{ID: "call-1", Name: "weather", Arguments: `{"city":"Paris"}`}}},
				{Role: "tool", Content: "rain", ToolCallID: "call-1"},
			},
			Output:     []telemetry.Turn{{Role: "assistant", Content: "Rain.", ToolCalls: []telemetry.ToolCall{{ID: "call-2", Name: "umbrella", Arguments: `no JSON`}}}},
			ResponseID: "resp-1", ResponseModel: "gpt-4o-mini-2024-07-18", FinishReason: "stop",
			Temperature: ptr(0.2), TopP: ptr(0.9), MaxTokens: ptr(int64(100)),
		}
	})
}

// TestGoldenSpans holds whole spans, as a collector gets them, to files.
func TestGoldenSpans(t *testing.T) {
	t.Parallel()
	failed := recorded(8, func(r *telemetry.Recorded) {
		r.Log.Provider, r.Log.Model, r.Log.CostUSD, r.Log.CostSource, r.Log.TokensIn, r.Log.TokensOut = ptr("azure_openai"), nil, nil, nil, nil, ptr(int64(0))
		r.Log.Status, r.Log.ErrorCode = telemetry.Failed, ptr("RATE_LIMITED")
	})
	for name, c := range map[string]struct {
		options otelexport.Options
		log     telemetry.Recorded
	}{
		"call":         {otelexport.Options{ServiceVersion: "1.0.0", Resource: map[string]string{"deployment.environment.name": "test"}}, own(t)},
		"call-content": {otelexport.Options{CaptureContent: true}, own(t)},
		"failure":      {otelexport.Options{ServiceName: "prompts"}, failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := export(t, c.options, func(e *otelexport.Exporter) { e.Logged([]telemetry.Recorded{c.log}) })
			require.Len(t, c.ResourceSpans(), 1)
			data := &tracepb.TracesData{ResourceSpans: c.ResourceSpans()}
			for _, kv := range data.ResourceSpans[0].Resource.Attributes {
				if kv.Key == "telemetry.sdk.version" {
					require.Equal(t, sdk.Version(), kv.Value.GetStringValue())
					kv.Value = &commonpb.AnyValue{} // it differs from release to release
				}
			}
			golden(t, name+".json", data)
		})
	}
}

func golden(t *testing.T, name string, data *tracepb.TracesData) {
	t.Helper()
	path := filepath.Join("testdata", name)
	text, err := protojson.MarshalOptions{Multiline: true, Indent: "  "}.Marshal(data)
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(path, append(text, '\n'), 0o600))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run: go test ./telemetry/otelexport -update")
	// protojson varies its spaces on purpose.
	require.JSONEq(t, string(want), string(text))
}

func TestLogsAsSpans(t *testing.T) {
	t.Parallel()

	t.Run("the same log is the same span, another one is not", func(t *testing.T) {
		t.Parallel()
		spans := spansOf(t, otelexport.Options{}, recorded(1, nil), recorded(2, nil), recorded(1, nil),
			recorded(1, func(r *telemetry.Recorded) { r.Log.Workspace = "other" }),
			recorded(1, func(r *telemetry.Recorded) { r.At = r.At.Add(time.Microsecond) }))
		require.Len(t, spans, 5)
		require.Equal(t, spans[0].SpanId, spans[2].SpanId)
		require.Equal(t, spans[0].TraceId, spans[2].TraceId)
		for _, i := range []int{1, 3, 4} {
			require.NotEqual(t, spans[0].SpanId, spans[i].SpanId)
			require.NotEqual(t, spans[0].TraceId, spans[i].TraceId)
		}
		for _, s := range spans {
			require.Len(t, s.TraceId, 16)
			require.Len(t, s.SpanId, 8)
			require.Empty(t, s.ParentSpanId)
		}
	})

	t.Run("begins its latency before it was recorded", func(t *testing.T) {
		t.Parallel()
		spans := spansOf(t, otelexport.Options{}, recorded(1, nil), recorded(2, func(r *telemetry.Recorded) { r.Log.LatencyMS = nil }),
			recorded(3, func(r *telemetry.Recorded) { r.Log.LatencyMS = ptr(int64(1) << 62) }))
		require.EqualValues(t, moment.UnixNano(), spans[0].EndTimeUnixNano)
		require.EqualValues(t, moment.Add(-1500*time.Millisecond).UnixNano(), spans[0].StartTimeUnixNano)
		require.Equal(t, spans[1].StartTimeUnixNano, spans[1].EndTimeUnixNano)
		require.Less(t, spans[2].StartTimeUnixNano, spans[2].EndTimeUnixNano)
	})

	t.Run("a trace_id that is no UUID is one trace of its workspace", func(t *testing.T) {
		t.Parallel()
		named := func(id int64, ws, trace string) telemetry.Recorded {
			return recorded(id, func(r *telemetry.Recorded) { r.Log.Workspace, r.Log.TraceID = ws, &trace })
		}
		spans := spansOf(t, otelexport.Options{}, named(1, "a", "session 1"), named(2, "a", "session 1"), named(3, "b", "session 1"),
			named(4, "a", "00000000-0000-0000-0000-000000000000"), named(5, "a", traceHex), named(6, "b", traceUUID), named(7, "a", ""))
		require.Equal(t, spans[0].TraceId, spans[1].TraceId)
		require.NotEqual(t, spans[0].TraceId, spans[2].TraceId)
		require.NotEqual(t, make([]byte, 16), spans[3].TraceId)
		require.Equal(t, traceHex, collectortest.ID(spans[4].TraceId))
		require.Equal(t, traceHex, collectortest.ID(spans[5].TraceId))
		require.Len(t, spans[6].TraceId, 16)
	})

	t.Run("metadata cannot pose as what we say", func(t *testing.T) {
		t.Parallel()
		spans := spansOf(t, otelexport.Options{}, recorded(1, func(r *telemetry.Recorded) {
			r.Log.Metadata = metadata(t, `{"promptmetrics.workspace":"other","gen_ai.request.model":"fake","gen_ai.operation.name":"text_completion"}`)
		}))
		require.Equal(t, "text_completion gpt-4o-mini", spans[0].Name)
		all := collectortest.Attributes(spans[0].Attributes)
		require.Equal(t, "default", all["promptmetrics.workspace"])
		require.Equal(t, "gpt-4o-mini", all["gen_ai.request.model"])
		require.Equal(t, "text_completion", all["gen_ai.operation.name"])
		require.Len(t, all, len(spans[0].Attributes), "each once")
	})

	t.Run("what another exporter sent is left out, and so is what cannot be told from content", func(t *testing.T) {
		t.Parallel()
		c := export(t, otelexport.Options{}, func(e *otelexport.Exporter) {
			e.Logged([]telemetry.Recorded{recorded(1, func(r *telemetry.Recorded) { r.Origin = telemetry.FromOTLP })})
			e.SpansAdded(telemetry.Source{Workspace: "a", Origin: telemetry.FromOTLP}, []telemetry.Span{{TraceID: traceUUID, ID: "00f067aa0ba902b7", Name: "x", Status: telemetry.SpanOK}})
			e.SpanChanged(telemetry.Source{Workspace: "a", Origin: telemetry.FromOTLP}, telemetry.Span{TraceID: traceUUID, ID: "00f067aa0ba902b7", Name: "x", Status: telemetry.SpanOK}, true)
			e.TraceOpened(telemetry.Source{Workspace: "a"}, telemetry.Trace{ID: traceUUID})
		})
		require.Empty(t, c.Requests())
	})

	t.Run("content of any dialect is left out, unless it is asked for", func(t *testing.T) {
		t.Parallel()
		said := recorded(1, func(r *telemetry.Recorded) {
			r.Log.Metadata = metadata(t, `{"gen_ai.prompt.0.content":"S3CRET","gen_ai.prompt":"S3CRET","input.value":"S3CRET","Output":"S3CRET","gen_ai.system_instructions":"S3CRET",
				"llm.input_messages.0.message.content":"S3CRET","traceloop.entity.input":"S3CRET","langfuse.observation.output":"S3CRET","messages":["S3CRET"],
				"gen_ai.prompt.name":"kept","inputs_seen":3,"promptly":1}`)
		})
		without := collectortest.Attributes(spansOf(t, otelexport.Options{}, said)[0].Attributes)
		for _, v := range without {
			require.NotContains(t, fmt.Sprint(v), "S3CRET")
		}
		require.EqualValues(t, 3, without["promptmetrics.metadata.inputs_seen"])
		require.EqualValues(t, 1, without["promptmetrics.metadata.promptly"])
		require.Equal(t, "welcome", without["gen_ai.prompt.name"], "ours")
		with := collectortest.Attributes(spansOf(t, otelexport.Options{CaptureContent: true}, said)[0].Attributes)
		require.Equal(t, "S3CRET", with["gen_ai.prompt.0.content"])
		require.Equal(t, `["S3CRET"]`, with["promptmetrics.metadata.messages"])
	})

	t.Run("content that is too long is named", func(t *testing.T) {
		t.Parallel()
		long := own(t)
		long.Exchange.Input[1].Content = string(make([]byte, 300<<10))
		all := collectortest.Attributes(spansOf(t, otelexport.Options{CaptureContent: true}, long)[0].Attributes)
		require.NotContains(t, all, "gen_ai.input.messages")
		require.Equal(t, "gen_ai.input.messages", all["promptmetrics.omitted"])
		require.Contains(t, all, "gen_ai.output.messages")
	})
}

func TestSpansAsSpans(t *testing.T) {
	t.Parallel()
	const root, uuidSpan = "00f067aa0ba902b7", "7c0e36a5-9d0b-4a35-8c4e-0c3a0f3f2b11"
	source := telemetry.Source{Workspace: "default", Origin: telemetry.FromCaller}
	created := timestamp.Of(moment)
	open := telemetry.Span{TraceID: traceUUID, ID: root, Name: "agent", StartTime: ptr(int64(1000)), CreatedAt: created}
	over := open
	over.EndTime, over.Status = ptr(int64(3000)), telemetry.SpanOK
	c := export(t, otelexport.Options{}, func(e *otelexport.Exporter) {
		e.SpansAdded(source, []telemetry.Span{
			open,
			{TraceID: traceUUID, ID: uuidSpan, ParentID: ptr(root), Name: "step", StartTime: ptr(int64(1100)), EndTime: ptr(int64(1200)), CreatedAt: created},
			{
				TraceID: traceUUID, ID: "aaaaaaaaaaaaaaaa", ParentID: ptr("7C0E36A5-9D0B-4A35-8C4E-0C3A0F3F2B11"), Name: "model", Status: telemetry.SpanError, CreatedAt: created,
				Metadata: metadata(t, `{"gen_ai.operation.name":"chat","k":"v","output":"hidden"}`),
			},
			{TraceID: traceUUID, ID: "0000000000000000", Name: "nameless", EndTime: ptr(int64(5)), CreatedAt: created},
		})
		e.SpanChanged(source, open, false)
		e.SpanChanged(source, over, true)
		e.Logged([]telemetry.Recorded{recorded(1, func(r *telemetry.Recorded) { r.Log.TraceID = ptr(traceUUID) })})
	})
	spans := c.Spans()
	require.Len(t, spans, 5)
	byName := map[string]*tracepb.Span{}
	for _, s := range spans {
		require.Equal(t, traceHex, collectortest.ID(s.TraceId), "all are in that very trace")
		byName[s.Name] = s
	}
	agent, step, model, nameless := byName["agent"], byName["step"], byName["model"], byName["nameless"]
	require.Equal(t, root, collectortest.ID(agent.SpanId), "an id of OpenTelemetry is kept")
	require.EqualValues(t, 1_000_000_000, agent.StartTimeUnixNano)
	require.EqualValues(t, 3_000_000_000, agent.EndTimeUnixNano)
	require.Equal(t, tracepb.Status_STATUS_CODE_OK, agent.Status.GetCode())
	require.Equal(t, tracepb.Span_SPAN_KIND_INTERNAL, agent.Kind)
	require.Equal(t, agent.SpanId, step.ParentSpanId)
	require.Equal(t, tracepb.Status_STATUS_CODE_UNSET, step.Status.GetCode())
	require.Equal(t, step.SpanId, model.ParentSpanId, "a parent is found by its UUID, however it is spelled")
	require.Equal(t, tracepb.Span_SPAN_KIND_CLIENT, model.Kind)
	require.Equal(t, tracepb.Status_STATUS_CODE_ERROR, model.Status.GetCode())
	require.EqualValues(t, created.UnixNano(), model.StartTimeUnixNano)
	require.Equal(t, map[string]any{
		"gen_ai.operation.name": "chat", "promptmetrics.metadata.k": "v", "promptmetrics.workspace": "default", "error.type": "_OTHER",
	}, collectortest.Attributes(model.Attributes))
	require.NotEqual(t, make([]byte, 8), nameless.SpanId)
	require.Equal(t, nameless.StartTimeUnixNano, nameless.EndTimeUnixNano)
}
