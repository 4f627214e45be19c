package otelexport

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/net/http/httpguts"
)

// Options say where to export to. One of TracesURL, MetricsURL, TracerProvider
// and MeterProvider is required; spans or metrics that have neither address nor
// provider are not exported.
type Options struct {
	// TracesURL and MetricsURL are where a collector takes OTLP over HTTP, such
	// as http://localhost:4318/v1/traces and http://localhost:4318/v1/metrics.
	TracesURL, MetricsURL string `json:"-"`
	// Headers go with every request to them, such as the key of a service.
	Headers map[string]string `json:"-"`
	// Timeout bounds one request. Default 10 s.
	Timeout time.Duration
	// HTTPClient makes the requests; redirects are never followed. Default: one
	// of its own.
	HTTPClient *http.Client
	// ServiceName and ServiceVersion say who exports. Default "promptmetrics"
	// and none.
	ServiceName, ServiceVersion string
	// Resource are further attributes of who exports.
	Resource map[string]string
	// QueueSize is how many spans wait for the collector at most. Default 8192.
	QueueSize int
	// BatchDelay is how long a span waits for others to be sent with. Default 1 s.
	BatchDelay time.Duration
	// MetricInterval is how often metrics are sent. Default 60 s.
	MetricInterval time.Duration

	// TracerProvider is your program's, instead of TracesURL. The spans go where
	// it sends its own, as its sampler decides, and it remains yours to flush and
	// to shut down, after Close. Make it with [NewIDs], so that
	// spans keep the ids under which they are recorded, and set KeepsIDs.
	TracerProvider trace.TracerProvider
	// KeepsIDs says that TracerProvider was made with [NewIDs]. Without, spans
	// get ids of its own, as children of what they belong to: those that have a
	// trace_id are in that trace, but below parents that nobody sees.
	KeepsIDs bool
	// MeterProvider is your program's, instead of MetricsURL.
	MeterProvider metric.MeterProvider

	// CaptureContent exports what models read and answered, where it is known:
	// of the playground's and of evaluations' calls, and what callers put into
	// metadata under a name for it. Default false: such texts are left out.
	CaptureContent bool

	// Logger hears of a collector that does not take what it is sent, once a
	// minute at most. Default: silence.
	Logger *slog.Logger
	// Now is the clock of that minute and of repetitions. Default time.Now.
	Now func() time.Time
}

// Bounds of the options.
const maxHeaders = 64

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.ServiceName == "" {
		o.ServiceName = "promptmetrics"
	}
	if o.QueueSize == 0 {
		o.QueueSize = 8192
	}
	if o.BatchDelay == 0 {
		o.BatchDelay = time.Second
	}
	if o.MetricInterval == 0 {
		o.MetricInterval = time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// validate names every option that cannot be; never a header's value.
func (o Options) validate() error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(o.TracesURL != "" || o.MetricsURL != "" || o.TracerProvider != nil || o.MeterProvider != nil,
		"Options.TracesURL, MetricsURL, TracerProvider or MeterProvider is required: say where to export to")
	check(o.TracesURL == "" || o.TracerProvider == nil, "Options.TracesURL and Options.TracerProvider exclude each other: set one")
	check(o.MetricsURL == "" || o.MeterProvider == nil, "Options.MetricsURL and Options.MeterProvider exclude each other: set one")
	check(!o.KeepsIDs || o.TracerProvider != nil, "Options.KeepsIDs is about Options.TracerProvider, which is not set")
	for name, text := range map[string]string{"TracesURL": o.TracesURL, "MetricsURL": o.MetricsURL} {
		if text != "" {
			err := CheckURL(text)
			check(err == nil, "Options.%s %w", name, err)
		}
	}
	check(len(o.Headers) <= maxHeaders, "Options.Headers must be at most %d", maxHeaders)
	for _, name := range slices.Sorted(maps.Keys(o.Headers)) {
		check(httpguts.ValidHeaderFieldName(name) && httpguts.ValidHeaderFieldValue(o.Headers[name]), "Options.Headers: %q is no header that can be sent", name)
	}
	check(o.Timeout >= 0, "Options.Timeout must not be negative")
	check(o.QueueSize >= 0 && o.QueueSize <= 1<<20, "Options.QueueSize must be from 1 to %d", 1<<20)
	check(o.BatchDelay >= 0, "Options.BatchDelay must not be negative")
	check(o.MetricInterval >= 0, "Options.MetricInterval must not be negative")
	return errors.Join(faults...)
}

// CheckURL tells what is wrong with the address of a collector, without showing
// it.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("must be an address such as http://localhost:4318")
	case u.User != nil:
		return errors.New("must not have a user: send what authenticates as a header")
	case u.Fragment != "" || strings.HasSuffix(text, "#"):
		return errors.New("must not have a fragment")
	}
	return nil
}

// Format prints options without secrets, however they are printed: headers and
// the query of an address may hold keys.
func (o Options) Format(f fmt.State, verb rune) {
	type plain Options
	if o.Headers != nil {
		hidden := make(map[string]string, len(o.Headers))
		for name := range o.Headers {
			hidden[name] = "[redacted]"
		}
		o.Headers = hidden
	}
	o.TracesURL, o.MetricsURL = withoutQuery(o.TracesURL), withoutQuery(o.MetricsURL)
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}

// withoutQuery is an address as it may be shown.
func withoutQuery(address string) string {
	bare, _, _ := strings.Cut(address, "?")
	return bare
}
