package main

import (
	"log/slog"
	"regexp"
	"strconv"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/budget"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/anthropic"
	"github.com/promptmetrics-go/promptmetrics/playground/cohere"
	"github.com/promptmetrics-go/promptmetrics/playground/ollama"
	"github.com/promptmetrics-go/promptmetrics/playground/openai"
)

// defaultBudgetUSD is what a workspace may spend in a month if nobody says
// otherwise.
const defaultBudgetUSD = 100

// makeProvider makes a provider that logs.
type makeProvider func(*slog.Logger) (playground.Provider, error)

// readProviders finds the providers that have what they need. One that is made
// here is made again with the log; this finds what is wrong with its settings.
func readProviders(e *environment) []makeProvider {
	var all []makeProvider
	add := func(m makeProvider) {
		if _, err := m(slog.New(slog.DiscardHandler)); err != nil {
			for line := range strings.Lines(err.Error()) {
				e.fault("%s", variables(strings.TrimSpace(line)))
			}
			return
		}
		all = append(all, m)
	}
	if key := e.text("OPENAI_API_KEY", ""); key != "" {
		o := openai.Options{APIKey: key, BaseURL: e.text("OPENAI_BASE_URL", "")}
		add(func(log *slog.Logger) (playground.Provider, error) { o.Logger = log; return provider(openai.New(o)) })
	}
	if key := e.text("ANTHROPIC_API_KEY", ""); key != "" {
		o := anthropic.Options{APIKey: key, BaseURL: e.text("ANTHROPIC_BASE_URL", "")}
		add(func(log *slog.Logger) (playground.Provider, error) { o.Logger = log; return provider(anthropic.New(o)) })
	}
	if key := e.text("COHERE_API_KEY", ""); key != "" {
		o := cohere.Options{APIKey: key, BaseURL: e.text("COHERE_BASE_URL", "")}
		add(func(log *slog.Logger) (playground.Provider, error) { o.Logger = log; return provider(cohere.New(o)) })
	}
	if base := e.text("OLLAMA_BASE_URL", ""); base != "" {
		o := ollama.Options{BaseURL: base}
		add(func(log *slog.Logger) (playground.Provider, error) { o.Logger = log; return provider(ollama.New(o)) })
	}
	switch key, base := e.text("AZURE_OPENAI_API_KEY", ""), e.text("AZURE_OPENAI_BASE_URL", ""); {
	case key != "" && base != "":
		o := openai.Options{APIKey: key, BaseURL: base, APIVersion: e.text("AZURE_OPENAI_API_VERSION", ""), Deployments: e.list("AZURE_OPENAI_DEPLOYMENTS")}
		add(func(log *slog.Logger) (playground.Provider, error) {
			o.Logger = log
			return provider(openai.NewAzure(o))
		})
	case key != "":
		e.fault("AZURE_OPENAI_BASE_URL is missing: AZURE_OPENAI_API_KEY needs the address of the resource, such as https://NAME.openai.azure.com")
	}
	if base := e.text("OPENAI_COMPATIBLE_BASE_URL", ""); base != "" {
		o := openai.Options{
			APIKey: e.text("OPENAI_COMPATIBLE_API_KEY", ""), BaseURL: base,
			KeyVariable: "OPENAI_COMPATIBLE_API_KEY", BaseVariable: "OPENAI_COMPATIBLE_BASE_URL",
		}
		name := e.text("OPENAI_COMPATIBLE_NAME", "openai_compatible")
		add(func(log *slog.Logger) (playground.Provider, error) {
			o.Logger = log
			return provider(openai.NewCompatible(name, o))
		})
	}
	return all
}

// keyOf is how the library speaks of a key that cannot be.
var keyOf = regexp.MustCompile(`^Options\.APIKey (.*): check (\w+)$`)

// variables puts the variable first in what the library says of an option of a
// provider.
func variables(fault string) string {
	_, fault, _ = strings.Cut(fault, ": ")
	return keyOf.ReplaceAllString(option.ReplaceAllString(fault, "$1"), "$2 $1")
}

// provider keeps a nil of one type from becoming a provider.
func provider[P playground.Provider](p P, err error) (playground.Provider, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

// providers makes the providers of the configuration.
func (c config) openProviders(log *slog.Logger) ([]playground.Provider, error) {
	all := make([]playground.Provider, 0, len(c.providers))
	for _, m := range c.providers {
		p, err := m(log)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// list gives the words of a variable, which commas separate.
func (e *environment) list(name string) []string {
	var words []string
	for word := range strings.SplitSeq(e.text(name, ""), ",") {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return words
}

// readBudget gives the monthly budget of a workspace that has none of its own.
func readBudget(e *environment) *float64 {
	text := e.text("DEFAULT_WORKSPACE_MONTHLY_BUDGET_USD", strconv.Itoa(defaultBudgetUSD))
	usd, err := strconv.ParseFloat(text, 64)
	if err != nil || !(usd >= 0 && usd <= budget.MaxUSD) {
		e.fault("DEFAULT_WORKSPACE_MONTHLY_BUDGET_USD must be a number of US dollars from 0, such as 100, not %s", excerpt(text))
	}
	return &usd
}
