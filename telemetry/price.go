package telemetry

import (
	_ "embed"
	"strings"
	"sync"
	"time"
)

// Price is what a provider charges for one model, in USD per million tokens,
// at its standard rates for text.
type Price struct {
	Input  float64
	Output float64
	// CachedInput is the rate for input served from the provider's prompt
	// cache; nil when the table has none. [PriceTable.Cost] does not use it: a
	// log does not say how much of its input was cached.
	CachedInput *float64
	// LongContext replaces the rates of the whole request when its input is
	// long; nil when the model has one rate for every length.
	LongContext *LongContextPrice
}

// LongContextPrice holds the rates of a request with more than Over input
// tokens. They apply to every token of that request, not only to those past
// the threshold.
type LongContextPrice struct {
	Over        int64
	Input       float64
	Output      float64
	CachedInput *float64
}

// Cost is the price in USD of a request with these numbers of tokens, without
// any discount for caching or batches.
func (p Price) Cost(tokensIn, tokensOut int64) float64 {
	input, output := p.Input, p.Output
	if p.LongContext != nil && tokensIn > p.LongContext.Over {
		input, output = p.LongContext.Input, p.LongContext.Output
	}
	return (float64(tokensIn)*input + float64(tokensOut)*output) / 1e6
}

// PriceTable knows what models cost. It never changes once built, so any
// number of goroutines may share it. The nil table prices nothing.
//
// A lookup compares ids without regard to case and never by prefix. It tries,
// in this order: the id or one of its listed aliases; the id without a dated
// suffix in the form that the provider uses (OpenAI "gpt-4o-2024-08-06",
// Anthropic "claude-sonnet-4-20250514"), unless that snapshot is listed at a
// price of its own. Everything else is unpriced, fine-tuned models ("ft:…")
// included.
//
// The provider of a lookup is a name or alias of the table. When it is given,
// only that provider's prices count: a model of OpenAI on Azure, on a gateway
// or on Ollama costs what its seller asks, which this table does not know
// unless the seller is listed. A model that repeats the provider
// ("openai/gpt-4o") is the same as one that does not. When the provider is
// empty, such a prefix names it; without a prefix the id must belong to one
// listed provider only.
type PriceTable struct {
	updated   string
	providers map[string]*providerPrices // by lower-case name
	names     map[string]string          // lower-case alias to name
	// owners tells which provider sells an id or alias; nil where several do.
	// It backs lookups without a provider.
	owners map[string]*providerPrices
}

// providerPrices are the models of one provider. All keys are lower-case.
type providerPrices struct {
	dated datedSuffix
	// explicitOnly keeps the models out of lookups without a provider, because
	// other sellers use the same ids at other prices.
	explicitOnly bool
	models       map[string]Price
	aliases      map[string]string // alias to id in models
}

//go:embed prices.json
var embeddedPrices string

// embeddedTable parses the embedded file once; the result is never written to.
var embeddedTable = sync.OnceValue(func() *PriceTable {
	t, err := ParsePrices([]byte(embeddedPrices))
	if err != nil {
		panic("telemetry: embedded prices.json: " + err.Error())
	}
	return t
})

// DefaultPrices is the table that ships with the module: list prices as
// published by the providers, each with its source and date in prices.json.
// See [PriceTable.Updated] for its age and [PriceTable.Override] to correct it.
func DefaultPrices() *PriceTable { return embeddedTable() }

// Updated is the day the table was last revised, as YYYY-MM-DD; after
// [PriceTable.Override] the later day of the two. The nil table has none.
func (t *PriceTable) Updated() string {
	if t == nil {
		return ""
	}
	return t.updated
}

// Lookup finds the price of a model; ok is false when the table has none. The
// result is the caller's to change.
func (t *PriceTable) Lookup(provider, model string) (price Price, ok bool) {
	p, ok := t.find(provider, model)
	if !ok {
		return Price{}, false
	}
	return p.clone(), true
}

// Cost is the price in USD of a request. When the model is not in the table,
// or a number of tokens is negative, the cost is not known and ok is false.
func (t *PriceTable) Cost(provider, model string, tokensIn, tokensOut int64) (usd float64, ok bool) {
	if tokensIn < 0 || tokensOut < 0 {
		return 0, false
	}
	p, ok := t.find(provider, model)
	if !ok {
		return 0, false
	}
	return p.Cost(tokensIn, tokensOut), true
}

// Override is a new table in which the prices of other win over those of t,
// model by model. A provider of other may go by any name that t knows it by.
// Aliases follow their model: a new price for "gpt-4o" is also the price of its
// aliases and snapshots, except those listed at a price of their own. An alias
// given by other beats a model of that id in t. Neither table is changed.
func (t *PriceTable) Override(other *PriceTable) *PriceTable {
	if t == nil {
		return other
	}
	if other == nil {
		return t
	}
	out := newPriceTable(max(t.updated, other.updated))
	for name, p := range t.providers {
		out.providers[name] = p.merged(nil)
	}
	for alias, name := range t.names {
		out.names[alias] = name
	}
	// A provider under an alias of t goes first, so that where other has both
	// names the proper one has the last word.
	for _, aliased := range []bool{true, false} {
		for name, p := range other.providers {
			target, isAlias := t.names[name]
			if !isAlias {
				target = name
			}
			if isAlias == aliased {
				out.providers[target] = out.providers[target].merged(p)
			}
		}
	}
	for alias, name := range other.names {
		if target, ok := t.names[name]; ok {
			name = target
		}
		if alias != name {
			delete(out.providers, alias)
			out.names[alias] = name
		}
	}
	// A provider that became an alias leaves its own aliases behind.
	for alias, name := range out.names {
		if _, ok := out.providers[name]; !ok {
			out.names[alias] = out.names[name]
		}
	}
	out.indexOwners()
	return out
}

