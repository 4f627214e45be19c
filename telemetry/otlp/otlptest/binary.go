// Package otlptest helps to test what takes traces over OTLP: it writes requests
// as the generated types of OpenTelemetry do. Its own tests send them, and what
// the SDK of OpenTelemetry makes, to a real server.
package otlptest

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Binary writes a request in JSON as protobuf, with the generated types of
// OpenTelemetry: they read ids in base64.
func Binary(tb testing.TB, body []byte) []byte {
	tb.Helper()
	var v any
	require.NoError(tb, json.Unmarshal(body, &v))
	rewriteIDs(tb, v)
	data, err := json.Marshal(v)
	require.NoError(tb, err)
	var m tracepb.TracesData
	require.NoError(tb, protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, &m))
	out, err := proto.Marshal(&m)
	require.NoError(tb, err)
	return out
}

func rewriteIDs(tb testing.TB, v any) {
	tb.Helper()
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			rewriteIDs(tb, item)
		}
	case map[string]any:
		for name, member := range v {
			if text, ok := member.(string); ok && (name == "traceId" || name == "spanId" || name == "parentSpanId") {
				id, err := hex.DecodeString(text)
				require.NoError(tb, err)
				v[name] = base64.StdEncoding.EncodeToString(id)
				continue
			}
			rewriteIDs(tb, member)
		}
	}
}
