package main_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	today := time.Now().UTC().Format(time.DateOnly)
	first := time.Now().UTC().AddDate(0, 0, -6).Format(time.DateOnly)

	t.Run("of nothing are a word, and status 0", func(t *testing.T) {
		for kind, want := range map[string]string{"time-series": "Nothing was logged.\n", "prompts": "Nothing was logged.\n", "evaluations": "Nothing was scored.\n", "activity": ""} {
			r := u.run(t, "metrics", kind)
			require.Zero(t, r.Code)
			require.Equal(t, want, r.Err)
		}
	})

	u.must(t, "log", "--prompt-name", "a", "--version", "1.0.0", "--tokens-in", "10", "--tokens-out", "5", "--latency-ms", "100", "--cost-usd", "0.3")
	u.must(t, "log", "--prompt-name", "b", "--version", "1.0.0", "--tokens-in", "1", "--latency-ms", "100", "--cost-usd", "0.1", "--status", "error")
	u.must(t, "create-run", "--workflow", "w", "--status", "failed")
	u.must(t, "eval", "create", "tone", "--prompt", "a")
	u.write(t, "one.jsonl", `{"input":{},"expectedOutput":{"answer":"y"},"output":"y"}`+"\n")
	u.write(t, "criteria.json", `{"rules":[{"type":"exact"}]}`)
	u.must(t, "dataset", "import", "one.jsonl")
	u.must(t, "eval", "create", "exactly", "--prompt", "a", "--criteria", "criteria.json")
	ran := u.run(t, "eval", "run", "exactly", "--dataset", "one")
	require.Zero(t, ran.Code, ran.Err)

	for kind, want := range map[string]string{
		"time-series": `DAY +REQUESTS +TOKENS +COST +P50 MS +P95 MS +P99 MS +ERRORS +FAILED RUNS\n` + today + ` +2 +16 +\$0\.4000 +\d+ +\d+ +\d+ +50\.0 % +100\.0 %\n$`,
		"prompts": `PROMPT +VERSION +REQUESTS +TOKENS IN +TOKENS OUT +MEAN MS +ERRORS +COST\na +1\.0\.0 +1 +10 +5 +100 +0 % +\$0\.3000\n` +
			`b +1\.0\.0 +1 +1 +0 +100 +100\.0 % +\$0\.1000\n$`,
		"evaluations": `ID +EVALUATION +PROMPT +DAY +RESULTS +LEAST +MOST +MEAN\n2 +exactly +a +` + today + ` +1 +1 +1 +1\n$`,
		"activity":    `logs +2\nprompts in use +2\ntraces +0\nruns +1\nfailed runs +1\nevaluations +2\n$`,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			require.Regexp(t, `^`+first+` to `+today+` \(UTC\)\n`+want, u.must(t, "metrics", kind, "--window", "7d"))
			var answer struct {
				Window string
				Start  int64
			}
			require.NoError(t, json.Unmarshal([]byte(u.must(t, "metrics", kind, "--json", "--from", "2026-01-01", "--to", "2026-02-01")), &answer))
			require.Equal(t, "custom", answer.Window)
			require.Equal(t, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), answer.Start)
		})
	}
	t.Run("one evaluation by its id", func(t *testing.T) {
		t.Parallel()
		require.Contains(t, u.must(t, "metrics", "evaluations", "--evaluation", "2"), "exactly")
		require.Equal(t, "Nothing was scored.\n", u.run(t, "metrics", "evaluations", "--evaluation", "1").Err)
	})
	t.Run("bars on a terminal only", func(t *testing.T) {
		t.Parallel()
		require.NotContains(t, u.must(t, "metrics", "prompts"), "█")
		if _, err := exec.LookPath("script"); err != nil {
			testserver.Missing(t, "script(1)")
		}
		r := programs.Run(t, u.Call, "script", "-qec", "promptmetrics metrics prompts", "/dev/null")
		lines := strings.Split(strings.ReplaceAll(r.Out, "\r", ""), "\n")
		require.Regexp(t, `\$0\.3000  █{12}$`, lines[2])
		require.Regexp(t, `\$0\.1000  █{4}$`, lines[3])
	})
	t.Run("faults", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			args []string
			code int
			want string
		}{
			{[]string{"costs"}, 2, `"costs" is none of time-series, prompts, evaluations, activity`},
			{[]string{"prompts", "activity"}, 2, "accepts at most 1 arg(s), received 2"},
			{[]string{"--from", "yesterday"}, 2, "--from must be a day such as 2026-11-01"},
			{[]string{"--evaluation", "1"}, 2, "--evaluation is for: promptmetrics metrics evaluations"},
			{[]string{"--window", "1d"}, 1, "window must be 7d, 30d or 90d"},
			{[]string{"--to", "2026-01-01"}, 1, "from is required with to"},
			{[]string{"--window", "7d", "--from", "2026-01-01"}, 1, "window and from/to exclude each other"},
			{[]string{"--from", "2026-02-01", "--to", "2026-01-01"}, 1, "from must be before to"},
		} {
			r := u.run(t, append([]string{"metrics"}, c.args...)...)
			require.Equal(t, c.code, r.Code, "%v: %s", c.args, r.Err)
			require.Contains(t, r.Err, c.want)
			require.Empty(t, r.Out)
		}
	})
}

func TestAuditLogs(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	admin := userOf(t, u.server, "--scopes", "read,write,admin")
	u.write(t, "welcome.json", welcome)
	u.must(t, "create-prompt", "--file", "welcome.json")
	u.must(t, "add-label", "welcome", "production", "--version", "1.0.0")

	r := u.run(t, "audit-logs")
	require.Equal(t, 1, r.Code)
	require.Contains(t, r.Err, "scope")
	out := admin.must(t, "audit-logs", "--key-name", "test")
	require.Regexp(t, `^ID +WHEN +ACTION +PROMPT +VERSION +TARGET +KEY +ADDRESS\n\d+ +\S+ \S+ +label:create +welcome +1\.0\.0 +welcome +test +127\.0\.0\.1\n`+
		`\d+ +\S+ \S+ +create_prompt +welcome +1\.0\.0 +\S+ +test +127\.0\.0\.1\n`, out)
	require.Equal(t, 2, strings.Count(admin.must(t, "audit-logs", "--action", "create_prompt"), "\n"))
	require.JSONEq(t, `{"items":[],"total":0}`, admin.must(t, "audit-logs", "--to", "2001-01-01", "--json"))
	require.Contains(t, admin.must(t, "audit-logs", "--from", "2001-01-01T00:00:00Z"), "create_prompt")
	require.Equal(t, "No entries.\n", admin.run(t, "audit-logs", "--action", "nothing").Err)
	require.Contains(t, admin.run(t, "audit-logs", "--limit", "1").Err, "--limit 0 shows all.\n")
	require.Equal(t, 2, admin.run(t, "audit-logs", "--from", "x").Code)
	require.Equal(t, 2, admin.run(t, "audit-logs", "--limit", "-1").Code)
}
