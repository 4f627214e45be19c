package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// newTestAPI is an API with one route more, behind the door but not locked.
func newTestAPI(tb testing.TB, run func(*exchange) error) *api {
	tb.Helper()
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: tb.TempDir(), ReconcileInterval: -1})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, pm.Close()) })
	a := newAPI(pm, Options{})
	a.routes.HandleFunc("GET /test", func(w http.ResponseWriter, r *http.Request) {
		x := w.(*exchange)
		x.request = r
		if err := run(x); err != nil {
			x.fail(err)
		}
	})
	return a
}

func serve(tb testing.TB, a *api, change func(*http.Server)) string {
	tb.Helper()
	s := httptest.NewUnstartedServer(a)
	if change != nil {
		change(s.Config)
	}
	s.Start()
	tb.Cleanup(s.Close)
	return s.URL + "/test"
}

// answered is an answer whose body the test closes at its end.
type answered struct {
	status int
	header http.Header
	body   io.Reader
}

func get(tb testing.TB, url string) answered {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, url, nil)
	require.NoError(tb, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, res.Body.Close()) })
	return answered{status: res.StatusCode, header: res.Header, body: res.Body}
}

// logs yields n logs of about a kilobyte.
func logs(n int) iter.Seq2[telemetry.Log, error] {
	pad, _ := json.Marshal(strings.Repeat("x", 900))
	return func(yield func(telemetry.Log, error) bool) {
		for i := range n {
			if !yield(telemetry.Log{ID: int64(i + 1), PromptName: "p", VersionTag: "1", Metadata: telemetry.Metadata{"pad": pad}}, nil) {
				return
			}
		}
	}
}

// Not parallel: it watches the memory of the process.
func TestExportNeedsLittleMemory(t *testing.T) {
	const amount = 60_000 // about 60 MB
	for _, csv := range []bool{false, true} {
		a := newTestAPI(t, func(x *exchange) error { return logExport{logs: logs(amount), csv: csv}.answer(x) })
		res := get(t, serve(t, a, nil))
		require.Equal(t, 200, res.status)
		runtime.GC()
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		var most, size uint64
		chunk := make([]byte, 256<<10)
		for i := 0; ; i++ {
			n, err := res.body.Read(chunk)
			size += uint64(n)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			if i%100 == 0 {
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc)
			}
		}
		require.Greater(t, size, uint64(amount*900))
		require.Less(t, most, before.HeapAlloc+16<<20, "the heap grew with the export")
	}
}

func TestExportIsSentAsItComes(t *testing.T) {
	t.Parallel()
	seen := make(chan struct{})
	a := newTestAPI(t, func(x *exchange) error {
		return logExport{logs: func(yield func(telemetry.Log, error) bool) {
			for l, err := range logs(100) {
				if !yield(l, err) {
					return
				}
			}
			select { // the rest comes only once the first was read
			case <-seen:
			case <-time.After(20 * time.Second):
			}
			yield(telemetry.Log{ID: 101, PromptName: "last"}, nil)
		}}.answer(x)
	})
	res := get(t, serve(t, a, nil))
	in := bufio.NewReader(res.body)
	_, err := in.ReadString('\n')
	require.NoError(t, err)
	close(seen)
	rest, err := io.ReadAll(in)
	require.NoError(t, err)
	require.Contains(t, string(rest), `"last"`)
}

// An export may take longer than the server allows for other answers.
func TestExportOutlivesTheWriteTimeout(t *testing.T) {
	t.Parallel()
	a := newTestAPI(t, func(x *exchange) error {
		return logExport{logs: func(yield func(telemetry.Log, error) bool) {
			for range 8 {
				for l, err := range logs(40) {
					if !yield(l, err) {
						return
					}
				}
				time.Sleep(100 * time.Millisecond)
			}
		}}.answer(x)
	})
	res := get(t, serve(t, a, func(s *http.Server) { s.WriteTimeout = 400 * time.Millisecond }))
	data, err := io.ReadAll(res.body)
	require.NoError(t, err)
	require.Equal(t, 320, strings.Count(string(data), "\n"))
}

func TestExportThatFails(t *testing.T) {
	t.Parallel()
	broken := func(after int) iter.Seq2[telemetry.Log, error] {
		return func(yield func(telemetry.Log, error) bool) {
			for l, err := range logs(after) {
				if !yield(l, err) {
					return
				}
			}
			yield(telemetry.Log{}, pmerr.Down(errors.New("secret"), "The database is down"))
		}
	}
	t.Run("before the first log is an ordinary error", func(t *testing.T) {
		t.Parallel()
		a := newTestAPI(t, func(x *exchange) error { return logExport{logs: broken(0)}.answer(x) })
		res := get(t, serve(t, a, nil))
		require.Equal(t, 503, res.status)
		require.Equal(t, jsonType, res.header.Get("Content-Type"))
		require.Equal(t, "1", res.header.Get("Retry-After"))
	})
	t.Run("later says so in the last line and is cut off", func(t *testing.T) {
		t.Parallel()
		a := newTestAPI(t, func(x *exchange) error { return logExport{logs: broken(3)}.answer(x) })
		data, err := io.ReadAll(get(t, serve(t, a, nil)).body)
		require.Error(t, err)
		lines := strings.Split(strings.TrimSpace(string(data)), "\n")
		require.Len(t, lines, 4)
		var e envelope
		require.NoError(t, json.Unmarshal([]byte(lines[3]), &e))
		require.Equal(t, pmerr.Unavailable, e.Code)
		require.Equal(t, "The database is down", e.Error)
	})
	t.Run("later in CSV is cut off", func(t *testing.T) {
		t.Parallel()
		a := newTestAPI(t, func(x *exchange) error { return logExport{logs: broken(3), csv: true}.answer(x) })
		data, err := io.ReadAll(get(t, serve(t, a, nil)).body)
		require.Error(t, err)
		require.NotContains(t, string(data), "database")
	})
}

func TestExportEndsWhenTheCallerLeaves(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	a := newTestAPI(t, func(x *exchange) error {
		defer close(ended)
		return logExport{logs: logs(10_000_000)}.answer(x)
	})
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, serve(t, a, nil), nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	_, err = res.Body.Read(make([]byte, 10))
	require.NoError(t, err)
	cancel()
	_ = res.Body.Close()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("the export goes on for nobody")
	}
}

func TestCellsAreNoFormulas(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "": "", "a=b": "a=b", "'x": "'x",
	} {
		require.Equal(t, want, cell(given))
	}
}
