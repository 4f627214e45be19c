package httpapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/requestid"
)

// Options say how the API is served. The zero value works.
type Options struct {
	// Prefix is the path below which everything lies, such as "/prompts-api".
	// Default: none.
	Prefix string

	// Authenticate tells who a request comes from, in place of API keys, for
	// programs with a login of their own. An ErrUnauthorized refuses the
	// request with 401; any other error is answered as what it is. What the
	// identity may do is still checked here: its workspace and its scopes. Its
	// name appears in the audit log, and with KeyID 0 it is counted against the
	// rate limit by workspace and name. Default: the API key in X-API-Key, or
	// in Authorization as a bearer token.
	Authenticate func(*http.Request) (access.Identity, error)

	// WebhookSecret is the secret of the GitHub webhook. Without one the
	// webhook answers 500.
	WebhookSecret string `json:"-"`

	// MaxBodyBytes is the largest body that is read. Default 10 MiB.
	MaxBodyBytes int64

	// TrustProxy takes the address of a caller, for the audit log, from the
	// last entry of X-Forwarded-For. Set it if, and only if, one reverse proxy
	// that writes this header stands in front of the server.
	TrustProxy bool

	// Version of your program, for the OpenAPI document. Default "1".
	Version string

	// Logger hears of failures with their causes, and of requests as RequestLog
	// says. Each line has the request_id that the answer names. Default: silence.
	Logger *slog.Logger

	// RequestLog says which requests are logged: method, route, path without
	// query, status, duration_ms, bytes, remote, workspace and the name of the
	// key. Default [LogFailures].
	RequestLog RequestLog

	// Observer hears of every request, for metrics; package prom has one.
	// Default: none.
	Observer Observer

	// Now is the clock. Default time.Now.
	Now func() time.Time
}

const defaultMaxBody = 10 << 20

func (o Options) withDefaults() Options {
	o.Prefix = strings.TrimSuffix(o.Prefix, "/")
	if o.MaxBodyBytes == 0 {
		o.MaxBodyBytes = defaultMaxBody
	}
	if o.Version == "" {
		o.Version = "1"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Logger = requestid.Logger(o.Logger)
	if o.RequestLog == "" {
		o.RequestLog = LogFailures
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func (o Options) validate() error {
	var faults []string
	if !validPrefix(o.Prefix) {
		faults = append(faults, `Options.Prefix must be a path such as "/prompts-api", of letters, digits, "_", "-", "." and "~"`)
	}
	if o.MaxBodyBytes < 0 {
		faults = append(faults, "Options.MaxBodyBytes must be above 0")
	}
	switch o.RequestLog {
	case LogFailures, LogRequests, LogNothing:
	default:
		faults = append(faults, fmt.Sprintf("Options.RequestLog must be %q, %q or %q", LogFailures, LogRequests, LogNothing))
	}
	if faults != nil {
		return pmerr.Invalid(faults...)
	}
	return nil
}

// validPrefix accepts clean paths that mean the same to routers, in links and
// in HTML.
func validPrefix(prefix string) bool {
	if prefix == "" {
		return true
	}
	segments := strings.Split(prefix, "/")
	if segments[0] != "" {
		return false
	}
	for _, s := range segments[1:] {
		if s == "" || s == "." || s == ".." {
			return false
		}
		for i := range len(s) {
			c := s[i]
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("_-.~", rune(c)) {
				return false
			}
		}
	}
	return true
}

// Format prints options without the secret, however they are printed.
func (o Options) Format(f fmt.State, verb rune) {
	type plain Options
	if o.WebhookSecret != "" {
		o.WebhookSecret = "[redacted]"
	}
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}
