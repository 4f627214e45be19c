package otlp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/telemetry/otlp"
	"github.com/promptmetrics-go/promptmetrics/telemetry/otlp/otlptest"
)

// wrap puts bytes into fields, the innermost first.
func wrap(inner []byte, numbers ...protowire.Number) []byte {
	for _, n := range numbers {
		inner = protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), inner)
	}
	return inner
}

// one is a request in JSON with one span, whose other fields are given.
func one(fields string) []byte {
	return []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708"` + fields + `}]}]}]}`)
}

// converted gives the one span of a request.
func converted(tb testing.TB, body []byte) telemetry.IngestedSpan {
	tb.Helper()
	r, err := otlp.Decode(otlp.JSON, body)
	require.NoError(tb, err)
	c := otlp.Convert(r)
	require.Len(tb, c.Spans, 1, c.Reason)
	r, err = otlp.Decode(otlp.Protobuf, otlptest.Binary(tb, body))
	require.NoError(tb, err)
	require.Equal(tb, c, otlp.Convert(r), "protobuf is understood as JSON is")
	return c.Spans[0]
}

// A few megabytes that ask for much more memory than that are refused early.
// It is not parallel, since it looks at the memory of the process.
func TestHostileRequests(t *testing.T) {
	const size = 4 << 20
	list := func(depth int) string {
		return strings.Repeat(`{"arrayValue":{"values":[`, depth) + `{"intValue":1}` + strings.Repeat(`]}}`, depth)
	}
	deep := wrap(wrap([]byte("x"), 1), 1, 5)
	for range 40 {
		deep = wrap(deep, 1, 5)
	}
	attribute := func(value []byte) []byte { return wrap(wrap(value, 2), 9, 2, 2, 1) }
	for name, test := range map[string]struct {
		encoding otlp.Encoding
		body     []byte
		kind     error
	}{
		"empty spans":              {otlp.Protobuf, wrap(bytes.Repeat([]byte{0x12, 0}, size/2), 2, 1), pmerr.ErrTooLarge},
		"empty attributes":         {otlp.Protobuf, wrap(bytes.Repeat([]byte{0x4a, 0}, size/2), 2, 2, 1), pmerr.ErrTooLarge},
		"empty events":             {otlp.Protobuf, wrap(bytes.Repeat([]byte{0x5a, 0}, size/2), 2, 2, 1), pmerr.ErrTooLarge},
		"empty links":              {otlp.Protobuf, wrap(bytes.Repeat([]byte{0x6a, 0}, size/2), 2, 2, 1), pmerr.ErrTooLarge},
		"empty resources":          {otlp.Protobuf, bytes.Repeat([]byte{0x0a, 0}, size/2), pmerr.ErrTooLarge},
		"empty scopes":             {otlp.Protobuf, wrap(bytes.Repeat([]byte{0x12, 0}, size/2), 1), pmerr.ErrTooLarge},
		"empty values":             {otlp.Protobuf, attribute(wrap(bytes.Repeat([]byte{0x0a, 0}, size/2), 5)), pmerr.ErrTooLarge},
		"a deep value":             {otlp.Protobuf, attribute(deep), pmerr.ErrBadRequest},
		"groups without end":       {otlp.Protobuf, bytes.Repeat([]byte{0x0b}, size), pmerr.ErrBadRequest},
		"empty spans, JSON":        {otlp.JSON, []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{}` + strings.Repeat(",{}", size/8) + `]}]}]}`), pmerr.ErrTooLarge},
		"empty attributes, JSON":   {otlp.JSON, one(`,"attributes":[{}` + strings.Repeat(",{}", size/8) + `]`), pmerr.ErrTooLarge},
		"empty values, JSON":       {otlp.JSON, one(`,"attributes":[{"value":{"arrayValue":{"values":[{}` + strings.Repeat(",{}", size/8) + `]}}}]`), pmerr.ErrTooLarge},
		"too many commas, JSON":    {otlp.JSON, one(`,"x":[1` + strings.Repeat(",1", size/2) + `]`), pmerr.ErrTooLarge},
		"a deep value, JSON":       {otlp.JSON, one(`,"attributes":[{"key":"a","value":` + list(40) + `}]`), pmerr.ErrBadRequest},
		"a very deep value, JSON":  {otlp.JSON, one(`,"attributes":[{"key":"a","value":` + list(4000) + `}]`), pmerr.ErrBadRequest},
		"deeper than JSON, JSON":   {otlp.JSON, []byte(strings.Repeat("[", size)), pmerr.ErrBadRequest},
		"bytes that are no base64": {otlp.JSON, one(`,"attributes":[{"key":"a","value":{"bytesValue":"*"}}]`), pmerr.ErrBadRequest},
		"no UTF-8, JSON":           {otlp.JSON, one(`,"name":"` + "\xff" + `"`), pmerr.ErrBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := otlp.Decode(test.encoding, test.body)
			runtime.ReadMemStats(&after)
			require.ErrorIs(t, err, test.kind)
			require.Less(t, (after.TotalAlloc-before.TotalAlloc)>>20, uint64(400), "megabytes that were taken")
		})
	}
}

// A key that takes itself apart endlessly, and messages that are huge, cost no
// more than their length.
func TestHostileAttributes(t *testing.T) {
	t.Parallel()
	s := converted(t, one(`,"attributes":[
		{"key":"gen_ai.prompt.0`+strings.Repeat(".a", 10_000)+`","value":{"stringValue":"deep"}},
		{"key":"gen_ai.prompt.99999999999999999999.role","value":{"stringValue":"far"}},
		{"key":"gen_ai.prompt.4294967295.role","value":{"stringValue":"near"}},
		{"key":"gen_ai.completion","value":{"stringValue":"`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`"}}]`))
	data, err := json.Marshal(s.Metadata)
	require.NoError(t, err)
	require.Contains(t, string(data), "deep")
	require.Contains(t, string(data), "far")
	require.Contains(t, string(data), "near")
	require.Equal(t, byte('"'), s.Metadata["output"][0], "too deep to be taken apart")
}

func TestWhatCannotBeStoredIsMended(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fields string
		check  func(t *testing.T, s telemetry.IngestedSpan)
	}{
		"no name": {``, func(t *testing.T, s telemetry.IngestedSpan) { require.Equal(t, "unnamed", s.Name) }},
		"a long name": {`,"name":"` + strings.Repeat("ä", 300) + `"`, func(t *testing.T, s telemetry.IngestedSpan) {
			require.Equal(t, strings.Repeat("ä", 256), s.Name)
			require.JSONEq(t, `"`+strings.Repeat("ä", 300)+`"`, string(s.Metadata["full_name"]))
		}},
		"NUL": {`,"name":"a\u0000b","attributes":[{"key":"k\u0000","value":{"stringValue":"v\u0000"}}]`, func(t *testing.T, s telemetry.IngestedSpan) {
			require.Equal(t, "a\ufffdb", s.Name)
			require.JSONEq(t, "{\"k\ufffd\":\"v\ufffd\"}", string(s.Metadata["attributes"]))
		}},
		"an end before the start": {`,"startTimeUnixNano":"2000000000","endTimeUnixNano":"1000000000"`, func(t *testing.T, s telemetry.IngestedSpan) {
			require.EqualValues(t, 2000, *s.StartTime)
			require.EqualValues(t, 2000, *s.EndTime)
			require.JSONEq(t, `"1000000000"`, string(s.Metadata["end_time_unix_nano"]))
		}},
		"times at the end of the world": {`,"startTimeUnixNano":"18446744073709551615","endTimeUnixNano":"18446744073709551615"`, func(t *testing.T, s telemetry.IngestedSpan) {
			require.EqualValues(t, 18446744073709, *s.EndTime)
		}},
		"nanoseconds": {`,"startTimeUnixNano":"1000000001","endTimeUnixNano":"1000000002"`, func(t *testing.T, s telemetry.IngestedSpan) {
			require.EqualValues(t, 1000, *s.StartTime)
			require.JSONEq(t, `"1000000001"`, string(s.Metadata["start_time_unix_nano"]))
		}},
		"no end": {`,"startTimeUnixNano":"1000000000","attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}}]`, func(t *testing.T, s telemetry.IngestedSpan) {
			require.Equal(t, telemetry.SpanRunning, s.Status)
			require.Nil(t, s.Call, "a call is logged when it has ended")
		}},
		"a parent of the wrong length": {`,"parentSpanId":"0102"`, func(t *testing.T, s telemetry.IngestedSpan) {
			require.Nil(t, s.ParentID)
			require.JSONEq(t, `"0102"`, string(s.Metadata["parent_span_id"]))
		}},
		"a parent that is itself": {`,"parentSpanId":"0102030405060708"`, func(t *testing.T, s telemetry.IngestedSpan) {
			require.Nil(t, s.ParentID)
			require.JSONEq(t, `"0102030405060708"`, string(s.Metadata["parent_span_id"]))
		}},
		"everything else": {`,"traceState":"a=b","flags":257,"kind":5,"droppedAttributesCount":1,"droppedEventsCount":2,"droppedLinksCount":3,
			"status":{"code":7,"message":"odd"},"links":[{"traceId":"01","spanId":"02","traceState":"x=y","droppedAttributesCount":4,"flags":1}],
			"events":[{"timeUnixNano":"5","name":"e","droppedAttributesCount":6}]`, func(t *testing.T, s telemetry.IngestedSpan) {
			data, err := json.Marshal(s.Metadata)
			require.NoError(t, err)
			require.JSONEq(t, `{"trace_state":"a=b","flags":"257","kind":"consumer","dropped":{"attributes":1,"events":2,"links":3},
				"status_code":7,"status_message":"odd",
				"links":[{"trace_id":"01","span_id":"02","trace_state":"x=y","dropped_attributes":"4","flags":"1"}],
				"events":[{"time_unix_nano":"5","name":"e","dropped_attributes":"6"}]}`, string(data))
		}},
		"values of all kinds": {`,"attributes":[{"key":"b","value":{"boolValue":true}},{"key":"i","value":{"intValue":"-9223372036854775808"}},
			{"key":"d","value":{"doubleValue":1.5}},{"key":"n","value":{"doubleValue":"NaN"}},{"key":"x","value":{"bytesValue":"AQI="}},
			{"key":"l","value":{"arrayValue":{"values":[{"stringValue":"a"},{"kvlistValue":{"values":[{"key":"k","value":{"arrayValue":{"values":[{"boolValue":false},{}]}}}]}}]}}},
			{"key":"none","value":{}},{"key":"b","value":{"boolValue":false}}]`, func(t *testing.T, s telemetry.IngestedSpan) {
			require.Equal(t, `{"i":-9223372036854775808,"d":1.5,"n":"NaN","x":"AQI=","l":["a",{"k":[false,null]}],"none":null,"b":false}`, string(s.Metadata["attributes"]))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.check(t, converted(t, one(test.fields)))
		})
	}
}

