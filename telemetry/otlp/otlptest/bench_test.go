package otlptest_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
)

// batch is what a batch processor sends: 512 spans of 128 traces, of which one
// in four is a model call with a prompt and an answer.
func batch(tb testing.TB, n uint64) []byte {
	tb.Helper()
	text := func(key, s string) *commonpb.KeyValue {
		return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}}
	}
	number := func(key string, i int64) *commonpb.KeyValue {
		return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: i}}}
	}
	id := func(length int, of uint64) []byte {
		out := make([]byte, length)
		binary.BigEndian.PutUint64(out[length-8:], of+1)
		return out
	}
	spans := make([]*tracepb.Span, 512)
	for i := range spans {
		trace := n*128 + uint64(i/4)
		s := &tracepb.Span{
			TraceId: id(16, trace), SpanId: id(8, n*512+uint64(i)), Name: "step", Kind: tracepb.Span_SPAN_KIND_INTERNAL,
			StartTimeUnixNano: 1764000000000000000, EndTimeUnixNano: 1764000001234567890,
			Attributes: []*commonpb.KeyValue{text("code.function", "answer"), text("http.route", "/v1/answers"), number("retry", 0)},
		}
		if i%4 != 0 {
			s.ParentSpanId = id(8, n*512+uint64(i/4*4))
		}
		if i%4 == 3 {
			s.Name, s.Kind = "chat gpt-4o-mini", tracepb.Span_SPAN_KIND_CLIENT
			s.Attributes = []*commonpb.KeyValue{
				text("gen_ai.operation.name", "chat"), text("gen_ai.provider.name", "openai"), text("gen_ai.request.model", "gpt-4o-mini"),
				text("gen_ai.response.model", "gpt-4o-mini-2024-07-18"), text("gen_ai.prompt.name", "answer"), text("gen_ai.prompt.version", "1.0.0"),
				number("gen_ai.usage.input_tokens", 812), number("gen_ai.usage.output_tokens", 96), number("gen_ai.request.max_tokens", 300),
				text("gen_ai.response.id", "chatcmpl-123"), text("gen_ai.conversation.id", "conversation-17"),
				text("gen_ai.input.messages", `[{"role":"user","parts":[{"type":"text","content":"`+strings.Repeat("Where is my order? ", 40)+`"}]}]`),
				text("gen_ai.output.messages", `[{"role":"assistant","parts":[{"type":"text","content":"`+strings.Repeat("On its way. ", 20)+`"}]}]`),
			}
		}
		spans[i] = s
	}
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource:   &resourcepb.Resource{Attributes: []*commonpb.KeyValue{text("service.name", "shop"), text("host.name", "a")}},
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: &commonpb.InstrumentationScope{Name: "shop", Version: "1"}, Spans: spans}},
	}}})
	require.NoError(tb, err)
	return body
}

// BenchmarkIngest sends requests of 512 new spans over HTTP, in protobuf, from
// eight exporters at once. Every answer means that the spans are durable.
func BenchmarkIngest(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgresql"} {
		b.Run(engine, func(b *testing.B) {
			e := dbtest.Engine{Dialect: db.Dialect(engine)}
			s := start(b, on(b, e))
			var next atomic.Uint64
			var bytesSent atomic.Int64
			b.SetParallelism(4)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					body := batch(b, next.Add(1))
					bytesSent.Add(int64(len(body)))
					req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, s.url+"/v1/otlp/v1/traces", bytes.NewReader(body))
					if err != nil {
						b.Error(err)
						return
					}
					req.Header.Set("X-API-Key", s.key)
					req.Header.Set("Content-Type", "application/x-protobuf")
					res, err := s.http.Do(req)
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
					if res.StatusCode != http.StatusOK {
						b.Errorf("status %d", res.StatusCode)
					}
				}
			})
			b.ReportMetric(float64(b.N)*512/b.Elapsed().Seconds(), "spans/s")
			b.ReportMetric(float64(bytesSent.Load())/float64(b.N)/1024, "KiB/request")
		})
	}
}
