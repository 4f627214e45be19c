package main_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/collectortest"
)

// What one server exports another takes, and does not export again.
func TestFromOneServerToAnother(t *testing.T) {
	t.Parallel()
	c := collectortest.New(t)
	second := programs.Start(t, t.TempDir(), "OTEL_ENABLED=true", "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "LOG_METADATA_STDOUT=true")
	key := second.Key(t)
	first := programs.Start(t, t.TempDir(), "OTEL_ENABLED=true", "OTEL_EXPORTER_OTLP_ENDPOINT="+second.URL+"/v1/otlp",
		"OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20"+key, "OTEL_METRICS_EXPORTER=none")
	const trace = "0af76519-16cd-43dd-8448-eb211c80319c"
	status, answer := first.Ask(t, first.Key(t), "POST", "/v1/logs", strings.Replace(calledModel, "{", `{"trace_id":"`+trace+`",`, 1))
	require.Equal(t, 202, status, answer)
	first.Stop(t)
	require.NotContains(t, first.Err(), "level=WARN")

	status, answer = second.Ask(t, key, "GET", "/v1/traces/"+trace, "")
	require.Equal(t, 200, status, answer)
	require.Contains(t, answer, `"name":"chat gpt-4o-mini"`)
	status, answer = second.Ask(t, key, "GET", "/v1/logs", "")
	require.Equal(t, 200, status)
	var listed struct{ Items []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(answer), &listed))
	require.Len(t, listed.Items, 1, answer)
	log := listed.Items[0]
	for name, want := range map[string]any{
		"prompt_name": "welcome", "version_tag": "1.0.0", "provider": "openai", "model": "gpt-4o-mini",
		"tokens_in": 1000.0, "tokens_out": 20.0, "latency_ms": 1500.0, "trace_id": trace, "cost_usd": 0.000162,
	} {
		require.Equal(t, want, log[name], name)
	}
	second.Stop(t)
	require.Equal(t, 1, strings.Count(second.Out(), "\n"), "a line for the call: %s", second.Out())
	require.Empty(t, c.Requests(), "it travels no further")
}
