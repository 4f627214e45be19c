package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/telemetry/jsonlines"
	"github.com/promptmetrics-go/promptmetrics/telemetry/otelexport"
)

// observing is who hears of telemetry.
type observing struct {
	// export is where OpenTelemetry goes; nil for nowhere.
	export *otelexport.Options
	// idle tells that a collector is named, but nobody said whether to export.
	idle bool
	// lines writes each model call as a line on standard output.
	lines bool
}

// readObserving reads the variables that OpenTelemetry has for its exporters.
// They may be there for other programs too, so nothing of them is looked at
// unless OTEL_ENABLED is true.
func readObserving(e *environment, at address) observing {
	o := observing{lines: e.boolean("LOG_METADATA_STDOUT")}
	before := len(e.faults)
	if !e.boolean("OTEL_ENABLED") {
		o.idle = e.text("OTEL_ENABLED", "") == "" && e.text("OTEL_EXPORTER_OTLP_ENDPOINT", "") != ""
		return o
	}
	if protocol := e.text("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"); protocol != "http/protobuf" {
		e.fault("OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf, not %s: set OTEL_EXPORTER_OTLP_ENDPOINT to where the collector takes OTLP over HTTP, usually port 4318", excerpt(protocol))
	}
	traces := e.oneOf("OTEL_TRACES_EXPORTER", "otlp", "otlp", "none") == "otlp"
	metrics := e.oneOf("OTEL_METRICS_EXPORTER", "otlp", "otlp", "none") == "otlp"
	o.export = &otelexport.Options{
		Headers:        readPairs(e, "OTEL_EXPORTER_OTLP_HEADERS", e.text("OTEL_EXPORTER_OTLP_HEADERS", "")),
		Timeout:        milliseconds(e.integer("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000, 1, 600_000)),
		MetricInterval: milliseconds(e.integer("OTEL_METRIC_EXPORT_INTERVAL", 60_000, 100, msPerDay)),
		Resource:       readPairs(e, "OTEL_RESOURCE_ATTRIBUTES", e.text("OTEL_RESOURCE_ATTRIBUTES", "")),
		CaptureContent: e.boolean("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"),
		ServiceVersion: version(),
	}
	o.export.ServiceName = e.text("OTEL_SERVICE_NAME", o.export.Resource["service.name"])
	base := readCollector(e, at, "OTEL_EXPORTER_OTLP_ENDPOINT", e.text("OTEL_EXPORTER_OTLP_ENDPOINT", ""))
	if traces {
		o.export.TracesURL = readCollector(e, at, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", e.text("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", below(base, "v1/traces")))
	}
	if metrics {
		o.export.MetricsURL = readCollector(e, at, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", e.text("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", below(base, "v1/metrics")))
	}
	switch set := e.text("OTEL_EXPORTER_OTLP_ENDPOINT", ""); {
	case !traces && !metrics:
		e.fault("OTEL_TRACES_EXPORTER and OTEL_METRICS_EXPORTER are both none: remove one of them, or set OTEL_ENABLED to false")
	case set == "" && (traces && o.export.TracesURL == "" || metrics && o.export.MetricsURL == "") && len(e.faults) == before:
		e.fault("OTEL_EXPORTER_OTLP_ENDPOINT must be set when OTEL_ENABLED is true, such as http://localhost:4318")
	}
	if len(e.faults) == before {
		checkExport(e, o.export)
	}
	return o
}

// checkExport finds what is wrong with a header: the rest was looked at.
func checkExport(e *environment, o *otelexport.Options) {
	made, err := otelexport.New(*o)
	if err != nil {
		for fault := range strings.Lines(err.Error()) {
			e.fault("%s", strings.TrimSpace(strings.NewReplacer("Options.Headers", "OTEL_EXPORTER_OTLP_HEADERS").Replace(fault)))
		}
		return
	}
	_ = made.Close(context.Background()) // it has heard nothing
}

// readCollector checks the address of a collector. Its value is never shown: its
// query may hold a key.
func readCollector(e *environment, at address, name, text string) string {
	if text == "" {
		return ""
	}
	if err := otelexport.CheckURL(text); err != nil {
		e.fault("%s %v", name, err)
		return ""
	}
	u, err := url.Parse(text)
	if err == nil && at.port != 0 && u.Port() == strconv.FormatInt(at.port, 10) && at.here(u.Hostname()) {
		e.fault("%s is this server itself, which listens on port %d: set it to the address of a collector", name, at.port)
		return ""
	}
	return text
}

// here tells whether a host is this address, as far as names tell.
func (a address) here(host string) bool {
	if host == "localhost" || strings.EqualFold(host, a.host) {
		return true
	}
	if name, err := os.Hostname(); err == nil && strings.EqualFold(host, name) {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// below gives the address of something at a collector, "" at none.
func below(base, path string) string {
	u, err := url.Parse(base)
	if base == "" || err != nil {
		return ""
	}
	return u.JoinPath(path).String()
}

// readPairs reads name=value,name=value with values that are percent-encoded, as
// OpenTelemetry writes headers and attributes. It never shows them.
func readPairs(e *environment, name, text string) map[string]string {
	pairs := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		decoded, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || key == "" || err != nil {
			e.fault("%s must be name=value pairs with commas between them, their values percent-encoded, such as a=1,b=two%%20words", name)
			return nil
		}
		pairs[key] = decoded
	}
	return pairs
}

// observer is one who hears of telemetry and has something to finish.
type observer interface {
	telemetry.Observer
	Close(ctx context.Context) error
}

// observers are those of the configuration.
func (p *program) observers(ctx context.Context, c config, log *slog.Logger) ([]observer, error) {
	var all []observer
	if c.observing.lines {
		// A reader of standard output that goes away must not end the server, as
		// it would if nobody asked for the signal. It is not ignored, or the
		// programs that this one starts would ignore it too.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
		all = append(all, jsonlines.New(p.out, jsonlines.Options{Logger: log}))
	}
	if c.observing.idle {
		log.Info("OTEL_EXPORTER_OTLP_ENDPOINT is set, but nothing is exported: OTEL_ENABLED=true does that, OTEL_ENABLED=false ends this line")
	}
	if c.observing.export != nil {
		o := *c.observing.export
		o.Logger = log
		exporter, err := otelexport.New(o)
		if err != nil {
			return nil, errors.Join(err, finish(ctx, all))
		}
		all = append(all, exporter)
		log.Info("telemetry is exported by OpenTelemetry", "spans", shown(o.TracesURL), "metrics", shown(o.MetricsURL), "content", o.CaptureContent)
	}
	return all, nil
}

// shown is an address without a query, which may hold a key.
func shown(address string) string {
	if address == "" {
		return "none"
	}
	bare, _, _ := strings.Cut(address, "?")
	return bare
}

// observersTimeout bounds what observers do once everything was recorded. With
// what comes before it, it fits into the 30 s that a server gets to stop.
const observersTimeout = 5 * time.Second

// finish lets all observers finish, at the same time, whatever has ended the
// context.
func finish(ctx context.Context, all []observer) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), observersTimeout)
	defer cancel()
	ended := make(chan error)
	for _, one := range all {
		go func() { ended <- one.Close(ctx) }()
	}
	var err error
	for range all {
		err = errors.Join(err, <-ended)
	}
	return err
}
