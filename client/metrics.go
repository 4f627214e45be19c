package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/promptmetrics-go/promptmetrics/metrics"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// Metrics reads the sums of one workspace.
type Metrics struct{ link link }

var _ metrics.Metrics = (*Metrics)(nil)

func rangeQuery(r metrics.Range) parameters {
	q := parameters{}
	q.text("window", r.Window)
	q.time("from", r.From)
	q.time("to", r.To)
	return q
}

func (m *Metrics) path(name string, q parameters) request {
	return request{method: http.MethodGet, path: "/v1/metrics/" + name, query: url.Values(q)}
}

// TimeSeries implements [metrics.Metrics].
func (m *Metrics) TimeSeries(ctx context.Context, r metrics.Range) (metrics.TimeSeries, error) {
	return read[metrics.TimeSeries](ctx, m.link, m.path("time-series", rangeQuery(r)))
}

// Prompts implements [metrics.Metrics].
func (m *Metrics) Prompts(ctx context.Context, r metrics.Range) (metrics.Prompts, error) {
	return read[metrics.Prompts](ctx, m.link, m.path("prompts", rangeQuery(r)))
}

// Evaluations implements [metrics.Metrics].
func (m *Metrics) Evaluations(ctx context.Context, r metrics.Range, evaluationID int64) (metrics.Evaluations, error) {
	q := rangeQuery(r)
	if evaluationID != 0 {
		q.text("evaluation_id", strconv.FormatInt(evaluationID, 10))
	}
	return read[metrics.Evaluations](ctx, m.link, m.path("evaluations", q))
}

// Activity implements [metrics.Metrics].
func (m *Metrics) Activity(ctx context.Context, r metrics.Range, p page.Request) (metrics.Activity, error) {
	q := rangeQuery(r)
	q.page(p)
	a, err := read[metrics.Activity](ctx, m.link, m.path("activity", q))
	if a.RecentRuns.Items == nil {
		a.RecentRuns.Items = []telemetry.Run{}
	}
	for i := range a.RecentRuns.Items {
		absent(&a.RecentRuns.Items[i].Input, &a.RecentRuns.Items[i].Output)
	}
	return a, err
}
