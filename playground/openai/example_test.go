package openai_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/openai"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
)

// A server that is compatible with OpenAI, here a played one, answers word by
// word.
func ExampleNewCompatible() {
	server := httptest.NewServer(&providertest.OpenAI{Answer: func(q providertest.Question) providertest.Answer {
		return providertest.Answer{Text: "You said: " + q.LastUser()}
	}})
	defer server.Close()

	p, err := openai.NewCompatible("local", openai.Options{BaseURL: server.URL})
	if err != nil {
		panic(err)
	}
	defer p.Close()
	call := playground.Call{Model: "small", Messages: []playground.Message{{Role: playground.User, Content: "good morning"}}}
	for part, err := range p.Stream(context.Background(), call) {
		switch {
		case err != nil:
			fmt.Println(err)
		case part.Done:
			fmt.Printf("%s, %d tokens out\n", part.FinishReason, *part.Usage.TokensOut)
		default:
			fmt.Printf("%q\n", part.Content)
		}
	}
	// Output:
	// "You "
	// "said: "
	// "good "
	// "morning"
	// stop, 4 tokens out
}