// attributes writes texts as attributes, numbers as integers.
func attributes(pairs ...any) string {
	var b strings.Builder
	b.WriteString(`,"startTimeUnixNano":"1000000000","endTimeUnixNano":"2000000000","attributes":[`)
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		switch v := pairs[i+1].(type) {
		case string:
			text, _ := json.Marshal(v)
			fmt.Fprintf(&b, `{"key":"%s","value":{"stringValue":%s}}`, pairs[i], text)
		case int:
			fmt.Fprintf(&b, `{"key":"%s","value":{"intValue":"%d"}}`, pairs[i], v)
		case float64:
			fmt.Fprintf(&b, `{"key":"%s","value":{"doubleValue":%g}}`, pairs[i], v)
		}
	}
	b.WriteByte(']')
	return b.String()
}

// Where dialects say different things, the newest conventions count, and what
// cannot be meant counts nowhere.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		pairs []any
		want  string // members that the metadata has
	}{
		"newest before older before others": {
			[]any{"langfuse.observation.model.name", "l", "llm.model_name", "o", "gen_ai.request.model", "g", "gen_ai.usage.prompt_tokens", 2, "llm.token_count.prompt", 3, "gen_ai.usage.input_tokens", 1},
			`{"model":"g","tokens_in":1,"operation":"chat"}`,
		},
		"in whichever order they come": {
			[]any{"gen_ai.usage.input_tokens", 1, "llm.token_count.prompt", 3, "gen_ai.usage.prompt_tokens", 2, "gen_ai.request.model", "g", "llm.model_name", "o"},
			`{"model":"g","tokens_in":1,"operation":"chat"}`,
		},
		"a value that cannot be meant": {
			[]any{"gen_ai.usage.input_tokens", -1, "gen_ai.usage.prompt_tokens", "many", "llm.token_count.prompt", "3", "gen_ai.operation.name", "sing", "openinference.span.kind", "llm"},
			`{"tokens_in":3,"operation":"chat"}`,
		},
		"the kind is chosen, too": {
			[]any{"openinference.span.kind", "CHAIN", "gen_ai.operation.name", "chat"},
			`{"operation":"chat"}`,
		},
		"an unknown kind leaves it to the next": {
			[]any{"openinference.span.kind", "UNKNOWN", "traceloop.span.kind", "tool"},
			`{"operation":"execute_tool"}`,
		},
		"a model alone is no call": {
			[]any{"gen_ai.request.model", "g"},
			`{"model":"g"}`,
		},
		"messages before what was sent": {
			[]any{"input.value", "raw", "llm.input_messages.0.message.role", "user"},
			`{"input":[{"role":"user"}],"attributes":{"input.value":"raw"}}`,
		},
		"the sum tells the rest": {
			[]any{"llm.token_count.total", 10, "llm.token_count.completion", 4},
			`{"tokens_in":6,"tokens_out":4,"total_tokens":10}`,
		},
		"a cost in parts": {
			[]any{"llm.cost.prompt", 0.5, "llm.cost.completion", 0.25},
			`{"cost_usd":0.75,"cost_source":"client"}`,
		},
		"a cost that is none": {
			[]any{"llm.cost.total", -1.0, "gen_ai.usage.cost", 1e300},
			`{}`,
		},
		"names of providers": {
			[]any{"gen_ai.system", "az.ai.openai"},
			`{"provider":"azure_openai"}`,
		},
		"a provider in capitals": {
			[]any{"llm.provider", "OpenAI"},
			`{"provider":"openai"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := converted(t, one(attributes(test.pairs...))).Metadata
			var want telemetry.Metadata
			require.NoError(t, json.Unmarshal([]byte(test.want), &want))
			if want["attributes"] == nil {
				delete(got, "attributes")
			}
			gotJSON, err := json.Marshal(got)
			require.NoError(t, err)
			require.JSONEq(t, test.want, string(gotJSON))
		})
	}
}

// The table has no attribute twice in one meaning.
func TestDialectsSayThingsOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, d := range otlp.Dialects() {
		require.NotEmpty(t, d.Rows, d.Name)
		for _, row := range d.Rows {
			key := fmt.Sprint(row)
			require.Empty(t, seen[key], row.Attribute)
			seen[key] = d.Name
		}
	}
}

// The document has every attribute of the table.
func TestDialectsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/opentelemetry.md")
	require.NoError(t, err)
	for _, d := range otlp.Dialects() {
		for _, row := range d.Rows {
			require.Contains(t, string(text), "`"+row.Attribute+"`", "%s", d.Name)
		}
	}
}
