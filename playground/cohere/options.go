package cohere

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// Options say how to reach Cohere.
type Options struct {
	// APIKey is the secret that requests carry.
	APIKey string `json:"-"`
	// BaseURL is the address without the version. Default
	// https://api.cohere.com.
	BaseURL string
	// InputType is what embeddings are for: search_document, search_query,
	// classification or clustering. Default search_document.
	InputType string

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
		o.BaseURL = "https://api.cohere.com"
	}
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")
	o.BaseURL = strings.TrimSuffix(strings.TrimSuffix(o.BaseURL, "/v1"), "/v2")
	if o.InputType == "" {
		o.InputType = "search_document"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func (o Options) config() wire.Config {
	return wire.Config{
		Name: "cohere", BaseURL: o.BaseURL, BaseVariable: "COHERE_BASE_URL",
		APIKey: o.APIKey, KeyVariable: "COHERE_API_KEY", NeedsKey: true,
		// What it takes for toxic has a status of its own.
		Policy: func(w wire.Words) bool {
			return w.Status == 498 || strings.HasPrefix(w.Message, "blocked input") || strings.HasPrefix(w.Message, "blocked output")
		},
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
