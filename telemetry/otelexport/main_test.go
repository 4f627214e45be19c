package otelexport_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/promptmetrics-go/promptmetrics/internal/collectortest"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/telemetry/otelexport"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ptr[T any](v T) *T { return &v }

// moment is when everything was recorded.
var moment = time.Date(2026, 3, 4, 5, 6, 7, 123_456_000, time.UTC)

// recorded is a log with the next id.
func recorded(id int64, change func(*telemetry.Recorded)) telemetry.Recorded {
	r := telemetry.Recorded{
		At: moment, Origin: telemetry.FromCaller,
		Log: telemetry.Log{
			ID: id, Workspace: "default", CreatedAt: timestamp.Of(moment), PromptName: "welcome", VersionTag: "1.2.0",
			Provider: ptr("openai"), Model: ptr("gpt-4o-mini"), TokensIn: ptr(int64(1000)), TokensOut: ptr(int64(20)),
			LatencyMS: ptr(int64(1500)), CostUSD: ptr(0.25), CostSource: ptr(telemetry.CostFromTable), Status: telemetry.OK,
		},
	}
	if change != nil {
		change(&r)
	}
	return r
}

func metadata(tb testing.TB, text string) (m telemetry.Metadata) {
	tb.Helper()
	require.NoError(tb, json.Unmarshal([]byte(text), &m))
	return m
}

// journal is a log that tests read.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// exporting makes an exporter to a collector; the test closes it.
func exporting(tb testing.TB, c *collectortest.Collector, o otelexport.Options) *otelexport.Exporter {
	tb.Helper()
	if c != nil && o.TracesURL == "" {
		o.TracesURL, o.MetricsURL = c.Traces(), c.Metrics()
	}
	e, err := otelexport.New(o)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = e.Close(context.Background()) })
	return e
}

// finish closes an exporter that has time for it.
func finish(tb testing.TB, e *otelexport.Exporter) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(tb, e.Close(ctx))
}
