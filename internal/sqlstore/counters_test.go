package sqlstore_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/histogram"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// TestSumsEqualABruteForceCount does a random mix of everything that changes a
// counter, a total or a daily sum, and then counts what is really there.
func TestSumsEqualABruteForceCount(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		for seed := range uint64(3) {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				t.Parallel()
				n, clock := fresh(t, e)
				m := &mix{random: rand.New(rand.NewPCG(seed, 7)), node: n, clock: clock, days: map[int64]*day{}, last: map[string]int64{}}
				for i := range 160 {
					m.step(t)
					if i%40 == 39 {
						m.check(t)
					}
				}
				_, err := expire(t.Context(), n, clock.now().Add(time.Hour))
				require.NoError(t, err)
				m.check(t)
				require.Zero(t, ask[int](t, n, "SELECT count(*) FROM pm_logs"), "all of it was old")
				require.Zero(t, ask[int](t, n, "SELECT count(*) FROM pm_log_totals"))
				require.Zero(t, ask[int](t, n, "SELECT count(*) FROM pm_spans"))
			})
		}
	})
}

// day is what was recorded on one day in the workspace "a".
type day struct {
	requests, errors, tokensIn, tokensOut, latencies, latencyMS int64
	cost                                                        float64
	histogram                                                   histogram.Histogram
}

// mix does random things in two workspaces and remembers what it must give.
type mix struct {
	random *rand.Rand
	node   *node
	clock  *clock
	days   map[int64]*day
	last   map[string]int64 // id by workspace
	traces []string
	runs   []string
}

func (m *mix) pick(names ...string) string { return names[m.random.IntN(len(names))] }

func (m *mix) step(t *testing.T) {
	t.Helper()
	m.clock.move(time.Duration(m.random.IntN(120)) * time.Minute)
	ws := m.pick("a", "a", "b")
	s := m.node.telemetryOf(t, ws)
	switch m.random.IntN(12) {
	case 0, 1, 2, 3:
		m.record(t, ws, s)
	case 4:
		trace, err := s.CreateTrace(t.Context(), telemetry.Trace{PromptName: ptr(m.pick("p", "q"))})
		require.NoError(t, err)
		m.traces = append(m.traces, ws+trace.ID)
	case 5:
		m.withTrace(t, func(s *telemetry.Service, id string) error {
			_, err := s.AddSpans(t.Context(), id, []telemetry.Span{{Name: "x"}, {Name: "y"}, {Name: "z"}})
			return err
		})
	case 6:
		m.withTrace(t, func(s *telemetry.Service, id string) error {
			m.traces = m.traces[:len(m.traces)-1]
			return s.DeleteTrace(t.Context(), id)
		})
	case 7:
		r, err := s.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w"})
		require.NoError(t, err)
		m.runs = append(m.runs, ws+r.ID)
	case 8:
		if last := len(m.runs) - 1; last >= 0 {
			id := m.runs[last]
			m.runs = m.runs[:last]
			require.NoError(t, m.node.telemetryOf(t, id[:1]).DeleteRun(t.Context(), id[1:]))
		}
	case 9:
		_, _, err := m.node.index(t, ws).Insert(t.Context(), version(m.pick("p", "q"), fmt.Sprintf("1.%d.0", m.random.IntN(8)), m.clock.now()))
		require.NoError(t, err)
	case 10:
		name := m.pick("p", "q")
		versions, err := m.node.index(t, ws).VersionNames(t.Context(), name)
		require.NoError(t, err)
		if len(versions) > 0 {
			gone := versions[:1+m.random.IntN(len(versions))]
			_, err := m.node.index(t, ws).Remove(t.Context(), name, gone, registry.Origin{}, false)
			require.NoError(t, err)
		}
	case 11:
		m.expire(t)
	}
}

func (m *mix) record(t *testing.T, ws string, s *telemetry.Service) {
	t.Helper()
	logs := make([]telemetry.Log, 1+m.random.IntN(150))
	for i := range logs {
		l := &logs[i]
		l.PromptName, l.VersionTag = m.pick("p", "q", "r"), m.pick("1.0.0", "2.0.0")
		if m.random.IntN(2) == 0 {
			l.Model, l.Provider = ptr(m.pick("m1", "m2")), ptr(m.pick("p1", ""))
		}
		if m.random.IntN(3) > 0 {
			l.LatencyMS = ptr(m.random.Int64N(10_000))
		}
		if m.random.IntN(3) > 0 {
			l.TokensIn, l.TokensOut, l.CostUSD = ptr(m.random.Int64N(1000)), ptr(m.random.Int64N(1000)), ptr(m.random.Float64())
		}
		if m.random.IntN(4) == 0 {
			l.Status = telemetry.Failed
		}
	}
	ids, err := s.RecordBatch(t.Context(), m.pick("", "", "key1", "key2"), logs)
	if err != nil {
		require.ErrorIs(t, err, pmerr.ErrConflict, "the key was used for another number of logs")
		return
	}
	if ids[0] <= m.last[ws] {
		return // a repetition
	}
	m.last[ws] = ids[len(ids)-1]
	if ws != "a" {
		return
	}
	today := m.clock.now().Unix() / 86400
	d := m.days[today]
	if d == nil {
		d = &day{}
		m.days[today] = d
	}
	for _, l := range logs {
		d.requests++
		if l.Status == telemetry.Failed {
			d.errors++
		}
		if l.TokensIn != nil {
			d.tokensIn += *l.TokensIn
			d.tokensOut += *l.TokensOut
			d.cost += *l.CostUSD
		}
		if l.LatencyMS != nil {
			d.latencies++
			d.latencyMS += *l.LatencyMS
			d.histogram.Add(*l.LatencyMS)
		}
	}
}

