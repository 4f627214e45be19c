package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/httpapi"
	"github.com/promptmetrics-go/promptmetrics/prom"
)

// Limits of the listener for metrics: scrapes come every few seconds, from one
// or two places.
const (
	scrapeTimeout = 10 * time.Second
	maxScrapes    = 4
)

// readMetricsAddress gives the address for metrics; empty for none.
func readMetricsAddress(e *environment) string {
	text := e.text("METRICS_ADDR", "")
	if text == "" {
		return ""
	}
	_, port, err := net.SplitHostPort(text)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || strconv.FormatUint(n, 10) != port {
		e.fault("METRICS_ADDR must be host:port, such as 127.0.0.1:9464, or :9464 for every network interface, not %s", excerpt(text))
	}
	return text
}

// readRequestLog reads which requests are logged.
func readRequestLog(e *environment) httpapi.RequestLog {
	switch e.oneOf("LOG_REQUESTS", "errors", "true", "false", "errors") {
	case "true":
		return httpapi.LogRequests
	case "false":
		return httpapi.LogNothing
	}
	return httpapi.LogFailures
}

// metricsServer serves GET /metrics on a listener of its own, so that metrics
// need not be where everybody can reach the API. It is nil if that is off.
type metricsServer struct {
	listener net.Listener
	requests *prom.HTTP
	server   *http.Server
	ended    chan error
}

// openMetrics listens, without serving yet.
func openMetrics(ctx context.Context, address string) (*metricsServer, error) {
	if address == "" {
		return nil, nil //nolint:nilnil // nil is what there is to close.
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("METRICS_ADDR %s cannot be listened on: %w; set METRICS_ADDR to something else", address, listenReason(err))
	}
	return &metricsServer{listener: listener, requests: prom.NewHTTP(), ended: make(chan error, 1)}, nil
}

// observer is what the API tells of its requests.
func (m *metricsServer) observer() httpapi.Observer {
	if m == nil {
		return nil
	}
	return m.requests
}

// announcement says where the metrics are.
func (m *metricsServer) announcement() string {
	if m == nil {
		return ""
	}
	host, port, err := net.SplitHostPort(m.listener.Addr().String())
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "\nMetrics for Prometheus are on http://" + net.JoinHostPort(host, port) + "/metrics"
}

// serve serves the metrics of a client until close.
func (m *metricsServer) serve(pm *promptmetrics.Client, log *slog.Logger) {
	if m == nil {
		return
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		prom.NewBuildInfo(version()), prom.NewCollector(pm), m.requests,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	errorLog := slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog: errorLog, Registry: registry, MaxRequestsInFlight: maxScrapes, Timeout: scrapeTimeout,
		// Half of the metrics are better than none when something is ill.
		ErrorHandling: promhttp.ContinueOnError,
	}))
	m.server = &http.Server{
		Handler: mux, ErrorLog: errorLog, MaxHeaderBytes: maxHeaderBytes,
		ReadTimeout: headerTimeout, WriteTimeout: 2 * scrapeTimeout, IdleTimeout: idleTimeout,
	}
	go func() { m.ended <- m.server.Serve(m.listener) }()
}

// close ends the listener. A scrape under way is cut off: the next one finds
// nobody anyway.
func (m *metricsServer) close() error {
	switch {
	case m == nil:
		return nil
	case m.server == nil:
		return m.listener.Close()
	}
	err := m.server.Close()
	if ended := <-m.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("metrics were not served any more: %w", ended))
	}
	return err
}
