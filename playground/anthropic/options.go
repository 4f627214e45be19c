package anthropic

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// Options say how to reach Anthropic.
type Options struct {
	// APIKey is the secret that requests carry.
	APIKey string `json:"-"`
	// BaseURL is the address without the version. Default
	// https://api.anthropic.com.
	BaseURL string
	// MaxTokens bounds the answers of calls that give no bound, for Anthropic
	// wants one. Default 8,192; at most 4,096 goes to models of Claude 3.
	MaxTokens int64

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

// defaultMaxTokens is within what every model since Claude 3.5 can write.
const defaultMaxTokens = 8192

func (o Options) withDefaults() Options {
	if o.BaseURL == "" {
		o.BaseURL = "https://api.anthropic.com"
	}
	o.BaseURL = strings.TrimSuffix(strings.TrimRight(o.BaseURL, "/"), "/v1")
	if o.MaxTokens == 0 {
		o.MaxTokens = defaultMaxTokens
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func (o Options) config() wire.Config {
	return wire.Config{
		Name: "anthropic", BaseURL: o.BaseURL, BaseVariable: "ANTHROPIC_BASE_URL",
		APIKey: o.APIKey, KeyVariable: "ANTHROPIC_API_KEY", NeedsKey: true,
		Authorize:  func(h http.Header, key string) { h.Set("X-Api-Key", key) },
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
