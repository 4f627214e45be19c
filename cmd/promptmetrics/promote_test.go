package main_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

// TestPromote follows a prompt from the branch staging to main, by the program
// and by a person with git.
func TestPromote(t *testing.T) {
	t.Parallel()
	s := programs.Start(t, t.TempDir(), "GIT_BRANCHES=staging=staging", "PROMPT_RECONCILE_INTERVAL_MS=50")
	u := userOf(t, s, "--scopes", "read,write,admin", "--workspace", "*")
	git := func(dir string, args ...string) string {
		t.Helper()
		env := []string{"GIT_AUTHOR_NAME=Bob", "GIT_AUTHOR_EMAIL=bob@example.com", "GIT_COMMITTER_NAME=Bob", "GIT_COMMITTER_EMAIL=bob@example.com"}
		r := programs.Run(t, servertest.Call{Dir: dir, Env: append(env, u.Env...)}, "git", args...)
		require.Zero(t, r.Code, r.Err)
		return strings.TrimSpace(r.Out)
	}
	repository := filepath.Join(s.Call.Dir, "data", "prompts.git")
	u.write(t, "welcome.json", welcome)
	u.write(t, "next.json", strings.Replace(welcome, "1.0.0", "1.1.0", 1))
	u.must(t, "create-prompt", "--workspace", "staging", "--file", "welcome.json")
	u.must(t, "create-prompt", "--workspace", "staging", "--file", "next.json")
	require.Contains(t, u.run(t, "get-prompt", "welcome", "--raw").Err, "Prompt not found")

	out := u.must(t, "promote", "welcome", "--version", "v1.0.0", "--from", "staging", "--to", "main", "--set-label", "production")
	require.Contains(t, out, `"message": "Promote welcome 1.0.0 from staging to default"`)
	require.Contains(t, out, `"existed": false`)
	require.Contains(t, u.must(t, "get-prompt", "welcome", "--label", "production", "--raw"), `"version_tag": "1.0.0"`)
	require.Equal(t, "Promote welcome 1.0.0 from staging to default", git(repository, "log", "-1", "--format=%s", "main"))
	file := func(branch string) string { return git(repository, "rev-parse", branch+":prompts/welcome/1.0.0.json") }
	require.Equal(t, file("staging"), file("main"), "the same bytes")
	require.Contains(t, u.must(t, "promote", "welcome", "--version", "1.0.0", "--from", "staging", "--to", "main"), `"existed": true`)
	require.Contains(t, u.must(t, "audit-logs"), "prompt:promote")

	git(u.Dir, "clone", "-q", repository, "clone")
	clone := filepath.Join(u.Dir, "clone")
	git(clone, "merge", "-q", "-m", "Promote staging", "origin/staging")
	git(clone, "push", "-q", "origin", "HEAD:main")
	require.Eventually(t, func() bool {
		return strings.Contains(u.run(t, "get-prompt", "welcome", "--raw").Out, `"version_tag": "1.1.0"`)
	}, time.Minute, 50*time.Millisecond, "a merge is a promotion too")
	require.Contains(t, u.must(t, "promote", "welcome", "--from", "staging", "--to", "main"), `"existed": true`)

	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"promote", "welcome", "--from", "staging"}, 2, `required flag(s) "to" not set`},
		{[]string{"promote", "welcome", "--from", "staging", "--to", "staging"}, 1, "staging is both"},
		{[]string{"promote", "nobody", "--from", "staging", "--to", "main"}, 1, "Prompt not found"},
		{[]string{"promote", "welcome", "--from", "staging", "--to", "main", "--version", "1.0.0", "--label", "x"}, 2, "--version and --label exclude each other"},
	} {
		r := u.run(t, c.args...)
		require.Equal(t, c.code, r.Code, r.Err)
		require.Contains(t, r.Err, c.want)
	}
	plain := userOf(t, s)
	require.Contains(t, plain.run(t, "promote", "welcome", "--from", "staging", "--to", "main").Err, "promoting needs a master key")
}
