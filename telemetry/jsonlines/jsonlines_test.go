package jsonlines_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/telemetry/jsonlines"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

var update = flag.Bool("update", false, "write the golden file")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ptr[T any](v T) *T { return &v }

func recorded(id int64) telemetry.Recorded {
	at := time.Date(2026, 3, 4, 5, 6, 7, 120_000_000, time.UTC)
	return telemetry.Recorded{At: at, Log: telemetry.Log{
		ID: id, Workspace: "default", CreatedAt: timestamp.Of(at), PromptName: "p", VersionTag: "1.0.0", Status: telemetry.OK,
	}}
}

// TestGolden holds the form of lines to a file: others read them.
func TestGolden(t *testing.T) {
	t.Parallel()
	full := recorded(2)
	l := &full.Log
	l.Provider, l.Model, l.TokensIn, l.TokensOut, l.LatencyMS = ptr("openai"), ptr("gpt-4o-mini"), ptr(int64(1000)), ptr(int64(0)), ptr(int64(1500))
	l.CostUSD, l.CostSource, l.Status, l.ErrorCode, l.HTTPStatus = ptr(0.25), ptr(telemetry.CostFromTable), telemetry.Failed, ptr("TIMEOUT"), ptr(504)
	l.RunID, l.TraceID, l.OllamaOptions, l.OllamaKeepAlive, l.OllamaFormat = ptr("r"), ptr("t"), json.RawMessage(`{"a": 1}`), ptr("5m"), json.RawMessage(`"json"`)
	l.Metadata = telemetry.Metadata{"team": json.RawMessage("\"<blue>\\nline two\""), "nested": json.RawMessage("{\n \"a\": [1, 2]\n}")}
	full.Exchange = &telemetry.Exchange{Input: []telemetry.Turn{{Content: "never written"}}}

	var out bytes.Buffer
	w := jsonlines.New(&out, jsonlines.Options{})
	w.Logged([]telemetry.Recorded{recorded(1), full})
	require.NoError(t, w.Close(t.Context()))
	require.Zero(t, w.Lost())
	require.NotContains(t, out.String(), "never written")

	path := filepath.Join("testdata", "lines.jsonl")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(path, out.Bytes(), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run: go test ./telemetry/jsonlines -update")
	require.Equal(t, string(want), out.String())
}

func TestWriter(t *testing.T) {
	t.Parallel()

	t.Run("writes each log once, in order, each line whole", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		w := jsonlines.New(&out, jsonlines.Options{})
		for i := range int64(1000) {
			w.Logged([]telemetry.Recorded{recorded(2*i + 1), recorded(2*i + 2)})
		}
		require.NoError(t, w.Close(t.Context()))
		next := int64(1)
		for line := range strings.Lines(out.String()) {
			var l telemetry.Log
			require.NoError(t, json.Unmarshal([]byte(line), &l))
			require.Equal(t, next, l.ID)
			next++
		}
		require.EqualValues(t, 2001, next)
	})

	t.Run("keeps nobody waiting for a reader that does not read, and says what was lost", func(t *testing.T) {
		t.Parallel()
		var said bytes.Buffer
		read, write := io.Pipe()
		w := jsonlines.New(write, jsonlines.Options{MaxWaiting: 10 << 10, Logger: slog.New(slog.NewTextHandler(&said, nil))})
		for i := range int64(100) {
			w.Logged([]telemetry.Recorded{recorded(i)})
		}
		require.Positive(t, w.Lost())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, w.Close(ctx), context.Canceled)
		require.Contains(t, said.String(), "not all logs were written as lines")
		require.NoError(t, read.Close()) // the write that hangs fails, and the goroutine ends
	})

	t.Run("goes on when nobody can read any more, and says so once", func(t *testing.T) {
		t.Parallel()
		to := &broken{}
		var said bytes.Buffer
		w := jsonlines.New(to, jsonlines.Options{Logger: slog.New(slog.NewTextHandler(&said, nil))})
		for i := range int64(5) {
			w.Logged([]telemetry.Recorded{recorded(i)})
			to.wait(t, int(i)+1)
		}
		require.NoError(t, w.Close(t.Context()))
		require.EqualValues(t, 5, w.Lost())
		require.Equal(t, 1, strings.Count(said.String(), "cannot be written"), said.String())
		require.Contains(t, said.String(), "lost=5")
	})

	t.Run("writes no traces and spans", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		w := jsonlines.New(&out, jsonlines.Options{})
		w.TraceOpened(telemetry.Source{}, telemetry.Trace{})
		w.SpansAdded(telemetry.Source{}, make([]telemetry.Span, 1))
		w.SpanChanged(telemetry.Source{}, telemetry.Span{}, true)
		require.NoError(t, w.Close(t.Context()))
		require.Empty(t, out.String())
	})
}

// broken is a place to which nothing can be written.
type broken struct {
	mu    sync.Mutex
	tries int
}

func (b *broken) Write([]byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tries++
	return 0, errors.New("broken pipe")
}

func (b *broken) wait(tb testing.TB, tries int) {
	tb.Helper()
	require.Eventually(tb, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.tries >= tries
	}, time.Minute, time.Millisecond)
}
