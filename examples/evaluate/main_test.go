package main

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/eval/evaltest"
)

func TestItRuns(t *testing.T) {
	t.Parallel()
	model, stop, err := play()
	require.NoError(t, err)
	t.Cleanup(stop)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, t.TempDir(), model))
	require.Equal(t, `1.0.0: score 0.34, 0 of 4 rows passed
  exact        0.00
  contains     0.75
  regex        0.00
  levenshtein  0.15
  llm_judge    0.75
1.1.0: score 0.79, 3 of 4 rows passed
  exact        0.75
  contains     0.75
  regex        1.00
  levenshtein  0.78
  llm_judge    0.75
better 4, worse 0, same 0; mean difference +0.45, p = 0.021
  better 0.45 -> 1.00  "The capital of France is Paris." -> "Paris"
  better 0.45 -> 1.00  "The capital of Norway is Oslo." -> "Oslo"
  better 0.46 -> 1.00  "The capital of Kenya is Nairobi." -> "Nairobi"
  better 0.01 -> 0.16  "The capital of Australia is Sydney." -> "Sydney"
`, out.String())
}

// TestAnswers measures a Go function in go test: no server, no database. It
// fails with a table of the bad rows if the score is under the aim.
func TestAnswers(t *testing.T) {
	t.Parallel()
	least := 0.75
	evaltest.Run(t, evaltest.Evaluation{
		Criteria: eval.Criteria{MinScore: &least, Rules: []eval.Rule{{Type: "exact"}, {Type: "levenshtein"}}},
		Rows:     evaltest.ReadRows(t, "testdata/capitals.jsonl"),
		Task: func(_ context.Context, row eval.Row) (eval.Output, error) {
			var in struct{ Land string }
			err := json.Unmarshal(row.Input, &in)
			return eval.Output{Text: answer("small", "The capital of "+in.Land+" and nothing else")}, err
		},
	})
}
