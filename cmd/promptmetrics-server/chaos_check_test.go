package main_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

// checkHeard wants every stubborn write acknowledged in the end.
func (l *ledger) checkHeard(t *testing.T) {
	t.Helper()
	for _, kind := range []string{aLog, aBatch} {
		require.NotEmpty(t, l.things[kind])
		for name, one := range l.things[kind] {
			require.True(t, one.acknowledged, "%s %s", kind, name)
		}
	}
}

// checkMetrics wants the metrics to count exactly the logs that were acknowledged.
func (l *ledger) checkMetrics(t *testing.T, s *servertest.Server, key string) {
	t.Helper()
	logs := int64(len(l.things[aLog]) + batchSize*len(l.things[aBatch]))
	tokens := int64(len(l.things[aBatch]) * batchSize * (batchSize - 1) / 2)
	type totals struct {
		Requests int64   `json:"request_count"`
		Tokens   int64   `json:"total_tokens"`
		Errors   float64 `json:"log_error_rate"`
	}
	want := totals{Requests: logs, Tokens: tokens}
	ask := func(path string, into any) {
		t.Helper()
		status, answer := s.Ask(t, key, "GET", path, "")
		require.Equal(t, 200, status, answer)
		require.NoError(t, json.Unmarshal([]byte(answer), into), answer)
	}
	var series struct {
		Daily []totals `json:"daily"`
		Total totals   `json:"total"`
	}
	ask("/v1/metrics/time-series", &series)
	require.Equal(t, want, series.Total)
	days := totals{}
	for _, day := range series.Daily {
		days.Requests += day.Requests
		days.Tokens += day.Tokens
	}
	require.Equal(t, want, days)
	var list struct {
		Total int64 `json:"total"`
	}
	ask("/v1/logs?limit=1", &list)
	require.Equal(t, logs, list.Total)
}

// checkSums wants every counter and every sum of a database to be that of its
// rows, in every workspace. No node runs meanwhile.
func checkSums(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	zero := func(what, query string) {
		t.Helper()
		var n int64
		require.NoError(t, conn.QueryRow(t.Context(), query).Scan(&n), what)
		require.Zero(t, n, what)
	}
	for kind, table := range map[string]string{
		"logs": "pm_logs", "audit": "pm_audit", "traces": "pm_traces", "spans": "pm_spans", "runs": "pm_runs",
		"prompts": "pm_prompts", "versions": "pm_prompt_versions", "evaluation_runs": "pm_evaluation_runs",
		"evaluation_results": "pm_evaluation_results",
	} {
		zero("the counter of "+kind, fmt.Sprintf(`SELECT count(*) FROM (SELECT workspace_id, count(*) AS n FROM %s GROUP BY 1) AS l
FULL JOIN (SELECT * FROM pm_counters WHERE kind = '%s') AS c USING (workspace_id) WHERE coalesce(l.n, 0) <> coalesce(c.alive, 0)`, table, kind))
	}
	for _, table := range []string{"pm_logs", "pm_audit", "pm_traces", "pm_spans", "pm_runs"} {
		zero("ids of "+table, fmt.Sprintf("SELECT count(*) - count(DISTINCT (workspace_id, id)) FROM %s", table))
	}
	zero("totals of logs", `SELECT count(*) FROM (
	SELECT workspace_id, prompt_name, version_tag, coalesce(provider, '') AS provider, coalesce(model, '') AS model, status, count(*) AS n
	FROM pm_logs GROUP BY 1, 2, 3, 4, 5, 6) AS l
FULL JOIN pm_log_totals AS t USING (workspace_id, prompt_name, version_tag, provider, model, status) WHERE l.n IS DISTINCT FROM t.alive`)
	zero("days of logs", `SELECT count(*) FROM (
	SELECT workspace_id, created_at / 86400000000 AS day, count(*) AS n, coalesce(sum(tokens_in), 0) AS tokens, count(latency_ms) AS latencies
	FROM pm_logs GROUP BY 1, 2) AS l FULL JOIN pm_log_days AS d USING (workspace_id, day)
WHERE l.n IS DISTINCT FROM d.requests OR l.tokens IS DISTINCT FROM d.tokens_in OR l.latencies IS DISTINCT FROM d.latencies`)
	zero("days of prompts", `SELECT count(*) FROM (
	SELECT workspace_id, created_at / 86400000000 AS day, prompt_name, version_tag, count(*) AS n
	FROM pm_logs GROUP BY 1, 2, 3, 4) AS l FULL JOIN pm_log_prompt_days AS d USING (workspace_id, day, prompt_name, version_tag)
WHERE l.n IS DISTINCT FROM d.requests`)
	zero("rows of the run", "SELECT count(*) - count(DISTINCT (workspace_id, run_id, row_id)) FROM pm_evaluation_run_rows")
	zero("days of evaluations", `SELECT count(*) FROM (
	SELECT workspace_id, evaluation_id, created_at / 86400000000 AS day, count(*) AS n FROM pm_evaluation_results GROUP BY 1, 2, 3) AS l
FULL JOIN pm_evaluation_days AS d USING (workspace_id, evaluation_id, day) WHERE l.n IS DISTINCT FROM d.results`)
}
