package prom

import (
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/promptmetrics-go/promptmetrics/httpapi"
)

// HTTP observes the requests of one or several APIs: give it as
// [httpapi.Options].Observer, and register it.
type HTTP struct {
	requests, bytes *prometheus.CounterVec
	took            *prometheus.HistogramVec
	inFlight        prometheus.Gauge

	// known leads to the metrics of a kind of request without the vectors'
	// search by label; it is replaced, never changed.
	known atomic.Pointer[map[series]metrics]
	mu    sync.Mutex // held by who replaces known
}

var (
	_ prometheus.Collector = (*HTTP)(nil)
	_ httpapi.Observer     = (*HTTP)(nil)
)

// nativeReset is how often native buckets that became too many may begin anew.
const nativeReset = time.Hour

// series are the labels of a request.
type series struct {
	method, route string
	status        int
}

// metrics are what a request of a series moves.
type metrics struct {
	requests, bytes prometheus.Counter
	took            prometheus.Observer
}

// NewHTTP makes an observer. Its histogram has classic buckets from 0.1 ms to
// 10 s and, for servers that scrape them, native ones.
func NewHTTP() *HTTP {
	const subsystem = "http"
	by := []string{"method", "route"}
	h := &HTTP{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "requests_total",
			Help: "Requests that were answered; the code 0 is a connection that was cut off.",
		}, append(by, "code")),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "response_body_bytes_total",
			Help: "Bytes of the bodies of answers.",
		}, by),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "request_duration_seconds",
			Help:                            "How long requests took until their answer was written.",
			Buckets:                         []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: nativeReset,
		}, by),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "requests_in_flight",
			Help: "Requests that are being answered.",
		}),
	}
	h.known.Store(&map[series]metrics{})
	return h
}

// RequestBegins implements [httpapi.Observer].
func (h *HTTP) RequestBegins() { h.inFlight.Inc() }

// RequestEnds implements [httpapi.Observer].
func (h *HTTP) RequestEnds(o httpapi.Observation) {
	h.inFlight.Dec()
	key := series{o.Method, o.Route, o.Status}
	m, ok := (*h.known.Load())[key]
	if !ok {
		m = h.learn(key)
	}
	m.requests.Inc()
	m.bytes.Add(float64(o.Bytes))
	m.took.Observe(o.Took.Seconds())
}

// learn adds a series. There are as many as routes, methods and codes that are
// in use, which is a few hundred at most.
func (h *HTTP) learn(key series) metrics {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := *h.known.Load()
	if m, ok := now[key]; ok {
		return m
	}
	m := metrics{
		requests: h.requests.WithLabelValues(key.method, key.route, strconv.Itoa(key.status)),
		bytes:    h.bytes.WithLabelValues(key.method, key.route),
		took:     h.took.WithLabelValues(key.method, key.route),
	}
	next := maps.Clone(now)
	next[key] = m
	h.known.Store(&next)
	return m
}

// Describe implements [prometheus.Collector].
func (h *HTTP) Describe(to chan<- *prometheus.Desc) {
	for _, c := range h.all() {
		c.Describe(to)
	}
}

// Collect implements [prometheus.Collector].
func (h *HTTP) Collect(to chan<- prometheus.Metric) {
	for _, c := range h.all() {
		c.Collect(to)
	}
}

func (h *HTTP) all() []prometheus.Collector {
	return []prometheus.Collector{h.requests, h.bytes, h.took, h.inFlight}
}
