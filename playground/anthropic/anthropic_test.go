package anthropic_test

import (
	"flag"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/anthropic"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(s providertest.Settings) anthropic.Options {
	return anthropic.Options{
		APIKey: s.APIKey, BaseURL: s.BaseURL, Timeout: s.Timeout, Retries: s.Retries,
		BreakAfter: s.BreakAfter, BreakFor: s.BreakFor, Logger: s.Logger,
	}
}

func fixture() providertest.Fixture {
	return providertest.Fixture{
		Name: "anthropic", KeyHint: "ANTHROPIC_API_KEY",
		New: func(s providertest.Settings) (playground.Provider, error) { return anthropic.New(options(s)) },
		Play: func(answer func(providertest.Question) providertest.Answer) (http.Handler, *providertest.Record) {
			p := providertest.NewAnthropic(answer)
			return p, &p.Record
		},
		FinishReasons: []string{"stop", "length", "tool_calls", "content_filter"},
		Filtered:      &providertest.Answer{Status: 400, Message: "Output blocked by content filtering policy"},
	}
}

func TestProvider(t *testing.T) { providertest.Run(t, fixture()) }

func TestRequests(t *testing.T) {
	calls := providertest.Calls()
	for _, model := range []string{"claude-3-5-haiku-latest", "claude-sonnet-4-5", "claude-opus-4-7"} {
		for _, name := range []string{"sampling", "schema"} {
			c := providertest.Calls()[name]
			c.Model, c.MaxTokens = model, nil
			calls[name+"_"+model] = c
		}
	}
	providertest.Golden(t, fixture(), "testdata", *update, calls)
}
