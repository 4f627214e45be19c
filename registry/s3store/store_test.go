package s3store_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/promptmetrics-go/promptmetrics/internal/s3server"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/contenttest"
	"github.com/promptmetrics-go/promptmetrics/registry/s3store"
)

func TestMain(m *testing.M) {
	code := s3server.Main(m)
	if code == 0 {
		if err := goleak.Find(); err != nil {
			_, _ = os.Stderr.WriteString(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

// on gives options for a bucket.
func on(server *s3server.Server, bucket string) s3store.Options {
	return s3store.Options{
		Endpoint: server.Endpoint(), Region: s3server.Region, Bucket: bucket, PathStyle: true,
		AccessKey: s3server.AccessKey, SecretKey: s3server.SecretKey,
	}
}

// open opens a store that is closed when the test ends.
func open(tb testing.TB, o s3store.Options) *s3store.Store {
	tb.Helper()
	s, err := s3store.Open(tb.Context(), o)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	return s
}

func TestContentStore(t *testing.T) {
	t.Parallel()
	server := s3server.Shared(t)
	t.Run("in a bucket of its own", func(t *testing.T) {
		t.Parallel()
		contenttest.Run(t, func(tb testing.TB) registry.ContentStore {
			return open(tb, on(server, server.Bucket(tb)))
		}, contenttest.NoCommits)
	})
	t.Run("below prefixes of a bucket", func(t *testing.T) {
		t.Parallel()
		bucket := server.Bucket(t)
		contenttest.Run(t, func(tb testing.TB) registry.ContentStore {
			o := on(server, bucket)
			o.Prefix = "shared ü/" + strings.ReplaceAll(tb.Name(), "/", "-")
			return open(tb, o)
		}, contenttest.NoCommits)
	})
}
