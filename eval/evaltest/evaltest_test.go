package evaltest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/eval/evaltest"
	"github.com/promptmetrics-go/promptmetrics/eval/scorer"
)

// watched is a test that is watched: what it says, and whether it failed.
type watched struct {
	testing.TB
	said   strings.Builder
	failed bool
}

func (w *watched) Helper() {}

func (w *watched) Logf(format string, args ...any) { fmt.Fprintf(&w.said, format, args...) }

func (w *watched) Errorf(format string, args ...any) {
	w.failed = true
	fmt.Fprintf(&w.said, format, args...)
}

// fatal ends a watched test.
type fatal struct{}

func (w *watched) Fatalf(format string, args ...any) {
	w.Errorf(format, args...)
	panic(fatal{})
}

func (w *watched) Fatal(args ...any) { w.Fatalf("%s", fmt.Sprint(args...)) }

// run evaluates in a watched test.
func run(t *testing.T, e evaltest.Evaluation) (w *watched, report eval.Report) {
	t.Helper()
	w = &watched{TB: t}
	defer func() {
		if p := recover(); p != nil {
			require.Equal(t, fatal{}, p)
		}
	}()
	return w, evaltest.Run(w, e)
}

func atLeast(score float64, types ...string) eval.Criteria {
	c := eval.Criteria{MinScore: &score}
	for _, kind := range types {
		c.Rules = append(c.Rules, eval.Rule{Type: kind})
	}
	return c
}

func question(q, a string) eval.Row {
	return eval.Row{
		Input: json.RawMessage(fmt.Sprintf(`{"q":%q}`, q)), ExpectedOutput: json.RawMessage(fmt.Sprintf(`{"answer":%q}`, a)),
	}
}

func echo(_ context.Context, row eval.Row) (eval.Output, error) {
	var in struct{ Q string }
	err := json.Unmarshal(row.Input, &in)
	return eval.Output{Text: in.Q}, err
}

