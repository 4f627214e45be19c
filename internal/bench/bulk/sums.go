package bulk

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/promptmetrics-go/promptmetrics/internal/histogram"
)

const microsPerDay = 86_400_000_000

// sums are what recording the logs would have left beside them.
type sums struct {
	days    map[dayKey]*daySum
	prompts map[promptKey]*sum
	totals  map[totalKey]int64
	// counters by workspace.
	counters map[string]*counter
	// entries of the audit log, one a batch, without their ids.
	entries map[string][]int64
}

type (
	dayKey struct {
		workspace string
		day       int64
	}
	promptKey struct {
		workspace       string
		day             int64
		prompt, version string
	}
	totalKey struct{ workspace, prompt, version, provider, model, status string }
	counter  struct{ rows, last int64 }
	sum      struct {
		requests, errors, in, out, latencies, latency int64
		cost                                          float64
	}
	daySum struct {
		sum
		histogram histogram.Histogram
	}
)

func newSums() *sums {
	return &sums{
		days: map[dayKey]*daySum{}, prompts: map[promptKey]*sum{}, totals: map[totalKey]int64{},
		counters: map[string]*counter{}, entries: map[string][]int64{},
	}
}

// of gives an entry of a map, which it makes if need be.
func of[K comparable, V any](m map[K]*V, key K) *V {
	v := m[key]
	if v == nil {
		v = new(V)
		m[key] = v
	}
	return v
}

func (s *sum) add(o sum) {
	s.requests += o.requests
	s.errors += o.errors
	s.in += o.in
	s.out += o.out
	s.latencies += o.latencies
	s.latency += o.latency
	s.cost += o.cost
}

// batch notes the call that brought some logs.
func (s *sums) batch(c *call) { s.entries[c.workspace] = append(s.entries[c.workspace], c.at) }

func (s *sums) add(c *call) {
	one := sum{requests: 1, in: c.in, out: c.out, latencies: 1, latency: c.latency, cost: c.cost}
	status := "ok"
	if c.fault != 0 {
		one.errors, status = 1, "error"
	}
	d := of(s.days, dayKey{c.workspace, c.at / microsPerDay})
	d.add(one)
	d.histogram.Add(c.latency)
	of(s.prompts, promptKey{c.workspace, c.at / microsPerDay, c.prompt, c.version}).add(one)
	s.totals[totalKey{c.workspace, c.prompt, c.version, c.model.provider, c.model.name, status}]++
	n := of(s.counters, c.workspace)
	n.rows++
	n.last = max(n.last, c.at)
}

func (s *sums) merge(o *sums) {
	for key, d := range o.days {
		into := of(s.days, key)
		into.add(d.sum)
		into.histogram.Merge(&d.histogram)
	}
	for key, p := range o.prompts {
		of(s.prompts, key).add(*p)
	}
	for key, n := range o.totals {
		s.totals[key] += n
	}
	for ws, c := range o.counters {
		into := of(s.counters, ws)
		into.rows += c.rows
		into.last = max(into.last, c.last)
	}
	for ws, at := range o.entries {
		s.entries[ws] = append(s.entries[ws], at...)
	}
}

// write stores the sums.
func (s *sums) write(ctx context.Context, tx pgx.Tx) error {
	var days, prompts, totals, counters, entries [][]any
	for key, d := range s.days {
		days = append(days, []any{key.workspace, key.day, d.requests, d.errors, d.in, d.out, d.cost, d.latencies, d.latency, d.histogram.Append(nil)})
	}
	for key, p := range s.prompts {
		prompts = append(prompts, []any{key.workspace, key.day, key.prompt, key.version, p.requests, p.errors, p.in, p.out, p.cost, p.latencies, p.latency})
	}
	for key, n := range s.totals {
		totals = append(totals, []any{key.workspace, key.prompt, key.version, key.provider, key.model, key.status, n})
	}
	for ws, c := range s.counters {
		at := s.entries[ws]
		slices.Sort(at)
		for i, at := range at {
			entries = append(entries, []any{ws, at, int64(i + 1), "create_log", "bulk"})
		}
		counters = append(counters, []any{ws, "logs", c.rows, c.rows, c.last}, []any{ws, "audit", int64(len(at)), int64(len(at)), at[len(at)-1]})
	}
	for _, t := range []struct {
		name    string
		columns []string
		rows    [][]any
	}{
		{"pm_log_days", []string{"workspace_id", "day", "requests", "errors", "tokens_in", "tokens_out", "cost_usd", "latencies", "latency_ms", "histogram"}, days},
		{"pm_log_prompt_days", []string{"workspace_id", "day", "prompt_name", "version_tag", "requests", "errors", "tokens_in", "tokens_out", "cost_usd", "latencies", "latency_ms"}, prompts},
		{"pm_log_totals", []string{"workspace_id", "prompt_name", "version_tag", "provider", "model", "status", "alive"}, totals},
		{"pm_counters", []string{"workspace_id", "kind", "last_id", "alive", "last_at"}, counters},
		{"pm_audit", []string{"workspace_id", "created_at", "id", "action", "api_key_name"}, entries},
	} {
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromRows(t.rows)); err != nil {
			return err
		}
	}
	return nil
}
