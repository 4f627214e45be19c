package ollama

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// Options say how to reach Ollama.
type Options struct {
	// APIKey is the secret that requests carry, for servers behind a gateway
	// and for Ollama's own. Most want none.
	APIKey string `json:"-"`
	// BaseURL is the address without "/api". Default http://localhost:11434.
	BaseURL string

	// HTTPClient makes the requests. Redirects are not followed, and its
	// Timeout is not used. Default: one of its own, with the proxy of the
	// environment.
	HTTPClient *http.Client
	// Timeout bounds a call with its repetitions, and each wait for a part of a
	// stream. Default 5 min.
	Timeout time.Duration
	// Retries is how often a call is tried again that failed before anything
	// was answered. Default 2; negative: never; at most 10.
	Retries int
	// BreakAfter is how many calls have to fail in a row to be refused without
	// asking the provider, for BreakFor. Default 5 and 30 s; negative: never.
	BreakAfter int
	BreakFor   time.Duration
	// Logger hears of repetitions and of the breaker. Default: silence.
	Logger *slog.Logger
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.BaseURL == "" {
		o.BaseURL = "http://localhost:11434"
	}
	o.BaseURL = strings.TrimSuffix(strings.TrimRight(o.BaseURL, "/"), "/api")
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func (o Options) config() wire.Config {
	return wire.Config{
		Name: "ollama", BaseURL: o.BaseURL, BaseVariable: "OLLAMA_BASE_URL",
		APIKey:     o.APIKey,
		HTTPClient: o.HTTPClient, Timeout: o.Timeout, Retries: o.Retries,
		BreakAfter: o.BreakAfter, BreakFor: o.BreakFor, Logger: o.Logger, Now: o.Now,
	}
}

// Format prints options without the key, however they are printed.
func (o Options) Format(f fmt.State, verb rune) {
	type plain Options
	if o.APIKey != "" {
		o.APIKey = "[redacted]"
	}
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}
