// Package collectortest is a collector for tests: it takes OTLP over HTTP as real
// ones do, and keeps what it was sent.
package collectortest

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Collector keeps what exporters send to it.
type Collector struct {
	// URL has no slash at its end.
	URL string

	mu       sync.Mutex
	changed  chan struct{}
	answer   http.HandlerFunc
	requests []*http.Request
	traces   []*tracepb.ResourceSpans
	metrics  []*metricspb.ResourceMetrics
}

// New starts a collector that ends with the test.
func New(tb testing.TB) *Collector {
	tb.Helper()
	c := &Collector{changed: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(c.serve))
	tb.Cleanup(func() {
		server.CloseClientConnections() // what hangs on purpose hangs no longer
		server.Close()
	})
	c.URL = server.URL
	return c
}

// Traces is the address for spans.
func (c *Collector) Traces() string { return c.URL + "/v1/traces" }

// Metrics is the address for metrics.
func (c *Collector) Metrics() string { return c.URL + "/v1/metrics" }

// Answer lets a function answer instead, which keeps what it is sent only if it
// calls Accept; nil is for answering as a collector that is well.
func (c *Collector) Answer(with http.HandlerFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = with
}

func (c *Collector) serve(w http.ResponseWriter, r *http.Request) {
	// A server notices that its client is gone once it has read the request.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	c.mu.Lock()
	answer := c.answer
	c.requests = append(c.requests, r)
	c.tell()
	c.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	if err := c.Accept(r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// Accept keeps what a request holds.
func (c *Collector) Accept(r *http.Request) error {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-protobuf" || r.Header.Get("Content-Encoding") != "gzip" {
		return fmt.Errorf("%s of %q, %q", r.Method, r.Header.Get("Content-Type"), r.Header.Get("Content-Encoding"))
	}
	plain, err := gzip.NewReader(r.Body)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(plain)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.tell()
	switch r.URL.Path {
	case "/v1/traces":
		var data tracepb.TracesData
		err = proto.Unmarshal(body, &data)
		c.traces = append(c.traces, data.GetResourceSpans()...)
	case "/v1/metrics":
		var data metricspb.MetricsData
		err = proto.Unmarshal(body, &data)
		c.metrics = append(c.metrics, data.GetResourceMetrics()...)
	default:
		err = fmt.Errorf("nothing is at %s", r.URL.Path)
	}
	return err
}

// tell wakes who waits; the lock is held.
func (c *Collector) tell() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Until waits until something holds.
func (c *Collector) Until(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	patience := time.NewTimer(time.Minute)
	defer patience.Stop()
	for {
		c.mu.Lock()
		changed := c.changed
		c.mu.Unlock()
		if holds() {
			return
		}
		select {
		case <-changed:
		case <-patience.C:
			tb.Fatalf("the collector has not seen: %s", what)
		}
	}
}

// Requests are all that came, accepted or not; their bodies are read.
func (c *Collector) Requests() []*http.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*http.Request(nil), c.requests...)
}

// ResourceSpans are what was accepted.
func (c *Collector) ResourceSpans() []*tracepb.ResourceSpans {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*tracepb.ResourceSpans(nil), c.traces...)
}

// Spans are the spans in order.
func (c *Collector) Spans() (all []*tracepb.Span) {
	for _, resource := range c.ResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			all = append(all, scope.GetSpans()...)
		}
	}
	return all
}

// Histogram gives the points of a metric as they came last.
func (c *Collector) Histogram(name string) (unit string, points []*metricspb.HistogramDataPoint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range c.metrics {
		for _, scope := range resource.GetScopeMetrics() {
			for _, m := range scope.GetMetrics() {
				if m.GetName() == name {
					unit, points = m.GetUnit(), m.GetHistogram().GetDataPoints()
				}
			}
		}
	}
	return unit, points
}

// Attributes gives attributes as Go values.
func Attributes(all []*commonpb.KeyValue) map[string]any {
	out := make(map[string]any, len(all))
	for _, kv := range all {
		out[kv.GetKey()] = value(kv.GetValue())
	}
	return out
}

func value(v *commonpb.AnyValue) any {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_BoolValue:
		return v.BoolValue
	case *commonpb.AnyValue_IntValue:
		return v.IntValue
	case *commonpb.AnyValue_DoubleValue:
		return v.DoubleValue
	case *commonpb.AnyValue_ArrayValue:
		list := []any{}
		for _, one := range v.ArrayValue.GetValues() {
			list = append(list, value(one))
		}
		return list
	}
	return nil
}

// ID writes the id of a trace or a span as people do.
func ID(id []byte) string { return hex.EncodeToString(id) }
