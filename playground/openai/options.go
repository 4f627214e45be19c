package openai

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// Options say how to reach a server.
type Options struct {
	// APIKey is the secret that requests carry. [New] and [NewAzure] need one;
	// many compatible servers do not.
	APIKey string `json:"-"`
	// KeyVariable is the setting that the message about a refused key tells to
	// check. Default OPENAI_API_KEY or AZURE_OPENAI_API_KEY; of compatible
	// servers Options.APIKey.
	KeyVariable string
	// BaseURL is the address up to the version, such as
	// https://api.groq.com/openai/v1; of Azure the address of the resource,
	// such as https://NAME.openai.azure.com. Default of [New]
	// https://api.openai.com/v1.
	BaseURL string
	// BaseVariable is the setting that the message about a wrong address tells
	// to check. Default OPENAI_BASE_URL or AZURE_OPENAI_BASE_URL; of compatible
	// servers Options.BaseURL.
	BaseVariable string

	// Organization and Project bill the calls, if the account has several.
	Organization, Project string
	// APIVersion makes [NewAzure] use the dated API of that version, such as
	// 2024-10-21, with a path for each deployment. Default: the v1 API, which
	// has no dates.
	APIVersion string
	// Deployments are what Models answers for Azure, which does not list them
	// by key. Default: the models that the resource could run.
	Deployments []string
	// OmitStreamOptions leaves out stream_options, by which usage is asked for
	// in streams, for servers that refuse it.
	OmitStreamOptions bool

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

// hosted gives the options of OpenAI itself.
func (o Options) hosted() Options {
	o.KeyVariable = orDefault(o.KeyVariable, "OPENAI_API_KEY")
	o.BaseVariable = orDefault(o.BaseVariable, "OPENAI_BASE_URL")
	o.BaseURL = orDefault(o.BaseURL, "https://api.openai.com/v1")
	return o
}

// azure gives the options of Azure OpenAI.
func (o Options) azure() Options {
	o.KeyVariable = orDefault(o.KeyVariable, "AZURE_OPENAI_API_KEY")
	o.BaseVariable = orDefault(o.BaseVariable, "AZURE_OPENAI_BASE_URL")
	base := strings.TrimRight(o.BaseURL, "/")
	base = strings.TrimSuffix(strings.TrimSuffix(base, "/v1"), "/openai")
	if base != "" {
		o.BaseURL = base + "/openai"
		if o.APIVersion == "" {
			o.BaseURL += "/v1"
		}
	}
	return o
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (o Options) config(name string, needsKey bool, authorize func(http.Header, string)) wire.Config {
	if o.Now == nil {
		o.Now = time.Now
	}
	return wire.Config{
		Name: name, BaseURL: o.BaseURL, BaseVariable: o.BaseVariable,
		APIKey: o.APIKey, KeyVariable: o.KeyVariable, NeedsKey: needsKey, Authorize: authorize,
		HTTPClient: o.HTTPClient, Timeout: o.Timeout, Retries: o.Retries,
		BreakAfter: o.BreakAfter, BreakFor: o.BreakFor, Logger: o.Logger, Now: o.Now,
	}
}

func (o Options) validate() error {
	var faults []error
	for name, value := range map[string]string{"Organization": o.Organization, "Project": o.Project} {
		if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
			faults = append(faults, errors.New("Options."+name+" must be printable ASCII"))
		}
	}
	if o.APIVersion != url.QueryEscape(o.APIVersion) {
		faults = append(faults, errors.New("Options.APIVersion must be a version such as 2024-10-21"))
	}
	return errors.Join(faults...)
}

// Format prints options without the key, however they are printed.
func (o Options) Format(f fmt.State, verb rune) {
	type plain Options
	if o.APIKey != "" {
		o.APIKey = "[redacted]"
	}
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}
