package prom_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/httpapi"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/prom"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

var update = flag.Bool("update", false, "write the golden file anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stage is an API with its metrics.
type stage struct {
	pm       *promptmetrics.Client
	registry *prometheus.Registry
	url, key string
	http     *http.Client
}

func start(tb testing.TB, change ...func(*promptmetrics.Options)) *stage {
	tb.Helper()
	o := promptmetrics.Options{DataDir: tb.TempDir(), RateLimit: promptmetrics.RateLimit{Max: -1}}
	for _, f := range change {
		f(&o)
	}
	pm, err := promptmetrics.New(o)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, pm.Close()) })
	requests := prom.NewHTTP()
	s := &stage{pm: pm, registry: prometheus.NewPedanticRegistry(), http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	s.registry.MustRegister(requests, prom.NewCollector(pm), prom.NewBuildInfo("test"))
	server := httptest.NewServer(httpapi.Handler(pm, httpapi.Options{Observer: requests}))
	tb.Cleanup(server.Close)
	tb.Cleanup(s.http.CloseIdleConnections)
	s.url = server.URL
	made, err := pm.Keys.Create(tb.Context(), access.KeySpec{Name: "me", Scopes: access.Scopes{access.Read, access.Write}})
	require.NoError(tb, err)
	s.key = made.Secret
	return s
}

func (s *stage) ask(tb testing.TB, method, path, body string) int {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, s.url+path, strings.NewReader(body))
	require.NoError(tb, err)
	req.Header.Set("X-API-Key", s.key)
	res, err := s.http.Do(req)
	require.NoError(tb, err)
	require.NoError(tb, res.Body.Close())
	return res.StatusCode
}

// value gives a metric by its name and labels, such as a{b="c"}; of a
// histogram its count.
func (s *stage) value(tb testing.TB, name string, labels ...string) float64 {
	tb.Helper()
	families, err := s.registry.Gather()
	require.NoError(tb, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if slices.Equal(labels, labelsOf(m)) {
				switch f.GetType() {
				case dto.MetricType_HISTOGRAM:
					return float64(m.GetHistogram().GetSampleCount())
				case dto.MetricType_GAUGE:
					return m.GetGauge().GetValue()
				default:
					return m.GetCounter().GetValue()
				}
			}
		}
	}
	return 0
}

func labelsOf(m *dto.Metric) (labels []string) {
	for _, l := range m.GetLabel() {
		labels = append(labels, l.GetName()+"="+l.GetValue())
	}
	return labels
}

// TestNames compares every metric with the golden file: dashboards and alerts
// of people depend on them.
func TestNames(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *promptmetrics.Options) {
		o.Providers, o.Retention = []playground.Provider{parrot{}}, 1000*time.Hour
	})
	s.use(t)
	require.Eventually(t, func() bool { return !s.pm.Stats().Retention.Last.IsZero() }, 20*time.Second, time.Millisecond)
	problems, err := testutil.GatherAndLint(s.registry)
	require.NoError(t, err)
	require.Empty(t, problems)

	families, err := s.registry.Gather()
	require.NoError(t, err)
	var got bytes.Buffer
	for _, f := range families {
		names := map[string]bool{}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				names[l.GetName()] = true
			}
		}
		list := make([]string, 0, len(names))
		for name := range names {
			list = append(list, name)
		}
		slices.Sort(list)
		fmt.Fprintf(&got, "%s %s {%s}\n  %s\n", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(list, ","), f.GetHelp())
	}
	golden := filepath.Join("testdata", "metrics.golden")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(golden, got.Bytes(), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String(), "after a change on purpose: go test ./prom -run TestNames -update")
}

