package main_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// questions are three rows, of which two have the right output.
const questions = `{"input":{"land":"France"},"expectedOutput":{"answer":"Paris"},"output":"Paris"}
{"input":{"land":"Norway"},"expectedOutput":{"answer":"Oslo"},"output":"Oslo"}
{"input":{"land":"Kenya"},"expectedOutput":{"answer":"Nairobi"},"output":"Mombasa"}
`

func TestEvalRun(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.write(t, "questions.jsonl", questions)
	u.write(t, "criteria.json", `{"min_score":0.9,"rules":[{"type":"exact"}]}`)
	u.must(t, "dataset", "import", "questions.jsonl")
	u.must(t, "eval", "create", "capitals", "--prompt", "capital-of", "--criteria", "criteria.json")

	t.Run("succeeds at the score, and shows the rows that failed", func(t *testing.T) {
		t.Parallel()
		r := u.run(t, "eval", "run", "capitals", "--dataset", "questions", "--min-score", "0.6")
		require.Zero(t, r.Code, r.Err)
		require.Empty(t, r.Err)
		require.Regexp(t, `^ROW +SCORE +OUTPUT +WHY\n\d+ +0 +Mombasa +exact: .+\n`, r.Out)
		require.Regexp(t, `Run \d+ of evaluation 1 completed: 3 of 3 rows, score 0.6667, 2 passed\n$`, r.Out)
	})
	t.Run("fails under the score", func(t *testing.T) {
		t.Parallel()
		r := u.run(t, "eval", "run", "1", "--dataset", "1", "--min-score", "0.7")
		require.Equal(t, 1, r.Code)
		require.Equal(t, "promptmetrics: the score 0.6667 is below 0.7\n", r.Err)
	})
	t.Run("fails under the evaluation's own aim", func(t *testing.T) {
		t.Parallel()
		r := u.run(t, "eval", "run", "capitals", "--dataset", "questions")
		require.Equal(t, 1, r.Code)
		require.Contains(t, r.Err, "the evaluation's own aim was missed")
	})
	t.Run("prints JSON", func(t *testing.T) {
		t.Parallel()
		r := u.run(t, "eval", "run", "capitals", "--dataset", "questions", "--min-score", "0.6", "--json")
		require.Zero(t, r.Code, r.Err)
		var run struct {
			Status string
			Score  float64
			Failed []struct{ Output string } `json:"failed_rows"`
		}
		require.NoError(t, json.Unmarshal([]byte(r.Out), &run))
		require.Equal(t, "completed", run.Status)
		require.InDelta(t, 2.0/3, run.Score, 1e-12)
		require.Equal(t, "Mombasa", run.Failed[0].Output)
	})
	t.Run("fails with the run's reason", func(t *testing.T) {
		t.Parallel()
		r := u.run(t, "eval", "run", "capitals")
		require.Equal(t, 1, r.Code)
		require.Contains(t, r.Err, "has failed: the prompt capital-of was not found")
	})
	t.Run("says what is not there, and what cannot be", func(t *testing.T) {
		t.Parallel()
		for want, args := range map[string][]string{
			`there is no evaluation "nothing"; see: promptmetrics eval list`: {"eval", "run", "nothing"},
			`there is no dataset "nothing"; see: promptmetrics dataset list`: {"eval", "run", "capitals", "--dataset", "nothing"},
			"concurrency must be an integer from 1 to 64":                    {"eval", "run", "capitals", "--concurrency", "65"},
			"rovider": {"eval", "run", "capitals", "--provider", "nobody", "--model", "m"},
		} {
			r := u.run(t, args...)
			require.Equal(t, 1, r.Code, "%v", args)
			require.Contains(t, r.Err, want)
		}
		r := u.run(t, "eval", "run", "capitals", "--min-score", "80")
		require.Equal(t, 2, r.Code)
		require.Contains(t, r.Err, "--min-score must be from 0 to 1")
	})
}

func TestEvaluationsAndDatasets(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	require.Equal(t, "No evaluations.\n", u.run(t, "eval", "list").Err)
	require.Equal(t, "No datasets.\n", u.run(t, "dataset", "list").Err)
	u.write(t, "in.csv", "land,expected,output\nFrance,Paris,Paris\nNorway,Oslo,Bergen\n")
	var made struct {
		ID       int64
		Name     string
		RowCount int `json:"row_count"`
	}
	require.NoError(t, json.Unmarshal([]byte(u.must(t, "dataset", "import", "in.csv", "--name", "lands")), &made))
	require.Equal(t, "lands", made.Name)
	require.Equal(t, 2, made.RowCount)
	require.Regexp(t, `^ID +NAME +ROWS +CREATED\n1 +lands +2 +\d{4}-`, u.must(t, "dataset", "list"))
	require.JSONEq(t, `{"id":2,"input":{"land":"Norway"},"expectedOutput":{"output":"Oslo"},"output":"Bergen"}`,
		lastLine(u.must(t, "dataset", "export", "lands")))
	require.Empty(t, u.must(t, "dataset", "export", fmt.Sprint(made.ID), "--out", "back.csv"))
	require.Contains(t, u.must(t, "dataset", "import", "back.csv"), `"name": "back"`)

	u.must(t, "eval", "create", "e", "--prompt", "p", "--version", "1.0.0")
	require.Regexp(t, `^ID +NAME +PROMPT +VERSION +CREATED\n1 +e +p +1.0.0 +\d{4}-`, u.must(t, "eval", "list"))
	require.Equal(t, "No results.\n", u.run(t, "eval", "results", "e").Err)
	r := u.run(t, "eval", "create", "bad", "--prompt", "p", "--criteria", "in.csv")
	require.Equal(t, 1, r.Code)
	require.Contains(t, r.Err, "the criteria are no JSON object")
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
