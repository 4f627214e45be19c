package client

import (
	"net/http"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Handles do everything that can be done in one workspace.
type Handles struct {
	Registry   *Registry
	Telemetry  *Telemetry
	Metrics    *Metrics
	Evals      *Evals
	ABTests    *ABTests
	Playground *Playground
	Budget     *Budget
	Retention  *Retention
	Compliance *Compliance
	Keys       *Keys
	Audit      *Audit
}

// Client uses one server. It is safe for concurrent use. Its own handles act in
// the workspace of [Options]; [Client.Workspace] gives those of another one.
type Client struct {
	Handles

	wire     *wire
	cache    *cache
	fallback *carried
	crew     *crew
	options  Options
	// idle closes the connections of a transport that is the client's own.
	idle func()
}

// Workspace holds the handles of one workspace. They share the connections and
// the cache of the client that made them.
type Workspace struct{ Handles }

// New makes a client of the server at baseURL, for example
// "https://prompts.example.com" or "http://10.0.0.7:3000/promptmetrics". It
// does not connect yet. Options that cannot work are an ErrValidation that
// names each of them.
func New(baseURL string, options Options) (*Client, error) {
	base, err := parseBase(baseURL)
	if err != nil {
		return nil, err
	}
	options = options.withDefaults()
	if faults := options.validate(); faults != nil {
		return nil, pmerr.Invalid(faults...)
	}
	c := &Client{crew: newCrew(), idle: func() {}}
	c.wire = newWire(base, c.httpClient(options.HTTPClient), options)
	c.wire.closed = c.crew.life.Err
	c.cache = newCache(options)
	c.fallback = newCarried(options)
	options.APIKey = ""
	c.options = options

	// validate has checked the name.
	own, err := c.Workspace(options.Workspace)
	if err != nil {
		return nil, err
	}
	c.Handles = own.Handles
	return c, nil
}

// httpClient takes the host program's client, or makes one, and forbids it to
// follow redirects: net/http would send our key header along to any host.
func (c *Client) httpClient(given *http.Client) *http.Client {
	var h http.Client
	if given != nil {
		h = *given
	} else {
		t := &http.Transport{
			ForceAttemptHTTP2:   true,
			MaxIdleConns:        64,
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     90 * time.Second,
			TLSHandshakeTimeout: 10 * time.Second,
		}
		h.Transport = t
		c.idle = t.CloseIdleConnections
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &h
}

// Workspace gives the handles of a workspace; an API key of another one is
// refused by the server when they are used. A name that none can have is an
// ErrBadRequest.
func (c *Client) Workspace(name string) (*Workspace, error) {
	id, err := workspace.Parse(name)
	if err != nil {
		return nil, err
	}
	l := link{wire: c.wire, workspace: id.String()}
	return &Workspace{Handles{
		Registry: &Registry{
			link: l, cache: c.cache, fallback: c.fallback, crew: c.crew,
			log: c.options.Logger, limits: c.options.Limits, patience: c.options.FallbackAfter,
		},
		Telemetry:  &Telemetry{link: l, now: c.options.Now},
		Metrics:    &Metrics{link: l},
		Evals:      &Evals{link: l},
		ABTests:    &ABTests{link: l, cache: c.cache},
		Playground: &Playground{link: l, timeout: c.options.ModelTimeout},
		Budget:     &Budget{link: l},
		Retention:  &Retention{link: l},
		Compliance: &Compliance{link: l},
		Keys:       &Keys{link: l},
		Audit:      &Audit{link: l},
	}}, nil
}

// Close ends the refreshes that run in the background, waits for them, and
// closes idle connections. Later calls fail with ErrUnavailable, except for
// prompts that are still cached.
func (c *Client) Close() {
	c.crew.close()
	c.idle()
}