// use makes every metric appear, failures included.
func (s *stage) use(t *testing.T) {
	t.Helper()
	require.Equal(t, 201, s.ask(t, "POST", "/v1/prompts", `{"name":"p","version":"1.0.0","messages":[{"role":"user","content":"Hello"}]}`))
	for range 3 {
		require.Equal(t, 200, s.ask(t, "GET", "/v1/prompts/p", ""))
	}
	require.Equal(t, 202, s.ask(t, "POST", "/v1/logs/batch", `{"logs":[{"prompt_name":"p","version_tag":"1.0.0"},{"prompt_name":"p","version_tag":"1.0.0"}]}`))
	require.Equal(t, 404, s.ask(t, "GET", "/v1/prompts/nothing-of-the-kind", ""))
	chat := `{"provider":"parrot","model":"%s","messages":[{"role":"user","content":"private words"}]}`
	require.Equal(t, 200, s.ask(t, "POST", "/v1/playground/chat", fmt.Sprintf(chat, "grey")))
	require.Equal(t, 502, s.ask(t, "POST", "/v1/playground/chat", fmt.Sprintf(chat, "mute")))
	_, err := s.pm.Sync(t.Context())
	require.NoError(t, err)
}

func TestWhatIsCounted(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *promptmetrics.Options) { o.Providers = []playground.Provider{parrot{}} })
	s.use(t)
	const route = "route=/v1/prompts/{name}"
	for name, want := range map[string]float64{
		"promptmetrics_http_requests_total code=200 method=GET " + route:                              3,
		"promptmetrics_http_requests_total code=404 method=GET " + route:                              1,
		"promptmetrics_http_request_duration_seconds method=GET " + route:                             4,
		"promptmetrics_http_requests_in_flight":                                                       0,
		"promptmetrics_cache_lookups_total cache=answers result=hit":                                  2,
		"promptmetrics_cache_lookups_total cache=answers result=miss":                                 2, // the first, and the unknown prompt
		"promptmetrics_ingest_commit_rows queue=logs":                                                 3, // a batch, and the two calls' logs
		"promptmetrics_git_commit_changes":                                                            1,
		"promptmetrics_git_packs":                                                                     1,
		"promptmetrics_provider_call_duration_seconds provider=parrot":                                2,
		"promptmetrics_provider_call_failures_total code=PROVIDER_ERROR provider=parrot":              1,
		"promptmetrics_audit_entries_total":                                                           4, // the key, the prompt, the batch, the chat
		"promptmetrics_db_transaction_failures_total":                                                 0,
		"promptmetrics_db_info engine=sqlite":                                                         1,
		"promptmetrics_build_info version=test":                                                       1,
		"promptmetrics_http_requests_total code=202 method=POST route=/v1/logs/batch":                 1,
		"promptmetrics_ingest_queue_length queue=logs":                                                0,
		"promptmetrics_db_connections_max pool=write":                                                 1,
		"promptmetrics_rate_limit_refusals_total":                                                     0,
		"promptmetrics_http_requests_total code=200 method=POST route=/v1/playground/chat":            1,
		"promptmetrics_http_requests_total code=502 method=POST route=/v1/playground/chat":            1,
		"promptmetrics_http_requests_total code=200 method=GET route=/v1/prompts/nothing-of-the-kind": 0,
		"promptmetrics_http_requests_total code=404 method=GET route=/v1/prompts/nothing-of-the-kind": 0,
	} {
		parts := strings.Fields(name)
		require.InDelta(t, want, s.value(t, parts[0], parts[1:]...), 0, name)
	}
	require.Positive(t, s.value(t, "promptmetrics_reconcile_last_success_timestamp_seconds"))
	require.Positive(t, s.value(t, "promptmetrics_reconcile_runs_total"))
	require.Positive(t, s.value(t, "promptmetrics_http_response_body_bytes_total", "method=GET", route))

	families, err := s.registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		for _, secret := range []string{"nothing-of-the-kind", "private words", "default", s.key} {
			require.NotContains(t, f.String(), secret, "no label is a caller's choice")
		}
	}
}

