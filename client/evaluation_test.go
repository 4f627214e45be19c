package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// TestCallsOfEvals holds what each method sends.
func TestCallsOfEvals(t *testing.T) {
	t.Parallel()
	version, output := "1.0.0", "o"
	ask := page.Request{Page: 2, Limit: 25, Cursor: "c2"}
	const asked = "cursor=c2&limit=25&page=2"
	for name, tc := range map[string]struct {
		call   func(ctx context.Context, e *Evals) error
		method string
		path   string
		query  string
		body   string // JSON, or the text of a file
		media  string
	}{
		"Create": {
			call: func(ctx context.Context, e *Evals) error {
				_, err := e.Create(ctx, eval.Evaluation{ID: 9, Name: "n", PromptName: "p", VersionTag: &version, Criteria: &eval.Criteria{Rules: []eval.Rule{{Type: "exact"}}}})
				return err
			},
			method: "POST", path: "/v1/evaluations", body: `{"name":"n","prompt_name":"p","version_tag":"1.0.0","criteria":{"rules":[{"type":"exact"}]}}`,
		},
		"List":   {call: func(ctx context.Context, e *Evals) error { _, err := e.List(ctx, ask); return err }, method: "GET", path: "/v1/evaluations", query: asked},
		"Get":    {call: func(ctx context.Context, e *Evals) error { _, err := e.Get(ctx, 7); return err }, method: "GET", path: "/v1/evaluations/7"},
		"Delete": {call: func(ctx context.Context, e *Evals) error { return e.Delete(ctx, 7) }, method: "DELETE", path: "/v1/evaluations/7"},
		"AddResult of zero": {
			call:   func(ctx context.Context, e *Evals) error { _, err := e.AddResult(ctx, 7, eval.Result{}); return err },
			method: "POST", path: "/v1/evaluations/7/results", body: `{"score":0}`,
		},
		"AddResult of what is no number": {
			call: func(ctx context.Context, e *Evals) error {
				_, err := e.AddResult(ctx, 7, eval.Result{Score: math.NaN(), RunID: &output})
				return err
			},
			method: "POST", path: "/v1/evaluations/7/results", body: `{"score":null,"run_id":"o"}`,
		},
		"Results": {
			call: func(ctx context.Context, e *Evals) error {
				_, err := e.Results(ctx, 7, eval.ResultFilter{VersionTag: "1.0.0"}, page.Request{})
				return err
			},
			method: "GET", path: "/v1/evaluations/7/results", query: "version_tag=1.0.0",
		},
		"CreateDataset": {
			call: func(ctx context.Context, e *Evals) error {
				_, err := e.CreateDataset(ctx, "d", []eval.Row{{Input: []byte(`{"a":1}`), Output: &output}})
				return err
			},
			method: "POST", path: "/v1/datasets", body: `{"name":"d","rows":[{"input":{"a":1},"output":"o"}]}`,
		},
		"CreateDataset without rows": {
			call:   func(ctx context.Context, e *Evals) error { _, err := e.CreateDataset(ctx, "d", nil); return err },
			method: "POST", path: "/v1/datasets", body: `{"name":"d","rows":[]}`,
		},
		"Datasets":      {call: func(ctx context.Context, e *Evals) error { _, err := e.Datasets(ctx, ask); return err }, method: "GET", path: "/v1/datasets", query: asked},
		"Dataset":       {call: func(ctx context.Context, e *Evals) error { _, err := e.Dataset(ctx, 3); return err }, method: "GET", path: "/v1/datasets/3"},
		"DatasetRows":   {call: func(ctx context.Context, e *Evals) error { _, err := e.DatasetRows(ctx, 3, ask); return err }, method: "GET", path: "/v1/datasets/3/rows", query: asked},
		"DeleteDataset": {call: func(ctx context.Context, e *Evals) error { return e.DeleteDataset(ctx, 3) }, method: "DELETE", path: "/v1/datasets/3"},
		"AddRowsFromRuns": {
			call: func(ctx context.Context, e *Evals) error {
				_, err := e.AddRowsFromRuns(ctx, 3, eval.RunSelection{RunIDs: []string{"r"}, Limit: 5})
				return err
			},
			method: "POST", path: "/v1/datasets/3/rows/from-traces", body: `{"run_ids":["r"],"limit":5}`,
		},
		"ImportDataset": {
			call: func(ctx context.Context, e *Evals) error {
				_, err := e.ImportDataset(ctx, "a & b", eval.CSV, strings.NewReader("a\n1\n"))
				return err
			},
			method: "POST", path: "/v1/datasets/import", query: "format=csv&name=a+%26+b", body: "a\n1\n", media: "text/csv",
		},
		"ExportDataset": {
			call:   func(ctx context.Context, e *Evals) error { return e.ExportDataset(ctx, 3, eval.JSONL, io.Discard) },
			method: "GET", path: "/v1/datasets/3/export", query: "format=jsonl",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(t, sequence(ok(`{}`)))
			c, _ := setup(t, s.url, Options{})
			require.NoError(t, tc.call(t.Context(), c.Evals))
			require.Equal(t, 1, s.count())
			got := s.all()[0]
			require.Equal(t, tc.method+" "+tc.path+"?"+tc.query, got.method+" "+got.path+"?"+got.query.Encode())
			switch {
			case tc.media != "":
				require.Equal(t, tc.body, got.body)
				require.Equal(t, tc.media, got.header.Get("Content-Type"))
			case tc.body != "":
				require.JSONEq(t, tc.body, got.body)
				require.Equal(t, "application/json", got.header.Get("Content-Type"))
			default:
				require.Empty(t, got.body)
			}
		})
	}
}

func TestWhatMakesSomethingIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(ctx context.Context, e *Evals) error{
		"an evaluation": func(ctx context.Context, e *Evals) error {
			_, err := e.Create(ctx, eval.Evaluation{Name: "n"})
			return err
		},
		"a result":  func(ctx context.Context, e *Evals) error { _, err := e.AddResult(ctx, 1, eval.Result{}); return err },
		"a dataset": func(ctx context.Context, e *Evals) error { _, err := e.CreateDataset(ctx, "d", nil); return err },
		"an import": func(ctx context.Context, e *Evals) error {
			_, err := e.ImportDataset(ctx, "d", eval.JSONL, strings.NewReader(""))
			return err
		},
		"rows": func(ctx context.Context, e *Evals) error {
			_, err := e.AddRowsFromRuns(ctx, 1, eval.RunSelection{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lost := play(t, sequence(reply{cut: true}, ok(`{}`)))
			c, _ := setup(t, lost.url, Options{})
			require.ErrorIs(t, call(t.Context(), c.Evals), pmerr.ErrUnavailable)
			require.Equal(t, 1, lost.count(), "it may have been carried out")

			busy := play(t, sequence(envelopeOf(429, "RATE_LIMIT_EXCEEDED", "slowly"), ok(`{}`)))
			c, _ = setup(t, busy.url, Options{})
			require.NoError(t, call(t.Context(), c.Evals))
			require.Equal(t, 2, busy.count(), "it was not carried out")
		})
	}
}

func TestExportDataset(t *testing.T) {
	t.Parallel()
	t.Run("is repeated before the first byte", func(t *testing.T) {
		t.Parallel()
		s := play(t, sequence(reply{cut: true}, reply{status: 503}, ok("a\nb\n")))
		c, _ := setup(t, s.url, Options{})
		var out bytes.Buffer
		require.NoError(t, c.Evals.ExportDataset(t.Context(), 1, eval.CSV, &out))
		require.Equal(t, "a\nb\n", out.String())
	})
	t.Run("is not taken for whole when it was cut off", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "a\nb\n")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}))
		t.Cleanup(s.Close)
		c, _ := setup(t, s.URL, Options{})
		var out bytes.Buffer
		require.ErrorIs(t, c.Evals.ExportDataset(t.Context(), 1, eval.CSV, &out), pmerr.ErrUnavailable)
		require.Equal(t, "a\nb\n", out.String())
	})
	t.Run("ends when the server falls silent", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "a\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}))
		t.Cleanup(s.Close)
		c, _ := setup(t, s.URL, Options{Timeout: 50 * time.Millisecond})
		require.ErrorIs(t, c.Evals.ExportDataset(t.Context(), 1, eval.CSV, io.Discard), pmerr.ErrUnavailable)
	})
	t.Run("keeps what it refused", func(t *testing.T) {
		t.Parallel()
		s := play(t, sequence(envelopeOf(404, "NOT_FOUND", "Dataset not found")))
		c, _ := setup(t, s.url, Options{})
		require.ErrorIs(t, c.Evals.ExportDataset(t.Context(), 1, eval.CSV, io.Discard), pmerr.ErrNotFound)
		require.Equal(t, 1, s.count())
	})
}

func TestImportDatasetSendsNoMoreThanIsTaken(t *testing.T) {
	t.Parallel()
	s := play(t, sequence(ok(`{}`)))
	c, _ := setup(t, s.url, Options{})
	_, err := c.Evals.ImportDataset(t.Context(), "d", eval.JSONL, bytes.NewReader(make([]byte, maxImport+1)))
	require.ErrorIs(t, err, pmerr.ErrBadRequest)
	broken := errors.New("the disk is gone")
	_, err = c.Evals.ImportDataset(t.Context(), "d", eval.JSONL, iotest.ErrReader(broken))
	require.ErrorIs(t, err, broken)
	_, err = c.Evals.CreateDataset(t.Context(), "d", []eval.Row{{Input: []byte(`{}`)}, {Input: []byte(`{`)}})
	require.ErrorIs(t, err, pmerr.ErrValidation)
	require.Equal(t, []string{"rows[1].input must be valid JSON"}, pmerr.From(err).Fields)
	require.Zero(t, s.count())
}
