package promptmetrics_test

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/httpapi"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// A program that reaches one node now and the other one then finds there what
// it has published, within the promised second, although both had other answers
// in their caches.
func TestTwoNodesServeWhatEitherPublished(t *testing.T) {
	t.Parallel()
	s := postgresS3Redis().site(t)
	var nodes [2]*promptmetrics.Client
	var via [2]*client.Client
	for i := range nodes {
		nodes[i] = s.node(t, nil)
		server := httptest.NewServer(httpapi.Handler(nodes[i], httpapi.Options{}))
		t.Cleanup(server.Close)
		key, err := nodes[0].Keys.Create(t.Context(), access.KeySpec{Name: fmt.Sprintf("program-%d", i), Scopes: everything})
		require.NoError(t, err)
		via[i], err = client.New(server.URL, client.Options{APIKey: key.Secret, Retries: -1, Timeout: time.Minute, CacheTTL: -1})
		require.NoError(t, err)
		t.Cleanup(via[i].Close)
	}
	queries := []registry.Query{{}, {Version: "^1"}, {Label: "production"}}
	// serve waits until a node answers every query with that version.
	serve := func(c *client.Client, version string) {
		t.Helper()
		began := time.Now()
		require.EventuallyWithT(t, func(ct *assert.CollectT) {
			for _, q := range queries {
				got, err := c.Registry.Get(t.Context(), "p", q)
				require.NoError(ct, err)
				require.Equal(ct, version, got.Version.Version, "%+v", q)
				require.Equal(ct, "Hello from "+version, got.Content.Messages[0].Content)
			}
		}, noticed, 5*time.Millisecond)
		t.Logf("%s: after %s", version, time.Since(began).Round(100*time.Microsecond))
	}
	for i := range 6 {
		here, there := via[i%2], via[1-i%2]
		version := fmt.Sprintf("1.%d.0", i)
		_, err := here.Registry.Create(t.Context(), hello("p", version), registry.Signature{Author: "Ada"})
		require.NoError(t, err)
		_, err = here.Registry.SetLabel(t.Context(), "p", "production", version)
		require.NoError(t, err)
		serve(there, version)
		serve(here, version)
	}

	require.NoError(t, via[0].Registry.Delete(t.Context(), "p", registry.Signature{}))
	require.Eventually(t, func() bool {
		_, err := via[1].Registry.Get(t.Context(), "p", registry.Query{})
		return err != nil
	}, noticed, 5*time.Millisecond)
	_, err := via[1].Registry.Get(t.Context(), "p", registry.Query{})
	require.ErrorIs(t, err, promptmetrics.ErrNotFound)

	again := hello("p", "1.0.0")
	again.Messages[0].Content = "Another text under the same version"
	_, err = via[1].Registry.Create(t.Context(), again, registry.Signature{})
	require.NoError(t, err)
	for _, c := range via {
		require.EventuallyWithT(t, func(ct *assert.CollectT) {
			got, err := c.Registry.Get(t.Context(), "p", registry.Query{Version: "1.0.0"})
			require.NoError(ct, err)
			require.Equal(ct, again.Messages[0].Content, got.Content.Messages[0].Content, "nobody serves what was deleted")
		}, noticed, 5*time.Millisecond)
	}
}
