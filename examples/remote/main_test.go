package main

import (
	"bytes"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/httpapi"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func TestTheServerAnswers(t *testing.T) {
	t.Parallel()
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pm.Close()) })
	_, err = pm.Registry.Create(t.Context(), registry.Prompt{
		Name: "greeting", Version: "1.1.0",
		Messages: []registry.Message{{Role: registry.User, Content: "Say hello to {{name}}, warmly."}},
	}, registry.Signature{})
	require.NoError(t, err)
	key, err := pm.Keys.Create(t.Context(), access.KeySpec{Name: "example"})
	require.NoError(t, err)
	server := httptest.NewServer(httpapi.Handler(pm, httpapi.Options{}))
	t.Cleanup(server.Close)

	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, server.URL, key.Secret))
	require.Equal(t, "greeting 1.1.0 (fresh): Say hello to Alice, warmly.\nlogged 3 calls\n", out.String())
}

func TestTheProgramGoesOnWithoutAServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	server.Close() // nobody listens there any more

	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, server.URL, "pm_none"))
	require.Equal(t, "greeting 1.0.0 (fallback): Say hello to Alice.\n", out.String())
}
