package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Limits of a price file. A model that costs more than maxRate per million
// tokens is taken for a price in the wrong unit.
const (
	maxPriceFileBytes = 1 << 20
	maxProviderName   = 64
	maxModelID        = 128
	maxRate           = 100_000
	maxPriceFaults    = 50
)

// ParsePrices reads a price table from JSON, the format of the module's own
// prices.json:
//
//	{"updated": "2026-01-31", "currency": "USD", "unit": "1M tokens",
//	 "providers": {"openai": {
//	   "source": "https://…", "as_of": "2026-01-31",
//	   "aliases": ["azure_openai"], "dated_suffix": "YYYY-MM-DD",
//	   "models": {"gpt-4o": {"input": 2.5, "output": 10, "cached_input": 1.25,
//	     "aliases": ["our-deployment"],
//	     "long_context": {"over": 200000, "input": 5, "output": 15}}}}}}
//
// Required are updated, currency, unit, providers, each provider's models and
// each model's input and output. dated_suffix is "YYYY-MM-DD", "YYYYMMDD" or
// absent; explicit_only true keeps a provider's models out of lookups that name
// no provider; note, source and as_of are for the reader.
//
// The error is a *pmerr.Error: TooLarge above 1 MiB, else Validation, with
// every fault naming its model and field.
func ParsePrices(data []byte) (*PriceTable, error) {
	if len(data) > maxPriceFileBytes {
		return nil, pmerr.New(pmerr.TooLarge, "A price file may have at most %d bytes; this one has %d", maxPriceFileBytes, len(data))
	}
	if err := checkJSON(data); err != nil {
		return nil, err
	}
	f := &priceFile{table: newPriceTable("")}
	f.read(data)
	if len(f.faults) > 0 {
		return nil, pmerr.Invalid(f.faults...)
	}
	f.table.indexOwners()
	return f.table, nil
}

// checkJSON makes sure that data is one JSON value, so that what follows need
// not think of syntax.
func checkJSON(data []byte) error {
	var whole json.RawMessage
	dec := json.NewDecoder(bytes.NewReader(data))
	err := dec.Decode(&whole)
	at := int64(len(data)) // a file that is cut off ends there
	if err == nil {
		at = dec.InputOffset()
		if _, end := dec.Token(); errors.Is(end, io.EOF) {
			return nil
		}
		err = errors.New("more text after the closing brace")
	}
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		at = min(syntax.Offset, at)
	}
	line := 1 + bytes.Count(data[:at], []byte("\n"))
	return pmerr.Invalid(fmt.Sprintf("line %d: the price file is not valid JSON", line)).Because(err)
}

// priceFile reads one file into a table and collects its faults.
type priceFile struct {
	table  *PriceTable
	faults []string
}

func (f *priceFile) fault(path, format string, args ...any) {
	switch {
	case len(f.faults) < maxPriceFaults:
		f.faults = append(f.faults, strings.TrimPrefix(path, ".")+": "+fmt.Sprintf(format, args...))
	case len(f.faults) == maxPriceFaults:
		f.faults = append(f.faults, "and more faults: correct these first")
	}
}

func (f *priceFile) read(data []byte) {
	const path = ""
	seen := f.object(path, data, func(key string, raw json.RawMessage) bool {
		at := path + "." + key
		switch key {
		case "updated":
			f.table.updated = f.date(at, raw)
		case "currency":
			f.exactly(at, raw, "USD")
		case "unit":
			f.exactly(at, raw, "1M tokens")
		case "providers":
			f.object(at, raw, func(name string, raw json.RawMessage) bool {
				f.provider(fmt.Sprintf("%s[%.128q]", at, name), name, raw)
				return true
			})
		default:
			return false
		}
		return true
	})
	f.require(path, seen, "updated", "currency", "unit", "providers")
	for alias, name := range f.table.names {
		if _, taken := f.table.providers[alias]; taken {
			f.fault(fmt.Sprintf("providers[%.64q].aliases", name), "%.128q is a provider of its own", alias)
		}
	}
}

func (f *priceFile) provider(path, name string, raw json.RawMessage) {
	p := (*providerPrices)(nil).merged(nil)
	name = f.name(path, name, maxProviderName)
	if _, twice := f.table.providers[name]; twice {
		f.fault(path, "the provider is listed twice (case does not count)")
	}
	f.table.providers[name] = p
	seen := f.object(path, raw, func(key string, raw json.RawMessage) bool {
		at := path + "." + key
		switch key {
		case "source", "note":
			f.text(at, raw)
		case "as_of":
			f.date(at, raw)
		case "aliases":
			for _, alias := range f.names(at, raw, maxProviderName) {
				if _, twice := f.table.names[alias]; twice {
					f.fault(at, "%.128q is an alias already", alias)
				}
				f.table.names[alias] = name
			}
		case "dated_suffix":
			p.dated = datedSuffix(f.text(at, raw))
			if p.dated != datedDashed && p.dated != datedCompact {
				f.fault(at, "must be %q or %q; leave it out when ids carry no date", datedDashed, datedCompact)
			}
		case "explicit_only":
			p.explicitOnly = f.boolean(at, raw)
		case "models":
			f.object(at, raw, func(id string, raw json.RawMessage) bool {
				f.model(fmt.Sprintf("%s[%.128q]", at, id), p, id, raw)
				return true
			})
		default:
			return false
		}
		return true
	})
	f.require(path, seen, "models")
	for alias, id := range p.aliases {
		if _, taken := p.models[alias]; taken {
			f.fault(fmt.Sprintf("%s.models[%.128q].aliases", path, id), "%.128q is a model of its own", alias)
		}
	}
}

