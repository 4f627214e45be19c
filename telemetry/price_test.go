package telemetry

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// testPrices is small enough to know by heart and has every feature.
const testPrices = `{
  "updated": "2026-02-01", "currency": "USD", "unit": "1M tokens",
  "providers": {
    "openai": {"source": "https://example.com/openai", "as_of": "2026-01-31", "dated_suffix": "YYYY-MM-DD",
      "models": {
        "gpt-4": {"input": 30, "output": 60, "aliases": ["gpt-4-0613"]},
        "gpt-4o": {"input": 2.5, "output": 10, "cached_input": 1.25, "aliases": ["gpt-4o-latest"]},
        "gpt-4o-2024-05-13": {"input": 5, "output": 15},
        "gpt-4o-mini": {"input": 0.15, "output": 0.6},
        "o1": {"input": 15, "output": 60},
        "o1-mini": {"input": 1.1, "output": 4.4},
        "embed": {"input": 0.02, "output": 0},
        "shared": {"input": 1, "output": 1}}},
    "anthropic": {"dated_suffix": "YYYYMMDD",
      "models": {
        "claude-3-5-sonnet": {"input": 3, "output": 15, "aliases": ["claude-3-5-sonnet-latest"]},
        "shared": {"input": 2, "output": 2}}},
    "google": {"aliases": ["gemini"],
      "models": {"gemini-pro": {"input": 1.25, "output": 10, "long_context": {"over": 200000, "input": 2.5, "output": 15, "cached_input": 0.25}}}},
    "groq": {"explicit_only": true,
      "models": {"openai/gpt-oss": {"input": 0.1, "output": 0.5}, "llama": {"input": 0.05, "output": 0.08}}}
  }}`

func parsePrices(t testing.TB, data string) *PriceTable {
	t.Helper()
	table, err := ParsePrices([]byte(data))
	require.NoError(t, err)
	return table
}

