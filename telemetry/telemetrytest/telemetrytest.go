// Package telemetrytest is the behaviour of the interfaces of package
// telemetry, as a suite that every implementation passes: in-process and over
// HTTP.
package telemetrytest

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// Telemetry is everything that callers do with telemetry.
type Telemetry interface {
	telemetry.Recorder
	telemetry.Reader
	telemetry.Eraser
}

// Env is what a test works with. Its workspaces are empty when it begins, and
// prices are the built-in ones.
type Env struct {
	// Mine and Theirs are two workspaces of one store.
	Mine, Theirs Telemetry
	// Actor is the name by which the audit log knows who acts through Mine.
	Actor string
	// Audit reads the audit log of the workspace of Mine.
	Audit access.AuditLog
}

// Run checks an implementation. open gives an Env that nothing else uses.
func Run(t *testing.T, open func(testing.TB) Env) {
	t.Helper()
	for _, group := range []struct {
		name  string
		cases map[string]func(*testing.T, Env)
	}{
		{"Log", logCases()},
		{"LogBatch", batchCases()},
		{"Logs", logListCases()},
		{"ExportLogs", exportCases()},
		{"Traces", traceCases()},
		{"Spans", spanCases()},
		{"Runs", runCases()},
		{"Audit", auditCases()},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for name, run := range group.cases {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					run(t, open(t))
				})
			}
		})
	}
	t.Run("WorkspacesAreIslands", func(t *testing.T) {
		t.Parallel()
		islands(t, open)
	})
}

// call makes the smallest log.
func call(prompt string) telemetry.Log { return telemetry.Log{PromptName: prompt, VersionTag: "1.0.0"} }

func record(tb testing.TB, r telemetry.Recorder, l telemetry.Log) int64 {
	tb.Helper()
	id, err := r.Log(tb.Context(), l)
	require.NoError(tb, err)
	return id
}

// recorded records a log and reads it back.
func recorded(tb testing.TB, r Telemetry, l telemetry.Log) telemetry.Log {
	tb.Helper()
	id := record(tb, r, l)
	p, err := r.Logs(tb.Context(), telemetry.LogFilter{}, page.Request{Limit: 1})
	require.NoError(tb, err)
	require.Len(tb, p.Items, 1)
	require.Equal(tb, id, p.Items[0].ID)
	return p.Items[0]
}

func logsOf(r telemetry.Reader, f telemetry.LogFilter) pagetest.List[telemetry.Log] {
	return func(ctx context.Context, p page.Request) (page.Of[telemetry.Log], error) { return r.Logs(ctx, f, p) }
}

func tracesOf(r telemetry.Reader, f telemetry.TraceFilter) pagetest.List[telemetry.Trace] {
	return func(ctx context.Context, p page.Request) (page.Of[telemetry.Trace], error) {
		return r.Traces(ctx, f, p)
	}
}

func runsOf(r telemetry.Reader, f telemetry.RunFilter) pagetest.List[telemetry.Run] {
	return func(ctx context.Context, p page.Request) (page.Of[telemetry.Run], error) { return r.Runs(ctx, f, p) }
}

func raw(text string) json.RawMessage { return json.RawMessage(text) }

// meta makes metadata of a JSON object.
func meta(text string) (m telemetry.Metadata) {
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		panic(err)
	}
	return m
}

func ptr[T any](v T) *T { return &v }

// asJSON compares what callers see, not how it is kept.
func asJSON(tb testing.TB, v any) string {
	tb.Helper()
	data, err := json.Marshal(v)
	require.NoError(tb, err)
	return string(data)
}

// hours is a bound of a filter, so many hours from now.
func hours(n int) timestamp.Time { return timestamp.Of(time.Now().Add(time.Duration(n) * time.Hour)) }

func recent(tb testing.TB, at timestamp.Time) {
	tb.Helper()
	require.WithinDuration(tb, time.Now(), at.Time, time.Minute)
}

// missing checks that a thing was not found and that the error names it. An id
// that no address can carry may be refused before anybody looks for the thing.
func missing(tb testing.TB, err error, thing, id string) {
	tb.Helper()
	require.ErrorIs(tb, err, pmerr.ErrNotFound, "%q", id)
	if utf8.ValidString(id) && !strings.Contains(id, "\x00") {
		require.Equal(tb, thing+" not found", pmerr.From(err).Message, "%q", id)
	}
}

// unknownID is a UUID that nothing has.
const unknownID = "00000000-0000-4000-8000-000000000000"
