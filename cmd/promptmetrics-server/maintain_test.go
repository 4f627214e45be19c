package main_test

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

// publish publishes versions of the prompt welcome.
func publish(t *testing.T, s *servertest.Server, key string, versions ...string) {
	t.Helper()
	for _, version := range versions {
		status, answer := s.Ask(t, key, "POST", "/v1/prompts", strings.Replace(welcome, "1.0.0", version, 1))
		require.Equal(t, 201, status, answer)
	}
}

// commitFiles commits files by hand, as somebody who cloned the repository.
func commitFiles(t *testing.T, dataDir string, files map[string]string) {
	t.Helper()
	clone := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		r := programs.Run(t, servertest.Call{Dir: clone}, "git", args...)
		require.Zero(t, r.Code, "%v: %s", args, r.Err)
	}
	git("clone", "-q", filepath.Join(dataDir, "prompts.git"), ".")
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Join(clone, filepath.Dir(name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(clone, name), []byte(text), 0o600))
	}
	git("add", "-A")
	git("commit", "-q", "-m", "By hand")
	git("push", "-q", "origin", "HEAD")
}

func TestReindex(t *testing.T) {
	t.Parallel()

	t.Run("rebuilds the prompts of a lost database, and says how many", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		s := programs.Start(t, dir)
		publish(t, s, s.Key(t), "1.0.0", "1.1.0", "2.0.0")
		s.Stop(t)
		lost, err := filepath.Glob(filepath.Join(dir, "data", "promptmetrics.db*"))
		require.NoError(t, err)
		require.NotEmpty(t, lost)
		for _, file := range lost {
			require.NoError(t, os.Remove(file))
		}
		r := s.Run(t, "reindex")
		require.Equal(t, servertest.Result{Out: "Indexed 3 versions, removed 0\n", Err: "Comparing the prompt store with the index …\n"}, r)

		again := programs.Start(t, dir)
		status, answer := again.Ask(t, again.Key(t), "GET", "/v1/prompts/welcome?variables[name]=Ada", "")
		require.Equal(t, 200, status, answer)
		require.Contains(t, answer, "Hello Ada!")
		require.Contains(t, answer, `"2.0.0"`)
	})

	t.Run("while the server runs; lists what was left out, and fails then", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		s := programs.Start(t, dir, "PROMPT_RECONCILE_INTERVAL_MS=3600000")
		key := s.Key(t)
		publish(t, s, key, "1.0.0")
		commitFiles(t, filepath.Join(dir, "data"), map[string]string{
			"prompts/welcome/1.0.1.json": strings.Replace(welcome, "1.0.0", "1.0.1", 1),
			"prompts/welcome/9.9.9.json": "{ broken",
			"prompts/notes.txt":          "not a prompt",
		})
		r := s.Run(t, "reindex")
		require.Equal(t, 1, r.Code)
		require.Equal(t, "Indexed 1 versions, removed 0\n", r.Out)
		require.Contains(t, r.Err, "promptmetrics-server: prompts/welcome/9.9.9.json: Invalid JSON body")
		require.Contains(t, r.Err, "promptmetrics-server: prompts/notes.txt: is not named like a prompt version")
		require.True(t, strings.HasSuffix(r.Err, "promptmetrics-server: 2 files of the prompt store were left out\n"), r.Err)
		require.NotContains(t, r.Err, "level=", "problems are listed once, by us")

		status, answer := s.Ask(t, key, "GET", "/v1/prompts/welcome?version=1.0.1", "")
		require.Equal(t, 200, status, "the running server has it: %s", answer)
	})
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	call := servertest.Call{Dir: dir}
	want := servertest.Result{Out: "The schema is up to date; data in " + filepath.Join(dir, "data") + "\n"}
	call.Env = []string{"LOG_LEVEL=error"}
	require.Equal(t, want, programs.Run(t, call, "promptmetrics-server", "migrate"), "an empty folder")
	require.FileExists(t, filepath.Join(dir, "data", "promptmetrics.db"))
	s := programs.Start(t, dir)
	require.Equal(t, want, programs.Run(t, call, "promptmetrics-server", "migrate"), "while a server runs")
	s.Stop(t)

	db, err := sql.Open("sqlite", filepath.Join(dir, "data", "promptmetrics.db"))
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "INSERT INTO pm_migrations (number, name, applied_at) VALUES (999, 'from the future', 0)")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	r := programs.Run(t, call, "promptmetrics-server", "migrate")
	require.Equal(t, 1, r.Code)
	require.Contains(t, r.Err, "the database has schema 999")
}