func TestCostMatchesModels(t *testing.T) {
	t.Parallel()
	table := parsePrices(t, testPrices)
	for _, tc := range []struct {
		name, provider, model string
		input                 float64 // of the price expected; -1: unpriced
	}{
		{"exact id", "openai", "gpt-4o", 2.5},
		{"other case and spaces", " OpenAI ", "GPT-4o", 2.5},
		{"alias", "openai", "gpt-4o-latest", 2.5},
		{"provider alias", "gemini", "gemini-pro", 1.25},
		{"dated snapshot takes the price of its model", "openai", "gpt-4o-2024-08-06", 2.5},
		{"dated snapshot at a price of its own", "openai", "gpt-4o-2024-05-13", 5},
		{"dated snapshot of a longer id", "openai", "gpt-4o-mini-2024-07-18", 0.15},
		{"compact date", "anthropic", "claude-3-5-sonnet-20241022", 3},
		{"compact date in other case", "anthropic", "Claude-3-5-Sonnet-20241022", 3},
		{"prefix that repeats the provider", "openai", "openai/gpt-4o", 2.5},
		{"prefix that repeats the provider by its alias", "google", "gemini/gemini-pro", 1.25},
		{"prefix in place of the provider", "", "anthropic/claude-3-5-sonnet-20241022", 3},
		{"prefix settles what two providers sell", "", "anthropic/shared", 2},
		{"no provider, id of one provider", "", "gpt-4o", 2.5},
		{"no provider, alias", "", "gpt-4-0613", 30},
		{"no provider, dated snapshot", "", "o1-mini-2024-09-12", 1.1},
		{"no provider, compact date", "", "claude-3-5-sonnet-20241022", 3},
		{"an id with a slash of its own", "groq", "openai/gpt-oss", 0.1},
		{"prefix before an id with a slash", "", "groq/openai/gpt-oss", 0.1},
		{"provider named for explicit_only", "groq", "llama", 0.05},
		{"mini is not the model without mini", "openai", "gpt-4o-mini", 0.15},
		{"gpt-4 is not gpt-4o", "openai", "gpt-4", 30},
		{"o1-mini is not o1", "openai", "o1-mini", 1.1},
		{"o1 is not o1-mini", "openai", "o1", 15},

		{"unknown variant of a known model", "openai", "gpt-4o-audio-preview", -1},
		{"longer version number", "openai", "gpt-4.1", -1},
		{"part of an id", "openai", "gpt", -1},
		{"fine-tuned model", "openai", "ft:gpt-4o:acme::abc123", -1},
		{"fine-tuned dated model", "openai", "ft:gpt-4o-2024-08-06", -1},
		{"date form of another provider", "openai", "gpt-4o-20240806", -1},
		{"date form of another provider, no provider given", "", "claude-3-5-sonnet-2024-10-22", -1},
		{"no such day", "openai", "gpt-4o-2024-13-40", -1},
		{"number that is no date", "anthropic", "claude-3-5-sonnet-12345678", -1},
		{"short date", "openai", "gpt-4-0314", -1},
		{"dated alias", "openai", "gpt-4o-latest-2024-08-06", -1},
		{"date of a provider without dated ids", "google", "gemini-pro-2024-08-06", -1},
		{"nothing but a date", "openai", "-2024-08-06", -1},
		{"model of another provider", "anthropic", "gpt-4o", -1},
		{"prefix contradicts the provider", "openai", "anthropic/claude-3-5-sonnet", -1},
		{"gateway sets its own price", "openrouter", "openai/gpt-4o", -1},
		{"Azure sets its own price", "azure_openai", "gpt-4o", -1},
		{"local model", "ollama", "llama", -1},
		{"local model with a vendor's id", "ollama", "gpt-4o", -1},
		{"unknown prefix", "", "acme/gpt-4o", -1},
		{"prefix of a provider that does not have it", "", "openai/gpt-oss", -1},
		{"two providers sell it", "", "shared", -1},
		{"explicit_only without a provider", "", "llama", -1},
		{"no model", "openai", "", -1},
		{"nothing", "", "", -1},
		{"only a slash", "", "/", -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			price, ok := table.Lookup(tc.provider, tc.model)
			usd, priced := table.Cost(tc.provider, tc.model, 1000, 0)
			require.Equal(t, tc.input >= 0, ok)
			require.Equal(t, ok, priced, "Cost and Lookup must agree")
			if ok {
				require.InDelta(t, tc.input, price.Input, 1e-12)
				require.InDelta(t, tc.input/1000, usd, 1e-12)
			} else {
				require.Zero(t, usd)
				require.Zero(t, price)
			}
		})
	}
}

func TestCostAddsInputAndOutput(t *testing.T) {
	t.Parallel()
	table := parsePrices(t, testPrices)
	for _, tc := range []struct {
		name      string
		model     string
		in, out   int64
		usd       float64
		isUnknown bool
	}{
		{name: "both sides", model: "gpt-4o", in: 1000, out: 500, usd: 0.0075},
		{name: "free of tokens is free", model: "gpt-4o"},
		{name: "embedding has no output price", model: "embed", in: 1_000_000, out: 5, usd: 0.02},
		{name: "at the threshold the base rates hold", model: "gemini-pro", in: 200_000, out: 1000, usd: 0.26},
		{name: "past it the whole request costs more", model: "gemini-pro", in: 200_001, out: 1000, usd: 0.5150025},
		{name: "largest counts stay finite", model: "gpt-4", in: 1<<63 - 1, out: 1<<63 - 1, usd: float64(1<<63-1) * 90 / 1e6},
		{name: "negative input", model: "gpt-4o", in: -1, isUnknown: true},
		{name: "negative output", model: "gpt-4o", out: -1, isUnknown: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			usd, ok := table.Cost("", tc.model, tc.in, tc.out)
			require.Equal(t, !tc.isUnknown, ok)
			require.InDelta(t, tc.usd, usd, tc.usd*1e-12)
		})
	}
}

