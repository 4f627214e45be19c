package otlptest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/telemetry/otlp/otlptest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// What is stored of each dialect, as the API gives it back: the same from both
// engines, and whether it came in JSON or in protobuf.
func TestGoldenDialects(t *testing.T) {
	t.Parallel()
	inputs, err := filepath.Glob("testdata/*.in.json")
	require.NoError(t, err)
	require.Len(t, inputs, 5)
	for _, in := range inputs {
		out := strings.TrimSuffix(in, ".in.json") + ".out.json"
		body, err := os.ReadFile(in)
		require.NoError(t, err)
		t.Run(strings.TrimSuffix(filepath.Base(in), ".in.json"), func(t *testing.T) {
			t.Parallel()
			if *update {
				require.NoError(t, os.WriteFile(out, exchange(t, dbtest.Engine{Dialect: "sqlite"}, body, jsonType), 0o600))
			}
			want, err := os.ReadFile(out)
			require.NoError(t, err)
			dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
				require.Equal(t, string(want), string(exchange(t, e, body, jsonType)))
				require.Equal(t, string(want), string(exchange(t, e, otlptest.Binary(t, body), protobufType)))
			})
		})
	}
}

// exchange sends a request and reads everything back that came of it.
func exchange(t *testing.T, e dbtest.Engine, body []byte, contentType string) []byte {
	t.Helper()
	o := on(t, e)
	o.Now = clock
	s := start(t, o)
	r := s.post(t, body, contentType)
	require.Equal(t, 200, r.status, string(r.body))
	if contentType == jsonType {
		require.JSONEq(t, "{}", string(r.body))
	} else {
		require.Empty(t, r.body)
	}
	var traces struct {
		Items []struct {
			ID string `json:"trace_id"`
		}
	}
	s.get(t, "/v1/traces", &traces)
	var all struct {
		Traces []any `json:"traces"`
		Logs   []any `json:"logs"`
		Audit  []any `json:"audit"`
	}
	for _, item := range traces.Items {
		var trace any
		s.get(t, "/v1/traces/"+item.ID, &trace)
		all.Traces = append(all.Traces, trace)
	}
	var logs struct{ Items []any }
	s.get(t, "/v1/logs", &logs)
	all.Logs = logs.Items
	data, err := json.Marshal(all)
	require.NoError(t, err)
	var pretty bytes.Buffer
	require.NoError(t, json.Indent(&pretty, data, "", "  "))
	pretty.WriteByte('\n')
	return pretty.Bytes()
}
