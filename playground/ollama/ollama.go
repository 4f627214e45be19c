// Package ollama calls models that Ollama serves, by its own API.
//
// Its API knows no choice of tools: with the choice "none" the tools are left
// out, with one tool's name all others, and "required" is a wish.
package ollama

import (
	"context"
	"iter"
	"net/http"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// Provider calls one Ollama.
type Provider struct{ wire *wire.Client }

var (
	_ playground.Provider = (*Provider)(nil)
	_ playground.Embedder = (*Provider)(nil)
)

// New gives the provider "ollama". The error names every option that cannot be.
func New(o Options) (*Provider, error) {
	w, err := wire.New(o.withDefaults().config())
	if err != nil {
		return nil, err
	}
	return &Provider{wire: w}, nil
}

// Name is "ollama".
func (p *Provider) Name() string { return p.wire.Name() }

// Close closes idle connections. The provider stays usable.
func (p *Provider) Close() error { return p.wire.Close() }

// Call makes one call and waits for the whole answer.
func (p *Provider) Call(ctx context.Context, c playground.Call) (playground.Reply, error) {
	var answer line
	if err := p.wire.JSON(ctx, request(c, false), &answer); err != nil {
		return playground.Reply{}, err
	}
	r := answer.reply()
	if r.Model == "" {
		r.Model = c.Model
	}
	return r, nil
}

// Stream makes one call and gives its parts as they arrive.
func (p *Provider) Stream(ctx context.Context, c playground.Call) iter.Seq2[playground.Part, error] {
	return p.wire.Stream(ctx, request(c, true), wire.JSONLines, func() wire.Decoder { return &decoder{model: c.Model} })
}

// mostShown bounds the models whose context window is asked for: each is a
// request of its own.
const mostShown = 64

// Models asks which models are there. A window is what the model was trained
// with; Ollama may be set to less.
func (p *Provider) Models(ctx context.Context) ([]playground.Model, error) {
	var list listing
	if err := p.wire.JSON(ctx, wire.Request{Method: http.MethodGet, Path: "/api/tags"}, &list); err != nil {
		return nil, err
	}
	models := []playground.Model{}
	show := mostShown
	for _, m := range list.Models {
		if m.Name == "" {
			continue
		}
		entry := playground.Model{ID: m.Name, Name: m.Name, Provider: p.Name()}
		if show--; show >= 0 {
			window, err := p.window(ctx, m.Name)
			if err != nil && ctx.Err() != nil {
				return nil, err
			}
			if err != nil {
				show = 0 // a list without windows is better than a breaker that opens
			}
			entry.ContextWindow = window
		}
		models = append(models, entry)
	}
	return models, nil
}

type listing struct {
	Models []struct {
		Name string `json:"name"`
	} `json:"models"`
}

// Check misses the list.
func (l *listing) Check() error {
	if l.Models == nil {
		return wire.ErrNothing
	}
	return nil
}

func (p *Provider) window(ctx context.Context, model string) (int64, error) {
	var shown struct {
		Info map[string]wire.Count `json:"model_info"`
	}
	r := wire.Request{Method: http.MethodPost, Path: "/api/show", Model: model, Body: map[string]string{"model": model}}
	if err := p.wire.JSON(ctx, r, &shown); err != nil {
		return 0, err
	}
	var most wire.Count
	for name, n := range shown.Info { // several, of a model made of several
		if strings.HasSuffix(name, ".context_length") {
			most = most.Max(n)
		}
	}
	if most.N == nil {
		return 0, nil
	}
	return *most.N, nil
}

// mostTexts is how many texts go into one request.
const mostTexts = 128

// Embed gives a vector for each text.
func (p *Provider) Embed(ctx context.Context, model string, texts []string) ([][]float64, error) {
	vectors := make([][]float64, 0, len(texts))
	for start := 0; start < len(texts); start += mostTexts {
		batch := texts[start:min(start+mostTexts, len(texts))]
		answer := embeddings{texts: len(batch)}
		r := wire.Request{Method: http.MethodPost, Path: "/api/embed", Model: model, Body: map[string]any{"model": model, "input": batch}}
		if err := p.wire.JSON(ctx, r, &answer); err != nil {
			return nil, err
		}
		vectors = append(vectors, answer.Embeddings...)
	}
	return vectors, nil
}

type embeddings struct {
	Embeddings [][]float64 `json:"embeddings"`

	texts int
}

// Check counts the vectors.
func (e *embeddings) Check() error { return wire.Vectors(e.Embeddings, e.texts) }