func TestLookupGivesACopy(t *testing.T) {
	t.Parallel()
	table := parsePrices(t, testPrices)
	first, _ := table.Lookup("openai", "gpt-4o")
	*first.CachedInput = 99
	long, _ := table.Lookup("google", "gemini-pro")
	long.LongContext.Input = 99
	*long.LongContext.CachedInput = 99

	again, _ := table.Lookup("openai", "gpt-4o")
	require.InDelta(t, 1.25, *again.CachedInput, 0)
	long, _ = table.Lookup("google", "gemini-pro")
	require.InDelta(t, 2.5, long.LongContext.Input, 0)
	require.InDelta(t, 0.25, *long.LongContext.CachedInput, 0)
}

func TestOverride(t *testing.T) {
	t.Parallel()
	base := parsePrices(t, testPrices)
	override := func(t *testing.T, providers string) *PriceTable {
		t.Helper()
		return base.Override(parsePrices(t, `{"updated":"2026-03-01","currency":"USD","unit":"1M tokens","providers":`+providers+`}`))
	}
	input := func(t *testing.T, table *PriceTable, provider, model string) float64 {
		t.Helper()
		price, ok := table.Lookup(provider, model)
		if !ok {
			return -1
		}
		return price.Input
	}

	t.Run("replaces one model and keeps its neighbours", func(t *testing.T) {
		t.Parallel()
		got := override(t, `{"openai":{"models":{"GPT-4o":{"input":1,"output":2}}}}`)
		require.InDelta(t, 1, input(t, got, "openai", "gpt-4o"), 0)
		require.InDelta(t, 0.15, input(t, got, "openai", "gpt-4o-mini"), 0)
		require.InDelta(t, 3, input(t, got, "anthropic", "claude-3-5-sonnet"), 0)
		require.Equal(t, "2026-03-01", got.Updated())
		price, _ := got.Lookup("openai", "gpt-4o")
		require.Nil(t, price.CachedInput, "the whole price is replaced")
	})
	t.Run("aliases and snapshots follow their model, own prices stay", func(t *testing.T) {
		t.Parallel()
		got := override(t, `{"openai":{"models":{"gpt-4o":{"input":1,"output":2}}}}`)
		require.InDelta(t, 1, input(t, got, "openai", "gpt-4o-latest"), 0)
		require.InDelta(t, 1, input(t, got, "", "gpt-4o-2024-08-06"), 0)
		require.InDelta(t, 5, input(t, got, "openai", "gpt-4o-2024-05-13"), 0)
	})
	t.Run("an alias becomes a model", func(t *testing.T) {
		t.Parallel()
		got := override(t, `{"openai":{"models":{"gpt-4o-latest":{"input":7,"output":7}}}}`)
		require.InDelta(t, 7, input(t, got, "openai", "gpt-4o-latest"), 0)
		require.InDelta(t, 2.5, input(t, got, "openai", "gpt-4o"), 0)
	})
	t.Run("a model becomes an alias and takes its aliases along", func(t *testing.T) {
		t.Parallel()
		got := override(t, `{"openai":{"models":{"new":{"input":8,"output":8,"aliases":["gpt-4o"]}}}}`)
		require.InDelta(t, 8, input(t, got, "openai", "gpt-4o"), 0)
		require.InDelta(t, 8, input(t, got, "openai", "gpt-4o-latest"), 0)
	})
	t.Run("adds a provider, which makes a bare id ambiguous", func(t *testing.T) {
		t.Parallel()
		got := override(t, `{"azure_openai":{"models":{"gpt-4o":{"input":2.75,"output":11}}}}`)
		require.InDelta(t, 2.75, input(t, got, "azure_openai", "gpt-4o"), 0)
		require.InDelta(t, 2.5, input(t, got, "openai", "gpt-4o"), 0)
		require.InDelta(t, -1, input(t, got, "", "gpt-4o"), 0)
	})
	t.Run("a provider alias sells at the provider's prices", func(t *testing.T) {
		t.Parallel()
		got := override(t, `{"openai":{"aliases":["Azure_OpenAI"],"models":{}}}`)
		require.InDelta(t, 2.5, input(t, got, "azure_openai", "gpt-4o-2024-08-06"), 0)
	})
	t.Run("a provider under an alias of the first table is that provider", func(t *testing.T) {
		t.Parallel()
		got := override(t, `{"gemini":{"models":{"gemini-pro":{"input":9,"output":9}}},"google":{"models":{"gemini-next":{"input":4,"output":4}}}}`)
		for _, name := range []string{"gemini", "google"} {
			require.InDelta(t, 9, input(t, got, name, "gemini-pro"), 0)
			require.InDelta(t, 4, input(t, got, name, "gemini-next"), 0)
		}
		require.InDelta(t, 9, input(t, got, "", "gemini-pro"), 0)
	})
	t.Run("the proper name beats the alias within the second table", func(t *testing.T) {
		t.Parallel()
		for range 20 { // the order of a map must not matter
			got := override(t, `{"gemini":{"models":{"gemini-pro":{"input":9,"output":9}}},"google":{"models":{"gemini-pro":{"input":4,"output":4}}}}`)
			require.InDelta(t, 4, input(t, got, "gemini", "gemini-pro"), 0)
		}
	})
	t.Run("an alias beats a provider of that name", func(t *testing.T) {
		t.Parallel()
		got := override(t, `{"openai":{"aliases":["google"],"models":{}}}`)
		require.InDelta(t, 2.5, input(t, got, "google", "gpt-4o"), 0)
		require.InDelta(t, 2.5, input(t, got, "gemini", "gpt-4o"), 0)
		require.InDelta(t, -1, input(t, got, "", "gemini-pro"), 0)
	})
	t.Run("leaves both tables alone", func(t *testing.T) {
		t.Parallel()
		other := parsePrices(t, `{"updated":"2020-01-01","currency":"USD","unit":"1M tokens","providers":{"openai":{"models":{"gpt-4o":{"input":1,"output":2,"aliases":["gpt-4"]}}}}}`)
		got := base.Override(other)
		require.InDelta(t, 1, input(t, got, "openai", "gpt-4"), 0)
		require.InDelta(t, 30, input(t, base, "openai", "gpt-4"), 0)
		require.InDelta(t, -1, input(t, other, "openai", "gpt-4o-mini"), 0)
		require.Equal(t, "2026-02-01", got.Updated())
	})
	t.Run("nil tables", func(t *testing.T) {
		t.Parallel()
		var none *PriceTable
		require.Same(t, base, base.Override(nil))
		require.Same(t, base, none.Override(base))
		require.Empty(t, none.Updated())
		_, ok := none.Cost("openai", "gpt-4o", 1, 1)
		require.False(t, ok)
	})
}

