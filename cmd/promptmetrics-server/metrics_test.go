package main_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

var metricsLine = regexp.MustCompile(`Metrics for Prometheus are on (http://\S+)/metrics\n`)

// metricsOf gives the address of a server's metrics.
func metricsOf(t *testing.T, s *servertest.Server) string {
	t.Helper()
	found := metricsLine.FindStringSubmatch(s.Out())
	require.NotNil(t, found, s.Out())
	return found[1]
}

// fetch asks the listener for metrics.
func fetch(t *testing.T, method, url string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(data)
}

// sample reads one value of a scrape.
func sample(t *testing.T, text, series string) float64 {
	t.Helper()
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			require.NoError(t, err)
			return value
		}
	}
	return 0
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	t.Run("what was asked is what is counted, under load", func(t *testing.T) {
		t.Parallel()
		s := programs.Start(t, t.TempDir(), "METRICS_ADDR=127.0.0.1:0")
		url, key := metricsOf(t, s), s.Key(t)
		s.Ask(t, key, "POST", "/v1/prompts", welcome)
		const callers, each = 8, 40
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				for n := range each {
					s.Ask(t, key, "GET", "/v1/prompts/welcome?render=false", "")
					s.Ask(t, key, "GET", fmt.Sprintf("/v1/prompts/none-%d", n), "")
					s.Ask(t, key, "POST", "/v1/logs", `{"prompt_name":"welcome","version_tag":"1.0.0"}`)
				}
			})
		}
		for range 5 {
			status, _ := fetch(t, "GET", url+"/metrics")
			require.Equal(t, 200, status)
		}
		all.Wait()
		status, text := fetch(t, "GET", url+"/metrics")
		require.Equal(t, 200, status)
		for series, want := range map[string]float64{
			`promptmetrics_http_requests_total{code="200",method="GET",route="/v1/prompts/{name}"}`:        callers * each,
			`promptmetrics_http_requests_total{code="404",method="GET",route="/v1/prompts/{name}"}`:        callers * each,
			`promptmetrics_http_request_duration_seconds_count{method="GET",route="/v1/prompts/{name}"}`:   2 * callers * each,
			`promptmetrics_http_requests_total{code="202",method="POST",route="/v1/logs"}`:                 callers * each,
			`promptmetrics_ingest_commit_rows_sum{queue="logs"}`:                                           callers * each,
			`promptmetrics_git_commit_changes_sum`:                                                         1,
			`promptmetrics_http_requests_in_flight`:                                                        0,
			`promptmetrics_db_info{engine="sqlite"}`:                                                       1,
			`promptmetrics_http_requests_total{code="201",method="POST",route="/v1/prompts"}`:              1,
			`promptmetrics_http_request_duration_seconds_bucket{method="POST",route="/v1/logs",le="+Inf"}`: callers * each,
		} {
			require.InDelta(t, want, sample(t, text, series), 0, series)
		}
		require.Contains(t, text, "\ngo_goroutines ")
		require.Contains(t, text, "\nprocess_resident_memory_bytes ")
		require.Contains(t, text, "promptmetrics_build_info{version=")
		require.NotContains(t, text, "none-1", "paths are no labels")
		s.Stop(t)
		_, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		require.Error(t, err, "the listener ends with the server")
	})

	t.Run("nothing else is on that listener, and they are not on the API's", func(t *testing.T) {
		t.Parallel()
		s := programs.Start(t, t.TempDir(), "METRICS_ADDR=127.0.0.1:0")
		url := metricsOf(t, s)
		for _, path := range []string{"/", "/v1/prompts", "/health", "/debug/pprof/"} {
			status, _ := fetch(t, "GET", url+path)
			require.Equal(t, 404, status, path)
		}
		status, _ := fetch(t, "POST", url+"/metrics")
		require.Equal(t, 405, status)
		status, _ = s.Ask(t, "", "GET", "/metrics", "")
		require.Equal(t, 404, status)
	})

	t.Run("off by default", func(t *testing.T) {
		t.Parallel()
		require.NotContains(t, programs.Start(t, t.TempDir()).Out(), "Metrics for")
	})

	t.Run("an address that is taken", func(t *testing.T) {
		t.Parallel()
		taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer taken.Close()
		dir := t.TempDir()
		at := taken.Addr().String()
		r := programs.Run(t, servertest.Call{Dir: dir, Env: []string{"PORT=0", "HOST=127.0.0.1", "METRICS_ADDR=" + at}}, "promptmetrics-server")
		require.Equal(t, servertest.Result{
			Code: 1, Err: "promptmetrics-server: METRICS_ADDR " + at + " cannot be listened on: address already in use; set METRICS_ADDR to something else\n",
		}, r)
		require.NoDirExists(t, filepath.Join(dir, "data"), "a server that cannot listen touches no data")
	})
}

func TestRequestLogOfTheServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env        []string
		good, fail bool
	}{
		{nil, false, true},
		{[]string{"LOG_REQUESTS=errors"}, false, true},
		{[]string{"LOG_REQUESTS=true"}, true, true},
		{[]string{"LOG_REQUESTS=false", "LOG_LEVEL=debug"}, false, false},
		{[]string{"LOG_REQUESTS=true", "LOG_LEVEL=warn"}, false, false},
	} {
		t.Run(strings.Join(c.env, " "), func(t *testing.T) {
			t.Parallel()
			s := programs.Start(t, t.TempDir(), append(c.env, "LOG_FORMAT=json")...)
			key := s.Key(t)
			s.Ask(t, key, "GET", "/v1/prompts?q=needle", "")
			s.Ask(t, "", "POST", "/webhooks/github", "") // it has no secret: our fault
			s.Stop(t)
			require.Equal(t, c.good, strings.Contains(s.Err(), `"msg":"request","method":"GET","route":"/v1/prompts","path":"/v1/prompts","status":200,"duration_ms":`), s.Err())
			require.Equal(t, c.fail, strings.Contains(s.Err(), `"msg":"request","method":"POST","route":"/webhooks/github","path":"/webhooks/github","status":500,`), s.Err())
			require.Equal(t, 1, strings.Count(s.Err(), `"msg":"request failed"`), "a cause is told in any case")
			require.NotContains(t, s.Err()+s.Out(), "needle")
			require.NotContains(t, s.Err()+s.Out(), key)
		})
	}
}
