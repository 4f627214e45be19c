package wire

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Defaults of what a provider's Options leave out.
const (
	DefaultTimeout    = 5 * time.Minute
	DefaultRetries    = 2
	DefaultBreakAfter = 5
	DefaultBreakFor   = 30 * time.Second
)

// Config is a provider's Options, put into one form.
type Config struct {
	// Name is what requests call the provider; it is in every message.
	Name string
	// BaseURL is where it answers, without the paths of its API. Faults call
	// it Options.BaseURL and name BaseVariable, the variable that the server
	// reads it from, if there is one.
	BaseURL, BaseVariable string
	// APIKey goes with every request by Authorize. NeedsKey says that there is
	// no call without one. KeyVariable is the variable that the server reads
	// it from, if there is one.
	APIKey, KeyVariable string
	NeedsKey            bool
	Authorize           func(h http.Header, key string)

	// The rest is as in Options.
	HTTPClient *http.Client
	Timeout    time.Duration
	Retries    int
	BreakAfter int
	BreakFor   time.Duration
	Logger     *slog.Logger
	Now        func() time.Time

	// Policy tells a refusal by a content policy from others by the words that
	// this provider uses for it. Default: those that all have in common.
	Policy func(Words) bool
}

func (c Config) withDefaults() Config {
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Retries == 0 {
		c.Retries = DefaultRetries
	}
	if c.BreakAfter == 0 {
		c.BreakAfter = DefaultBreakAfter
	}
	if c.BreakFor == 0 {
		c.BreakFor = DefaultBreakFor
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Authorize == nil {
		c.Authorize = Bearer
	}
	if c.Policy == nil {
		c.Policy = func(Words) bool { return false }
	}
	return c
}

// Bearer sends the key as most services want it.
func Bearer(h http.Header, key string) { h.Set("Authorization", "Bearer "+key) }

// longestKey bounds a key; real ones are below 300 characters, tokens of
// identity services below 4,000.
const longestKey = 16 << 10

// validate names every fault, and never the value of a key or of an address,
// which may hold one.
func (c Config) validate() (*url.URL, error) {
	var faults []error
	check := func(ok bool, format string, args ...any) bool {
		if !ok {
			faults = append(faults, errors.New(c.Name+": "+fmt.Sprintf(format, args...)))
		}
		return ok
	}
	check(c.APIKey != "" || !c.NeedsKey, "Options.APIKey is missing%s", hint(": set ", c.KeyVariable))
	check(len(c.APIKey) <= longestKey && printable(c.APIKey),
		"Options.APIKey has characters that no key has, such as spaces or line ends%s", hint(": check ", c.KeyVariable))
	check(c.Timeout > 0, "Options.Timeout must not be negative")
	check(c.BreakFor > 0, "Options.BreakFor must not be negative")
	check(c.Retries <= 10, "Options.Retries must be at most 10")
	base := c.base(check)
	return base, errors.Join(faults...)
}

// base reads the address; check collects what is wrong with it.
func (c Config) base(check func(ok bool, format string, args ...any) bool) *url.URL {
	or := hint(" (", c.BaseVariable)
	if or != "" {
		or += ")"
	}
	if !check(c.BaseURL != "", "Options.BaseURL%s is missing: give the address of the provider", or) {
		return nil
	}
	u, err := url.Parse(c.BaseURL)
	if !check(err == nil && printable(c.BaseURL), "Options.BaseURL%s is no address", or) {
		return nil
	}
	ok := check(u.Scheme == "http" || u.Scheme == "https", "Options.BaseURL%s must start with http:// or https://", or)
	ok = check(u.Hostname() != "" && u.Opaque == "", "Options.BaseURL%s must name a host", or) && ok
	ok = check(u.User == nil, "Options.BaseURL%s must not hold credentials: give the key as Options.APIKey", or) && ok
	ok = check(u.RawQuery == "" && !u.ForceQuery && u.Fragment == "", "Options.BaseURL%s must have no query and no fragment", or) && ok
	if !ok {
		return nil
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u
}

func hint(before, variable string) string {
	if variable == "" {
		return ""
	}
	return before + variable
}

// printable reports whether a text is ASCII without spaces and controls.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
