package httpapi_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, atNoon)
	for _, body := range []string{
		`{"prompt_name":"dear","version_tag":"1.0.0","tokens_in":10,"tokens_out":5,"latency_ms":100,"cost_usd":2}`,
		`{"prompt_name":"cheap","version_tag":"1.0.0","tokens_in":1,"tokens_out":1,"latency_ms":100,"cost_usd":0.5,"status":"error"}`,
		`{"prompt_name":"cheap","version_tag":"1.0.0"}`,
	} {
		require.Equal(t, 202, s.send(t, worker, "POST", "/v1/logs", body).status)
	}
	s.send(t, worker, "POST", "/v1/runs", `{"workflow_name":"w","status":"failed"}`)
	s.send(t, worker, "POST", "/v1/runs", `{"workflow_name":"w"}`)
	s.send(t, worker, "POST", "/v1/evaluations", `{"name":"e","prompt_name":"dear"}`)
	s.send(t, worker, "POST", "/v1/evaluations/1/results", `{"score":0}`)
	s.send(t, worker, "POST", "/v1/evaluations/1/results", `{"score":1}`)

	const series, prompts, evaluations, activity = "/v1/metrics/time-series", "/v1/metrics/prompts", "/v1/metrics/evaluations", "/v1/metrics/activity"
	totals := `"request_count":3,"total_tokens":17,"total_cost_usd":2.5,"avg_latency_ms":100,"p50_latency_ms":100,"p95_latency_ms":100,"p99_latency_ms":100,"error_rate":0.5,"log_error_rate":0.3333333333333333`
	trend := `{"evaluation_id":1,"name":"e","prompt_name":"dear","trend":[{"date":"2026-11-23","avg_score":0.5,"result_count":2,"min_score":0,"max_score":1}]}`
	const month = `"window":"30d","start":1792886400,"end":1795478400`
	fields := func(names ...string) func(*testing.T, reply) {
		return func(t *testing.T, r reply) {
			var got map[string]any
			r.decode(t, &got)
			require.Len(t, got, len(names))
			for _, name := range names {
				require.Contains(t, got, name)
			}
		}
	}
	scenarios := []scenario{
		{
			name: "time series", key: reader, method: "GET", path: series, status: 200,
			json: `{` + month + `,"daily":[{"date":"2026-11-23",` + totals + `}],"total":{` + totals + `}}`,
		},
		{
			name: "of seven days", key: reader, method: "GET", path: series + "?window=7d", status: 200,
			json: `{"window":"7d","start":1794873600,"end":1795478400,"daily":[{"date":"2026-11-23",` + totals + `}],"total":{` + totals + `}}`,
		},
		{
			name: "of days without anything", key: reader, method: "GET", path: series + "?from=1700000000&to=1700000001", status: 200,
			json: `{"window":"custom","start":1699920000,"end":1700006400,"daily":[],"total":{"request_count":0,"total_tokens":0,"total_cost_usd":0,
				"avg_latency_ms":null,"p50_latency_ms":null,"p95_latency_ms":null,"p99_latency_ms":null,"error_rate":0,"log_error_rate":0}}`,
		},
		{
			name: "prompts by cost", key: reader, method: "GET", path: prompts, status: 200,
			json: `{` + month + `,"prompts":[
				{"prompt_name":"dear","version_tag":"1.0.0","request_count":1,"total_tokens_in":10,"total_tokens_out":5,"total_cost_usd":2,"avg_latency_ms":100,"error_rate":0},
				{"prompt_name":"cheap","version_tag":"1.0.0","request_count":2,"total_tokens_in":1,"total_tokens_out":1,"total_cost_usd":0.5,"avg_latency_ms":100,"error_rate":0.5}]}`,
		},
		{name: "evaluations", key: reader, method: "GET", path: evaluations, status: 200, json: `{` + month + `,"evaluations":[` + trend + `]}`},
		{name: "one of them", key: reader, method: "GET", path: evaluations + "?evaluation_id=1&window=30d", status: 200, json: `{` + month + `,"evaluations":[` + trend + `]}`},
		{name: "none of them", key: reader, method: "GET", path: evaluations + "?evaluation_id=2", status: 200, json: `{` + month + `,"evaluations":[]}`},
		{name: "what is no evaluation", key: reader, method: "GET", path: evaluations + "?evaluation_id=x", status: 422, fields: []string{"evaluation_id must be an integer of at least 1"}},
		{
			name: "activity", key: reader, method: "GET", path: activity + "?limit=1", status: 200,
			after: func(t *testing.T, r reply) {
				fields("window", "start", "end", "summary", "recent_runs")(t, r)
				var got struct {
					Summary map[string]int
					Runs    struct {
						Items             []struct{ Status string }
						Total, TotalPages int
						NextCursor        string
					} `json:"recent_runs"`
				}
				r.decode(t, &got)
				require.Equal(t, map[string]int{"total_runs": 2, "total_traces": 0, "total_logs": 3, "total_evaluations": 1, "active_prompts": 2, "failed_runs": 1}, got.Summary)
				require.Equal(t, []int{2, 2}, []int{got.Runs.Total, got.Runs.TotalPages})
				require.Equal(t, "running", got.Runs.Items[0].Status)
				require.NotEmpty(t, got.Runs.NextCursor)
			},
		},
		{name: "a page of activity that cannot be", key: reader, method: "GET", path: activity + "?limit=0&page=x", status: 422, fields: []string{"limit must be an integer from 1 to 100", "page must be an integer of at least 1"}},
		{name: "another workspace has nothing", key: other, method: "GET", path: prompts, status: 200, json: `{` + month + `,"prompts":[]}`},
		{name: "writers read nothing", key: writer, method: "GET", path: prompts, status: 403},
	}
	for _, path := range []string{series, prompts, evaluations, activity} {
		for _, c := range []struct{ name, query, message string }{
			{"an unknown window", "window=1y", "window must be 7d, 30d or 90d"},
			{"a window and a range", "window=7d&from=1700000000", "window and from/to exclude each other: send one of them"},
			{"an end alone", "to=1700000000", "from is required with to"},
			{"an end before its start", "from=1700000000&to=1600000000", "from must be before to"},
			{"years", "from=1&to=1700000000", "from and to must be at most 1100 days apart"},
		} {
			scenarios = append(scenarios, scenario{name: c.name + " of " + path, key: reader, method: "GET", path: path + "?" + c.query, status: 400, message: c.message})
		}
		scenarios = append(scenarios, scenario{
			name: "no seconds of " + path, key: reader, method: "GET", path: path + "?from=yesterday&to=0", status: 422,
			fields: []string{"from must be an integer from 0 to 253402300799", "to must be an integer from 1 to 253402300799"},
		})
	}
	s.run(t, scenarios)
}
