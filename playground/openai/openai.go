// Package openai calls OpenAI, Azure OpenAI, and servers that speak the same
// format: LiteLLM, vLLM, llama.cpp, Groq, Mistral and many more.
//
// It uses chat completions, which is the part of the API that they all have.
// The reasoning models of OpenAI (o1 and later, gpt-5 and later) refuse other
// temperatures than theirs, so temperature and top_p are left out for them, and
// their limit of tokens is max_completion_tokens. From gpt-5.6 on they take tools
// by this part of the API only without reasoning, which is switched off for such
// calls.
package openai

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"regexp"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// flavor is whose server it is.
type flavor int

const (
	hosted flavor = iota
	azure
	compatible
)

// Provider calls one server.
type Provider struct {
	wire    *wire.Client
	options Options
	flavor  flavor
}

var (
	_ playground.Provider = (*Provider)(nil)
	_ playground.Embedder = (*Provider)(nil)
)

// New gives the provider "openai". The error names every option that cannot be.
func New(o Options) (*Provider, error) {
	o = o.hosted()
	return provider(o, hosted, o.config("openai", true, wire.Bearer))
}

// NewAzure gives the provider "azure_openai". Its models are the deployments of
// a resource.
func NewAzure(o Options) (*Provider, error) {
	o = o.azure()
	return provider(o, azure, o.config("azure_openai", true, func(h http.Header, key string) { h.Set("Api-Key", key) }))
}

var names = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$`)

// NewCompatible gives a provider by a name of your own for a server that is
// compatible with OpenAI.
func NewCompatible(name string, o Options) (*Provider, error) {
	if !names.MatchString(name) {
		return nil, errors.New("the name of a compatible provider must be 1 to 64 letters, digits, points, hyphens or underscores")
	}
	return provider(o, compatible, o.config(name, false, wire.Bearer))
}

func provider(o Options, f flavor, c wire.Config) (*Provider, error) {
	w, err := wire.New(c)
	if err := errors.Join(o.validate(), err); err != nil {
		return nil, err
	}
	o.APIKey = "" // a provider may be printed
	return &Provider{wire: w, options: o, flavor: f}, nil
}

// Name is what requests call the provider.
func (p *Provider) Name() string { return p.wire.Name() }

// Close closes idle connections. The provider stays usable.
func (p *Provider) Close() error { return p.wire.Close() }

// Call makes one call and waits for the whole answer.
func (p *Provider) Call(ctx context.Context, c playground.Call) (playground.Reply, error) {
	var answer completion
	if err := p.wire.JSON(ctx, p.request(c, false), &answer); err != nil {
		return playground.Reply{}, err
	}
	r := answer.reply()
	r.Model = orDefault(r.Model, c.Model)
	return r, nil
}

// Stream makes one call and gives its parts as they arrive.
func (p *Provider) Stream(ctx context.Context, c playground.Call) iter.Seq2[playground.Part, error] {
	return p.wire.Stream(ctx, p.request(c, true), wire.ServerSent, func() wire.Decoder { return &decoder{model: c.Model} })
}

// post wraps a body for one of the paths of the API.
func (p *Provider) post(path, model string, body any) wire.Request {
	r := wire.Request{Method: http.MethodPost, Path: path, Header: p.header(), Query: p.query(), Body: body, Model: model}
	if p.flavor == azure && p.options.APIVersion != "" {
		if model == "" || model == "." || model == ".." {
			r.Fault = pmerr.New(pmerr.InvalidRequest, "azure_openai has no deployment %q", model)
		}
		r.Path = "/deployments/" + url.PathEscape(model) + path
	}
	return r
}

func (p *Provider) header() http.Header {
	h := http.Header{}
	if p.options.Organization != "" {
		h.Set("OpenAI-Organization", p.options.Organization)
	}
	if p.options.Project != "" {
		h.Set("OpenAI-Project", p.options.Project)
	}
	return h
}

func (p *Provider) query() url.Values {
	if p.flavor != azure || p.options.APIVersion == "" {
		return nil
	}
	return url.Values{"api-version": {p.options.APIVersion}}
}
