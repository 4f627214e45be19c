package main

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// patience says how long a command puts up with a server.
type patience struct {
	timeout, maxWait time.Duration
	retries          int
}

// A person waits for most commands; nobody for the long ones, which also meet
// rate limits and sit them out.
var (
	hasty   = patience{timeout: 30 * time.Second, maxWait: 5 * time.Second, retries: 3}
	patient = patience{timeout: time.Minute, maxWait: 2 * time.Minute, retries: 8}
)

// connect makes a client of the server that the settings name.
func (p *program) connect(how patience) (*client.Client, error) {
	s, err := p.settings()
	if err != nil {
		return nil, err
	}
	p.hasKey = s.apiKey != ""
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // documented, and so are its proxies
	c, err := client.New(s.server, client.Options{
		APIKey:     s.apiKey,
		Workspace:  s.workspace,
		UserAgent:  "promptmetrics-cli",
		HTTPClient: &http.Client{Transport: &workspaceOfKey{next: transport, named: s.workspace != ""}},
		Timeout:    how.timeout, MaxWait: how.maxWait, Retries: how.retries,
		CacheTTL: -1,
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err == nil {
		return c, nil
	}
	// The client speaks of its options; here they have other names.
	fault := strings.NewReplacer(
		"baseURL", "the server's address (--server, PROMPTMETRICS_URL)",
		"APIKey", "the API key (--api-key, PROMPTMETRICS_API_KEY)",
		"Workspace must", "the workspace (--workspace, PROMPTMETRICS_WORKSPACE) must",
	).Replace(strings.Join(pmerr.From(err).Fields, "; "))
	if p.flags != (settings{}) {
		return nil, usage("%s", fault)
	}
	return nil, errors.New(fault)
}

// workspaceOfKey leaves the workspace to the API key, unless one was named. The
// client itself always names one.
type workspaceOfKey struct {
	next  http.RoundTripper
	named bool
}

func (t *workspaceOfKey) RoundTrip(r *http.Request) (*http.Response, error) {
	if !t.named {
		r = r.Clone(r.Context())
		r.Header.Del("X-Workspace-Id")
	}
	return t.next.RoundTrip(r)
}
