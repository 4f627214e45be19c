package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest/pgproxy"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest/pgserver"
	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
)

// postgresServer starts a PostgreSQL server with an empty database, and gives
// the database's URL over TCP.
func postgresServer(t *testing.T) (*pgserver.Server, *url.URL) {
	t.Helper()
	server, err := pgserver.Start(t.Context(), pgserver.Options{})
	if errors.Is(err, pgserver.ErrNotInstalled) {
		testserver.Missing(t, "PostgreSQL")
	}
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	dsn, err := server.CreateDatabase(t.Context(), "")
	require.NoError(t, err)
	named, err := url.Parse(dsn)
	require.NoError(t, err)
	u, err := url.Parse(server.TCPDSN(strings.TrimPrefix(named.Path, "/")))
	require.NoError(t, err)
	return server, u
}

func TestStartOnAWrongPostgreSQL(t *testing.T) {
	t.Parallel()
	_, right := postgresServer(t)
	mute, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // takes connections and says nothing
	require.NoError(t, err)
	t.Cleanup(func() { _ = mute.Close() })
	port := right.Port()
	_, mutePort, err := net.SplitHostPort(mute.Addr().String())
	require.NoError(t, err)

	for name, test := range map[string]struct {
		change func(u *url.URL)
		want   []string
	}{
		"host":                  {func(u *url.URL) { u.Host = "no-such-host.invalid:" + port }, []string{"no-such-host.invalid"}},
		"port":                  {func(u *url.URL) { u.Host = "127.0.0.1:1" }, []string{"127.0.0.1:1", "connection refused"}},
		"password":              {func(u *url.URL) { u.User = url.UserPassword("postgres", "hunter2") }, []string{`password authentication failed for user "postgres"`}},
		"user":                  {func(u *url.URL) { u.User = url.UserPassword("nobody", "hunter2") }, []string{`password authentication failed for user "nobody"`}},
		"database":              {func(u *url.URL) { u.Path = "/nowhere" }, []string{`database "nowhere" does not exist`}},
		"TLS mode":              {func(u *url.URL) { u.RawQuery = "sslmode=require" }, []string{"refused TLS"}},
		"TLS mode that is none": {func(u *url.URL) { u.RawQuery = "sslmode=banana" }, []string{"sslmode"}},
		"TLS authority":         {func(u *url.URL) { u.RawQuery = "sslmode=verify-full&sslrootcert=/no/such/file.pem" }, []string{"/no/such/file.pem"}},
		"setting":               {func(u *url.URL) { u.RawQuery = "sslmode=disable&statement_timeout=soon" }, []string{`invalid value for parameter "statement_timeout": "soon"`}},
		"parameter":             {func(u *url.URL) { u.RawQuery = "sslmode=disable&colour=red" }, []string{`unrecognized configuration parameter "colour"`}},
		"number of connections": {func(u *url.URL) { u.RawQuery = "pool_max_conns=many" }, []string{"pool_max_conns"}},
		"server that is mute":   {func(u *url.URL) { u.Host = "127.0.0.1:" + mutePort }, []string{mutePort, "no answer in time"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrong := *right
			test.change(&wrong)
			env := []string{"PORT=0", "HOST=127.0.0.1", "DATA_DIR=" + t.TempDir(), "DATABASE_URL=" + wrong.String()}
			r := programs.Run(t, servertest.Call{Dir: t.TempDir(), Env: env}, "promptmetrics-server")
			t.Log(r.Err)
			require.Equal(t, 1, r.Code, r.Err)
			require.Empty(t, r.Out)
			require.True(t, strings.HasPrefix(r.Err, "promptmetrics-server: DATABASE_URL"), r.Err)
			require.Equal(t, 1, strings.Count(r.Err, "\n"), "one line: %s", r.Err)
			for _, want := range test.want {
				require.Contains(t, r.Err, want)
			}
			password, _ := wrong.User.Password()
			require.NotContains(t, r.Err, password)
		})
	}
}

func TestBehindPgBouncer(t *testing.T) {
	t.Parallel()
	server, direct := postgresServer(t)
	pooler, err := server.StartPooler(t.Context())
	if errors.Is(err, pgserver.ErrNoPooler) {
		testserver.Missing(t, "PgBouncer")
	}
	require.NoError(t, err)
	t.Cleanup(pooler.Kill)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(pooler.Said())
		}
	})
	dsn, err := pooler.DSN(strings.TrimPrefix(direct.Path, "/"))
	require.NoError(t, err)
	one := programs.Start(t, t.TempDir(), "DATABASE_URL="+dsn)
	key := one.Key(t)
	publish(t, one, key, "1.0.0")
	status, answer := one.Ask(t, key, "GET", "/v1/prompts/welcome?variables[name]=Ada", "")
	require.Equal(t, 200, status, answer)
	require.Contains(t, one.Run(t, "seed-demo").Out, "8 prompt versions, 6 labels, 400 logs, 6 traces, 8 runs")
	require.NoError(t, pooler.Halt(t.Context()))
	status, _ = one.Ask(t, key, "GET", "/v1/logs", "")
	require.Equal(t, 503, status)
	require.NoError(t, pooler.Resume(t.Context()))
	require.Eventually(t, func() bool {
		status, _ := one.Ask(t, key, "GET", "/v1/logs", "")
		return status == 200
	}, time.Minute, 20*time.Millisecond)
	one.Stop(t)
}

// Whether a COMMIT took place whose answer was lost, nobody knows: the caller
// hears 503, comes again with the same key, and there is one log.
func TestALostCommitThroughTheServer(t *testing.T) {
	t.Parallel()
	_, direct := postgresServer(t)
	proxy, err := pgproxy.Start(t.Context(), direct.Host)
	require.NoError(t, err)
	t.Cleanup(proxy.Close)
	dsn, err := proxy.Through(direct.String())
	require.NoError(t, err)
	s := programs.Start(t, t.TempDir(), "DATABASE_URL="+dsn)
	key := s.Key(t)
	// Failed: nobody knows how, as the proxy cuts every second COMMIT of the
	// server, before and after PostgreSQL has it by turns.
	proxy.CutEvery(2)
	failed := 0
	const logs = 30
	for i := range logs {
		for {
			answer, after := record(t, s.URL, key, fmt.Sprint("key", i))
			if answer == http.StatusAccepted {
				break
			}
			require.Equal(t, http.StatusServiceUnavailable, answer)
			require.NotEmpty(t, after, "Retry-After")
			failed++
		}
	}
	proxy.CutEvery(0)
	require.Positive(t, failed)
	var list struct {
		Total int64 `json:"total"`
	}
	require.Eventually(t, func() bool {
		status, answer := s.Ask(t, key, "GET", "/v1/logs", "")
		return status == http.StatusOK && json.Unmarshal([]byte(answer), &list) == nil
	}, time.Minute, 20*time.Millisecond)
	require.EqualValues(t, logs, list.Total)
	s.Stop(t)
}

// record sends a log under a key, and gives the status and Retry-After.
func record(t *testing.T, server, key, idempotency string) (status int, retryAfter string) {
	t.Helper()
	body := strings.NewReader(`{"prompt_name":"welcome","version_tag":"1.0.0"}`)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server+"/v1/logs", body)
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-API-Key", key)
	request.Header.Set("Idempotency-Key", idempotency)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode, response.Header.Get("Retry-After")
}
