package client

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Options configures a [Client]. The zero value works against a server that
// asks for no key.
type Options struct {
	// APIKey is sent with every request, to this server only. It never appears
	// in an error or in the log. Empty sends none.
	APIKey string `json:"-"`
	// Workspace of the handles on the Client itself. A key that belongs to
	// another workspace than this one is refused by the server.
	// Default: "default".
	Workspace string

	// HTTPClient sends the requests; its redirect policy is replaced, as
	// redirects are never followed. Its Timeout, if any, also cuts exports.
	// Default: one of the client's own, which uses no proxy.
	HTTPClient *http.Client
	// UserAgent names the program to the server. Default: "promptmetrics-go".
	UserAgent string
	// Timeout bounds each attempt of a call, from connecting to the last byte.
	// For exports it bounds each pause between two pieces. Default: 10 s.
	Timeout time.Duration
	// ModelTimeout is Timeout for calls of models; for streams it bounds each
	// pause between two parts. Default: 5 min.
	ModelTimeout time.Duration
	// Retries is how often a call that failed in passing (429, any 5xx, or a
	// broken connection) is repeated. Negative: never. Default: 3.
	Retries int
	// MaxWait is the longest pause before a repetition. When the server asks
	// for a longer one, its error is returned at once and RetryAfter says for
	// how long. Default: 30 s.
	MaxWait time.Duration
	// MaxAnswer is the largest answer that is read, in bytes; exports are not
	// limited as a whole. Default: 64 MiB.
	MaxAnswer int64

	// CacheTTL is how long a prompt is served without asking the server again.
	// Negative turns the cache off. Default: 60 s.
	CacheTTL time.Duration
	// CacheSize is how many prompt files are kept, counting each version, range
	// and label that was asked for. Default: 1,000.
	CacheSize int
	// Limits bounds the rendering of a prompt. Default: the registry's.
	Limits registry.Limits

	// Fallback holds prompts for when the server cannot be reached: a checkout
	// of the prompt repository, an export, or a folder of prompt files, often
	// from go:embed. Default: none.
	Fallback fs.FS
	// FallbackAfter is how long a Get waits for a silent server before it takes
	// a file of Fallback. Default: 5 s.
	FallbackAfter time.Duration

	// Logger hears of repeated calls (debug), failed refreshes and broken
	// fallback files (warn). Default: slog.Default().
	Logger *slog.Logger
	// Now is the clock of the cache. Default: time.Now.
	Now func() time.Time
}

// String leaves the key out, so that printed options do not leak it.
func (o Options) String() string { return "client.Options{Workspace:" + o.Workspace + "}" }

// GoString leaves the key out, as String does.
func (o Options) GoString() string { return o.String() }

// LogValue leaves the key out, as String does.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

func (o Options) withDefaults() Options {
	if o.Workspace == "" {
		o.Workspace = workspace.Default().String()
	}
	if o.UserAgent == "" {
		o.UserAgent = "promptmetrics-go"
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.ModelTimeout == 0 {
		o.ModelTimeout = 5 * time.Minute
	}
	if o.Retries == 0 {
		o.Retries = 3
	}
	if o.MaxWait == 0 {
		o.MaxWait = 30 * time.Second
	}
	if o.MaxAnswer == 0 {
		o.MaxAnswer = 64 << 20
	}
	if o.CacheTTL == 0 {
		o.CacheTTL = time.Minute
	}
	if o.CacheSize == 0 {
		o.CacheSize = 1000
	}
	if o.FallbackAfter == 0 {
		o.FallbackAfter = 5 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// validate names every option that cannot work, and what would.
func (o Options) validate() []string {
	var faults []string
	check := func(ok bool, fault string) {
		if !ok {
			faults = append(faults, fault)
		}
	}
	check(isToken(o.APIKey), "APIKey must be printable ASCII without spaces; trim a line end that came with it")
	check(workspace.Valid(o.Workspace), "Workspace must be 1 to 128 letters, digits, '_' or '-'")
	check(isPrintable(o.UserAgent) && len(o.UserAgent) <= 256, "UserAgent must be at most 256 printable ASCII characters")
	check(o.Timeout > 0, "Timeout must be positive; leave it zero for 10 s")
	check(o.ModelTimeout > 0, "ModelTimeout must be positive; leave it zero for 5 min")
	check(o.Retries <= 20, "Retries must be at most 20; use a negative number for none")
	check(o.MaxWait > 0, "MaxWait must be positive; leave it zero for 30 s")
	check(o.MaxAnswer > 0, "MaxAnswer must be positive; leave it zero for 64 MiB")
	check(o.CacheSize > 0, "CacheSize must be positive; to have no cache set CacheTTL to -1")
	check(o.FallbackAfter > 0, "FallbackAfter must be positive; leave it zero for 5 s")
	return faults
}

// parseBase checks the server's address and cuts its last slash.
func parseBase(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	// The text is not echoed: an address may carry a password.
	switch {
	case err != nil:
		return nil, pmerr.Invalid("baseURL must be an address such as https://prompts.example.com")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return nil, pmerr.Invalid("baseURL must begin with http:// or https:// and name a host")
	case u.User != nil:
		return nil, pmerr.Invalid("baseURL must not hold a user or password; use APIKey, or an HTTPClient that logs in")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, pmerr.Invalid("baseURL must end with its path; leave '?' and '#' out")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/")}, nil
}

// isToken reports whether a header can carry s as one word.
func isToken(s string) bool { return isPrintable(s) && !strings.Contains(s, " ") }

func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Format prints options without the key, however they are printed.
func (o Options) Format(f fmt.State, verb rune) {
	type plain Options
	if o.APIKey != "" {
		o.APIKey = "[redacted]"
	}
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}
