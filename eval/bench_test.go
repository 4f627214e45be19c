package eval_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// BenchmarkRun executes a run of the largest dataset on SQLite with recorded
// outputs: what is left is reading, judging and storing the rows, each durable,
// and the results at the end.
func BenchmarkRun(b *testing.B) {
	s := openSite(b, dbtest.Engine{Dialect: db.SQLite}.Config(b), b.TempDir()+"/prompts.git", nil)
	s.lease = 10 * time.Second
	n := s.start(b)
	_, err := n.prompts.Create(b.Context(), registry.Prompt{
		Name: "p", Version: "1.0.0", Messages: []registry.Message{{Role: registry.User, Content: "q"}},
	}, registry.Signature{})
	require.NoError(b, err)
	e, err := n.evals.Create(b.Context(), eval.Evaluation{Name: "e", PromptName: "p", Criteria: &eval.Criteria{Rules: []eval.Rule{{Type: "right"}}}})
	require.NoError(b, err)
	rows, text := make([]eval.Row, eval.MaxRows), "right"
	for i := range rows {
		rows[i] = eval.Row{Input: json.RawMessage(`{}`), Output: &text}
	}
	d, err := n.evals.CreateDataset(b.Context(), "d", rows)
	require.NoError(b, err)
	for b.Loop() {
		run, err := n.evals.StartRun(b.Context(), e.ID, eval.RunSpec{DatasetID: &d.ID, Concurrency: 16})
		require.NoError(b, err)
		ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
		ended, err := n.evals.WaitRun(ctx, e.ID, run.ID, 10*time.Millisecond)
		cancel()
		require.NoError(b, err)
		require.Equal(b, eval.RunCompleted, ended.Status, "%+v", ended.Results)
	}
	b.ReportMetric(float64(b.N)*eval.MaxRows/b.Elapsed().Seconds(), "rows/s")
}
