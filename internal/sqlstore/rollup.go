package sqlstore

import (
	"context"
	"fmt"
	"strconv"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/histogram"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// microsPerDay makes the day bucket of a stored time.
const microsPerDay = 86_400_000_000

// rollup sums up logs of one workspace and one moment. The metrics read
// nothing but these sums, so they take the same time over ten logs and over
// ten million.
type rollup struct {
	ws        string
	day       int64
	sum       sums
	latencies histogram.Histogram
	byPrompt  map[[2]string]*sums
	totals    map[totalKey]int64
}

type totalKey struct{ prompt, version, provider, model, status string }

type sums struct {
	requests, errors, tokensIn, tokensOut, latencies, latencyMS int64
	cost                                                        float64
}

func newRollup(ws string, at int64) *rollup {
	return &rollup{ws: ws, day: at / microsPerDay, byPrompt: map[[2]string]*sums{}, totals: map[totalKey]int64{}}
}

func (r *rollup) add(l *logInsert) {
	prompt := [2]string{l.prompt, l.version}
	of := r.byPrompt[prompt]
	if of == nil {
		of = &sums{}
		r.byPrompt[prompt] = of
	}
	of.add(l)
	r.sum.add(l)
	status := telemetry.OK
	if l.failed {
		status = telemetry.Failed
	}
	if l.timed {
		r.latencies.Add(l.latencyMS)
	}
	r.totals[totalKey{l.prompt, l.version, l.provider, l.model, string(status)}]++
}

func (s *sums) add(l *logInsert) {
	s.requests++
	if l.failed {
		s.errors++
	}
	s.tokensIn = saturate(s.tokensIn, l.tokensIn)
	s.tokensOut = saturate(s.tokensOut, l.tokensOut)
	s.cost += l.cost
	if l.timed {
		s.latencies++
		s.latencyMS = saturate(s.latencyMS, l.latencyMS)
	}
}

// saturate keeps hostile numbers from overflowing a sum: a log counts at most
// for maxAddend.
func saturate(sum, n int64) int64 { return sum + min(n, maxAddend) }

const maxAddend = 1 << 40

func valueOf[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

const (
	daySQL = `INSERT INTO pm_log_days (workspace_id, day, requests, errors, tokens_in, tokens_out, cost_usd, latencies, latency_ms, histogram)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (workspace_id, day) DO UPDATE SET
	requests = pm_log_days.requests + excluded.requests, errors = pm_log_days.errors + excluded.errors,
	tokens_in = pm_log_days.tokens_in + excluded.tokens_in, tokens_out = pm_log_days.tokens_out + excluded.tokens_out,
	cost_usd = pm_log_days.cost_usd + excluded.cost_usd, latencies = pm_log_days.latencies + excluded.latencies,
	latency_ms = pm_log_days.latency_ms + excluded.latency_ms, histogram = excluded.histogram`
	promptDaySQL = `INSERT INTO pm_log_prompt_days (workspace_id, day, prompt_name, version_tag, requests, errors, tokens_in, tokens_out, cost_usd, latencies, latency_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (workspace_id, day, prompt_name, version_tag) DO UPDATE SET
	requests = pm_log_prompt_days.requests + excluded.requests, errors = pm_log_prompt_days.errors + excluded.errors,
	tokens_in = pm_log_prompt_days.tokens_in + excluded.tokens_in, tokens_out = pm_log_prompt_days.tokens_out + excluded.tokens_out,
	cost_usd = pm_log_prompt_days.cost_usd + excluded.cost_usd, latencies = pm_log_prompt_days.latencies + excluded.latencies,
	latency_ms = pm_log_prompt_days.latency_ms + excluded.latency_ms`
	totalSQL = `INSERT INTO pm_log_totals (workspace_id, prompt_name, version_tag, provider, model, status, alive)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (workspace_id, prompt_name, version_tag, provider, model, status)
DO UPDATE SET alive = pm_log_totals.alive + excluded.alive`
)

// write adds the sums to the stored ones. The counter of logs was claimed in
// the same transaction, which keeps other nodes out until it ends: reading the
// histogram and writing it back is safe.
func (r *rollup) write(ctx context.Context, tx *db.Tx) error {
	var stored []byte
	err := tx.RunRow(ctx, "SELECT histogram FROM pm_log_days WHERE workspace_id = ? AND day = ?", r.ws, r.day).Scan(&stored)
	switch {
	case db.IsNoRows(err):
	case err != nil:
		return err
	default:
		if err := r.latencies.MergeEncoded(stored); err != nil {
			return fmt.Errorf("the stored latencies of day %d are damaged: %w", r.day, err)
		}
	}
	s := r.sum
	if _, err := tx.Run(ctx, daySQL, r.ws, r.day, s.requests, s.errors, s.tokensIn, s.tokensOut, s.cost, s.latencies, s.latencyMS,
		r.latencies.Append(nil)); err != nil {
		return err
	}
	for key, s := range r.byPrompt {
		if _, err := tx.Run(ctx, promptDaySQL, r.ws, r.day, key[0], key[1],
			s.requests, s.errors, s.tokensIn, s.tokensOut, s.cost, s.latencies, s.latencyMS); err != nil {
			return err
		}
	}
	for key, n := range r.totals {
		if _, err := tx.Run(ctx, totalSQL, r.ws, key.prompt, key.version, key.provider, key.model, key.status, n); err != nil {
			return err
		}
	}
	return nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
