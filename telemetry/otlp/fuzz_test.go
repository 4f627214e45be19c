package otlp_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/telemetry/otlp"
	"github.com/promptmetrics-go/promptmetrics/telemetry/otlp/otlptest"
)

// seeds gives the requests of the golden files, in both encodings.
func seeds(f *testing.F) (jsons, binaries [][]byte) {
	f.Helper()
	files, err := filepath.Glob("otlptest/testdata/*.in.json")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		jsons = append(jsons, data)
		binaries = append(binaries, otlptest.Binary(f, data))
	}
	return jsons, binaries
}

// storable checks what holds for every request that was understood: it can be
// stored, and no span is lost.
func storable(t *testing.T, r *otlp.Request) {
	t.Helper()
	c := otlp.Convert(r)
	require.Equal(t, r.Spans(), len(c.Spans)+c.Rejected)
	s := telemetry.NewService(checking{t: t}, telemetry.DefaultPrices())
	if len(c.Spans) > 0 {
		_, err := s.Ingest(t.Context(), c.Ingestion)
		require.NoError(t, err)
	}
	for _, span := range c.Spans {
		data, err := json.Marshal(span.Metadata)
		require.NoError(t, err)
		require.True(t, utf8.Valid(data))
		var back telemetry.Metadata
		require.NoError(t, json.Unmarshal(data, &back))
	}
}

// checking is a store that takes everything: what reaches it was valid.
type checking struct {
	telemetry.Store // nothing else is called
	t               *testing.T
}

func FuzzJSON(f *testing.F) {
	jsons, _ := seeds(f)
	for _, data := range jsons {
		f.Add(data)
	}
	f.Add([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708",
		"attributes":[{"key":"gen_ai.prompt.0.a.b.c","value":{"bytesValue":"AA=="}},{"key":"llm.input_messages.7.message.role","value":{"doubleValue":"NaN"}},
		{"key":"gen_ai.prompt.0.a","value":{"kvlistValue":{"values":[{"key":"\u0000","value":{"arrayValue":{}}}]}}}]}]}]}]}`))
	f.Add([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708",
		"events":[{"name":"gen_ai.user.message","attributes":[{"key":"gen_ai.event.content"},{"key":"content","value":{"stringValue":"[1]"}}]},
		{"name":"gen_ai.choice","attributes":[{"key":"gen_ai.event.content","value":{"stringValue":"{\"role\":null}"}}]}]}]}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := otlp.Decode(otlp.JSON, data); err == nil {
			storable(t, r)
		}
	})
}

// FuzzProtobuf reads what it is given, and what the generated types of
// OpenTelemetry make of it: those must be understood alike.
func FuzzProtobuf(f *testing.F) {
	_, binaries := seeds(f)
	for _, data := range binaries {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := otlp.Decode(otlp.Protobuf, data)
		if err == nil {
			storable(t, r)
		}
		var m tracepb.TracesData
		if len(data) > 1<<16 || proto.Unmarshal(data, &m) != nil {
			return
		}
		canonical, merr := proto.Marshal(&m)
		require.NoError(t, merr)
		if r, err = otlp.Decode(otlp.Protobuf, canonical); err != nil {
			return // beyond a limit
		}
		same(t, &m, r)
	})
}

// same compares what was decoded with the generated types.
func same(t *testing.T, want *tracepb.TracesData, got *otlp.Request) {
	t.Helper()
	require.Len(t, got.Resources, len(want.GetResourceSpans()))
	for i, resource := range want.GetResourceSpans() {
		require.Equal(t, resource.GetSchemaUrl() == "", got.Resources[i].SchemaURL == "")
		sameAttributes(t, resource.GetResource().GetAttributes(), got.Resources[i].Attributes)
		require.Len(t, got.Resources[i].Scopes, len(resource.GetScopeSpans()))
		for j, scope := range resource.GetScopeSpans() {
			g := got.Resources[i].Scopes[j]
			sameAttributes(t, scope.GetScope().GetAttributes(), g.Attributes)
			require.Len(t, g.Spans, len(scope.GetSpans()))
			for k, span := range scope.GetSpans() {
				sameSpan(t, span, &g.Spans[k])
			}
		}
	}
}

func sameSpan(t *testing.T, want *tracepb.Span, got *otlp.Span) {
	t.Helper()
	require.Equal(t, string(want.GetTraceId()), string(got.TraceID))
	require.Equal(t, string(want.GetSpanId()), string(got.ID))
	require.Equal(t, string(want.GetParentSpanId()), string(got.ParentID))
	require.Equal(t, want.GetStartTimeUnixNano(), got.Start)
	require.Equal(t, want.GetEndTimeUnixNano(), got.End)
	require.EqualValues(t, want.GetKind(), got.Kind)
	require.EqualValues(t, want.GetFlags(), got.Flags)
	require.EqualValues(t, want.GetStatus().GetCode(), got.StatusCode)
	require.EqualValues(t, want.GetDroppedAttributesCount(), got.DroppedAttributes)
	require.EqualValues(t, want.GetDroppedEventsCount(), got.DroppedEvents)
	require.EqualValues(t, want.GetDroppedLinksCount(), got.DroppedLinks)
	sameAttributes(t, want.GetAttributes(), got.Attributes)
	require.Len(t, got.Events, len(want.GetEvents()))
	for i, e := range want.GetEvents() {
		require.Equal(t, e.GetTimeUnixNano(), got.Events[i].Time)
		require.EqualValues(t, e.GetDroppedAttributesCount(), got.Events[i].Dropped)
		sameAttributes(t, e.GetAttributes(), got.Events[i].Attributes)
	}
	require.Len(t, got.Links, len(want.GetLinks()))
	for i, l := range want.GetLinks() {
		require.Equal(t, string(l.GetTraceId()), string(got.Links[i].TraceID))
		require.Equal(t, string(l.GetSpanId()), string(got.Links[i].SpanID))
		require.EqualValues(t, l.GetFlags(), got.Links[i].Flags)
		sameAttributes(t, l.GetAttributes(), got.Links[i].Attributes)
	}
}

func sameAttributes(t *testing.T, want []*commonpb.KeyValue, got []otlp.Attribute) {
	t.Helper()
	require.Len(t, got, len(want))
	for i, kv := range want {
		require.Equal(t, asJSON(kv.GetValue()), got[i].Value.JSON(), "attribute %q", kv.GetKey())
	}
}
