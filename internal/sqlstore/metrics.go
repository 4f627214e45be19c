package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/histogram"
	"github.com/promptmetrics-go/promptmetrics/metrics"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Metrics reads the daily sums of a workspace.
func (s *Store) Metrics(id workspace.ID) metrics.Store {
	return meter{s.db.Workspace(id, workspace.Actor{})}
}

type meter struct{ db *db.Workspace }

// days gives the bounds of a span as day numbers, the second one excluded.
func days(s metrics.Span) (from, to int64) {
	return db.Micros(s.Start.Time) / microsPerDay, db.Micros(s.End.Time) / microsPerDay
}

// dateOf is a day number as callers see it.
func dateOf(day int64) string { return db.Time(day * microsPerDay).Format("2006-01-02") }

// daySums are the sums of one day, or of a span.
type daySums struct {
	sums
	latency          histogram.Histogram
	runs, failedRuns int64
}

func (d *daySums) totals() metrics.Totals {
	t := metrics.Totals{
		RequestCount: d.requests, TotalTokens: d.tokensIn + d.tokensOut, TotalCostUSD: d.cost,
		AvgLatencyMS: mean(d.latencyMS, d.sums.latencies), ErrorRate: share(d.failedRuns, d.runs), LogErrorRate: share(d.errors, d.requests),
	}
	for q, into := range map[float64]**float64{0.5: &t.P50LatencyMS, 0.95: &t.P95LatencyMS, 0.99: &t.P99LatencyMS} {
		if ms, ok := d.latency.Quantile(q); ok {
			*into = &ms
		}
	}
	return t
}

func mean(sum, n int64) *float64 {
	if n == 0 {
		return nil
	}
	m := float64(sum) / float64(n)
	return &m
}

func share(part, whole int64) float64 {
	if whole <= 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// eachOf runs a query whose first placeholder is the workspace.
func eachOf(ctx context.Context, s *db.Scope, query string, args []any, fn func(*sql.Rows) error) error {
	return s.Tx().Each(ctx, query, append([]any{s.Workspace().String()}, args...), fn)
}

// Days gives each day of a span that has something, and the sum of all.
func (m meter) Days(ctx context.Context, span metrics.Span) (daily []metrics.Day, total metrics.Totals, err error) {
	byDay := map[int64]*daySums{}
	of := func(day int64) *daySums {
		if byDay[day] == nil {
			byDay[day] = &daySums{}
		}
		return byDay[day]
	}
	from, to := days(span)
	err = m.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		if err := eachOf(ctx, s, `SELECT day, requests, errors, tokens_in, tokens_out, cost_usd, latencies, latency_ms, histogram
FROM pm_log_days WHERE workspace_id = ? AND day >= ? AND day < ?`, []any{from, to}, func(rows *sql.Rows) error {
			var day int64
			var sum sums
			var encoded []byte
			if err := rows.Scan(&day, &sum.requests, &sum.errors, &sum.tokensIn, &sum.tokensOut, &sum.cost, &sum.latencies, &sum.latencyMS, &encoded); err != nil {
				return err
			}
			d := of(day)
			d.sums = sum
			if err := d.latency.MergeEncoded(encoded); err != nil {
				return fmt.Errorf("the stored latencies of day %d are damaged: %w", day, err)
			}
			return nil
		}); err != nil {
			return err
		}
		return eachOf(ctx, s, "SELECT day, runs, failed_runs FROM pm_activity_days WHERE workspace_id = ? AND day >= ? AND day < ? AND runs > 0",
			[]any{from, to}, func(rows *sql.Rows) error {
				var day, runs, failed int64
				if err := rows.Scan(&day, &runs, &failed); err != nil {
					return err
				}
				d := of(day)
				d.runs, d.failedRuns = runs, failed
				return nil
			})
	})
	var sum daySums
	for day := from; day < to; day++ {
		d := byDay[day]
		if d == nil {
			continue
		}
		daily = append(daily, metrics.Day{Date: dateOf(day), Totals: d.totals()})
		sum.merge(d)
	}
	return daily, sum.totals(), err
}

func (d *daySums) merge(o *daySums) {
	d.requests += o.requests
	d.errors += o.errors
	d.tokensIn += o.tokensIn
	d.tokensOut += o.tokensOut
	d.cost += o.cost
	d.sums.latencies += o.sums.latencies
	d.latencyMS += o.latencyMS
	d.runs += o.runs
	d.failedRuns += o.failedRuns
	d.latency.Merge(&o.latency)
}

