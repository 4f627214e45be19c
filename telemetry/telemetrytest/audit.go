package telemetrytest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// mutation is a call that changes something, and the entry that it leaves. The
// target "id" stands for what the call returns.
type mutation struct {
	name string
	do   func(ctx context.Context, r Telemetry) (id string, err error)
	// action, prompt and version of the entry; an empty text is null.
	action, prompt, version string
}

// ids are of the things that mutations work on; span belongs to trace.
type ids struct{ trace, span, run string }

func mutations(of ids) []mutation {
	return []mutation{
		{"Log", func(ctx context.Context, r Telemetry) (string, error) {
			id, err := r.Log(ctx, call("p"))
			return logID(telemetry.Log{ID: id}), err
		}, "log:create", "p", "1.0.0"},
		{"LogBatch", func(ctx context.Context, r Telemetry) (string, error) {
			_, err := r.LogBatch(ctx, calls(3))
			return "", err
		}, "create_log", "", ""},
		{"CreateTrace", func(ctx context.Context, r Telemetry) (string, error) {
			t, err := r.CreateTrace(ctx, telemetry.Trace{PromptName: ptr("p"), VersionTag: ptr("1.0.0")})
			return t.ID, err
		}, "trace:create", "p", "1.0.0"},
		{"AddSpans", func(ctx context.Context, r Telemetry) (string, error) {
			_, err := r.AddSpans(ctx, of.trace, []telemetry.Span{{Name: "a"}, {Name: "b"}})
			return of.trace, err
		}, "create_span", "", ""},
		{"UpdateSpan", func(ctx context.Context, r Telemetry) (string, error) {
			_, err := r.UpdateSpan(ctx, of.trace, of.span, telemetry.SpanUpdate{Status: ptr(telemetry.SpanOK)})
			return of.span, err
		}, "trace:span:update", "", ""},
		{"CreateRun", func(ctx context.Context, r Telemetry) (string, error) {
			run, err := r.CreateRun(ctx, telemetry.Run{WorkflowName: "w"})
			return run.ID, err
		}, "run:create", "", ""},
		{"UpdateRun", func(ctx context.Context, r Telemetry) (string, error) {
			_, err := r.UpdateRun(ctx, of.run, telemetry.RunUpdate{Status: ptr(telemetry.RunFailed)})
			return of.run, err
		}, "run:update", "", ""},
		{"DeleteRun", func(ctx context.Context, r Telemetry) (string, error) {
			return of.run, r.DeleteRun(ctx, of.run)
		}, "delete_run", "", ""},
		{"DeleteTrace", func(ctx context.Context, r Telemetry) (string, error) {
			return of.trace, r.DeleteTrace(ctx, of.trace)
		}, "delete_trace", "p", "1.0.0"},
	}
}

// furnish makes one of everything.
func furnish(tb testing.TB, r Telemetry) ids {
	tb.Helper()
	trace, err := r.CreateTrace(tb.Context(), telemetry.Trace{PromptName: ptr("p"), VersionTag: ptr("1.0.0")})
	require.NoError(tb, err)
	spans, err := r.AddSpans(tb.Context(), trace.ID, []telemetry.Span{{Name: "s"}})
	require.NoError(tb, err)
	l := call("p")
	l.TraceID = &trace.ID
	record(tb, r, l)
	return ids{trace: trace.ID, span: spans[0].ID, run: openRun(tb, r, telemetry.Run{TraceID: &trace.ID})}
}

func auditCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"every change leaves exactly one entry": func(t *testing.T, e Env) {
			for _, m := range mutations(furnish(t, e.Mine)) {
				before := audited(t, e)
				id, err := m.do(t.Context(), e.Mine)
				require.NoError(t, err, m.name)
				after, err := e.Audit.Entries(t.Context(), access.AuditFilter{}, page.Request{Limit: 1})
				require.NoError(t, err)
				require.Equal(t, before+1, after.Total, m.name)
				got := after.Items[0]
				require.Equal(t, m.action, got.Action, m.name)
				require.Equal(t, nullable(m.prompt), got.PromptName, m.name)
				require.Equal(t, nullable(m.version), got.VersionTag, m.name)
				require.Equal(t, nullable(id), got.TargetID, m.name)
				require.Equal(t, nullable(e.Actor), got.APIKeyName, m.name)
			}
		},

		"what is refused, what changes nothing and what only reads leaves none": func(t *testing.T, e Env) {
			of := furnish(t, e.Mine)
			before := audited(t, e)
			ctx := t.Context()
			bad := calls(3)
			bad[1].PromptName = ""
			for name, refused := range map[string]func() error{
				"a log":   func() error { _, err := e.Mine.Log(ctx, telemetry.Log{}); return err },
				"a batch": func() error { _, err := e.Mine.LogBatch(ctx, bad); return err },
				"a trace": func() error { _, err := e.Mine.CreateTrace(ctx, telemetry.Trace{ID: of.trace}); return err },
				"a span": func() error {
					_, err := e.Mine.AddSpans(ctx, of.trace, []telemetry.Span{{ID: of.span, Name: "s"}})
					return err
				},
				"a span of nothing": func() error { _, err := e.Mine.AddSpans(ctx, unknownID, []telemetry.Span{{Name: "s"}}); return err },
				"an update": func() error {
					_, err := e.Mine.UpdateSpan(ctx, of.trace, of.span, telemetry.SpanUpdate{EndTime: ptr(int64(-1))})
					return err
				},
				"an unknown span": func() error {
					_, err := e.Mine.UpdateSpan(ctx, of.trace, unknownID, telemetry.SpanUpdate{})
					return err
				},
				"a run": func() error {
					_, err := e.Mine.CreateRun(ctx, telemetry.Run{ID: of.run, WorkflowName: "w"})
					return err
				},
				"a run of nothing": func() error {
					_, err := e.Mine.CreateRun(ctx, telemetry.Run{WorkflowName: "w", TraceID: ptr(unknownID)})
					return err
				},
				"an unknown run":   func() error { _, err := e.Mine.UpdateRun(ctx, unknownID, telemetry.RunUpdate{}); return err },
				"its deletion":     func() error { return e.Mine.DeleteRun(ctx, unknownID) },
				"an unknown trace": func() error { return e.Mine.DeleteTrace(ctx, unknownID) },
				"a run's bad output": func() error {
					_, err := e.Mine.UpdateRun(ctx, of.run, telemetry.RunUpdate{Output: raw(`5`)})
					return err
				},
			} {
				err := refused()
				require.Error(t, err, name)
				require.NotErrorIs(t, err, pmerr.ErrInternal, name)
				require.Equal(t, before, audited(t, e), name)
			}
			_, err := e.Mine.UpdateRun(ctx, of.run, telemetry.RunUpdate{})
			require.NoError(t, err)
			_, err = e.Mine.Trace(ctx, of.trace)
			require.NoError(t, err)
			for _, err := range e.Mine.ExportLogs(ctx, telemetry.LogFilter{}) {
				require.NoError(t, err)
			}
			require.Equal(t, before, audited(t, e))
		},
	}
}

func audited(tb testing.TB, e Env) int64 {
	tb.Helper()
	p, err := e.Audit.Entries(tb.Context(), access.AuditFilter{}, page.Request{Limit: 1})
	require.NoError(tb, err)
	return p.Total
}

func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