func (m *mix) withTrace(t *testing.T, do func(s *telemetry.Service, id string) error) {
	t.Helper()
	if len(m.traces) == 0 {
		return
	}
	last := m.traces[len(m.traces)-1]
	require.NoError(t, do(m.node.telemetryOf(t, last[:1]), last[1:]))
}

// expire removes what is old, and checks that nothing else went.
func (m *mix) expire(t *testing.T) {
	t.Helper()
	before := m.clock.now().Add(-time.Duration(m.random.IntN(100)) * time.Hour)
	young := func() int64 {
		return ask[int64](t, m.node, "SELECT count(*) FROM pm_logs WHERE created_at >= ?", db.Micros(before))
	}
	kept := young()
	_, err := expire(t.Context(), m.node, before)
	require.NoError(t, err)
	require.Equal(t, kept, young())
	require.Equal(t, kept, ask[int64](t, m.node, "SELECT count(*) FROM pm_logs"))
	alive := func(id string) bool {
		_, err := m.node.telemetryOf(t, id[:1]).Trace(t.Context(), id[1:])
		return err == nil
	}
	m.traces = slices.DeleteFunc(m.traces, func(id string) bool { return !alive(id) })
	m.runs = slices.DeleteFunc(m.runs, func(id string) bool {
		_, err := m.node.telemetryOf(t, id[:1]).Run(t.Context(), id[1:])
		return err != nil
	})
}

func (m *mix) check(t *testing.T) {
	t.Helper()
	for kind, table := range map[string]string{
		"prompts": "pm_prompts", "versions": "pm_prompt_versions", "history": "pm_prompt_history", "logs": "pm_logs",
		"traces": "pm_traces", "spans": "pm_spans", "runs": "pm_runs", "audit": "pm_audit",
	} {
		for _, ws := range []string{"a", "b"} {
			counted := ask[int64](t, m.node, "SELECT coalesce(sum(alive), 0) FROM pm_counters WHERE workspace_id = ? AND kind = ?", ws, kind)
			require.Equal(t, ask[int64](t, m.node, "SELECT count(*) FROM "+table+" WHERE workspace_id = ?", ws), counted, "%s of %s", kind, ws)
		}
	}
	m.checkTotals(t)
	m.checkDays(t)
}

func (m *mix) checkTotals(t *testing.T) {
	t.Helper()
	read := func(query string) (rows []string) {
		require.NoError(t, m.node.db.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return tx.NewRaw(query).Scan(ctx, &rows)
		}))
		slices.Sort(rows)
		return rows
	}
	key := "workspace_id || '/' || prompt_name || '/' || version_tag || '/' || coalesce(provider, '') || '/' || coalesce(model, '') || '/' || status"
	require.Equal(t,
		read("SELECT "+key+" || '=' || CAST(count(*) AS TEXT) FROM pm_logs GROUP BY workspace_id, prompt_name, version_tag, coalesce(provider, ''), coalesce(model, ''), status, "+key),
		read("SELECT "+key+" || '=' || CAST(alive AS TEXT) FROM pm_log_totals"))
}

