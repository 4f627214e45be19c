package promptmetrics_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/s3server"
	"github.com/promptmetrics-go/promptmetrics/registry/registrytest"
	"github.com/promptmetrics-go/promptmetrics/registry/s3store"
)

// bucket opens the prompt store of a bucket, which several clients may share.
func bucket(tb testing.TB, server *s3server.Server, name string) *s3store.Store {
	tb.Helper()
	store, err := s3store.Open(tb.Context(), s3store.Options{
		Endpoint: server.Endpoint(), Region: s3server.Region, Bucket: name, PathStyle: true,
		AccessKey: s3server.AccessKey, SecretKey: s3server.SecretKey,
	})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, store.Close()) })
	return store
}

// TestPromptsInABucket runs the suite of prompts on an index of either engine
// and a real S3 server, while the reconciler looks all the time.
func TestPromptsInABucket(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		server := s3server.Start(t)
		c := e.Config(t)
		pm, err := promptmetrics.New(promptmetrics.Options{
			DataDir: t.TempDir(), SQLitePath: c.Path, DatabaseURL: c.URL, BusyTimeout: c.BusyTimeout,
			Content: bucket(t, server, server.Bucket(t)), ReconcileInterval: 100 * time.Millisecond,
			RateLimit: promptmetrics.RateLimit{Max: -1},
		})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, pm.Close()) })
		require.Equal(t, "s3", pm.Health(t.Context()).DriverType)
		d := &deployment{Client: pm}
		t.Run("Registry", func(t *testing.T) {
			t.Parallel()
			registrytest.Run(t, d.registry)
		})
	})
}
