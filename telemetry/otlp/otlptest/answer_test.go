package otlptest_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/telemetry/otlp"
	"github.com/promptmetrics-go/promptmetrics/telemetry/otlp/otlptest"
)

func zipped(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	require.NoError(tb, err)
	require.NoError(tb, w.Close())
	return b.Bytes()
}

// spanJSON is a request with one span.
func spanJSON(trace, span, more string) []byte {
	return fmt.Appendf(nil, `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%s","spanId":"%s","name":"x",
		"startTimeUnixNano":"1000000000","endTimeUnixNano":"2000000000"%s}]}]}]}`, trace, span, more)
}

const (
	aTrace = "0102030405060708090a0b0c0d0e0f10"
	aSpan  = "0102030405060708"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	s := start(t, on(t, dbtest.Engine{Dialect: "sqlite"}))
	reader, err := s.Keys.Create(t.Context(), access.KeySpec{Name: "reader", Scopes: access.Scopes{access.Read}, Workspace: "default"})
	require.NoError(t, err)
	good := spanJSON(aTrace, aSpan, "")
	const gz = "Content-Encoding: gzip"
	bomb := zipped(t, bytes.Repeat([]byte(" "), 11<<20))
	for name, test := range map[string]struct {
		body    []byte
		headers []string
		status  int
		says    string // in the error, or the whole of a success
	}{
		"JSON":                      {good, []string{jsonType}, 200, "{}"},
		"JSON with a charset":       {good, []string{jsonType + "; charset=utf-8"}, 200, "{}"},
		"no type is JSON":           {good, nil, 200, "{}"},
		"zipped JSON":               {zipped(t, good), []string{jsonType, gz}, 200, "{}"},
		"protobuf":                  {otlptest.Binary(t, good), []string{protobufType}, 200, ""},
		"zipped protobuf":           {zipped(t, otlptest.Binary(t, good)), []string{protobufType, gz}, 200, ""},
		"nothing in protobuf":       {nil, []string{protobufType}, 200, ""},
		"nothing in JSON":           {[]byte("{}"), []string{jsonType}, 200, "{}"},
		"an empty body is no JSON":  {nil, []string{jsonType}, 400, "Invalid JSON body"},
		"no JSON":                   {[]byte("{"), []string{jsonType}, 400, "Invalid JSON body"},
		"JSON of another kind":      {[]byte(`{"resourceSpans":{}}`), []string{jsonType}, 400, "resourceSpans has a value of the wrong type"},
		"no protobuf":               {[]byte("\x0a\xff"), []string{protobufType}, 400, "in protobuf"},
		"no gzip":                   {good, []string{jsonType, gz}, 400, "not what gzip makes"},
		"half of gzip":              {zipped(t, good)[:60], []string{jsonType, gz}, 400, "not what gzip makes"},
		"no gzip in protobuf":       {[]byte("x"), []string{protobufType, gz}, 400, "not what gzip makes"},
		"another coding":            {good, []string{jsonType, "Content-Encoding: br"}, 415, "gzip"},
		"another type":              {good, []string{"Content-Type: text/plain"}, 415, "application/x-protobuf"},
		"too large when unzipped":   {bomb, []string{jsonType, gz}, 413, "larger than"},
		"too large in protobuf":     {bomb, []string{protobufType, gz}, 413, "larger than"},
		"an unknown key, JSON":      {good, []string{jsonType, "Authorization: Bearer pm_" + strings.Repeat("0", 64)}, 401, "API key"},
		"an unknown key, protobuf":  {otlptest.Binary(t, good), []string{protobufType, "Authorization: Bearer pm_" + strings.Repeat("0", 64)}, 401, "API key"},
		"a key that may only read":  {otlptest.Binary(t, good), []string{protobufType, "Authorization: Bearer " + reader.Secret}, 403, "write"},
		"another's workspace":       {otlptest.Binary(t, good), []string{protobufType, "X-Workspace-Id: other"}, 401, "does not belong"},
		"a workspace that is none":  {good, []string{jsonType, "X-Workspace-Id: a b"}, 400, "X-Workspace-Id"},
		"too many spans":            {manySpans(otlp.MaxSpans + 1), []string{jsonType}, 413, "more than 10000 spans"},
		"too many spans, protobuf":  {otlptest.Binary(t, manySpans(otlp.MaxSpans+1)), []string{protobufType}, 413, "more than 10000 spans"},
		"a span without a trace":    {spanJSON("", aSpan, ""), []string{jsonType}, 200, partial(1)},
		"a trace id of zeros":       {spanJSON(strings.Repeat("0", 32), aSpan, ""), []string{jsonType}, 200, partial(1)},
		"an id that is no text":     {bytes.Replace(good, []byte(`"`+aSpan+`"`), []byte("7"), 1), []string{jsonType}, 200, partial(1)},
		"an id that is no hex":      {spanJSON(aTrace, "hello, you there", ""), []string{jsonType}, 200, partial(1)},
		"unknown fields and enums":  {spanJSON(aTrace, aSpan, `,"kind":"SPAN_KIND_NEW","future":{"a":[1]},"status":{"code":"STATUS_CODE_OK","x":1}`), nil, 200, "{}"},
		"a kind of the wrong type":  {spanJSON(aTrace, aSpan, `,"kind":{}`), nil, 400, "wrong type"},
		"a time of the wrong type":  {spanJSON(aTrace, aSpan, `,"startTimeUnixNano":"soon"`), nil, 400, "wrong type"},
		"an attribute that is none": {spanJSON(aTrace, aSpan, `,"attributes":[{"key":"a","value":{"intValue":"x"}}]`), nil, 400, "wrong type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.post(t, test.body, test.headers...)
			require.Equal(t, test.status, r.status, string(r.body))
			sent := strings.Join(test.headers, " ")
			isProtobuf := strings.Contains(sent, protobufType)
			if isProtobuf {
				require.Equal(t, "application/x-protobuf", r.header.Get("Content-Type"))
			} else {
				require.Equal(t, "application/json; charset=utf-8", r.header.Get("Content-Type"))
			}
			switch {
			case r.status == 200 && isProtobuf:
				require.Equal(t, test.says, string(r.body))
			case r.status == 200:
				require.JSONEq(t, test.says, string(r.body))
			case isProtobuf:
				var fault status.Status
				require.NoError(t, proto.Unmarshal(r.body, &fault))
				require.Contains(t, fault.GetMessage(), test.says)
				require.NotZero(t, fault.GetCode())
			default:
				var fault struct{ Error, Code, RequestID string }
				require.NoError(t, json.Unmarshal(r.body, &fault))
				require.Contains(t, fault.Error, test.says)
				require.NotEmpty(t, fault.Code)
				require.Equal(t, r.header.Get("X-Request-Id"), fault.RequestID)
			}
		})
	}
}

