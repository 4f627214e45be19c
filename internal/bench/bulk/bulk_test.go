package bulk_test

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/bench/bulk"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/histogram"
	"github.com/promptmetrics-go/promptmetrics/internal/sqlstore"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

const (
	manyRows = 200_000
	day      = 24 * time.Hour
)

// filled is a database with many logs.
type filled struct {
	*sqlstore.Store
	db  *db.DB
	url string
}

func fill(t *testing.T, rows int) *filled {
	t.Helper()
	c := dbtest.Engine{Dialect: db.PostgreSQL}.Config(t)
	f, err := bulk.Fill(t.Context(), bulk.Options{URL: c.URL, Rows: rows})
	require.NoError(t, err)
	require.EqualValues(t, rows, f.Rows)
	d := dbtest.OpenConfig(t, c)
	s := sqlstore.New(d)
	t.Cleanup(s.Close)
	return &filled{s, d, c.URL}
}

func (f *filled) telemetry(tb testing.TB, name string) *telemetry.Service {
	tb.Helper()
	id, err := workspace.Parse(name)
	require.NoError(tb, err)
	return telemetry.NewService(f.Telemetry().Workspace(id, workspace.Actor{Admin: true}), telemetry.DefaultPrices())
}

func (f *filled) zero(t *testing.T, what, query string) {
	t.Helper()
	var n int64
	require.NoError(t, f.db.View(t.Context(), func(ctx context.Context, tx *db.Tx) error { return tx.RunRow(ctx, query).Scan(&n) }))
	require.Zero(t, n, what)
}

// agrees checks totals and counters against a count of what is there.
func (f *filled) agrees(t *testing.T) {
	t.Helper()
	f.zero(t, "totals", `SELECT count(*) FROM (
	SELECT workspace_id, prompt_name, version_tag, coalesce(provider, '') AS provider, coalesce(model, '') AS model, status, count(*) AS alive
	FROM pm_logs GROUP BY 1, 2, 3, 4, 5, 6) AS l
FULL JOIN pm_log_totals AS t USING (workspace_id, prompt_name, version_tag, provider, model, status) WHERE l.alive IS DISTINCT FROM t.alive`)
	f.zero(t, "counters", `SELECT count(*) FROM pm_counters AS c
LEFT JOIN (SELECT workspace_id, count(*) AS n FROM pm_logs GROUP BY 1) AS l USING (workspace_id)
WHERE c.kind = 'logs' AND c.alive <> coalesce(l.n, 0)`)
}

func TestManyLogs(t *testing.T) {
	t.Parallel()
	f := fill(t, manyRows)

	t.Run("are what recording them would have left", func(t *testing.T) {
		f.agrees(t)
		f.zero(t, "ids and times", `SELECT count(*) FROM pm_counters AS c JOIN (
	SELECT workspace_id, min(id) AS first, max(id) AS last, count(*) AS n, max(created_at) AS at FROM pm_logs GROUP BY 1) AS l USING (workspace_id)
WHERE kind = 'logs' AND (first <> 1 OR last <> n OR c.last_id <> n OR c.last_at <> at)`)
		f.zero(t, "ids that grow with time", `SELECT count(*) FROM (
	SELECT id, lag(id) OVER (PARTITION BY workspace_id ORDER BY created_at, id) AS before FROM pm_logs) AS l WHERE id <= before`)
		f.zero(t, "days", `SELECT count(*) FROM (
	SELECT workspace_id, created_at / 86400000000 AS day, count(*) AS requests, count(*) FILTER (WHERE status = 'error') AS errors,
		sum(tokens_in) AS tokens_in, sum(tokens_out) AS tokens_out, count(latency_ms) AS latencies, sum(latency_ms) AS latency_ms, sum(cost_usd) AS usd
	FROM pm_logs GROUP BY 1, 2) AS l FULL JOIN pm_log_days AS d USING (workspace_id, day, requests, errors, tokens_in, tokens_out, latencies, latency_ms)
WHERE l.usd IS NULL OR d.cost_usd IS NULL OR abs(l.usd - d.cost_usd) > 1e-6`)
		f.zero(t, "days of prompts", `SELECT count(*) FROM (
	SELECT workspace_id, created_at / 86400000000 AS day, prompt_name, version_tag, count(*) AS n, sum(latency_ms) AS ms
	FROM pm_logs GROUP BY 1, 2, 3, 4) AS l FULL JOIN pm_log_prompt_days AS d USING (workspace_id, day, prompt_name, version_tag)
WHERE l.n IS DISTINCT FROM d.requests OR l.ms IS DISTINCT FROM d.latency_ms`)
		require.NoError(t, f.db.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return tx.Each(ctx, "SELECT latencies, histogram FROM pm_log_days", nil, func(rows *sql.Rows) error {
				var n int64
				var encoded []byte
				if err := rows.Scan(&n, &encoded); err != nil {
					return err
				}
				h, err := histogram.Decode(encoded)
				if err == nil && h.Count() != n {
					err = fmt.Errorf("%d latencies of %d", h.Count(), n)
				}
				return err
			})
		}))
		f.zero(t, "entries", "SELECT count(*) FROM pm_counters AS c WHERE kind = 'audit' AND alive <> (SELECT count(*) FROM pm_audit AS a WHERE a.workspace_id = c.workspace_id)")
		f.zero(t, "indexes of their own", `SELECT count(*) FROM pg_index AS i JOIN pg_inherits AS p ON p.inhrelid = i.indrelid AND p.inhparent = 'pm_logs'::regclass
WHERE NOT EXISTS (SELECT 1 FROM pg_inherits AS x WHERE x.inhrelid = i.indexrelid)`)
	})

	t.Run("are not put into a database that has some", func(t *testing.T) {
		_, err := bulk.Fill(t.Context(), bulk.Options{URL: f.url, Rows: 1})
		require.ErrorContains(t, err, "has logs already")
	})

	t.Run("are read by index, a few slices at a time", func(t *testing.T) { f.shapes(t) })

	t.Run("take more", func(t *testing.T) {
		ids, err := f.telemetry(t, "acme").LogBatch(t.Context(), []telemetry.Log{{PromptName: bulk.Prompt(0), VersionTag: "1.3.0"}})
		require.NoError(t, err)
		require.Greater(t, ids[0], int64(0.4*manyRows))
		f.agrees(t)
	})

	t.Run("expire by slices, and by rows where a workspace keeps less", func(t *testing.T) {
		id, err := workspace.Parse("hooli")
		require.NoError(t, err)
		less := int64(45)
		require.NoError(t, f.Retention(id, workspace.Actor{Admin: true}).SetDays(t.Context(), &less))
		now := time.Now()
		out, err := f.Expire(t.Context(), now, 60*day)
		require.NoError(t, err)
		f.agrees(t)
		require.Greater(t, out.Partitions, int64(25))
		require.Greater(t, out.Dropped, int64(manyRows/5))
		f.zero(t, "old logs", fmt.Sprintf("SELECT count(*) FROM pm_logs WHERE created_at < %d", now.Add(-61*day).UnixMicro()))
		f.zero(t, "old logs of the one", fmt.Sprintf("SELECT count(*) FROM pm_logs WHERE workspace_id = 'hooli' AND created_at < %d", now.Add(-45*day).UnixMicro()))
		f.zero(t, "lost sums", fmt.Sprintf("SELECT %d - (SELECT sum(requests) FROM pm_log_days)", manyRows+1))
	})
}

