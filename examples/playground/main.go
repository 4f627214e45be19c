// Command playground asks a model and prints its answer as it comes. The model
// is a played one, so that no network and no key are needed.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"time"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/openai"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
)

func main() {
	// A server that speaks like OpenAI's and takes its time.
	server := httptest.NewServer(providertest.NewOpenAI(func(q providertest.Question) providertest.Answer {
		return providertest.Answer{
			Text: "You asked: " + q.LastUser() + " I only play a model.", TokensIn: 12, TokensOut: 13,
			Hold: func(int) { time.Sleep(100 * time.Millisecond) },
		}
	}))
	defer server.Close()
	// With a key, and without BaseURL, this is OpenAI itself.
	model, err := openai.New(openai.Options{APIKey: "sk-none", BaseURL: server.URL})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = model.Close() }()
	if err := run(context.Background(), os.Stdout, "data", model); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, folder string, model playground.Provider) error {
	budget := 5.0 // US dollars a month
	pm, err := promptmetrics.New(promptmetrics.Options{
		DataDir: folder, Providers: []playground.Provider{model}, MonthlyBudgetUSD: &budget,
	})
	if err != nil {
		return err
	}
	defer func() { _ = pm.Close() }()
	return ask(ctx, out, pm.Playground)
}

// ask takes the interface, so it works with a remote server just as well.
func ask(ctx context.Context, out io.Writer, models playground.Chat) error {
	question := playground.Request{
		Provider: "openai", Model: "gpt-4o-mini",
		Messages:  []playground.Message{{Role: playground.User, Content: "Why is the {{thing}} blue?"}},
		Variables: map[string]any{"thing": "sky"},
	}
	// Leaving the loop would cancel the call.
	for event, err := range models.Stream(ctx, question) {
		if err != nil {
			return err
		}
		switch event.Type {
		case playground.EventToken:
			fmt.Fprint(out, event.Content)
		case playground.EventMetrics:
			fmt.Fprintf(out, "\n%d tokens in, %d out, $%.6f\n", *event.TokensIn, *event.TokensOut, *event.CostUSD)
		case playground.EventToolCall, playground.EventDone:
		}
	}
	return nil
}