func TestParsePricesNamesTheFault(t *testing.T) {
	t.Parallel()
	file := func(providers string) string {
		return `{"updated":"2026-01-01","currency":"USD","unit":"1M tokens","providers":` + providers + `}`
	}
	model := func(fields string) string {
		return file(`{"openai":{"models":{"gpt-4.1":` + fields + `}}}`)
	}
	at := `providers["openai"].models["gpt-4.1"]`
	for _, tc := range []struct{ name, data, want string }{
		{"negative price", model(`{"input":-1,"output":1}`), at + `.input: must be a number of USD per million tokens from 0 to 100000, got -1`},
		{"price in the wrong unit", model(`{"input":2500000,"output":1}`), at + `.input: must be a number`},
		{"price beyond a float", model(`{"input":1,"output":1e999}`), at + `.output: must be a number`},
		{"price as text", model(`{"input":1,"output":"10"}`), at + `.output: must be a number of USD per million tokens from 0 to 100000, got "10"`},
		{"price null", model(`{"input":1,"output":1,"cached_input":null}`), at + `.cached_input: must be a number`},
		{"price missing", model(`{"input":1}`), at + `.output: is required`},
		{"unknown field of a model", model(`{"input":1,"output":1,"inptu":2}`), at + `: unknown field "inptu"`},
		{"field twice", model(`{"input":1,"output":1,"input":2}`), at + `: the field "input" occurs twice`},
		{"model not an object", model(`5`), at + `: must be a JSON object, got 5`},
		{"long value, quoted in part", model(`{"input":"` + strings.Repeat("é", 50) + `","output":1}`), `got "` + strings.Repeat("é", 19) + "…"},
		{"model as_of", model(`{"input":1,"output":1,"as_of":"yesterday"}`), at + `.as_of: must be a date as YYYY-MM-DD, got "yesterday"`},
		{"aliases not a list", model(`{"input":1,"output":1,"aliases":"x"}`), at + `.aliases: must be a list of strings, got "x"`},
		{"empty alias", model(`{"input":1,"output":1,"aliases":["a"," "]}`), at + `.aliases[1]: a name must have 1 to 128 bytes`},
		{"alias twice", model(`{"input":1,"output":1,"aliases":["a","A"]}`), at + `.aliases: "a" is an alias already`},
		{"alias of itself", model(`{"input":1,"output":1,"aliases":["GPT-4.1"]}`), at + `.aliases: "gpt-4.1" is a model of its own`},
		{"long context without a threshold", model(`{"input":1,"output":1,"long_context":{"input":1,"output":1}}`), at + `.long_context.over: is required`},
		{"long context threshold", model(`{"input":1,"output":1,"long_context":{"over":0,"input":1,"output":1}}`), at + `.long_context.over: must be a whole number of input tokens, 1 or more, got 0`},
		{"long context price", model(`{"input":1,"output":1,"long_context":{"over":1,"input":1,"output":-2}}`), at + `.long_context.output: must be a number`},
		{"long context unknown field", model(`{"input":1,"output":1,"long_context":{"over":1,"input":1,"output":1,"x":1}}`), at + `.long_context: unknown field "x"`},
		{"model twice", file(`{"openai":{"models":{"a":{"input":1,"output":1},"A":{"input":1,"output":1}}}}`), `providers["openai"].models["A"]: the model is listed twice`},
		{"model without a name", file(`{"openai":{"models":{"":{"input":1,"output":1}}}}`), `providers["openai"].models[""]: a name must have 1 to 128 bytes`},
		{"no models", file(`{"openai":{}}`), `providers["openai"].models: is required`},
		{"unknown field of a provider", file(`{"openai":{"modles":{}}}`), `providers["openai"]: unknown field "modles"`},
		{"dated_suffix", file(`{"openai":{"dated_suffix":"MMDD","models":{}}}`), `providers["openai"].dated_suffix: must be "YYYY-MM-DD" or "YYYYMMDD"`},
		{"explicit_only", file(`{"openai":{"explicit_only":"yes","models":{}}}`), `providers["openai"].explicit_only: must be true or false, got "yes"`},
		{"provider as_of", file(`{"openai":{"as_of":"2026-02-30","models":{}}}`), `providers["openai"].as_of: must be a date`},
		{"provider twice", file(`{"openai":{"models":{}},"OpenAI":{"models":{}}}`), `providers["OpenAI"]: the provider is listed twice`},
		{"provider alias taken", file(`{"a":{"aliases":["b"],"models":{}},"b":{"models":{}}}`), `providers["a"].aliases: "b" is a provider of its own`},
		{"provider alias twice", file(`{"a":{"aliases":["c"],"models":{}},"b":{"aliases":["C"],"models":{}}}`), `providers["b"].aliases: "c" is an alias already`},
		{"providers as a list", file(`[]`), `providers: must be a JSON object, got []`},
		{"other currency", `{"updated":"2026-01-01","currency":"EUR","unit":"1M tokens","providers":{}}`, `currency: must be "USD": convert the prices`},
		{"other unit", `{"updated":"2026-01-01","currency":"USD","unit":"1K tokens","providers":{}}`, `unit: must be "1M tokens": convert the prices`},
		{"no date", `{"currency":"USD","unit":"1M tokens","providers":{}}`, `updated: is required`},
		{"unknown field of the file", `{"updated":"2026-01-01","currency":"USD","unit":"1M tokens","providers":{},"models":{}}`, `unknown field "models"`},
		{"a list", `[]`, `must be a JSON object, got []`},
		{"empty file", ``, `line 1: the price file is not valid JSON`},
		{"NaN", "{\n\"updated\": NaN}", `line 2: the price file is not valid JSON`},
		{"cut off", "{\n\"updated\":\n", `line 3: the price file is not valid JSON`},
		{"two values", `{} {}`, `line 1: the price file is not valid JSON`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			table, err := ParsePrices([]byte(tc.data))
			require.Nil(t, table)
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.Contains(t, strings.Join(pmerr.From(err).Fields, "\n"), tc.want)
		})
	}
	t.Run("reports every fault at once", func(t *testing.T) {
		t.Parallel()
		_, err := ParsePrices([]byte(model(`{"input":-1,"output":-1}`)))
		require.Len(t, pmerr.From(err).Fields, 2)
	})
	t.Run("bounds what it reports", func(t *testing.T) {
		t.Parallel()
		var b strings.Builder
		for i := range 200 {
			fmt.Fprintf(&b, `"%d%s":1,`, i, strings.Repeat("x", 4000))
		}
		_, err := ParsePrices([]byte(`{` + b.String() + `"y":1}`))
		require.Len(t, pmerr.From(err).Fields, maxPriceFaults+1)
		require.Less(t, len(err.Error()), 10_000)
	})
	t.Run("refuses a file that is too large", func(t *testing.T) {
		t.Parallel()
		_, err := ParsePrices(make([]byte, maxPriceFileBytes+1))
		require.ErrorIs(t, err, pmerr.ErrTooLarge)
	})
}