func (f *priceFile) model(path string, p *providerPrices, id string, raw json.RawMessage) {
	id = f.name(path, id, maxModelID)
	if _, twice := p.models[id]; twice {
		f.fault(path, "the model is listed twice (case does not count)")
	}
	var price Price
	seen := f.object(path, raw, func(key string, raw json.RawMessage) bool {
		at := path + "." + key
		switch key {
		case "as_of":
			f.date(at, raw)
		case "aliases":
			for _, alias := range f.names(at, raw, maxModelID) {
				if _, twice := p.aliases[alias]; twice {
					f.fault(at, "%.128q is an alias already", alias)
				}
				p.aliases[alias] = id
			}
		case "long_context":
			price.LongContext = f.longContext(at, raw)
		default:
			return f.rate(at, key, raw, &price.Input, &price.Output, &price.CachedInput)
		}
		return true
	})
	f.require(path, seen, "input", "output")
	p.models[id] = price
}

func (f *priceFile) longContext(path string, raw json.RawMessage) *LongContextPrice {
	long := &LongContextPrice{}
	seen := f.object(path, raw, func(key string, raw json.RawMessage) bool {
		at := path + "." + key
		if key != "over" {
			return f.rate(at, key, raw, &long.Input, &long.Output, &long.CachedInput)
		}
		if json.Unmarshal(raw, &long.Over) != nil || long.Over < 1 {
			f.fault(at, "must be a whole number of input tokens, 1 or more, got %s", excerpt(raw))
		}
		return true
	})
	f.require(path, seen, "over", "input", "output")
	return long
}

// rate reads one of the three prices into its place; false: key is none of them.
func (f *priceFile) rate(path, key string, raw json.RawMessage, input, output *float64, cached **float64) bool {
	var to *float64
	switch key {
	case "input":
		to = input
	case "output":
		to = output
	case "cached_input":
		to = new(float64)
		*cached = to
	default:
		return false
	}
	if isNull(raw) || json.Unmarshal(raw, to) != nil || *to < 0 || *to > maxRate {
		f.fault(path, "must be a number of USD per million tokens from 0 to %d, got %s", maxRate, excerpt(raw))
	}
	return true
}

// object calls member for each member of a JSON object and tells which keys it
// met. Keys that member does not know, and keys that occur twice, are faults.
func (f *priceFile) object(path string, raw json.RawMessage, member func(key string, raw json.RawMessage) bool) map[string]bool {
	seen := map[string]bool{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		f.fault(path, "must be a JSON object, got %s", excerpt(raw))
		return seen
	}
	for dec.More() {
		token, err := dec.Token()
		key, _ := token.(string)
		var value json.RawMessage
		if err == nil {
			err = dec.Decode(&value)
		}
		if err != nil {
			f.fault(path, "cannot be read after %.64q", key)
			return seen
		}
		switch {
		case seen[key]:
			f.fault(path, "the field %.64q occurs twice", key)
		case !member(key, value):
			f.fault(path, "unknown field %.64q", key)
		}
		seen[key] = true
	}
	return seen
}

func (f *priceFile) require(path string, seen map[string]bool, keys ...string) {
	for _, key := range keys {
		if !seen[key] {
			f.fault(path+"."+key, "is required")
		}
	}
}

// name checks the name of a provider or model and gives the form in which it
// is compared.
func (f *priceFile) name(path, name string, limit int) string {
	folded := foldName(name)
	if folded == "" || len(folded) > limit {
		f.fault(path, "a name must have 1 to %d bytes", limit)
	}
	return folded
}

func (f *priceFile) names(path string, raw json.RawMessage, limit int) []string {
	var names []string
	if isNull(raw) || json.Unmarshal(raw, &names) != nil {
		f.fault(path, "must be a list of strings, got %s", excerpt(raw))
		return nil
	}
	for i, name := range names {
		names[i] = f.name(fmt.Sprintf("%s[%d]", path, i), name, limit)
	}
	return names
}

func (f *priceFile) text(path string, raw json.RawMessage) string {
	var s string
	if isNull(raw) || json.Unmarshal(raw, &s) != nil {
		f.fault(path, "must be a string, got %s", excerpt(raw))
	}
	return s
}

func (f *priceFile) boolean(path string, raw json.RawMessage) (v bool) {
	if isNull(raw) || json.Unmarshal(raw, &v) != nil {
		f.fault(path, "must be true or false, got %s", excerpt(raw))
	}
	return v
}

func (f *priceFile) exactly(path string, raw json.RawMessage, want string) {
	if f.text(path, raw) != want {
		f.fault(path, "must be %q: convert the prices", want)
	}
}

func (f *priceFile) date(path string, raw json.RawMessage) string {
	s := f.text(path, raw)
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		f.fault(path, "must be a date as YYYY-MM-DD, got %s", excerpt(raw))
	}
	return s
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

// excerpt quotes a JSON value in a fault, short enough for one line.
func excerpt(raw json.RawMessage) string {
	const limit = 40
	if len(raw) > limit {
		return strings.ToValidUTF8(string(raw[:limit]), "") + "…"
	}
	return string(raw)
}