func TestSeedDemo(t *testing.T) {
	t.Parallel()
	s := programs.Start(t, t.TempDir())
	key := s.Key(t, "--workspace", "show")

	first := s.Run(t, "seed-demo", "--workspace", "show")
	require.Zero(t, first.Code, first.Err)
	require.Equal(t, "Added to the workspace show: 8 prompt versions, 6 labels, 400 logs, 6 traces, 8 runs, "+
		"1 dataset, 1 evaluation, 24 results, 1 A/B test, 4 compliance scores, 1 compliance rule, 1 allow-list entry\n", first.Out)
	again := s.Run(t, "seed-demo", "--workspace", "show")
	require.Equal(t, "Added nothing to the workspace show: all of the demo is there\n", again.Out)

	total := func(path string) (n float64) {
		var list struct {
			Total float64 `json:"total"`
		}
		status, answer := s.Ask(t, key, "GET", path, "")
		require.Equal(t, 200, status, answer)
		require.NoError(t, json.Unmarshal([]byte(answer), &list))
		return list.Total
	}
	require.Equal(t, []float64{4, 400, 6, 8}, []float64{total("/v1/prompts"), total("/v1/logs"), total("/v1/traces"), total("/v1/runs")})
	_, answer := s.Ask(t, key, "GET", "/v1/logs?limit=100", "")
	require.NotContains(t, answer, `"cost_usd":null`, "every model of the demo has a price")
	status, answer := s.Ask(t, key, "GET", "/v1/prompts/support-reply?label=production&variables[customer]=Ada&variables[question]=Where%3F", "")
	require.Equal(t, 200, status, answer)
	require.Contains(t, answer, "Be friendly and short")
}

func TestHealth(t *testing.T) {
	t.Parallel()
	ask := func(t *testing.T, url string, env ...string) servertest.Result {
		t.Helper()
		port := url[strings.LastIndex(url, ":")+1:]
		return programs.Run(t, servertest.Call{Dir: t.TempDir(), Env: append([]string{"PORT=" + port, "HOST=127.0.0.1"}, env...)}, "promptmetrics-server", "health")
	}

	t.Run("0 and ok for a server that is well", func(t *testing.T) {
		t.Parallel()
		s := programs.Start(t, t.TempDir())
		require.Equal(t, servertest.Result{Out: "ok\n"}, ask(t, s.URL))
	})
	t.Run("the wildcard address is this machine", func(t *testing.T) {
		t.Parallel()
		s := programs.Start(t, t.TempDir(), "HOST=0.0.0.0")
		require.Equal(t, servertest.Result{Out: "ok\n"}, ask(t, s.URL, "HOST=0.0.0.0"))
		require.Equal(t, servertest.Result{Out: "ok\n"}, ask(t, s.URL, "HOST=::"))
	})
	t.Run("1 for a server whose database is gone", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		s := programs.Start(t, dir)
		require.NoError(t, os.Rename(filepath.Join(dir, "data", "promptmetrics.db"), filepath.Join(dir, "gone.db")))
		r := ask(t, s.URL)
		require.Equal(t, 1, r.Code)
		require.Regexp(t, `^promptmetrics-server: the server at 127\.0\.0\.1:\d+ is "degraded"; failing: "sqlite"\n$`, r.Err)
	})
	t.Run("1 where nobody listens", func(t *testing.T) {
		t.Parallel()
		s := programs.Start(t, t.TempDir())
		s.Kill()
		r := ask(t, s.URL)
		require.Equal(t, 1, r.Code)
		require.Contains(t, r.Err, "does not answer")
		require.Equal(t, 1, strings.Count(r.Err, "\n"))
	})
	t.Run("1 for another program, whose answer is not shown", func(t *testing.T) {
		t.Parallel()
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>\x1b[2J")) }))
		defer other.Close()
		r := ask(t, other.URL)
		require.Equal(t, 1, r.Code)
		require.Regexp(t, `answers 200, and is no PromptMetrics server\n$`, r.Err)
	})
	t.Run("1 after the timeout", func(t *testing.T) {
		t.Parallel()
		silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		defer silent.Close()
		port := silent.URL[strings.LastIndex(silent.URL, ":")+1:]
		r := programs.Run(t, servertest.Call{Dir: t.TempDir(), Env: []string{"PORT=" + port, "HOST=127.0.0.1"}}, "promptmetrics-server", "health", "--timeout", "50ms")
		require.Equal(t, 1, r.Code)
		require.Contains(t, r.Err, "does not answer: context deadline exceeded")
	})
	t.Run("1 without a port to ask", func(t *testing.T) {
		t.Parallel()
		r := ask(t, ":0")
		require.Equal(t, servertest.Result{Code: 1, Err: "promptmetrics-server: PORT is 0, so the server chose a port by itself: set PORT to the one that it printed\n"}, r)
	})
}
