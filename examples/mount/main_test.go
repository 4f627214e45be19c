package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
)

func TestTheShopServesItsOwnPagesAndThePrompts(t *testing.T) {
	t.Parallel()
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pm.Close()) })
	require.NoError(t, publish(t.Context(), pm))
	server := httptest.NewServer(routes(pm))
	t.Cleanup(server.Close)

	_, page := get(t, server.URL+"/", "")
	require.Equal(t, "the shop's own front page\n", page)

	status, _ := get(t, server.URL+"/ai/v1/prompts/slogan", "")
	require.Equal(t, http.StatusUnauthorized, status)

	status, body := get(t, server.URL+"/ai/v1/prompts/slogan?variables[product]=tea", "analytical")
	require.Equal(t, http.StatusOK, status, body)
	require.Contains(t, body, "A slogan for tea, please.")
}

func get(t *testing.T, url, password string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	if password != "" {
		r.SetBasicAuth("ada", password)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(body)
}
