package demo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/internal/demo"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func TestSeed(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: t.TempDir()})
	require.NoError(t, err)
	defer func() { require.NoError(t, pm.Close()) }()
	seed := func() demo.Added {
		t.Helper()
		added, err := demo.Seed(ctx, pm.Registry, pm.Telemetry, time.Now())
		require.NoError(t, err)
		return added
	}
	// An earlier attempt that ended between a trace and its spans.
	const half = "0de30000-0001-4000-8000-000003000000"
	_, err = pm.Telemetry.CreateTrace(ctx, telemetry.Trace{ID: half})
	require.NoError(t, err)

	require.Equal(t, demo.Added{Versions: 8, Labels: 6, Logs: 400, Traces: 6, Runs: 8}, seed())
	require.Equal(t, demo.Added{}, seed())

	t.Run("an attempt that was cut short is completed", func(t *testing.T) {
		trace, err := pm.Telemetry.Trace(ctx, half)
		require.NoError(t, err)
		require.Len(t, trace.Spans, 5)
	})
	t.Run("every version renders", func(t *testing.T) {
		prompts, err := pm.Registry.List(ctx, registry.Filter{}, page.Request{})
		require.NoError(t, err)
		for _, p := range prompts.Items {
			versions, err := pm.Registry.Versions(ctx, p.Name, page.Request{})
			require.NoError(t, err)
			for _, v := range versions.Items {
				_, err := pm.Registry.Get(ctx, p.Name, registry.Query{Version: v.Version.Version, Variables: map[string]any{
					"customer": "Ada", "question": "?", "ticket": "t", "schema": "s", "product": "p",
				}})
				require.NoError(t, err, v)
			}
		}
	})
	t.Run("labels that somebody moved stay where they are", func(t *testing.T) {
		_, err := pm.Registry.SetLabel(ctx, "support-reply", "production", "1.0.0")
		require.NoError(t, err)
		require.Equal(t, demo.Added{}, seed())
		label, err := pm.Registry.Label(ctx, "support-reply", "production")
		require.NoError(t, err)
		require.Equal(t, "1.0.0", label.Version)
	})
	t.Run("what was deleted comes back, and nothing twice", func(t *testing.T) {
		require.NoError(t, pm.Registry.DeleteVersion(ctx, "product-headline", "1.0.0", registry.Signature{}))
		require.Equal(t, demo.Added{Versions: 1, Labels: 1}, seed())
	})
	t.Run("some calls failed, all have a price, times are the real ones", func(t *testing.T) {
		failed := 0
		for l, err := range pm.Telemetry.ExportLogs(ctx, telemetry.LogFilter{}) {
			require.NoError(t, err)
			require.NotNil(t, l.CostUSD, *l.Model)
			require.WithinDuration(t, time.Now(), l.CreatedAt.Time, time.Minute)
			if l.Status == telemetry.Failed {
				failed++
			}
		}
		require.InDelta(t, 10, failed, 9)
	})
}