var scanned = regexp.MustCompile(`Scan (?:Backward )?(?:using \S+ )?on (pm_logs\w*)`)

// shapes looks at the plans of what requests read. Tables have statistics, so
// they are the plans that PostgreSQL really takes.
func (f *filled) shapes(t *testing.T) {
	t.Helper()
	acme := f.telemetry(t, "acme")
	list := func(filter telemetry.LogFilter, r page.Request) func() error {
		return func() error {
			_, err := acme.Logs(t.Context(), filter, r)
			return err
		}
	}
	deep := func() page.Request {
		r := page.Request{Limit: 100}
		for range 100 {
			p, err := acme.Logs(t.Context(), telemetry.LogFilter{}, r)
			require.NoError(t, err)
			r.Cursor = p.NextCursor
		}
		return r
	}()
	trace, _ := bulk.Trace(16_000)
	tape := newTape(t, f.url)
	acme = tape.telemetry(t, "acme")
	for name, c := range map[string]struct {
		do func() error
		// slices is how many slices a statement may need.
		slices int
	}{
		"the first page":            {list(telemetry.LogFilter{}, page.Request{}), 3},
		"a page far back by cursor": {list(telemetry.LogFilter{}, deep), 4},
		"the tenth page":            {list(telemetry.LogFilter{}, page.Request{Page: 10}), 3},
		"of a prompt":               {list(telemetry.LogFilter{PromptName: bulk.Prompt(0)}, page.Request{}), 3},
		"of a prompt of few":        {list(telemetry.LogFilter{PromptName: bulk.Prompt(bulk.Prompts - 1)}, page.Request{}), 16},
		"that failed":               {list(telemetry.LogFilter{Status: telemetry.Failed}, page.Request{}), 16},
		"of a trace":                {list(telemetry.LogFilter{TraceID: trace}, page.Request{}), 100},
	} {
		t.Run(name, func(t *testing.T) {
			statements := tape.during(t, c.do)
			require.NotEmpty(t, statements)
			for _, statement := range statements {
				said := statement.SQL
				plan := tape.explain(t, statement)
				require.NotRegexp(t, `Seq Scan on pm_logs`, plan, said)
				found := map[string]bool{}
				for _, m := range scanned.FindAllStringSubmatch(plan, -1) {
					found[m[1]] = true
				}
				require.NotContains(t, plan, "Sort ", "the order is that of an index\n%s", said)
				require.LessOrEqual(t, len(found), c.slices, "%s\n%s", said, plan)
				require.True(t, strings.Contains(plan, "Index") || len(found) == 0, plan)
			}
		})
	}
}