// PromptTotals gives the versions of prompts with the highest cost.
func (m meter) PromptTotals(ctx context.Context, span metrics.Span, limit int) (all []metrics.PromptTotals, err error) {
	from, to := days(span)
	err = m.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		return eachOf(ctx, s, `SELECT prompt_name, version_tag, SUM(requests), SUM(tokens_in), SUM(tokens_out), SUM(cost_usd) AS cost,
	SUM(latencies), SUM(latency_ms), SUM(errors)
FROM pm_log_prompt_days WHERE workspace_id = ? AND day >= ? AND day < ?
GROUP BY prompt_name, version_tag ORDER BY cost DESC, prompt_name, version_tag LIMIT ?`, []any{from, to, limit}, func(rows *sql.Rows) error {
			var p metrics.PromptTotals
			var latencies, latencyMS, errors int64
			if err := rows.Scan(&p.PromptName, &p.VersionTag, &p.RequestCount, &p.TotalTokensIn, &p.TotalTokensOut, &p.TotalCostUSD,
				&latencies, &latencyMS, &errors); err != nil {
				return err
			}
			p.AvgLatencyMS, p.ErrorRate = mean(latencyMS, latencies), share(errors, p.RequestCount)
			all = append(all, p)
			return nil
		})
	})
	return all, err
}

// EvaluationTrends gives the daily scores of evaluations.
func (m meter) EvaluationTrends(ctx context.Context, span metrics.Span, evaluationID int64, limit int) (all []metrics.EvaluationTrend, err error) {
	from, to := days(span)
	query := `SELECT e.id, e.name, e.prompt_name, d.day, d.results, d.score_sum, d.score_min, d.score_max
FROM pm_evaluations AS e JOIN pm_evaluation_days AS d ON d.workspace_id = e.workspace_id AND d.evaluation_id = e.id
WHERE e.workspace_id = ? AND d.day >= ? AND d.day < ? AND e.id `
	args := []any{from, to, evaluationID}
	if evaluationID == 0 {
		query += "IN (SELECT id FROM pm_evaluations WHERE workspace_id = ? ORDER BY id DESC LIMIT ?) ORDER BY e.id DESC, d.day"
		args = []any{from, to, m.db.ID().String(), limit}
	} else {
		query += "= ? ORDER BY e.id DESC, d.day"
	}
	err = m.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		return eachOf(ctx, s, query, args, func(rows *sql.Rows) error {
			var e metrics.EvaluationTrend
			var day int64
			var d metrics.DayScores
			var sum float64
			if err := rows.Scan(&e.EvaluationID, &e.Name, &e.PromptName, &day, &d.ResultCount, &sum, &d.MinScore, &d.MaxScore); err != nil {
				return err
			}
			d.Date, d.AvgScore = dateOf(day), sum/float64(max(1, d.ResultCount))
			if last := len(all) - 1; last < 0 || all[last].EvaluationID != e.EvaluationID {
				all = append(all, e)
			}
			last := &all[len(all)-1]
			last.Trend = append(last.Trend, d)
			return nil
		})
	})
	return all, err
}

// Activity counts what happened in a span.
func (m meter) Activity(ctx context.Context, span metrics.Span) (a metrics.ActivitySummary, err error) {
	from, to := days(span)
	err = m.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		ws := s.Workspace().String()
		first := s.Tx().RunRow(ctx, `SELECT COALESCE(SUM(runs), 0), COALESCE(SUM(failed_runs), 0), COALESCE(SUM(traces), 0), COALESCE(SUM(evaluations), 0)
FROM pm_activity_days WHERE workspace_id = ? AND day >= ? AND day < ?`, ws, from, to).
			Scan(&a.TotalRuns, &a.FailedRuns, &a.TotalTraces, &a.TotalEvaluations)
		second := s.Tx().RunRow(ctx, "SELECT COALESCE(SUM(requests), 0) FROM pm_log_days WHERE workspace_id = ? AND day >= ? AND day < ?", ws, from, to).
			Scan(&a.TotalLogs)
		third := s.Tx().RunRow(ctx, "SELECT COUNT(DISTINCT prompt_name) FROM pm_log_prompt_days WHERE workspace_id = ? AND day >= ? AND day < ?", ws, from, to).
			Scan(&a.ActivePrompts)
		return cmp.Or(first, second, third)
	})
	return a, err
}
