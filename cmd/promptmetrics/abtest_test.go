package main_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

func TestABTestCommands(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.write(t, "welcome.json", welcome)
	u.write(t, "next.json", strings.Replace(welcome, "1.0.0", "1.1.0", 1))
	u.must(t, "create-prompt", "--file", "welcome.json")
	u.must(t, "create-prompt", "--file", "next.json")
	u.write(t, "a.txt", "1\n2\n\n 3 \r\n4\n5")
	u.write(t, "b.txt", "6\n7\n8\n9\n1e1\n")

	made := u.must(t, "ab-test", "create", "--prompt", "welcome", "--a", "v1.0.0", "--b", "1.1.0", "--metric", "score",
		"--share-b", "0.25", "--planned-n", "40", "--guardrail", "cost=0.001", "--guardrail", "latency=50")
	require.Contains(t, made, `"version_a": "1.0.0"`)
	require.Contains(t, made, `"share_b": 0.25`)
	require.Contains(t, made, `"planned_n": 40`)
	var test struct {
		Guardrails []struct {
			Metric string
			Margin float64
		}
	}
	require.NoError(t, json.Unmarshal([]byte(made), &test))
	require.Len(t, test.Guardrails, 2)
	require.Equal(t, "cost", test.Guardrails[0].Metric)
	require.InDelta(t, 0.001, test.Guardrails[0].Margin, 0)
	u.must(t, "ab-test", "create", "--prompt", "welcome", "--a", "1.0.0", "--b", "1.1.0", "--metric", "score", "--mode", "sequential")

	t.Run("list is a table, or JSON", func(t *testing.T) {
		table := u.must(t, "ab-test", "list")
		require.Regexp(t, `^ID +PROMPT +A +B +METRIC +MODE +STATUS +PROMOTED +CREATED\n2 +welcome +1\.0\.0 +1\.1\.0 +score +sequential +running +- +\S+ \S+\n1 +welcome `, table)
		require.Contains(t, u.must(t, "ab-test", "list", "--json", "--limit", "1"), `"total": 2`)
	})
	t.Run("get says that there is nothing yet", func(t *testing.T) {
		require.Equal(t, servertest.Result{Err: "A/B test 2 of welcome (1.0.0 against 1.1.0) has no result yet; see: promptmetrics ab-test run 2\n"}, u.run(t, "ab-test", "get", "2"))
		require.Contains(t, u.must(t, "ab-test", "get", "2", "--json"), `"status": "running"`)
	})
	t.Run("run shows what was found", func(t *testing.T) {
		r := u.run(t, "ab-test", "run", "1", "--scores-a", "a.txt", "--scores-b", "b.txt")
		require.Zero(t, r.Code, r.Err)
		require.True(t, strings.HasPrefix(r.Out, "B wins: version 1.1.0 of welcome, by score from scores (p 0.001053).\n\n"), r.Out)
		for _, line := range []string{
			` +A 1\.0\.0 +B 1\.1\.0`, `scores +5 +5`, `mean +3 +8`, `deviation +1\.581 +1\.581`,
			`difference B-A +5 \(\+166\.7 %\) +95 % between \d\.\d+ and \d(\.\d+)?`, `p +0\.001053 +welch`, `guardrail cost +does not hold +not measured`,
		} {
			require.Regexp(t, `(?m)^`+line+`$`, r.Out)
		}
		require.Contains(t, r.Err, "Warning: Version A has only 5 scores")
		require.Contains(t, r.Err, "Warning: The guardrail on cost has 0 logs of A and 0 of B")
		shown := u.run(t, "ab-test", "get", "1")
		require.Equal(t, r, shown, "and get shows it again")
		require.Contains(t, u.must(t, "ab-test", "run", "1", "--json", "--scores-a", "a.txt", "--scores-b", "b.txt"), `"winner": "B"`)
	})
	t.Run("what guardrails hold back is not promoted", func(t *testing.T) {
		r := u.run(t, "ab-test", "promote", "1")
		require.Equal(t, 1, r.Code)
		require.Contains(t, r.Err, "its guardrail does not hold")
	})
	t.Run("a sequential test needs 20 scores", func(t *testing.T) {
		u := *u
		u.In = "6\n7\n8\n9\n10\n"
		r := u.run(t, "ab-test", "run", "2", "--scores-a", "a.txt", "--scores-b", "-")
		require.True(t, strings.HasPrefix(r.Out, "No winner: versions 1.0.0 and 1.1.0 of welcome, by score from scores (sequential p -).\n"), r.Out)
		promoted := u.run(t, "ab-test", "promote", "2")
		require.Equal(t, "A tie: nothing moved.\n", promoted.Err)
		require.JSONEq(t, `{"winner":"tie","version":null}`, promoted.Out)
	})
	t.Run("promote and assign", func(t *testing.T) {
		u.write(t, "long-a.txt", strings.Repeat("1\n2\n3\n", 20))
		u.write(t, "long-b.txt", strings.Repeat("5\n6\n7\n", 20))
		r := u.run(t, "ab-test", "run", "2", "--scores-a", "long-a.txt", "--scores-b", "long-b.txt")
		require.Regexp(t, `^B wins: version 1\.1\.0 of welcome, by score from scores \(sequential p \S+\)\.\n`, r.Out)
		require.Regexp(t, `(?m)^sequential p +\S+ +95 % between `, r.Out)
		require.JSONEq(t, `{"winner":"B","version":"1.1.0"}`, u.must(t, "ab-test", "promote", "2"))
		require.JSONEq(t, `{"variant":"B","version":"1.1.0","prompt_name":"welcome"}`, u.must(t, "ab-test", "assign", "2", "user-1"))
		require.Contains(t, u.must(t, "get-label", "welcome", "production"), `"version_tag": "1.1.0"`)
	})
	t.Run("on what was evaluated and logged", func(t *testing.T) {
		u.must(t, "eval", "create", "tone", "--prompt", "welcome")
		require.Contains(t, u.must(t, "ab-test", "create", "--prompt", "welcome", "--a", "1.0.0", "--b", "1.1.0", "--evaluation", "tone"), `"evaluation_id": 1`)
		u.must(t, "ab-test", "create", "--prompt", "welcome", "--a", "1.0.0", "--b", "1.1.0")
		for _, ms := range []string{"1", "2", "3"} {
			u.must(t, "log", "--prompt-name", "welcome", "--version", "1.0.0", "--latency-ms", ms)
			u.must(t, "log", "--prompt-name", "welcome", "--version", "1.1.0", "--latency-ms", "7"+ms)
		}
		r := u.run(t, "ab-test", "run", "4")
		require.True(t, strings.HasPrefix(r.Out, "A wins: version 1.0.0 of welcome, by latency from logs (p "), r.Out)
		require.Regexp(t, `(?m)^split of calls p +1$`, r.Out)
	})
	t.Run("delete", func(t *testing.T) {
		require.Equal(t, servertest.Result{Err: "Deleted A/B test 2.\n"}, u.run(t, "ab-test", "delete", "2"))
		require.Equal(t, servertest.Result{Code: 1, Err: "promptmetrics: A/B test not found\n"}, u.run(t, "ab-test", "get", "2"))
	})
	t.Run("faults", func(t *testing.T) {
		u.write(t, "words.txt", "1\ntwo\n")
		u.write(t, "nan.txt", "NaN\n")
		u.write(t, "none.txt", "\n")
		for _, c := range []struct {
			args []string
			code int
			want string
		}{
			{[]string{}, 2, "say what to do, for example: promptmetrics ab-test list"},
			{[]string{"get", "x"}, 2, `the id of an A/B test is a positive number, not "x"; see: promptmetrics ab-test list`},
			{[]string{"get", "0"}, 2, `the id of an A/B test is a positive number, not "0"; see: promptmetrics ab-test list`},
			{[]string{"delete", "99"}, 1, "A/B test not found"},
			{[]string{"create", "--prompt", "p", "--a", "1"}, 2, `required flag(s) "b" not set`},
			{[]string{"create", "--prompt", "p", "--a", "1", "--b", "1"}, 1, "version_b must differ from version_a"},
			{[]string{"create", "--prompt", "p", "--a", "1", "--b", "2", "--share-b", "0"}, 2, "--share-b and --planned-n must be above 0"},
			{[]string{"create", "--prompt", "p", "--a", "1", "--b", "2", "--guardrail", "cost"}, 2, `--guardrail must be a metric with a margin, as in latency=50, not "cost"`},
			{[]string{"create", "--prompt", "p", "--a", "1", "--b", "2", "--evaluation", "gone"}, 1, `there is no evaluation "gone"; see: promptmetrics eval list`},
			{[]string{"run", "1", "--scores-a", "a.txt"}, 2, ""},
			{[]string{"run", "1", "--scores-a", "-", "--scores-b", "-"}, 2, "only one of --scores-a and --scores-b can be standard input"},
			{[]string{"run", "1", "--scores-a", "a.txt", "--scores-b", "words.txt"}, 1, `words.txt:2: "two" is no number`},
			{[]string{"run", "1", "--scores-a", "nan.txt", "--scores-b", "a.txt"}, 1, `nan.txt:1: "NaN" is no number`},
			{[]string{"run", "1", "--scores-a", "none.txt", "--scores-b", "a.txt"}, 1, "scoresA must not be empty"},
			{[]string{"run", "1", "--scores-a", "gone.txt", "--scores-b", "a.txt"}, 1, ""},
			{[]string{"run", "3"}, 1, "Too few scores: each version needs at least 2 (scores_a_count 0, scores_b_count 0, version_a_log_count 0, version_b_log_count 0)"},
			{[]string{"assign", "1", ""}, 1, "unit is required"},
			{[]string{"list", "--limit", "-1"}, 2, "--limit must be at least 0"},
		} {
			r := u.run(t, append([]string{"ab-test"}, c.args...)...)
			require.Equal(t, c.code, r.Code, "%v: %s", c.args, r.Err)
			require.Empty(t, r.Out)
			require.Contains(t, r.Err, "promptmetrics: "+c.want)
		}
	})
}

