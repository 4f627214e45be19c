package httpapi_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func TestHealthNeedsNoKey(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.run(t, []scenario{
		{
			name: "alive", key: nobody, method: "GET", path: "/health", status: 200, json: `{"status":"ok"}`,
			header: map[string]string{"RateLimit-Limit": "", "Content-Type": "application/json; charset=utf-8"},
		},
		{name: "in depth", key: nobody, method: "GET", path: "/health/deep", status: 200, after: func(t *testing.T, r reply) {
			t.Helper()
			var h map[string]any
			r.decode(t, &h)
			delete(h, "gitSyncLastRun")
			require.Equal(t, map[string]any{
				"status": "ok", "checks": map[string]any{"sqlite": "ok", "driver": "ok"}, "dbType": "sqlite", "dbConnected": true,
				"driverType": "filesystem", "reconciliationRunning": false, "nodes": 1.0, "problems": []any{},
			}, h)
		}},
		{name: "not by POST", key: nobody, method: "POST", path: "/health", status: 405, header: map[string]string{"Allow": "GET, HEAD, OPTIONS"}},
	})
}

// brokenContent is a prompt store that is down.
type brokenContent struct{ registry.ContentStore }

func (brokenContent) Workspace(workspace.ID) registry.Content { return nil }

func (brokenContent) Check(context.Context) error { return errors.New("secret disk path") }

func (brokenContent) Diff(context.Context, string) (registry.Diff, error) {
	return registry.Diff{}, errors.New("secret disk path")
}

func TestHealthTellsOfABrokenStore(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *setup) { s.Content = brokenContent{} })
	r := s.send(t, nobody, "GET", "/health/deep", "")
	require.Equal(t, 503, r.status)
	matchJSON(t, `{"status":"degraded","checks":{"sqlite":"ok","driver":"error"},"dbType":"sqlite","dbConnected":true,
		"driverType":"custom","gitSyncLastRun":null,"reconciliationRunning":false,"nodes":1,"problems":[]}`, r.body)
	require.NotContains(t, r.body, "secret")
}

func signature(body string) string {
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write([]byte(body))
	return "X-Hub-Signature-256: sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func TestWebhookServesWhatWasPushed(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := start(t, func(s *setup) { s.DataDir = data })
	s.publish(t, "greet", "1.0.0", "x")
	push(t, filepath.Join(data, "prompts.git"), "prompts/greet/1.1.0.json",
		`{"name":"greet","version":"1.1.0","messages":[{"role":"user","content":"pushed"}]}`)
	const hook, event = "/webhooks/github", "X-GitHub-Event: push"
	s.run(t, []scenario{
		{name: "no signature", key: nobody, method: "POST", path: hook, body: `{}`, headers: []string{event}, status: 401, message: "Invalid signature"},
		{name: "the signature of another body", key: nobody, method: "POST", path: hook, body: `{}`, headers: []string{event, signature(`{"a":1}`)}, status: 401},
		{name: "half a signature", key: nobody, method: "POST", path: hook, body: `{}`, headers: []string{event, signature(`{}`)[:60]}, status: 401},
		{name: "a signature of another kind", key: nobody, method: "POST", path: hook, body: `{}`, headers: []string{event, "X-Hub-Signature-256: sha1=00"}, status: 401},
		{name: "a key is no signature", key: master, method: "POST", path: hook, body: `{}`, headers: []string{event}, status: 401},
		{
			name: "another event", key: nobody, method: "POST", path: hook, body: `{"zen":1}`, headers: []string{"X-GitHub-Event: ping", signature(`{"zen":1}`)},
			status: 200, json: `{"message":"Event ignored","event":"ping"}`,
		},
		{name: "not served yet", key: reader, method: "GET", path: "/v1/prompts/greet?version=1.1.0", status: 404},
		{
			name: "a push, as a form", key: nobody, method: "POST", path: hook, body: `payload=%7B%7D`, status: 200, json: `{"message":"Sync triggered"}`,
			headers: []string{event, "Content-Type: application/x-www-form-urlencoded", signature(`payload=%7B%7D`)},
		},
		{name: "it is served", key: reader, method: "GET", path: "/v1/prompts/greet", status: 200, after: func(t *testing.T, r reply) {
			t.Helper()
			require.Contains(t, r.body, `"content":"pushed"`)
		}},
		{name: "a push to Gitea", key: nobody, method: "POST", path: hook, body: `{}`, headers: []string{"X-Gitea-Event: push", "X-Gitea-Signature: " + signature(`{}`)[len("X-Hub-Signature-256: sha256="):]}, status: 200, json: `{"message":"Sync triggered"}`},
		{name: "a wrong signature of Gitea", key: nobody, method: "POST", path: hook, body: `{}`, headers: []string{"X-Gitea-Event: push", "X-Gitea-Signature: " + signature(`{"a":1}`)[len("X-Hub-Signature-256: sha256="):]}, status: 401},
		{name: "a push to GitLab", key: nobody, method: "POST", path: hook, body: `{}`, headers: []string{"X-Gitlab-Event: Push Hook", "X-Gitlab-Token: " + webhookSecret}, status: 200, json: `{"message":"Sync triggered"}`},
		{name: "another event of GitLab", key: nobody, method: "POST", path: hook, body: `{}`, headers: []string{"X-Gitlab-Event: Issue Hook", "X-Gitlab-Token: " + webhookSecret}, status: 200, json: `{"message":"Event ignored","event":"Issue Hook"}`},
		{name: "a wrong token of GitLab", key: nobody, method: "POST", path: hook, body: `{}`, headers: []string{"X-Gitlab-Event: Push Hook", "X-Gitlab-Token: " + webhookSecret[1:]}, status: 401},
		{name: "an empty token of GitLab", key: nobody, method: "POST", path: hook, body: `{}`, headers: []string{"X-Gitlab-Event: Push Hook", "X-Gitlab-Token: "}, status: 401},
		{name: "one wrong proof spoils a right one", key: nobody, method: "POST", path: hook, body: `{}`, headers: []string{event, signature(`{"a":1}`), "X-Gitlab-Token: " + webhookSecret}, status: 401},
		{name: "an empty push", key: nobody, method: "POST", path: hook, headers: []string{event, signature("")}, status: 200},
		{name: "not by GET", key: nobody, method: "GET", path: hook, status: 405, header: map[string]string{"Allow": "POST, OPTIONS"}},
	})
}

