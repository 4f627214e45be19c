// Package cohere calls the models of Cohere by version 2 of its chat API.
//
// Tokens are those that Cohere bills, which leave out what its template adds.
package cohere

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// Provider calls Cohere.
type Provider struct {
	wire    *wire.Client
	options Options
}

var (
	_ playground.Provider = (*Provider)(nil)
	_ playground.Embedder = (*Provider)(nil)
)

// New gives the provider "cohere". The error names every option that cannot be.
func New(o Options) (*Provider, error) {
	o = o.withDefaults()
	w, err := wire.New(o.config())
	if err != nil {
		return nil, err
	}
	o.APIKey = "" // a provider may be printed
	return &Provider{wire: w, options: o}, nil
}

// Name is "cohere".
func (p *Provider) Name() string { return p.wire.Name() }

// Close closes idle connections. The provider stays usable.
func (p *Provider) Close() error { return p.wire.Close() }

// Call makes one call and waits for the whole answer.
func (p *Provider) Call(ctx context.Context, c playground.Call) (playground.Reply, error) {
	var answer response
	if err := p.wire.JSON(ctx, request(c, false), &answer); err != nil {
		return playground.Reply{}, err
	}
	return answer.reply(c.Model), nil
}

// Stream makes one call and gives its parts as they arrive.
func (p *Provider) Stream(ctx context.Context, c playground.Call) iter.Seq2[playground.Part, error] {
	return p.wire.Stream(ctx, request(c, true), wire.ServerSent, func() wire.Decoder { return &decoder{model: c.Model} })
}

// mostPages bounds a list of models, of 1,000 a page.
const mostPages = 20

// Models asks which models there are for chats.
func (p *Provider) Models(ctx context.Context) ([]playground.Model, error) {
	models := []playground.Model{}
	query := url.Values{"endpoint": {"chat"}, "page_size": {"1000"}}
	for range mostPages {
		var page listing
		if err := p.wire.JSON(ctx, wire.Request{Method: http.MethodGet, Path: "/v1/models", Query: query}, &page); err != nil {
			return nil, err
		}
		for _, m := range page.Models {
			if m.Name == "" {
				continue
			}
			entry := playground.Model{ID: m.Name, Name: m.Name, Provider: p.Name()}
			if m.ContextLength.N != nil {
				entry.ContextWindow = *m.ContextLength.N
			}
			models = append(models, entry)
		}
		if page.Next == "" || page.Next == query.Get("page_token") {
			break
		}
		query.Set("page_token", page.Next)
	}
	return models, nil
}

type listing struct {
	Models []struct {
		Name          string     `json:"name"`
		ContextLength wire.Count `json:"context_length"`
	} `json:"models"`
	Next string `json:"next_page_token"`
}

// Check misses the list.
func (l *listing) Check() error {
	if l.Models == nil {
		return wire.ErrNothing
	}
	return nil
}

// mostTexts is how many texts Cohere takes in one request.
const mostTexts = 96

// Embed gives a vector for each text.
func (p *Provider) Embed(ctx context.Context, model string, texts []string) ([][]float64, error) {
	vectors := make([][]float64, 0, len(texts))
	for start := 0; start < len(texts); start += mostTexts {
		batch := texts[start:min(start+mostTexts, len(texts))]
		answer := embeddings{texts: len(batch)}
		r := wire.Request{Method: http.MethodPost, Path: "/v2/embed", Model: model, Body: map[string]any{
			"model": model, "texts": batch, "input_type": p.options.InputType, "embedding_types": []string{"float"},
		}}
		if err := p.wire.JSON(ctx, r, &answer); err != nil {
			return nil, err
		}
		vectors = append(vectors, answer.Embeddings.Float...)
	}
	return vectors, nil
}

type embeddings struct {
	Embeddings struct {
		Float [][]float64 `json:"float"`
	} `json:"embeddings"`

	texts int
}

// Check counts the vectors.
func (e *embeddings) Check() error { return wire.Vectors(e.Embeddings.Float, e.texts) }

// tokenCounts are numbers of tokens.
type tokenCounts struct {
	Input  wire.Count `json:"input_tokens"`
	Output wire.Count `json:"output_tokens"`
}

type usage struct {
	Billed tokenCounts `json:"billed_units"`
	Tokens tokenCounts `json:"tokens"`
}

func (u usage) counts() playground.Usage {
	return playground.Usage{TokensIn: u.Billed.Input.Or(u.Tokens.Input).N, TokensOut: u.Billed.Output.Or(u.Tokens.Output).N}
}

// failed tells the error that a reason for the end of an answer stands for.
func failed(reason, message string) error {
	switch reason {
	case "ERROR":
		if message == "" {
			message = "the generation failed"
		}
		return wire.Words{Message: message, Code: "500"}
	case "TIMEOUT":
		return wire.Words{Message: message, Code: "504"}
	}
	return nil
}

// reason puts the reason why an answer ended into our words.
func reason(word string) string {
	switch word {
	case "COMPLETE", "STOP_SEQUENCE":
		return "stop"
	case "MAX_TOKENS", "ERROR_LIMIT":
		return "length"
	case "TOOL_CALL":
		return "tool_calls"
	case "ERROR_TOXIC":
		return "content_filter"
	}
	return word
}

// call is a call of a tool, or a piece of one.
type call struct {
	ID       string `json:"id"`
	Type     string `json:"type,omitempty"`
	Function struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"function"`
}
