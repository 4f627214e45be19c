// Package anthropic calls the models of Anthropic by its messages API.
//
// System messages go into its system prompt, and neighbouring messages of one
// role into one message, since it wants roles to take turns. Models that refuse
// other temperatures than theirs (Claude Opus 4.7 and all since Claude 5) get
// none; older ones from Claude 4 on take a temperature or top_p, so that with
// both only the temperature goes.
package anthropic

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// version of the API, as in platform.claude.com/docs/en/api/versioning.
const version = "2023-06-01"

// Provider calls Anthropic.
type Provider struct {
	wire    *wire.Client
	options Options
}

var _ playground.Provider = (*Provider)(nil)

// New gives the provider "anthropic". The error names every option that cannot
// be.
func New(o Options) (*Provider, error) {
	o = o.withDefaults()
	w, err := wire.New(o.config())
	if o.MaxTokens < 0 {
		err = errors.Join(err, errors.New("anthropic: Options.MaxTokens must not be negative"))
	}
	if err != nil {
		return nil, err
	}
	o.APIKey = "" // a provider may be printed
	return &Provider{wire: w, options: o}, nil
}

// Name is "anthropic".
func (p *Provider) Name() string { return p.wire.Name() }

// Close closes idle connections. The provider stays usable.
func (p *Provider) Close() error { return p.wire.Close() }

func header() http.Header { return http.Header{"Anthropic-Version": {version}} }

// Call makes one call and waits for the whole answer.
func (p *Provider) Call(ctx context.Context, c playground.Call) (playground.Reply, error) {
	var answer message
	if err := p.wire.JSON(ctx, p.request(c, false), &answer); err != nil {
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
	return p.wire.Stream(ctx, p.request(c, true), wire.ServerSent, func() wire.Decoder { return &decoder{model: c.Model} })
}

// mostPages bounds a list of models, of 1,000 a page.
const mostPages = 20

// Models asks which models there are.
func (p *Provider) Models(ctx context.Context) ([]playground.Model, error) {
	models := []playground.Model{}
	query := url.Values{"limit": {"1000"}}
	for range mostPages {
		var page listing
		if err := p.wire.JSON(ctx, wire.Request{Method: http.MethodGet, Path: "/v1/models", Query: query, Header: header()}, &page); err != nil {
			return nil, err
		}
		for _, m := range page.Data {
			if m.ID == "" {
				continue
			}
			entry := playground.Model{ID: m.ID, Name: m.DisplayName, Provider: p.Name()}
			if entry.Name == "" {
				entry.Name = m.ID
			}
			if m.MaxInputTokens.N != nil {
				entry.ContextWindow = *m.MaxInputTokens.N
			}
			models = append(models, entry)
		}
		if !page.HasMore || page.LastID == "" || page.LastID == query.Get("after_id") {
			break
		}
		query.Set("after_id", page.LastID)
	}
	return models, nil
}

type listing struct {
	Data []struct {
		ID             string     `json:"id"`
		DisplayName    string     `json:"display_name"`
		MaxInputTokens wire.Count `json:"max_input_tokens"`
	} `json:"data"`
	HasMore bool   `json:"has_more"`
	LastID  string `json:"last_id"`
}

// Check misses the list.
func (l *listing) Check() error {
	if l.Data == nil {
		return wire.ErrNothing
	}
	return nil
}
