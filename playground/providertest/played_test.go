package providertest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
)

const question = `{"model":"m","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"two words"}]`

func post(tb testing.TB, h http.Handler, path, body string) (status int, header http.Header, answer string) {
	tb.Helper()
	s := httptest.NewServer(h)
	tb.Cleanup(s.Close)
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, s.URL+path, strings.NewReader(body))
	require.NoError(tb, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(tb, err)
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	require.NoError(tb, err)
	return res.StatusCode, res.Header, string(got)
}

func TestPlayed(t *testing.T) {
	t.Parallel()
	answer := func(q providertest.Question) providertest.Answer {
		return providertest.Answer{Text: "Hello " + q.LastUser()}
	}
	openai, anthropic := providertest.NewOpenAI(answer), providertest.NewAnthropic(answer)
	cohere, ollama := providertest.NewCohere(answer), providertest.NewOllama(answer)
	tests := []struct {
		name, path    string
		handler       http.Handler
		record        *providertest.Record
		whole         string
		begins, ended string
	}{
		{
			"openai", "/v1/chat/completions", openai, &openai.Record, `"content":"Hello two words"`,
			`data: {"choices":[{"delta":{"content":"","role":"assistant"}`, "data: [DONE]\n\n",
		},
		{
			"anthropic", "/v1/messages", anthropic, &anthropic.Record, `"text":"Hello two words"`,
			"event: message_start\ndata: {", "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
		},
		{
			"cohere", "/v2/chat", cohere, &cohere.Record, `"text":"Hello two words"`,
			"event: message-start\ndata: {", "\"type\":\"message-end\"}\n\n",
		},
		{
			"ollama", "/api/chat", ollama, &ollama.Record, `"content":"Hello two words"`,
			`{"created_at":"2025-10-01T00:00:00Z","done":false,"message":{"content":"Hello "`, "\"total_duration\":1234567}\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name+" answers what the script says", func(t *testing.T) {
			t.Parallel()
			_, _, body := post(t, test.handler, test.path, question+`,"stream":false}`)
			require.Contains(t, body, test.whole)
			_, _, body = post(t, test.handler, test.path, question+`,"stream":true}`)
			require.True(t, strings.HasPrefix(body, test.begins), body)
			require.True(t, strings.HasSuffix(body, test.ended), body)

			asked := test.record.Chats()
			require.Len(t, asked, 2)
			require.Equal(t, 2, asked[1].Number)
			require.Equal(t, "m", asked[0].Model)
			require.Equal(t, "be brief", asked[0].System())
			require.Equal(t, []bool{false, true}, []bool{asked[0].Stream, asked[1].Stream})
			require.Equal(t, playground.User, asked[0].Messages[1].Role)
		})
	}
	t.Run("an error has its status and its header", func(t *testing.T) {
		t.Parallel()
		h := providertest.NewOpenAI(func(providertest.Question) providertest.Answer {
			return providertest.Answer{Status: 429, Message: "slow down", Header: http.Header{"retry-after": {"7"}}}
		})
		status, header, body := post(t, h, "/v1/chat/completions", question+`}`)
		require.Equal(t, 429, status)
		require.Equal(t, "7", header.Get("Retry-After"))
		require.Contains(t, body, `"message":"slow down"`)
	})
}