func newPriceTable(updated string) *PriceTable {
	return &PriceTable{
		updated:   updated,
		providers: map[string]*providerPrices{},
		names:     map[string]string{},
		owners:    map[string]*providerPrices{},
	}
}

// indexOwners fills owners once providers are complete.
func (t *PriceTable) indexOwners() {
	own := func(id string, p *providerPrices) {
		if _, taken := t.owners[id]; taken {
			p = nil
		}
		t.owners[id] = p
	}
	for _, p := range t.providers {
		if p.explicitOnly {
			continue
		}
		for id := range p.models {
			own(id, p)
		}
		for alias := range p.aliases {
			own(alias, p)
		}
	}
}

func (t *PriceTable) find(provider, model string) (Price, bool) {
	if t == nil {
		return Price{}, false
	}
	provider, model = foldName(provider), foldName(model)
	prefix, rest, prefixed := strings.Cut(model, "/")
	if provider != "" {
		p := t.provider(provider)
		if p == nil {
			return Price{}, false
		}
		// Some ids contain a slash of their own ("openai/gpt-oss-120b" on Groq).
		price, ok := p.find(model)
		if !ok && prefixed && t.provider(prefix) == p {
			price, ok = p.find(rest)
		}
		return price, ok
	}
	if prefixed {
		if p := t.provider(prefix); p != nil {
			return p.find(rest)
		}
	}
	return t.findOwned(model)
}

// findOwned prices an id that came without a provider.
func (t *PriceTable) findOwned(model string) (Price, bool) {
	if p, listed := t.owners[model]; listed {
		if p == nil {
			return Price{}, false
		}
		return p.find(model)
	}
	for _, dated := range datedSuffixes {
		base, ok := dated.cut(model)
		if !ok {
			continue
		}
		if p := t.owners[base]; p != nil && p.dated == dated {
			return p.find(model)
		}
	}
	return Price{}, false
}

func (t *PriceTable) provider(name string) *providerPrices {
	if p, ok := t.providers[name]; ok {
		return p
	}
	return t.providers[t.names[name]]
}

func (p *providerPrices) find(model string) (Price, bool) {
	if price, ok := p.models[model]; ok {
		return price, true
	}
	if id, ok := p.aliases[model]; ok {
		return p.models[id], true
	}
	if base, ok := p.dated.cut(model); ok {
		// Only proper ids have snapshots; an alias with a date is no id at all.
		price, ok := p.models[base]
		return price, ok
	}
	return Price{}, false
}

// merged is a copy of p in which over wins; either may be nil.
func (p *providerPrices) merged(over *providerPrices) *providerPrices {
	out := &providerPrices{models: map[string]Price{}, aliases: map[string]string{}}
	for _, layer := range []*providerPrices{p, over} {
		if layer == nil {
			continue
		}
		if layer.dated != datedNever {
			out.dated = layer.dated
		}
		out.explicitOnly = out.explicitOnly || layer.explicitOnly
		for id, price := range layer.models {
			out.models[id] = price
			delete(out.aliases, id)
		}
		for alias, id := range layer.aliases {
			delete(out.models, alias)
			out.aliases[alias] = id
		}
	}
	// An id that became an alias leaves its own aliases behind; they follow it.
	for alias, id := range out.aliases {
		if _, ok := out.models[id]; !ok {
			out.aliases[alias] = out.aliases[id]
		}
	}
	return out
}

func (p Price) clone() Price {
	p.CachedInput = cloneFloat(p.CachedInput)
	if p.LongContext != nil {
		long := *p.LongContext
		long.CachedInput = cloneFloat(long.CachedInput)
		p.LongContext = &long
	}
	return p
}

func cloneFloat(v *float64) *float64 {
	if v == nil {
		return nil
	}
	c := *v
	return &c
}

// datedSuffix is the form in which a provider dates the snapshots of a model.
// Each provider has its own, because the shorter forms that some use ("-0613",
// "-2411") tell models of different prices apart.
type datedSuffix string

const (
	datedNever   datedSuffix = ""
	datedDashed  datedSuffix = "YYYY-MM-DD"
	datedCompact datedSuffix = "YYYYMMDD"
)

var datedSuffixes = [...]datedSuffix{datedDashed, datedCompact}

// cut takes the dated suffix off an id; ok is false when it has none.
func (d datedSuffix) cut(id string) (base string, ok bool) {
	at := len(id) - len(d) - 1 // the form is as long as what it stands for
	if d == datedNever || at < 1 || id[at] != '-' {
		return "", false
	}
	layout := time.DateOnly
	if d == datedCompact {
		layout = "20060102"
	}
	day, err := time.Parse(layout, id[at+1:])
	// A date outside this century is some other number.
	if err != nil || day.Year() < 2000 || day.Year() > 2099 {
		return "", false
	}
	return id[:at], true
}

// foldName is the form in which names of providers and models are compared.
func foldName(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