func TestRefusalsAreCounted(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *promptmetrics.Options) { o.RateLimit.Max = 2 })
	for _, want := range []int{200, 200, 429, 429, 429} {
		require.Equal(t, want, s.ask(t, "GET", "/v1/prompts", ""))
	}
	require.InDelta(t, 3, s.value(t, "promptmetrics_rate_limit_refusals_total"), 0)
	require.InDelta(t, 3, s.value(t, "promptmetrics_http_requests_total", "code=429", "method=GET", "route=/v1/prompts"), 0)
}

func TestFailuresOfTheDatabaseAreCounted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, func(o *promptmetrics.Options) { o.DataDir = dir })
	file := filepath.Join(dir, "promptmetrics.db")
	require.NoError(t, os.Rename(file, file+".away"))
	require.Equal(t, 503, s.ask(t, "POST", "/v1/logs", `{"prompt_name":"p","version_tag":"1.0.0"}`))
	require.Positive(t, s.value(t, "promptmetrics_db_transaction_failures_total"))
	require.InDelta(t, 1, s.value(t, "promptmetrics_ingest_commit_failures_total", "queue=logs"), 0)
	require.InDelta(t, 0, s.value(t, "promptmetrics_ingest_commit_rows", "queue=logs"), 0)

	require.NoError(t, os.Rename(file+".away", file))
	require.Equal(t, 202, s.ask(t, "POST", "/v1/logs", `{"prompt_name":"p","version_tag":"1.0.0"}`))
	require.InDelta(t, 1, s.value(t, "promptmetrics_ingest_commit_rows", "queue=logs"), 0)
}

// TestScrapesUnderLoad scrapes while requests come, and compares the end.
func TestScrapesUnderLoad(t *testing.T) {
	t.Parallel()
	s := start(t)
	_, err := s.pm.Registry.Create(t.Context(), registry.Prompt{
		Name: "p", Version: "1.0.0", Messages: []registry.Message{{Role: registry.User, Content: "Hello"}},
	}, registry.Signature{})
	require.NoError(t, err)
	const callers, each = 8, 50
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range each {
				s.ask(t, "GET", "/v1/prompts/p", "")
				s.ask(t, "POST", "/v1/logs", `{"prompt_name":"p","version_tag":"1.0.0"}`)
			}
		})
	}
	seen := 0.0
	for range 20 {
		now := s.value(t, "promptmetrics_http_requests_total", "code=200", "method=GET", "route=/v1/prompts/{name}")
		require.GreaterOrEqual(t, now, seen, "a counter never falls")
		seen = now
	}
	all.Wait()
	require.InDelta(t, callers*each, s.value(t, "promptmetrics_http_requests_total", "code=200", "method=GET", "route=/v1/prompts/{name}"), 0)
	require.InDelta(t, callers*each, s.value(t, "promptmetrics_http_requests_total", "code=202", "method=POST", "route=/v1/logs"), 0)
	stats := s.pm.Stats()
	require.InDelta(t, callers*each, stats.Queues["logs"].Rows.Sum, 0, "every log was in one commit")
	require.LessOrEqual(t, stats.Queues["logs"].Rows.Count, uint64(callers*each))
	require.Equal(t, uint64(callers*each+2), stats.Database.Audited, "and the key and the prompt")
}

// parrot is a provider; its model "mute" fails.
type parrot struct{}

func (parrot) Name() string { return "parrot" }

func (parrot) Models(context.Context) ([]playground.Model, error) { return nil, nil }

func (parrot) Call(_ context.Context, c playground.Call) (playground.Reply, error) {
	if c.Model == "mute" {
		return playground.Reply{}, pmerr.New(pmerr.ProviderError, "no voice")
	}
	return playground.Reply{Output: "squawk"}, nil
}

func (parrot) Stream(context.Context, playground.Call) iter.Seq2[playground.Part, error] {
	return func(func(playground.Part, error) bool) {}
}

func BenchmarkRequestEnds(b *testing.B) {
	h := prom.NewHTTP()
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			h.RequestBegins()
			h.RequestEnds(httpapi.Observation{Method: "GET", Route: "/v1/prompts/{name}", Status: 200, Bytes: 512, Took: 123456})
		}
	})
}
