package otelexport_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/telemetry/otelexport"
)

// taken is a collector that takes everything at once.
type taken struct{}

func (taken) RoundTrip(r *http.Request) (*http.Response, error) {
	_, err := io.Copy(io.Discard, r.Body)
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("")), Request: r}, err
}

// BenchmarkLogged measures what hearing of a log costs who records it.
func BenchmarkLogged(b *testing.B) {
	e := exporting(b, nil, otelexport.Options{
		TracesURL: "http://collector.example/v1/traces", MetricsURL: "http://collector.example/v1/metrics", HTTPClient: &http.Client{Transport: taken{}},
	})
	one := []telemetry.Recorded{recorded(1, nil)}
	b.ReportAllocs()
	for b.Loop() {
		e.Logged(one)
	}
}

// BenchmarkExported measures the whole way of a log to the collector, apart from
// the network.
func BenchmarkExported(b *testing.B) {
	b.ReportAllocs()
	logs := make([]telemetry.Recorded, 1000)
	for i := range logs {
		logs[i] = recorded(int64(i), nil)
	}
	for b.Loop() {
		e := exporting(b, nil, otelexport.Options{
			TracesURL: "http://collector.example/v1/traces", MetricsURL: "http://collector.example/v1/metrics", HTTPClient: &http.Client{Transport: taken{}},
		})
		e.Logged(logs)
		finish(b, e)
		if s := e.Stats(); s.Exported != 1000 {
			b.Fatalf("%+v", s)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/log")
}