func TestPower(t *testing.T) {
	t.Parallel()
	u := &user{Call: servertest.Call{Dir: t.TempDir()}} // no server
	require.Equal(t, "3841 scores of each version, 7682 in all\n", u.must(t, "power", "--baseline-rate", "0.1", "--lift", "0.02"))
	require.Equal(t, "64 scores of each version, 128 in all\n", u.must(t, "power", "--sd", "1", "--delta", "0.5"))
	require.Equal(t, u.must(t, "power", "--sd", "2", "--delta", "1"), u.must(t, "power", "--sd", "1", "--delta", "-0.5"))
	require.JSONEq(t, `{"n_per_version":86,"n_total":172}`, u.must(t, "power", "--sd", "1", "--delta", "0.5", "--power", "0.9", "--json"))
	for want, args := range map[string][]string{
		"at least one of the flags":                   {},
		"--baseline-rate plus --lift must be between": {"--baseline-rate", "0.9", "--lift", "0.2"},
		"--lift must not be 0":                        {"--baseline-rate", "0.9", "--lift", "0"},
		"--lift is too small":                         {"--baseline-rate", "0.5", "--lift", "0.0000001"},
		"sd must be above 0":                          {"--sd", "0", "--delta", "1"},
		"delta must be a number other than 0":         {"--sd", "1", "--delta", "NaN"},
		"power must be above the significance":        {"--sd", "1", "--delta", "1", "--power", "1"},
		"significance must be between":                {"--sd", "1", "--delta", "1", "--significance", "0.7", "--power", "0.8"},
		"lift":                                        {"--baseline-rate", "0.1"},
		"none of the others can be":                   {"--baseline-rate", "0.1", "--lift", "0.1", "--sd", "1", "--delta", "1"},
	} {
		r := u.run(t, append([]string{"power"}, args...)...)
		require.Equal(t, 2, r.Code, args)
		require.Contains(t, r.Err, want, args)
		require.Empty(t, r.Out)
	}
}