func TestRun(t *testing.T) {
	t.Parallel()
	t.Run("passes at the aim", func(t *testing.T) {
		t.Parallel()
		w, r := run(t, evaltest.Evaluation{
			Criteria: atLeast(0.5, "exact"), Rows: []eval.Row{question("a", "a"), question("b", "x")}, Task: echo,
		})
		require.False(t, w.failed)
		require.Contains(t, w.said.String(), "score 0.5 of 1, the aim is 0.5; 1 of 2 rows passed")
		require.InDelta(t, 0.5, *r.Score, 1e-12)
		require.Equal(t, eval.FromTask, r.Rows[0].Source)
		require.NotNil(t, r.Rows[0].LatencyMS)
		require.Equal(t, []int64{1, 2}, []int64{r.Rows[0].RowID, r.Rows[1].RowID})
	})
	t.Run("fails below the aim, with a table of what failed", func(t *testing.T) {
		t.Parallel()
		rows := []eval.Row{question("a", "a"), question("b\n b", "x"), question("fail", "x"), question("panic", "x")}
		w, r := run(t, evaltest.Evaluation{
			Criteria: atLeast(0.9, "exact"), Rows: rows,
			Task: func(ctx context.Context, row eval.Row) (eval.Output, error) {
				switch {
				case strings.Contains(string(row.Input), "fail"):
					return eval.Output{}, errors.New("the agent is down")
				case strings.Contains(string(row.Input), "panic"):
					panic("oh no")
				}
				return echo(ctx, row)
			},
		})
		require.True(t, w.failed)
		said := w.said.String()
		require.Contains(t, said, "score 0.25 of 1, the aim is 0.9; 1 of 4 rows passed, 2 with an error")
		require.Regexp(t, `ROW +SCORE +OUTPUT +WHY`, said)
		require.Regexp(t, `(?m)^2 +0 +b b +exact: `, said)
		require.Regexp(t, `(?m)^3 +0 +- +the agent is down$`, said)
		require.Regexp(t, `(?m)^4 +0 +- +the task panicked: oh no$`, said)
		require.NotRegexp(t, `(?m)^1 `, said, "the first row is right")
		require.Equal(t, 2, r.Results.Errors)
	})
	t.Run("shows so many rows and no more", func(t *testing.T) {
		t.Parallel()
		var rows []eval.Row
		for range 30 {
			rows = append(rows, question("a", "b"))
		}
		w, _ := run(t, evaltest.Evaluation{Criteria: atLeast(1, "exact"), Rows: rows, Task: echo, Show: 3})
		require.Contains(t, w.said.String(), "and 27 more")
	})
	t.Run("scores recorded outputs without a task", func(t *testing.T) {
		t.Parallel()
		row, text := question("a", "yes"), "yes"
		row.Output = &text
		w, r := run(t, evaltest.Evaluation{Criteria: atLeast(1, "exact"), Rows: []eval.Row{row}})
		require.False(t, w.failed, w.said.String())
		require.Equal(t, eval.Recorded, r.Rows[0].Source)
		w, _ = run(t, evaltest.Evaluation{Criteria: atLeast(1, "exact"), Rows: []eval.Row{question("a", "a")}})
		require.True(t, w.failed)
		require.Contains(t, w.said.String(), "there is no task to answer it")
	})
	t.Run("uses the program's own scorers", func(t *testing.T) {
		t.Parallel()
		w, _ := run(t, evaltest.Evaluation{
			Criteria: eval.Criteria{Rules: []eval.Rule{{Type: "function", Config: json.RawMessage(`{"name":"short"}`)}}},
			Rows:     []eval.Row{question("a", "")}, Task: echo,
			Scorers: scorer.Options{Functions: map[string]scorer.Func{
				"short": func(_ context.Context, c eval.Case) (float64, string, error) {
					return 1 / float64(len(c.Output)), "its length", nil
				},
			}},
		})
		require.False(t, w.failed, w.said.String())
	})
	t.Run("works on so many rows at once", func(t *testing.T) {
		t.Parallel()
		var now, most atomic.Int64
		full := make(chan struct{})
		rows := make([]eval.Row, 12)
		for i := range rows {
			rows[i] = question("a", "a")
		}
		w, _ := run(t, evaltest.Evaluation{Criteria: atLeast(1, "exact"), Rows: rows, Concurrency: 3, Task: func(ctx context.Context, row eval.Row) (eval.Output, error) {
			n := now.Add(1)
			defer now.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				continue
			}
			if n == 3 {
				select {
				case <-full:
				default:
					close(full)
				}
			}
			<-full
			return echo(ctx, row)
		}})
		require.False(t, w.failed, w.said.String())
		require.Equal(t, int64(3), most.Load())
	})
	t.Run("says what is wrong with an evaluation that cannot be", func(t *testing.T) {
		t.Parallel()
		w, _ := run(t, evaltest.Evaluation{Rows: []eval.Row{question("a", "a")}, Task: echo})
		require.Contains(t, w.said.String(), "no criteria.rules")
		w, _ = run(t, evaltest.Evaluation{Criteria: atLeast(1, "exactly"), Rows: []eval.Row{question("a", "a")}, Task: echo})
		require.Contains(t, w.said.String(), "criteria.rules[0]")
		w, _ = run(t, evaltest.Evaluation{Criteria: atLeast(1, "exact"), Task: echo})
		require.True(t, w.failed, "no rows prove nothing")
		require.Contains(t, w.said.String(), "the dataset has no rows")
	})
}

func TestReadRows(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rows.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(`{"input":{"q":"a"},"expectedOutput":{"answer":"a"}}`+"\n"), 0o600))
	rows := evaltest.ReadRows(t, path)
	require.Len(t, rows, 1)
	require.JSONEq(t, `{"q":"a"}`, string(rows[0].Input))
	for name, bad := range map[string]string{"no file": filepath.Join(t.TempDir(), "none.csv"), "no format": path + ".txt"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &watched{TB: t}
			require.Panics(t, func() { evaltest.ReadRows(w, bad) })
			require.Contains(t, w.said.String(), "cannot be read")
		})
	}
}
