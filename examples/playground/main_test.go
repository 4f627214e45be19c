package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/playground/openai"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
)

// pieces are what was written, write by write.
type pieces []string

func (p *pieces) Write(data []byte) (int, error) {
	*p = append(*p, string(data))
	return len(data), nil
}

func TestItRuns(t *testing.T) {
	t.Parallel()
	played := providertest.NewOpenAI(func(q providertest.Question) providertest.Answer {
		return providertest.Answer{Text: "It is " + q.LastUser(), TokensIn: 1000, TokensOut: 500}
	})
	server := httptest.NewServer(played)
	t.Cleanup(server.Close)
	model, err := openai.New(openai.Options{APIKey: "sk-none", BaseURL: server.URL})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, model.Close()) })

	var out pieces
	require.NoError(t, run(t.Context(), &out, t.TempDir(), model))
	require.Equal(t, "It is Why is the sky blue?\n1000 tokens in, 500 out, $0.000450\n", strings.Join(out, ""))
	require.Equal(t, []string{"It ", "is ", "Why ", "is ", "the ", "sky ", "blue?"}, []string(out[:7]), "token by token")
	require.Len(t, played.Chats(), 1, "one call")
}
