package main_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

// TestKillDuringRetention ends the node that removes old logs with kill -9 in
// the middle. Of the two others one takes over, and only one.
func TestKillDuringRetention(t *testing.T) {
	t.Parallel()
	url := postgres(t)
	node := func() *servertest.Server {
		return programs.Start(t, t.TempDir(), "DATABASE_URL="+url, "RETENTION_DAYS=1", "LOG_LEVEL=info")
	}
	programs.Start(t, t.TempDir(), "DATABASE_URL="+url).Stop(t) // makes the schema, and leaves its leases

	connect := func() *pgx.Conn {
		conn, err := pgx.Connect(t.Context(), url)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close(t.Context()) })
		return conn
	}
	conn := connect()
	const old = 1200 // more than a step
	_, err := conn.Exec(t.Context(), `INSERT INTO pm_logs (workspace_id, created_at, id, prompt_name, version_tag, status)
SELECT 'default', $1::bigint + n, n, 'p', '1', 'ok' FROM generate_series(1, $2::bigint) AS n`, time.Now().AddDate(0, 0, -9).UnixMicro(), old)
	require.NoError(t, err)
	for _, statement := range []string{
		"INSERT INTO pm_counters (workspace_id, kind, last_id, alive, last_at) VALUES ('default', 'logs', 1200, 1200, 0)",
		"INSERT INTO pm_log_totals (workspace_id, prompt_name, version_tag, provider, model, status, alive) VALUES ('default', 'p', '1', '', '', 'ok', 1200)",
	} {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	number := func(query string) (n int) {
		t.Helper()
		require.NoError(t, conn.QueryRow(t.Context(), query).Scan(&n))
		return n
	}
	holder := func() (name string) {
		t.Helper()
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT holder FROM pm_leases WHERE name = 'retention'").Scan(&name))
		return name
	}

	// Whoever removes logs has to wait for this.
	gate, err := connect().Begin(t.Context())
	require.NoError(t, err)
	_, err = gate.Exec(t.Context(), "SELECT 1 FROM pm_counters WHERE kind = 'logs' FOR UPDATE")
	require.NoError(t, err)
	first := node()
	const waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
	require.Eventually(t, func() bool { return number(waiting) == 1 }, time.Minute, 10*time.Millisecond)
	mine := holder()
	others := []*servertest.Server{node(), node()}
	first.Kill()
	require.NoError(t, gate.Rollback(t.Context()))

	require.Eventually(t, func() bool { return number("SELECT count(*) FROM pm_logs") == 0 }, 2*time.Minute, 50*time.Millisecond)
	require.NotEqual(t, mine, holder())
	require.Zero(t, number("SELECT alive FROM pm_counters WHERE kind = 'logs'"))
	require.Zero(t, number("SELECT count(*) FROM pm_log_totals"))
	said := func(s *servertest.Server) int { return strings.Count(s.Out()+s.Err(), "old telemetry was removed") }
	require.Eventually(t, func() bool { return said(others[0])+said(others[1]) == 1 }, time.Minute, 10*time.Millisecond)
	require.Zero(t, said(first))

	t.Run("who ends leaves the next run to the others", func(t *testing.T) {
		last := others[0]
		if said(last) == 1 {
			last = others[1]
		}
		for _, s := range others {
			if s != last {
				s.Stop(t)
			}
		}
		before := holder()
		require.Eventually(t, func() bool { return holder() != before }, time.Minute, 50*time.Millisecond)
		last.Stop(t)
	})
}
