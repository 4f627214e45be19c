package openai_test

import (
	"flag"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/openai"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(s providertest.Settings) openai.Options {
	return openai.Options{
		APIKey: s.APIKey, BaseURL: s.BaseURL, Timeout: s.Timeout, Retries: s.Retries,
		BreakAfter: s.BreakAfter, BreakFor: s.BreakFor, Logger: s.Logger,
	}
}

func fixture(name, hint string, build func(openai.Options) (*openai.Provider, error)) providertest.Fixture {
	return providertest.Fixture{
		Name: name, KeyHint: hint,
		New: func(s providertest.Settings) (playground.Provider, error) { return build(options(s)) },
		Play: func(answer func(providertest.Question) providertest.Answer) (http.Handler, *providertest.Record) {
			p := providertest.NewOpenAI(answer)
			return p, &p.Record
		},
		FinishReasons: []string{"stop", "length", "tool_calls", "content_filter"},
		Filtered:      &providertest.Answer{Status: 400, Kind: "content_filter", Message: "The response was filtered."},
	}
}

func sibling(f providertest.Fixture) providertest.Fixture {
	f.Sibling = true
	return f
}

func hosted() providertest.Fixture { return fixture("openai", "OPENAI_API_KEY", openai.New) }

func azure() providertest.Fixture {
	return fixture("azure_openai", "AZURE_OPENAI_API_KEY", openai.NewAzure)
}

func dated() providertest.Fixture {
	return fixture("azure_openai", "AZURE_OPENAI_API_KEY", func(o openai.Options) (*openai.Provider, error) {
		o.APIVersion = "2024-10-21"
		return openai.NewAzure(o)
	})
}

func compatible() providertest.Fixture {
	return fixture("groq", "Options.APIKey", func(o openai.Options) (*openai.Provider, error) { return openai.NewCompatible("groq", o) })
}

func TestOpenAI(t *testing.T) { t.Parallel(); providertest.Run(t, hosted()) }

func TestAzure(t *testing.T) { t.Parallel(); providertest.Run(t, sibling(azure())) }

func TestAzureDated(t *testing.T) { t.Parallel(); providertest.Run(t, sibling(dated())) }

func TestCompatible(t *testing.T) { t.Parallel(); providertest.Run(t, sibling(compatible())) }

func TestRequests(t *testing.T) {
	some := func(names ...string) map[string]playground.Call {
		calls := map[string]playground.Call{}
		for _, name := range names {
			calls[name] = providertest.Calls()[name]
		}
		return calls
	}
	providertest.Golden(t, hosted(), "testdata/openai", *update, providertest.Calls())
	providertest.Golden(t, azure(), "testdata/azure", *update, some("plain", "sampling"))
	providertest.Golden(t, dated(), "testdata/azure_dated", *update, some("plain", "sampling"))
	providertest.Golden(t, compatible(), "testdata/compatible", *update, some("plain", "sampling"))
	for _, model := range []string{"o3-mini", "gpt-5.4", "gpt-5-chat-latest"} {
		c := providertest.Calls()["sampling"]
		c.Model = model
		providertest.Golden(t, hosted(), "testdata/openai", *update, map[string]playground.Call{"sampling_" + model: c})
	}
	for _, model := range []string{"gpt-5.4", "gpt-6-sol"} {
		c := providertest.Calls()["tool_required"]
		c.Model = model
		providertest.Golden(t, hosted(), "testdata/openai", *update, map[string]playground.Call{"tools_" + model: c})
	}
}