func partial(n int) string {
	return fmt.Sprintf(`{"partialSuccess":{"rejectedSpans":"%d","errorMessage":"%d spans were not stored: a trace id must have 16 bytes and a span id 8, and not all of them 0"}}`, n, n)
}

func manySpans(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"resourceSpans":[{"scopeSpans":[{"spans":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"traceId":"%s","spanId":"%016x"}`, aTrace, i+1)
	}
	b.WriteString(`]}]}]}`)
	return b.Bytes()
}

// One request costs one unit, however many spans it has, and what is over the
// limit is told to come again.
func TestOneRequestIsOneUnit(t *testing.T) {
	t.Parallel()
	o := on(t, dbtest.Engine{Dialect: "sqlite"})
	o.RateLimit = promptmetrics.RateLimit{Max: 2}
	s := start(t, o)
	body := otlptest.Binary(t, manySpans(100))
	for i, left := range []string{"1", "0"} {
		r := s.post(t, body, protobufType)
		require.Equal(t, http.StatusOK, r.status, i)
		require.Equal(t, left, r.header.Get("RateLimit-Remaining"))
	}
	r := s.post(t, body, protobufType)
	require.Equal(t, http.StatusTooManyRequests, r.status)
	require.NotEmpty(t, r.header.Get("Retry-After"))
	var fault status.Status
	require.NoError(t, proto.Unmarshal(r.body, &fault))
	require.EqualValues(t, 8, fault.GetCode())
}

// Both spellings of the path that an exporter makes of its endpoint lead here.
func TestPathWithASlashAtItsEnd(t *testing.T) {
	t.Parallel()
	s := start(t, on(t, dbtest.Engine{Dialect: "sqlite"}))
	body, err := os.ReadFile("testdata/langfuse.in.json")
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/v1/otlp/v1/traces/", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("X-API-Key", s.key)
	require.Equal(t, 200, s.do(t, req).status)
}
