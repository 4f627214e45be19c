// Package abtesttest is the behaviour of the interface of package abtest, as a
// suite that every implementation passes: in-process and over HTTP.
package abtesttest

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// Prompts publishes prompts and moves labels.
type Prompts interface {
	registry.Prompts
	registry.Labels
}

// Evals makes what tests refer to.
type Evals interface {
	eval.Evaluations
	eval.Datasets
}

// Env is what a test works with. Its workspaces are empty when it begins.
type Env struct {
	// Mine and Theirs are of two workspaces of one store. Both act as admins.
	Mine, Theirs abtest.Tests
	// Guest works in the workspace of Mine and is no admin.
	Guest abtest.Tests
	// Registry, Evals and Recorder are of the workspace of Mine, TheirRecorder
	// is of that of Theirs.
	Registry                Prompts
	Evals                   Evals
	Recorder, TheirRecorder telemetry.Recorder
	// Protect replaces the protected labels of the workspace of Mine.
	Protect func(ctx context.Context, labels ...string) error
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
		{"Keep", keepCases()},
		{"Scores", scoreCases()},
		{"Evaluation", evaluationCases()},
		{"Logs", logCases()},
		{"Sequential", sequentialCases()},
		{"Guardrails", guardrailCases()},
		{"Promote", promoteCases()},
		{"Assign", assignCases()},
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

var first = page.Request{}

func of[T any](v T) *T { return &v }

// spec is a test of the versions 1.0.0 and 1.1.0 of the prompt p.
func spec(m abtest.Metric) abtest.Spec {
	return abtest.Spec{PromptName: "p", VersionA: "1.0.0", VersionB: "1.1.0", Metric: m}
}

func create(tb testing.TB, e abtest.Tests, s abtest.Spec) abtest.Test {
	tb.Helper()
	made, err := e.Create(tb.Context(), s)
	require.NoError(tb, err)
	return made
}

func run(tb testing.TB, e abtest.Tests, id int64, s abtest.Scores) abtest.Result {
	tb.Helper()
	r, err := e.Run(tb.Context(), id, s)
	require.NoError(tb, err)
	return r
}

// publish makes the versions of p that tests compare.
func publish(tb testing.TB, e Env) {
	tb.Helper()
	for _, version := range []string{"1.0.0", "1.1.0"} {
		_, err := e.Registry.Create(tb.Context(), registry.Prompt{
			Name: "p", Version: version, Messages: []registry.Message{{Role: registry.User, Content: version}},
		}, registry.Signature{})
		require.NoError(tb, err)
	}
}

// served is the version of p that is answered by default, or by a label.
func served(tb testing.TB, e Env, label string) string {
	tb.Helper()
	got, err := e.Registry.Get(tb.Context(), "p", registry.Query{Label: label})
	require.NoError(tb, err)
	require.Equal(tb, got.Version.Version, got.Content.Messages[0].Content)
	return got.Version.Version
}

// call is a log of a version of p.
func call(version string) telemetry.Log { return telemetry.Log{PromptName: "p", VersionTag: version} }

// record logs calls, in their order.
func record(tb testing.TB, e Env, logs ...telemetry.Log) {
	tb.Helper()
	_, err := e.Recorder.LogBatch(tb.Context(), logs)
	require.NoError(tb, err)
}

// timed are calls of a version with these latencies.
func timed(version string, latencies ...int64) (logs []telemetry.Log) {
	for _, ms := range latencies {
		l := call(version)
		l.LatencyMS = &ms
		logs = append(logs, l)
	}
	return logs
}

// told are calls of a version with metadata that is given as JSON.
func told(tb testing.TB, version string, metadata ...string) (logs []telemetry.Log) {
	tb.Helper()
	for _, text := range metadata {
		l := call(version)
		require.NoError(tb, json.Unmarshal([]byte(text), &l.Metadata))
		logs = append(logs, l)
	}
	return logs
}

// wave gives n scores around a middle, of which every ten are the same.
func wave(n int, middle float64) []float64 {
	scores := make([]float64, n)
	for i := range scores {
		scores[i] = middle + float64(i%10) - 4.5
	}
	return scores
}

// rates gives n scores of which the first are 1 and the others 0.
func rates(ones, n int) []float64 {
	scores := make([]float64, n)
	for i := range ones {
		scores[i] = 1
	}
	return scores
}

func missing(tb testing.TB, err error, thing string) {
	tb.Helper()
	require.ErrorIs(tb, err, pmerr.ErrNotFound)
	require.Equal(tb, thing+" not found", pmerr.From(err).Message)
}

// warned tells whether one of the warnings has a text in it.
func warned(r abtest.Result, text string) bool {
	for _, w := range r.Warnings {
		if strings.Contains(w, text) {
			return true
		}
	}
	return false
}

func asJSON(tb testing.TB, v any) string {
	tb.Helper()
	data, err := json.Marshal(v)
	require.NoError(tb, err)
	return string(data)
}
