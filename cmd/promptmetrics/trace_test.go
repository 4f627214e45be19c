package main_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTraceTree(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	body, err := os.ReadFile("../../telemetry/otlp/otlptest/testdata/genai_newest.in.json")
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.server.URL+"/v1/otlp/v1/traces", strings.NewReader(string(body)))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+u.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)

	require.Equal(t, `trace    0af76519-16cd-43dd-8448-eb211c80319c
name     invoke_agent support
prompt   support-answer 1.2.0
service  support-bot
session  conv_5j66UpCpwteGg4YSxUnt7lPY

SPAN                       MS    STATUS                MODEL              IN    OUT  USD
invoke_agent support       3250  unset                 -                  -     -    -
  chat gpt-4o              2250  unset                 gpt-4o-2024-08-06  1200  80   0.0038
    evaluate               10    unset                 -                  -     -    -
  execute_tool find_order  200   ok                    -                  -     -    -
  chat gpt-4o              500   error RateLimitError  gpt-4o             -     -    -
`, u.must(t, "get-trace", "0AF7651916cd43dd8448eb211c80319c", "--tree"))
	require.JSONEq(t, u.must(t, "get-trace", "0af76519-16cd-43dd-8448-eb211c80319c"), u.must(t, "get-trace", "0af7651916cd43dd8448eb211c80319c", "--json", "--tree"))

	// Spans that name each other as their parents, and parents that nobody sent.
	trace := "5b8efff7-9803-8103-d269-b633813fc60c"
	u.must(t, "create-trace", "--trace-id", trace)
	for id, parent := range map[string]string{"0000000000000001": "0000000000000002", "0000000000000002": "0000000000000001", "0000000000000003": "0000000000000009"} {
		u.must(t, "add-span", trace, "--name", "s"+id[15:], "--span-id", id, "--parent-id", parent)
	}
	shown := u.must(t, "get-trace", trace, "--tree")
	for _, name := range []string{"s1", "s2", "s3"} {
		require.Equal(t, 1, strings.Count(shown, name), shown)
	}
}