func TestDefaultPrices(t *testing.T) {
	t.Parallel()
	table := DefaultPrices()
	require.Same(t, table, DefaultPrices())

	var file struct {
		Updated   string
		Providers map[string]struct {
			Source       string
			AsOf         string `json:"as_of"`
			ExplicitOnly bool   `json:"explicit_only"`
			Models       map[string]struct {
				Input, Output float64
				Cached        *float64 `json:"cached_input"`
				AsOf          string   `json:"as_of"`
				Aliases       []string
				Long          *struct {
					Over          int64
					Input, Output float64
				} `json:"long_context"`
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(embeddedPrices), &file))
	require.Equal(t, file.Updated, table.Updated())
	for name, p := range file.Providers {
		require.True(t, strings.HasPrefix(p.Source, "https://"), "%s needs the page its prices come from", name)
		require.NotEmpty(t, p.AsOf, "%s needs the day of its source", name)
		require.LessOrEqual(t, p.AsOf, file.Updated, name)
		for id, m := range p.Models {
			label := name + "/" + id
			require.LessOrEqual(t, m.AsOf, file.Updated, label)
			if m.Cached != nil {
				require.Less(t, *m.Cached, m.Input, "%s: a cache that costs more than none", label)
			}
			if m.Long != nil {
				require.Greater(t, m.Long.Input, m.Input, label)
				require.Greater(t, m.Long.Output, m.Output, label)
			}
			for _, id := range append([]string{id}, m.Aliases...) {
				usd, ok := table.Cost(name, id, 2_000, 1_000)
				require.True(t, ok, label)
				require.InDelta(t, (2*m.Input+m.Output)/1000, usd, 1e-12, label)
				_, ok = table.Cost("", id, 1, 1)
				require.Equal(t, !p.ExplicitOnly, ok, "%s: without a provider", label)
			}
		}
	}
}

// The figures below are those of the providers' own pages, so that a slip in
// prices.json shows.
func TestDefaultPricesOfWellKnownModels(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		provider, model string
		input, output   float64
	}{
		{"openai", "gpt-4o", 2.5, 10},
		{"openai", "gpt-4o-2024-08-06", 2.5, 10},
		{"openai", "gpt-4o-2024-05-13", 5, 15},
		{"", "gpt-4o-mini-2024-07-18", 0.15, 0.6},
		{"openai", "gpt-4", 30, 60},
		{"openai", "gpt-4-turbo-2024-04-09", 10, 30},
		{"openai", "gpt-4.1-nano-2025-04-14", 0.1, 0.4},
		{"openai", "gpt-5-2025-08-07", 1.25, 10},
		{"openai", "o3-2025-04-16", 2, 8},
		{"openai", "text-embedding-3-small", 0.02, 0},
		{"anthropic", "claude-3-5-sonnet-20241022", 3, 15},
		{"anthropic", "claude-opus-4-20250514", 15, 75},
		{"anthropic", "claude-opus-4-1-20250805", 15, 75},
		{"anthropic", "claude-opus-4-5-20251101", 5, 25},
		{"", "anthropic/claude-haiku-4-5-20251001", 1, 5},
		{"gemini", "gemini-2.5-pro", 1.25, 10},
		{"mistral", "mistral-large-2411", 2, 6},
		{"cohere", "command-r-08-2024", 0.15, 0.6},
		{"groq", "llama-3.3-70b-versatile", 0.59, 0.79},
	} {
		price, ok := DefaultPrices().Lookup(tc.provider, tc.model)
		require.True(t, ok, tc.model)
		require.InDelta(t, tc.input, price.Input, 1e-12, tc.model)
		require.InDelta(t, tc.output, price.Output, 1e-12, tc.model)
	}
	for _, tc := range []struct{ provider, model string }{
		{"openai", "ft:gpt-4o-2024-08-06:acme::id"},
		{"openai", "gpt-4o-audio-preview"},
		{"azure_openai", "gpt-4o"},
		{"ollama", "llama3.1"},
		{"deepseek", "deepseek-chat"},
		{"cohere", "command-r"},
		{"mistral", "mistral-large-latest"},
		{"", "llama-3.3-70b-versatile"},
	} {
		_, ok := DefaultPrices().Lookup(tc.provider, tc.model)
		require.False(t, ok, "%s/%s must be unpriced", tc.provider, tc.model)
	}
}

func TestPriceTableIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	other := parsePrices(t, testPrices)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				table := DefaultPrices()
				table.Override(other)
				table.Cost("openai", "gpt-4o-2024-08-06", 1, 1)
				table.Lookup("", "gemini-2.5-pro")
			}
		})
	}
	wg.Wait()
}

func FuzzParsePrices(f *testing.F) {
	f.Add([]byte(testPrices), "openai", "gpt-4o-2024-08-06")
	f.Add([]byte(embeddedPrices), "", "groq/openai/gpt-oss-120b")
	f.Add([]byte(`{"updated":"2026-01-01","currency":"USD","unit":"1M tokens","providers":{"a":{"aliases":["b"],"models":{"m":{"input":1,"output":1,"aliases":["n"]}}}}}`), "b", "n")
	f.Add([]byte(`{"updated":1,"providers":{"a":{"models":{"m":{"input":-1}}}}}`), "a", "m")
	f.Add([]byte("{\"\xff\":1}"), "\xff", "/")
	f.Fuzz(func(t *testing.T, data []byte, provider, model string) {
		table, err := ParsePrices(data)
		if err != nil {
			require.Nil(t, table)
			require.Equal(t, pmerr.From(err).Code == pmerr.Validation, len(pmerr.From(err).Fields) > 0)
			return
		}
		for _, merged := range []*PriceTable{table, table.Override(DefaultPrices()), DefaultPrices().Override(table)} {
			usd, ok := merged.Cost(provider, model, 1000, 1000)
			price, found := merged.Lookup(provider, model)
			require.Equal(t, ok, found)
			require.True(t, usd >= 0 && usd <= 2*maxRate, "cost %v of %v", usd, price)
			for alias, name := range merged.names {
				require.NotNil(t, merged.providers[name], "alias %q leads nowhere", alias)
			}
			for name, p := range merged.providers {
				for alias, id := range p.aliases {
					_, ok := p.models[id]
					require.True(t, ok, "alias %q of %q leads nowhere", alias, name)
				}
			}
		}
	})
}

func BenchmarkCost(b *testing.B) {
	table := DefaultPrices()
	for _, bc := range []struct{ name, provider, model string }{
		{"exact", "openai", "gpt-4o"},
		{"dated", "openai", "gpt-4o-2024-08-06"},
		{"bare", "", "claude-3-5-sonnet-20241022"},
		{"unpriced", "ollama", "llama3.1"},
	} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				table.Cost(bc.provider, bc.model, 1000, 500)
			}
		})
	}
}
