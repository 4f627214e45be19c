package main_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
)

// TestCompareRuns measures two versions with a model, and compares them.
func TestCompareRuns(t *testing.T) {
	t.Parallel()
	capitals := map[string]string{"France": "Paris", "Norway": "Oslo", "Kenya": "Nairobi"}
	_, env := played(t, func(q providertest.Question) providertest.Answer {
		for land, city := range capitals {
			switch {
			case !strings.Contains(q.LastUser(), land):
			case strings.HasPrefix(q.LastUser(), "Name"), land == "Kenya":
				return providertest.Answer{Text: city, TokensIn: 1000, TokensOut: 500}
			default:
				return providertest.Answer{Text: "It is " + city + ".", TokensIn: 1000, TokensOut: 500}
			}
		}
		return providertest.Answer{Status: http.StatusBadRequest, Message: "which land?"}
	})
	u := newUser(t, env...)
	u.write(t, "1.json", `{"name":"capital-of","version":"1.0.0","messages":[{"role":"user","content":"The capital of {{land}}?"}]}`)
	u.write(t, "2.json", `{"name":"capital-of","version":"2.0.0","messages":[{"role":"user","content":"Name the capital of {{land}}."}]}`)
	u.write(t, "lands.jsonl", `{"input":{"land":"France"},"expectedOutput":{"answer":"Paris"}}
{"input":{"land":"Norway"},"expectedOutput":{"answer":"Oslo"}}
{"input":{"land":"Kenya"},"expectedOutput":{"answer":"Nairobi"}}
`)
	u.write(t, "criteria.json", `{"rules":[{"type":"exact"}]}`)
	u.must(t, "create-prompt", "--file", "1.json")
	u.must(t, "create-prompt", "--file", "2.json")
	u.must(t, "dataset", "import", "lands.jsonl")
	u.must(t, "eval", "create", "capitals", "--prompt", "capital-of", "--criteria", "criteria.json")
	require.Equal(t, "No runs.\n", u.run(t, "eval", "runs", "capitals").Err)

	measure := func(version string) servertest.Result {
		return u.run(t, "eval", "run", "capitals", "--dataset", "lands", "--version", version, "--provider", "openai", "--model", "gpt-4o-mini", "--min-score", "0.9")
	}
	before := measure("1.0.0")
	require.Equal(t, 1, before.Code)
	require.Contains(t, before.Out, "Run 1 of evaluation 1 completed: 3 of 3 rows, score 0.3333, 1 passed, $0.0014\n")
	after := measure("2.0.0")
	require.Zero(t, after.Code, after.Err)
	require.Equal(t, "Run 2 of evaluation 1 completed: 3 of 3 rows, score 1, 3 passed, $0.0014\n", after.Out)

	t.Run("runs are listed", func(t *testing.T) {
		require.Regexp(t, `^ID +STATUS +VERSION +MODEL +DATASET +ROWS +SCORE +PASSED +COST +CREATED\n`+
			`2 +completed +2\.0\.0 +gpt-4o-mini +1 +3/3 +1 +yes +\$0\.0014 +\S+ \S+\n`+
			`1 +completed +1\.0\.0 +gpt-4o-mini +1 +3/3 +0\.3333 +no +\$0\.0014 +\S+ \S+\n$`, u.must(t, "eval", "runs", "capitals"))
	})
	t.Run("and compared, either way", func(t *testing.T) {
		require.Regexp(t, `^ROW +CHANGE +BEFORE +AFTER +OUTPUT +WHY\n1 +better +0 +1 +Paris +-\n2 +better +0 +1 +Oslo +-\n`+
			`Run 2 \(2\.0\.0\) against run 1 \(1\.0\.0\): 2 better, 0 worse, 1 the same, mean difference \+0\.6667, p 0\.\d+\n$`,
			u.must(t, "eval", "compare", "capitals", "1", "2"))
		require.Regexp(t, `1 +worse +1 +0 +It is Paris\. +exact: .+\n`, u.must(t, "eval", "compare", "capitals", "2", "1"))
		require.Regexp(t, `^Run 1 \(1\.0\.0\) against run 1 \(1\.0\.0\): 0 better, 0 worse, 3 the same, mean difference \+0`, u.must(t, "eval", "compare", "1", "1", "1"))
		var c struct {
			Better int
			Rows   []struct{ Change string }
		}
		require.NoError(t, json.Unmarshal([]byte(u.must(t, "eval", "compare", "capitals", "1", "2", "--json")), &c))
		require.Equal(t, 2, c.Better)
		require.Len(t, c.Rows, 3)
	})
	t.Run("faults", func(t *testing.T) {
		for _, c := range []struct {
			args []string
			code int
			want string
		}{
			{[]string{"compare", "capitals", "1"}, 2, "accepts 3 arg(s), received 2"},
			{[]string{"compare", "capitals", "1", "b"}, 2, `"b" is no id: take one from the list`},
			{[]string{"compare", "capitals", "1", "9"}, 1, "Run not found"},
			{[]string{"compare", "none", "1", "2"}, 1, `there is no evaluation "none"; see: promptmetrics eval list`},
			{[]string{"cancel", "capitals", "0"}, 2, `"0" is no id`},
			{[]string{"cancel", "capitals", "9"}, 1, "Run not found"},
			{[]string{"delete", "capitals"}, 2, "deleting needs a terminal to ask on, or --yes"},
			{[]string{"delete", "none", "--yes"}, 1, `there is no evaluation "none"`},
		} {
			r := u.run(t, append([]string{"eval"}, c.args...)...)
			require.Equal(t, c.code, r.Code, "%v: %s", c.args, r.Err)
			require.Contains(t, r.Err, c.want)
			require.Empty(t, r.Out)
		}
	})
	t.Run("a run that has ended is left as it is", func(t *testing.T) {
		require.Equal(t, "Run 2 is completed: 3 of 3 rows\n", u.must(t, "eval", "cancel", "capitals", "2"))
	})
	t.Run("deleted", func(t *testing.T) {
		require.Equal(t, servertest.Result{Err: "Deleted the dataset lands.\n"}, u.run(t, "dataset", "delete", "lands", "--yes"))
		require.Equal(t, servertest.Result{Err: "Deleted the evaluation capitals.\n"}, u.run(t, "eval", "delete", "capitals", "--yes"))
		require.Equal(t, "No evaluations.\n", u.run(t, "eval", "list").Err)
		require.Equal(t, "No datasets.\n", u.run(t, "dataset", "list").Err)
	})
}
