package promptmetrics_test

import (
	"context"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/budget"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/compliancetest"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/eval/evalsuite"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/metrics"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/registrytest"
	"github.com/promptmetrics-go/promptmetrics/retention"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/telemetry/telemetrytest"
)

// TestEveryMethodIsUnavailableWithoutADatabase checks that an outage is never
// answered as "not found", an empty list or an internal error.
func TestEveryMethodIsUnavailableWithoutADatabase(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		d := deploy(t, kind{engine: e})
		// Closing is the outage that every engine can have in a test.
		require.NoError(t, d.Close())
		calls := unavailable(d.Client)
		maps.Copy(calls, unavailableCalls(d.Client))
		for _, api := range []struct {
			of reflect.Type
			// suffix tells methods of one name apart.
			suffix string
		}{
			{reflect.TypeFor[registrytest.Registry](), ""},
			{reflect.TypeFor[telemetrytest.Telemetry](), ""},
			{reflect.TypeFor[access.Keys](), " key"},
			{reflect.TypeFor[access.AuditLog](), ""},
			{reflect.TypeFor[evalsuite.Evals](), " eval"},
			{reflect.TypeFor[eval.Runs](), " of eval"},
			{reflect.TypeFor[compliancetest.Compliance](), ""},
			{reflect.TypeFor[abtest.Tests](), " abtest"},
			{reflect.TypeFor[metrics.Metrics](), " metrics"},
			{reflect.TypeFor[budget.Budgets](), " budget"},
			{reflect.TypeFor[retention.Settings](), " retention"},
			{reflect.TypeFor[playground.Chat](), " playground"},
			{reflect.TypeFor[playground.Refresher](), " playground"},
		} {
			for method := range api.of.Methods() {
				name := method.Name + api.suffix
				call, ok := calls[name]
				require.True(t, ok, "%s has no case: what does it do in an outage?", name)
				delete(calls, name)
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					err := call(t.Context())
					if name == "Models playground" { // the providers know
						require.NoError(t, err)
						return
					}
					require.ErrorIs(t, err, promptmetrics.ErrUnavailable)
					require.NotErrorIs(t, err, promptmetrics.ErrNotFound)
					require.NotErrorIs(t, err, promptmetrics.ErrInternal)
				})
			}
		}
		require.Empty(t, slices.Collect(maps.Keys(calls)), "cases of methods that are gone")
		_, err := d.Authenticate(t.Context(), "pm_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
		require.ErrorIs(t, err, promptmetrics.ErrUnavailable)
		require.Equal(t, "degraded", d.Health(t.Context()).Status)
		_, err = d.Sync(t.Context())
		require.ErrorIs(t, err, promptmetrics.ErrUnavailable)
	})
}

