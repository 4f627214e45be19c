package httpapi

import (
	"context"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/httpapi/internal/query"
	"github.com/promptmetrics-go/promptmetrics/metrics"
)

func (a *api) registerMetrics() {
	scoped(a, operation{
		id: "getTimeSeries", method: http.MethodGet, path: "/v1/metrics/time-series", tag: "metrics",
		summary: "Get requests, cost, latency and errors by day",
	}, getTimeSeries)
	scoped(a, operation{
		id: "getPromptMetrics", method: http.MethodGet, path: "/v1/metrics/prompts", tag: "metrics",
		summary: "Get what each version of a prompt cost, the most expensive first",
	}, getPromptMetrics)
	scoped(a, operation{
		id: "getEvaluationMetrics", method: http.MethodGet, path: "/v1/metrics/evaluations", tag: "metrics",
		summary: "Get the scores of evaluations by day",
	}, getEvaluationMetrics)
	scoped(a, operation{
		id: "getActivity", method: http.MethodGet, path: "/v1/metrics/activity", tag: "metrics",
		summary: "Count what happened, with the newest workflow runs",
	}, getActivity)
}

type metricsRange struct {
	Window string `query:"window" doc:"7d, 30d (the default) or 90d: so many UTC days, today among them. Instead of from and to, which are widened to whole days."`
	query.Period
}

func (r metricsRange) Range() metrics.Range {
	from, to := r.Bounds()
	return metrics.Range{Window: r.Window, From: from, To: to}
}

func getTimeSeries(ctx context.Context, ws *promptmetrics.Workspace, in *metricsRange) (metrics.TimeSeries, error) {
	return ws.Metrics.TimeSeries(ctx, in.Range())
}

func getPromptMetrics(ctx context.Context, ws *promptmetrics.Workspace, in *metricsRange) (metrics.Prompts, error) {
	return ws.Metrics.Prompts(ctx, in.Range())
}

type evaluationRange struct {
	EvaluationID int64  `query:"evaluation_id" minimum:"1" doc:"Id of an evaluation. Default: all."`
	Window       string `query:"window" doc:"As for the time series."`
	query.Period
}

func getEvaluationMetrics(ctx context.Context, ws *promptmetrics.Workspace, in *evaluationRange) (metrics.Evaluations, error) {
	return ws.Metrics.Evaluations(ctx, metricsRange{in.Window, in.Period}.Range(), in.EvaluationID)
}

type activityRange struct {
	Window string `query:"window" doc:"As for the time series."`
	query.Period
	query.Listing
}

func getActivity(ctx context.Context, ws *promptmetrics.Workspace, in *activityRange) (metrics.Activity, error) {
	return ws.Metrics.Activity(ctx, metricsRange{in.Window, in.Period}.Range(), in.Request())
}