func TestWebhookWithoutSecretIsOurFault(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *setup) { s.api.WebhookSecret = "" })
	mac := hmac.New(sha256.New, nil)
	s.run(t, []scenario{{
		name: "even when signed with nothing", key: nobody, method: "POST", path: "/webhooks/github", status: 500,
		headers: []string{"X-GitHub-Event: push", "X-Hub-Signature-256: sha256=" + hex.EncodeToString(mac.Sum(nil))},
	}})
	require.Len(t, s.log.about("request failed"), 1)
}

func TestWebhookTellsOfAStoreThatIsDown(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *setup) { s.Content = brokenContent{} })
	r := s.send(t, nobody, "POST", "/webhooks/github", "", "X-GitHub-Event: push", signature(""))
	require.GreaterOrEqual(t, r.status, 500)
	require.NotContains(t, r.body, "secret")
	require.NotEmpty(t, s.log.about("secret disk path"))
}

// push commits a file to a repository as people do: with git, from elsewhere.
func push(tb testing.TB, repository, path, content string) {
	tb.Helper()
	work := tb.TempDir()
	git := func(input string, args ...string) string {
		cmd := exec.CommandContext(tb.Context(), "git", append([]string{"-C", work}, args...)...)
		cmd.Stdin = strings.NewReader(input)
		cmd.Env = []string{
			"GIT_AUTHOR_NAME=Eve", "GIT_AUTHOR_EMAIL=eve@example.com", "GIT_COMMITTER_NAME=Eve", "GIT_COMMITTER_EMAIL=eve@example.com",
			"HOME=" + work, "GIT_CONFIG_NOSYSTEM=1",
		}
		out, err := cmd.CombinedOutput()
		require.NoError(tb, err, "%s", out)
		return strings.TrimSpace(string(out))
	}
	git("", "clone", "-q", repository, ".")
	blob := git(content, "hash-object", "-w", "--stdin")
	git("", "update-index", "--add", "--cacheinfo", "100644,"+blob+","+path)
	git("", "commit", "-q", "-m", "by hand")
	git("", "push", "-q", "origin", "HEAD")
}
