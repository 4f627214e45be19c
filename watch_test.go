package promptmetrics_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// noticed is the promised second with room for a machine that is busy with many
// other tests: what is not noticed by hints or by looking is never noticed.
const noticed = 20 * time.Second

// TestAnotherProcessIsNoticed checks that what one process writes is served by
// another one on the same folder within a second, also where a cache knew
// better.
func TestAnotherProcessIsNoticed(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		c := e.Config(t)
		o := promptmetrics.Options{
			DataDir: t.TempDir(), SQLitePath: c.Path, DatabaseURL: c.URL, BusyTimeout: c.BusyTimeout, ReconcileInterval: -1,
		}
		open := func() *promptmetrics.Client {
			pm, err := promptmetrics.New(o)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, pm.Close()) })
			return pm
		}
		here, there := open(), open()
		// soon waits until there serves a version for a query.
		soon := func(q registry.Query, version string) {
			t.Helper()
			require.EventuallyWithT(t, func(ct *assert.CollectT) {
				got, err := there.Registry.Get(t.Context(), "p", q)
				require.NoError(ct, err)
				require.Equal(ct, version, got.Version.Version)
			}, noticed, 10*time.Millisecond)
		}
		production := registry.Query{Label: "production"}
		_, err := here.Registry.Create(t.Context(), hello("p", "1.0.0"), registry.Signature{})
		require.NoError(t, err)
		_, err = here.Registry.SetLabel(t.Context(), "p", "production", "")
		require.NoError(t, err)
		soon(production, "1.0.0")
		_, err = here.Registry.Create(t.Context(), hello("p", "2.0.0"), registry.Signature{})
		require.NoError(t, err)
		soon(registry.Query{}, "2.0.0")
		_, err = here.Registry.SetLabel(t.Context(), "p", "production", "2.0.0")
		require.NoError(t, err)
		soon(production, "2.0.0")
		require.NoError(t, here.Registry.Activate(t.Context(), "p", "1.0.0"))
		soon(registry.Query{}, "1.0.0")
		require.NoError(t, here.Registry.Delete(t.Context(), "p", registry.Signature{}))
		require.Eventually(t, func() bool {
			_, err := there.Registry.Get(t.Context(), "p", registry.Query{})
			return err != nil
		}, noticed, 10*time.Millisecond)

		finds := func(n int) {
			t.Helper()
			require.EventuallyWithT(t, func(ct *assert.CollectT) {
				report, err := there.Compliance.Scan(t.Context(), compliance.ScanRequest{Text: "ID-1234"})
				require.NoError(ct, err)
				require.Len(ct, report.Findings, n)
			}, noticed, 10*time.Millisecond)
		}
		finds(0)
		rule, err := here.Compliance.CreateRule(t.Context(), compliance.Rule{Name: "id", Pattern: `ID-\d+`})
		require.NoError(t, err)
		finds(1)
		allowed, err := here.Compliance.Allow(t.Context(), compliance.Allowance{Kind: compliance.AllowExact, Value: "ID-1234"})
		require.NoError(t, err)
		finds(0)
		require.NoError(t, here.Compliance.Disallow(t.Context(), allowed.ID))
		finds(1)
		require.NoError(t, here.Compliance.DeleteRule(t.Context(), rule.ID))
		finds(0)
	})
}