// unavailable has a call of every method, with arguments that nothing is wrong
// with.
func unavailable(pm *promptmetrics.Client) map[string]func(context.Context) error {
	const id = "00000000-0000-4000-8000-000000000000"
	s := pm.Compliance
	r, t, none, first := pm.Registry, pm.Telemetry, registry.Signature{}, page.Request{}
	running := telemetry.RunRunning
	return map[string]func(context.Context) error{
		"Create":        func(ctx context.Context) error { _, err := r.Create(ctx, hello("p", "1.0.0"), none); return err },
		"Get":           func(ctx context.Context) error { _, err := r.Get(ctx, "p", registry.Query{}); return err },
		"List":          func(ctx context.Context) error { _, err := r.List(ctx, registry.Filter{}, first); return err },
		"Versions":      func(ctx context.Context) error { _, err := r.Versions(ctx, "p", first); return err },
		"Diff":          func(ctx context.Context) error { _, err := r.Diff(ctx, "p", "1.0.0", "2.0.0"); return err },
		"History":       func(ctx context.Context) error { _, err := r.History(ctx, "p", first); return err },
		"Activate":      func(ctx context.Context) error { return r.Activate(ctx, "p", "1.0.0") },
		"Delete":        func(ctx context.Context) error { return r.Delete(ctx, "p", none) },
		"DeleteVersion": func(ctx context.Context) error { return r.DeleteVersion(ctx, "p", "1.0.0", none) },
		"SetLabel":      func(ctx context.Context) error { _, err := r.SetLabel(ctx, "p", "production", ""); return err },
		"Label":         func(ctx context.Context) error { _, err := r.Label(ctx, "p", "production"); return err },
		"Labels":        func(ctx context.Context) error { _, err := r.Labels(ctx, "p", first); return err },
		"DeleteLabel":   func(ctx context.Context) error { return r.DeleteLabel(ctx, "p", "production") },

		"Log": func(ctx context.Context) error {
			_, err := t.Log(ctx, telemetry.Log{PromptName: "p", VersionTag: "1"})
			return err
		},
		"LogBatch": func(ctx context.Context) error {
			_, err := t.LogBatch(ctx, []telemetry.Log{{PromptName: "p", VersionTag: "1"}})
			return err
		},
		"CreateTrace": func(ctx context.Context) error { _, err := t.CreateTrace(ctx, telemetry.Trace{}); return err },
		"AddSpans": func(ctx context.Context) error {
			_, err := t.AddSpans(ctx, id, []telemetry.Span{{Name: "s"}})
			return err
		},
		"UpdateSpan": func(ctx context.Context) error {
			_, err := t.UpdateSpan(ctx, id, id, telemetry.SpanUpdate{})
			return err
		},
		"CreateRun": func(ctx context.Context) error {
			_, err := t.CreateRun(ctx, telemetry.Run{WorkflowName: "w"})
			return err
		},
		"UpdateRun": func(ctx context.Context) error {
			_, err := t.UpdateRun(ctx, id, telemetry.RunUpdate{Status: &running})
			return err
		},
		"Logs": func(ctx context.Context) error { _, err := t.Logs(ctx, telemetry.LogFilter{}, first); return err },
		"ExportLogs": func(ctx context.Context) (last error) {
			for _, last = range t.ExportLogs(ctx, telemetry.LogFilter{}) {
				continue
			}
			return last
		},
		"Traces":      func(ctx context.Context) error { _, err := t.Traces(ctx, telemetry.TraceFilter{}, first); return err },
		"Trace":       func(ctx context.Context) error { _, err := t.Trace(ctx, id); return err },
		"Span":        func(ctx context.Context) error { _, err := t.Span(ctx, id, id); return err },
		"Runs":        func(ctx context.Context) error { _, err := t.Runs(ctx, telemetry.RunFilter{}, first); return err },
		"Run":         func(ctx context.Context) error { _, err := t.Run(ctx, id); return err },
		"DeleteTrace": func(ctx context.Context) error { return t.DeleteTrace(ctx, id) },
		"DeleteRun":   func(ctx context.Context) error { return t.DeleteRun(ctx, id) },

		"Create eval": func(ctx context.Context) error {
			_, err := pm.Evals.Create(ctx, eval.Evaluation{Name: "e", PromptName: "p"})
			return err
		},
		"List eval":   func(ctx context.Context) error { _, err := pm.Evals.List(ctx, first); return err },
		"Get eval":    func(ctx context.Context) error { _, err := pm.Evals.Get(ctx, 1); return err },
		"Delete eval": func(ctx context.Context) error { return pm.Evals.Delete(ctx, 1) },
		"AddResult eval": func(ctx context.Context) error {
			_, err := pm.Evals.AddResult(ctx, 1, eval.Result{Score: 1})
			return err
		},
		"Results eval": func(ctx context.Context) error {
			_, err := pm.Evals.Results(ctx, 1, eval.ResultFilter{}, first)
			return err
		},
		"CreateDataset eval": func(ctx context.Context) error { _, err := pm.Evals.CreateDataset(ctx, "d", nil); return err },
		"Datasets eval":      func(ctx context.Context) error { _, err := pm.Evals.Datasets(ctx, first); return err },
		"Dataset eval":       func(ctx context.Context) error { _, err := pm.Evals.Dataset(ctx, 1); return err },
		"DatasetRows eval":   func(ctx context.Context) error { _, err := pm.Evals.DatasetRows(ctx, 1, first); return err },
		"DeleteDataset eval": func(ctx context.Context) error { return pm.Evals.DeleteDataset(ctx, 1) },
		"AddRowsFromRuns eval": func(ctx context.Context) error {
			_, err := pm.Evals.AddRowsFromRuns(ctx, 1, eval.RunSelection{WorkflowName: "w"})
			return err
		},
		"ImportDataset eval": func(ctx context.Context) error {
			_, err := pm.Evals.ImportDataset(ctx, "d", eval.JSONL, strings.NewReader(""))
			return err
		},
		"ExportDataset eval": func(ctx context.Context) error { return pm.Evals.ExportDataset(ctx, 1, eval.CSV, io.Discard) },
		"Scan": func(ctx context.Context) error {
			_, err := s.Scan(ctx, compliance.ScanRequest{Text: "x"})
			return err
		},
		"Scores": func(ctx context.Context) error { _, err := s.Scores(ctx, first); return err },
		"Score":  func(ctx context.Context) error { _, err := s.Score(ctx, 1); return err },
		"Redact": func(ctx context.Context) error {
			_, err := s.Redact(ctx, compliance.RedactRequest{Text: "x"})
			return err
		},
		"CreateRule": func(ctx context.Context) error {
			_, err := s.CreateRule(ctx, compliance.Rule{Name: "r", Pattern: "x"})
			return err
		},
		"Rules":      func(ctx context.Context) error { _, err := s.Rules(ctx, first); return err },
		"DeleteRule": func(ctx context.Context) error { return s.DeleteRule(ctx, 1) },
		"Allow": func(ctx context.Context) error {
			_, err := s.Allow(ctx, compliance.Allowance{Kind: compliance.AllowExact, Value: "x"})
			return err
		},
		"Allowed":   func(ctx context.Context) error { _, err := s.Allowed(ctx, first); return err },
		"Disallow":  func(ctx context.Context) error { return s.Disallow(ctx, 1) },
		"Policy":    func(ctx context.Context) error { _, err := s.Policy(ctx); return err },
		"SetPolicy": func(ctx context.Context) error { _, err := s.SetPolicy(ctx, compliance.Policy{}); return err },

		"StartRun of eval": func(ctx context.Context) error { _, err := pm.Evals.StartRun(ctx, 1, eval.RunSpec{}); return err },
		"Runs of eval":     func(ctx context.Context) error { _, err := pm.Evals.Runs(ctx, 1, first); return err },
		"GetRun of eval":   func(ctx context.Context) error { _, err := pm.Evals.GetRun(ctx, 1, 1); return err },
		"RunRows of eval":  func(ctx context.Context) error { _, err := pm.Evals.RunRows(ctx, 1, 1, first); return err },
		"CancelRun of eval": func(ctx context.Context) error {
			_, err := pm.Evals.CancelRun(ctx, 1, 1)
			return err
		},
		"CompareRuns of eval": func(ctx context.Context) error {
			_, err := pm.Evals.CompareRuns(ctx, 1, 1, 2, first)
			return err
		},

		"Create key": func(ctx context.Context) error { _, err := pm.Keys.Create(ctx, access.KeySpec{Name: "k"}); return err },
		"List key":   func(ctx context.Context) error { _, err := pm.Keys.List(ctx, first); return err },
		"Revoke key": func(ctx context.Context) error { return pm.Keys.Revoke(ctx, 1) },
		"Entries": func(ctx context.Context) error {
			_, err := pm.Audit.Entries(ctx, access.AuditFilter{}, first)
			return err
		},
	}
}
