package otlp_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// asJSON writes a value of the generated types as JSON, in another way than the
// package does.
func asJSON(v *commonpb.AnyValue) string {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return quoted(v.StringValue)
	case *commonpb.AnyValue_BoolValue:
		return strconv.FormatBool(v.BoolValue)
	case *commonpb.AnyValue_IntValue:
		return strconv.FormatInt(v.IntValue, 10)
	case *commonpb.AnyValue_DoubleValue:
		switch f := v.DoubleValue; {
		case math.IsNaN(f):
			return `"NaN"`
		case math.IsInf(f, 0):
			return infinite(f)
		case f == math.Trunc(f) && math.Abs(f) < 1e15:
			return strconv.FormatFloat(f, 'f', -1, 64)
		default:
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
	case *commonpb.AnyValue_BytesValue:
		return strconv.Quote(base64.StdEncoding.EncodeToString(v.BytesValue))
	case *commonpb.AnyValue_ArrayValue:
		items := make([]string, 0, len(v.ArrayValue.GetValues()))
		for _, item := range v.ArrayValue.GetValues() {
			items = append(items, asJSON(item))
		}
		return "[" + strings.Join(items, ",") + "]"
	case *commonpb.AnyValue_KvlistValue:
		items := make([]string, 0, len(v.KvlistValue.GetValues()))
		for _, kv := range v.KvlistValue.GetValues() {
			items = append(items, quoted(kv.GetKey())+":"+asJSON(kv.GetValue()))
		}
		return "{" + strings.Join(items, ",") + "}"
	}
	return "null"
}

func infinite(f float64) string {
	if f > 0 {
		return `"Infinity"`
	}
	return `"-Infinity"`
}

// quoted writes a text as JSON without escapes that JSON does not ask for.
func quoted(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(strings.ReplaceAll(s, "\x00", "\ufffd"))
	out := strings.TrimSuffix(b.String(), "\n")
	// encoding/json escapes the line ends of JavaScript, too, and spells two
	// characters shorter than by their number.
	return strings.NewReplacer(`\\`, `\\`, `\u2028`, "\u2028", `\u2029`, "\u2029", `\b`, `\u0008`, `\f`, `\u000c`).Replace(out)
}

// Ingest checks what reaches a store.
func (c checking) Ingest(_ context.Context, in telemetry.Ingestion) (telemetry.Ingested, error) {
	known := map[string]bool{}
	for _, trace := range in.Traces {
		known[trace.ID] = true
	}
	for _, s := range in.Spans {
		require.True(c.t, known[s.TraceID])
		if s.Call != nil {
			require.Equal(c.t, telemetry.CallSpan, s.Role)
			require.NotEmpty(c.t, s.Call.PromptName)
			require.NotEmpty(c.t, s.Call.VersionTag)
		}
	}
	return telemetry.Ingested{Spans: len(in.Spans)}, nil
}
