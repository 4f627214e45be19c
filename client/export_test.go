package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func collect(tb testing.TB, t *Telemetry, f telemetry.LogFilter) (logs []telemetry.Log, err error) {
	tb.Helper()
	for l, e := range t.ExportLogs(tb.Context(), f) {
		if e != nil {
			require.NoError(tb, err, "the sequence ends after the first error")
			err = e
			continue
		}
		logs = append(logs, l)
	}
	return logs, err
}

func TestExportLogs(t *testing.T) {
	t.Parallel()
	const one, two = `{"id":1,"prompt_name":"p","ollama_format":null,"metadata":{"a":1}}`, `{"id":2,"prompt_name":"p"}`
	long := `{"id":3,"prompt_name":"p","metadata":{"a":"` + strings.Repeat("x", 300<<10) + `"}}`
	for name, tc := range map[string]struct {
		replies []reply
		ids     []int64
		code    pmerr.Code
		says    string
	}{
		"logs line by line":                   {replies: []reply{ok(one + "\n" + two + "\n")}, ids: []int64{1, 2}},
		"the last line without an end":        {replies: []reply{ok(one + "\n" + two)}, ids: []int64{1, 2}},
		"empty lines":                         {replies: []reply{ok("\n" + one + "\n\n")}, ids: []int64{1}},
		"nothing":                             {replies: []reply{ok("")}},
		"a line longer than the buffer":       {replies: []reply{ok(long + "\n" + one + "\n")}, ids: []int64{3, 1}},
		"repeated before the first":           {replies: []reply{{status: 503}, {cut: true}, ok(two + "\n")}, ids: []int64{2}},
		"a refusal":                           {replies: []reply{envelopeOf(422, "VALIDATION_FAILED", "from must be a time")}, code: pmerr.Validation},
		"a line that is no log":               {replies: []reply{ok(one + "\n<html>\n" + two + "\n")}, ids: []int64{1}, code: pmerr.Unavailable, says: "not a log"},
		"an error in the middle":              {replies: []reply{ok(one + "\n" + envelopeOf(503, "UNAVAILABLE", "the store is down").body + "\n")}, ids: []int64{1}, code: pmerr.Unavailable, says: "the store is down"},
		"an error that echoes the key":        {replies: []reply{ok(envelopeOf(500, "INTERNAL_ERROR", "for "+testKey).body)}, code: pmerr.Internal, says: "for [redacted]"},
		"an object that is neither":           {replies: []reply{ok(`{}`)}, code: pmerr.Internal},
		"a line that is longer than a log is": {replies: []reply{ok(one + "\n" + strings.Repeat("x", maxLine+2))}, ids: []int64{1}, code: pmerr.Unavailable, says: "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(t, sequence(tc.replies...))
			c, _ := setup(t, s.url, Options{})
			logs, err := collect(t, c.Telemetry, telemetry.LogFilter{Model: "m"})
			if tc.code == "" {
				require.NoError(t, err)
			} else {
				require.Equal(t, tc.code, pmerr.From(err).Code, err)
				require.ErrorContains(t, err, tc.says)
				require.NotContains(t, err.Error(), testKey)
			}
			var ids []int64
			for _, l := range logs {
				ids = append(ids, l.ID)
				require.Nil(t, l.OllamaFormat)
			}
			require.Equal(t, tc.ids, ids)
			require.Equal(t, "format=ndjson&model=m", s.all()[0].query.Encode())
			require.Equal(t, "/v1/logs/export", s.all()[0].path)
		})
	}
}

// endless serves logs until its client goes away, and tells when that is.
func endless(tb testing.TB, pace time.Duration) (url string, gone <-chan struct{}) {
	tb.Helper()
	left := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(left)
		for i := 1; r.Context().Err() == nil; i++ {
			if _, err := fmt.Fprintf(w, `{"id":%d,"prompt_name":"p","metadata":{"a":%q}}`+"\n", i, strings.Repeat("x", 500)); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			if pace > 0 {
				time.Sleep(pace)
			}
		}
	}))
	tb.Cleanup(s.Close)
	return s.URL, left
}

func TestLeavingTheLoopClosesTheConnection(t *testing.T) {
	t.Parallel()
	url, gone := endless(t, 0)
	c, _ := setup(t, url, Options{})
	n := 0
	for l, err := range c.Telemetry.ExportLogs(t.Context(), telemetry.LogFilter{}) {
		require.NoError(t, err)
		n++
		require.EqualValues(t, n, l.ID)
		if n == 1000 {
			break
		}
	}
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Fatal("the server still sends")
	}
}

// It measures the heap, so it is not parallel to others.
func TestExportNeedsFlatMemory(t *testing.T) {
	url, _ := endless(t, 0)
	c, _ := setup(t, url, Options{MaxAnswer: 1 << 20})
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var early, late uint64
	n := 0
	for _, err := range c.Telemetry.ExportLogs(t.Context(), telemetry.LogFilter{}) {
		require.NoError(t, err)
		n++
		if n == 1_000 {
			early = heap()
		}
		if n == 30_000 { // 16 MB of answer, well beyond MaxAnswer
			late = heap()
			break
		}
	}
	require.Less(t, late, early+8<<20)
}

func TestCancellingEndsAnExport(t *testing.T) {
	t.Parallel()
	url, gone := endless(t, time.Millisecond)
	c, _ := setup(t, url, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for l, err := range c.Telemetry.ExportLogs(ctx, telemetry.LogFilter{}) {
		last = err
		if l.ID == 3 {
			cancel()
		}
	}
	require.ErrorIs(t, last, context.Canceled)
	<-gone
}

func TestASilentExportEnds(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"id":1,"prompt_name":"p"}`+"\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	c, _ := setup(t, s.URL, Options{Timeout: 50 * time.Millisecond})
	begin := time.Now()
	logs, err := collect(t, c.Telemetry, telemetry.LogFilter{})
	require.Len(t, logs, 1)
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	require.NotErrorIs(t, err, context.Canceled)
	require.Less(t, time.Since(begin), 5*time.Second)
}

func TestASlowReaderIsNotCutOff(t *testing.T) {
	t.Parallel()
	url, _ := endless(t, time.Millisecond)
	c, _ := setup(t, url, Options{Timeout: 50 * time.Millisecond})
	n := 0
	for _, err := range c.Telemetry.ExportLogs(t.Context(), telemetry.LogFilter{}) {
		require.NoError(t, err)
		time.Sleep(80 * time.Millisecond)
		if n++; n == 3 {
			break
		}
	}
}

func TestAnExportThatBreaksOffIsAnError(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"id":1,"prompt_name":"p"}`+"\n"+`{"id":2,"prompt_na`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(s.Close)
	c, _ := setup(t, s.URL, Options{})
	logs, err := collect(t, c.Telemetry, telemetry.LogFilter{})
	require.Len(t, logs, 1)
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	require.True(t, errors.Is(err, io.ErrUnexpectedEOF), err)
}

func FuzzExportLine(f *testing.F) {
	f.Add(`{"id":1,"prompt_name":"p","metadata":{"a":null}}`)
	f.Add(`{"error":"x","code":"UNAVAILABLE"}`)
	f.Add(`{"ollama_format":null}`)
	f.Fuzz(func(t *testing.T, line string) {
		s := &stream{line: []byte(line), wire: &wire{key: func() string { return testKey }, now: time.Now}}
		l, err := s.log()
		if err == nil && (l.PromptName == "" || !json.Valid([]byte(line))) {
			t.Fatalf("took %q for a log", line)
		}
	})
}