func (m *mix) checkDays(t *testing.T) {
	t.Helper()
	type row struct {
		Day, Requests, Errors, TokensIn, TokensOut, Latencies int64
		CostUSD                                               float64 `bun:"cost_usd"`
		LatencyMS                                             int64   `bun:"latency_ms"`
		Histogram                                             []byte
	}
	var rows, byPrompt []row
	require.NoError(t, m.node.db.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		if err := tx.NewRaw("SELECT day, requests, errors, tokens_in, tokens_out, cost_usd, latencies, latency_ms, histogram FROM pm_log_days WHERE workspace_id = 'a'").Scan(ctx, &rows); err != nil {
			return err
		}
		return tx.NewRaw(`SELECT day, CAST(sum(requests) AS BIGINT) AS requests, CAST(sum(errors) AS BIGINT) AS errors, CAST(sum(tokens_in) AS BIGINT) AS tokens_in,
CAST(sum(tokens_out) AS BIGINT) AS tokens_out, sum(cost_usd) AS cost_usd, CAST(sum(latencies) AS BIGINT) AS latencies, CAST(sum(latency_ms) AS BIGINT) AS latency_ms
FROM pm_log_prompt_days WHERE workspace_id = 'a' GROUP BY day`).Scan(ctx, &byPrompt)
	}))
	require.Len(t, rows, len(m.days), "one row a day, also when its logs are gone")
	require.Len(t, byPrompt, len(m.days))
	for _, all := range [][]row{rows, byPrompt} {
		for _, r := range all {
			want := m.days[r.Day]
			require.NotNil(t, want, "day %d", r.Day)
			require.Equal(t,
				[]int64{want.requests, want.errors, want.tokensIn, want.tokensOut, want.latencies, want.latencyMS},
				[]int64{r.Requests, r.Errors, r.TokensIn, r.TokensOut, r.Latencies, r.LatencyMS}, "day %d", r.Day)
			require.Less(t, math.Abs(want.cost-r.CostUSD), 1e-6)
			if r.Histogram != nil {
				require.Equal(t, want.histogram.Append(nil), r.Histogram, "latencies of day %d", r.Day)
			}
		}
	}
}

func TestIDsAndTimes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		t.Run("ids are consecutive and grow with time, whatever the clock says", func(t *testing.T) {
			t.Parallel()
			n, clock := fresh(t, e)
			s := n.telemetryOf(t, "a")
			for _, jump := range []time.Duration{0, time.Hour, -3 * time.Hour, 5 * time.Minute, -time.Minute, 4 * time.Hour} {
				clock.move(jump)
				_, err := s.LogBatch(t.Context(), calls("p", 3))
				require.NoError(t, err)
				_, err = s.CreateTrace(t.Context(), telemetry.Trace{})
				require.NoError(t, err)
			}
			var newest int64 = math.MaxInt64
			want := int64(18)
			for l, err := range s.ExportLogs(t.Context(), telemetry.LogFilter{}) {
				require.NoError(t, err)
				require.Equal(t, want, l.ID)
				require.LessOrEqual(t, l.CreatedAt.Unix(), newest)
				newest = l.CreatedAt.Unix()
				want--
			}
			require.Zero(t, want)
		})

		t.Run("many callers of several workspaces get ids without gaps, in the order of time", func(t *testing.T) {
			t.Parallel()
			c := e.Config(t)
			n := open(t, c)
			const callers, each = 24, 6
			var all sync.WaitGroup
			for i := range callers {
				s := n.telemetryOf(t, []string{"a", "b", "c"}[i%3])
				all.Go(func() {
					before := int64(0)
					for j := range each {
						ids, err := s.LogBatch(context.Background(), calls("p", 1+j%3))
						if err != nil {
							t.Error(err)
							return
						}
						if ids[0] <= before || ids[len(ids)-1] != ids[0]+int64(len(ids))-1 {
							t.Errorf("ids %v after %d", ids, before)
						}
						before = ids[len(ids)-1]
					}
				})
			}
			all.Wait()
			for _, ws := range []string{"a", "b", "c"} {
				ids := logIDs(t, n.telemetryOf(t, ws))
				require.Len(t, ids, callers/3*each*2)
				for i, id := range ids {
					require.Equal(t, int64(len(ids)-i), id)
				}
			}
		})

		t.Run("a filter by time takes the first second and leaves the last out", func(t *testing.T) {
			t.Parallel()
			n, clock := fresh(t, e)
			s := n.telemetryOf(t, "a")
			start := clock.now()
			for range 5 {
				_, err := s.Log(t.Context(), call("p"))
				require.NoError(t, err)
				_, err = s.CreateTrace(t.Context(), telemetry.Trace{})
				require.NoError(t, err)
				clock.move(time.Second)
			}
			at := func(seconds int) (f telemetry.LogFilter, g telemetry.TraceFilter) {
				from, to := start.Add(time.Second), start.Add(time.Duration(seconds)*time.Second)
				f.From.Time, f.To.Time, g.From.Time, g.To.Time = from, to, from, to
				return f, g
			}
			for to, want := range map[int]int64{1: 0, 2: 1, 3: 2, 5: 4, 9: 4} {
				f, g := at(to)
				logs, err := s.Logs(t.Context(), f, firstPage)
				require.NoError(t, err)
				require.Equal(t, want, logs.Total)
				require.Len(t, logs.Items, int(want))
				traces, err := s.Traces(t.Context(), g, firstPage)
				require.NoError(t, err)
				require.Equal(t, want, traces.Total)
			}
		})
	})
}
