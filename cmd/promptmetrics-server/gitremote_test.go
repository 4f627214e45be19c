package main_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
	"github.com/promptmetrics-go/promptmetrics/internal/githost"
)

func TestFaultsOfTheGitRemote(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	p := r.Person()
	p.Git("checkout", "-q", "-B", "main")
	p.Write("README.md", "x")
	p.Commit("x")
	p.Push()
	down := githost.Start(t)
	down.Break(githost.Fault{Hang: true})
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"no repository":         {[]string{"DRIVER=github"}, "GITHUB_REPO is missing: DRIVER=github needs a repository, owner/name, or GIT_REMOTE_URL for another git host"},
		"no owner":              {[]string{"DRIVER=github", "GITHUB_REPO=prompts", "GITHUB_TOKEN=hunter2"}, `GITHUB_REPO must be owner/name, not "prompts"`},
		"no token":              {[]string{"DRIVER=github", "GITHUB_REPO=acme/prompts"}, "GITHUB_TOKEN is missing: DRIVER=github needs a token that may read and write the contents of acme/prompts"},
		"not the driver":        {[]string{"GITHUB_REPO=acme/prompts"}, "GITHUB_REPO needs DRIVER=github: set that, or remove GITHUB_REPO"},
		"two":                   {[]string{"DRIVER=github", "GITHUB_REPO=acme/prompts", "GIT_REMOTE_URL=https://h/a"}, "GITHUB_REPO and GIT_REMOTE_URL exclude each other: set one"},
		"ssh":                   {[]string{"GIT_REMOTE_URL=ssh://git@h/a"}, "GIT_REMOTE_URL must start with https://, http:// or file:///; repositories over ssh are reached by https with a token"},
		"cleartext":             {[]string{"GIT_REMOTE_URL=http://u:hunter2@h.example/a"}, "GIT_REMOTE_URL must start with https://: over http:// anybody on the way reads the token; GIT_REMOTE_CLEARTEXT=true allows it"},
		"a bad branch":          {[]string{"GIT_REMOTE_URL=https://h/a", "GIT_REMOTE_BRANCH=a b"}, "GIT_REMOTE_BRANCH must be the name of a branch, such as main, without refs/heads/"},
		"interval":              {[]string{"GITHUB_SYNC_INTERVAL_MS=0"}, `GITHUB_SYNC_INTERVAL_MS must be an integer from 100 to 31622400000, not "0"`},
		"a wrong token":         {[]string{"GIT_REMOTE_URL=" + r.URL(), "GIT_REMOTE_TOKEN=hunter2"}, "GIT_REMOTE_TOKEN is refused: it may be wrong or expired: the git host answers 401: Bad credentials"},
		"a wrong token within":  {[]string{"GIT_REMOTE_URL=" + strings.Replace(r.URL(), "://", "://hunter2@", 1)}, "The token in GIT_REMOTE_URL is refused: it may be wrong or expired: the git host answers 401: Bad credentials"},
		"a wrong repository":    {[]string{"GIT_REMOTE_URL=" + h.URL + "/none.git", "GIT_REMOTE_TOKEN=" + githost.Token}, "GIT_REMOTE_URL names no repository that the token may see: the git host answers 404: Repository not found."},
		"a wrong branch":        {[]string{"GIT_REMOTE_URL=" + r.URL(), "GIT_REMOTE_TOKEN=" + githost.Token, "GIT_REMOTE_BRANCH=prod"}, "GIT_REMOTE_BRANCH: the repository has no branch prod; it has main"},
		"no pairs":              {[]string{"GIT_BRANCHES=staging"}, `GIT_BRANCHES must be workspace=branch, and commas between them, such as staging=staging,qa=release, not "staging"`},
		"a workspace twice":     {[]string{"GIT_BRANCHES=a=b,a=c"}, "GIT_BRANCHES names the workspace a twice"},
		"no name of a branch":   {[]string{"GIT_BRANCHES=a=../b"}, "GIT_BRANCHES: workspace a needs the name of a branch, such as staging, without refs/heads/"},
		"the default":           {[]string{"GIT_BRANCHES=default=x"}, "GIT_BRANCHES: the workspace default follows the repository's own branch: leave it out"},
		"branches in a bucket":  {[]string{"GIT_BRANCHES=a=b", "DRIVER=s3", "S3_BUCKET=prompts", "S3_REGION=eu-central-1", "S3_ACCESS_KEY=k", "S3_SECRET_KEY=s"}, "GIT_BRANCHES needs prompts in git, but DRIVER is s3: remove one of them"},
		"no such branch":        {[]string{"GIT_BRANCHES=staging=stagin", "GIT_REMOTE_URL=" + r.URL(), "GIT_REMOTE_TOKEN=" + githost.Token}, "GIT_BRANCHES: workspace staging: the repository has no branch stagin; it has main; make it from the one that it shall begin with: git push origin main:refs/heads/stagin"},
		"a folder that is none": {[]string{"GIT_REMOTE_URL=file://" + t.TempDir()}, "GIT_REMOTE_URL cannot be used: the git host says: fatal: "},
		"nobody answers":        {[]string{"GIT_REMOTE_URL=" + down.URL + "/a.git", "GIT_REMOTE_TOKEN=hunter2"}, "GIT_REMOTE_URL cannot be used now, and there is no earlier copy of the prompts here: the git host cannot be reached: no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := append([]string{"PORT=0", "HOST=127.0.0.1", "DATA_DIR=" + t.TempDir()}, c.env...)
			r := programs.Run(t, servertest.Call{Dir: t.TempDir(), Env: env}, "promptmetrics-server")
			require.Equal(t, 1, r.Code, r.Err)
			require.True(t, strings.HasPrefix(r.Err, "promptmetrics-server: "+c.want), r.Err)
			require.Equal(t, 1, strings.Count(r.Err, "\n"), r.Err)
			require.NotContains(t, r.Err, "hunter2")
			require.NotContains(t, r.Err, githost.Token)
		})
	}
}

// A server on a git host, from the outside: what it publishes is there, and it
// serves on while the host is down.
func TestServeFromAGitHost(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	dir := t.TempDir()
	url := strings.Replace(r.URL(), "://", "://me:"+githost.Token+"@", 1)
	env := []string{"DRIVER=github", "GIT_REMOTE_URL=" + url, "GITHUB_SYNC_INTERVAL_MS=3600000"}
	s := programs.Start(t, dir, env...)
	require.Contains(t, s.Out(), "prompts in "+r.URL())
	key := s.Key(t, "--scopes", "read,write")
	status, body := s.Ask(t, key, http.MethodPost, "/v1/prompts", `{"name":"p","version":"1.0.0","messages":[{"role":"user","content":"x"}]}`)
	require.Equal(t, http.StatusCreated, status, body)
	require.Contains(t, r.Files("main"), "prompts/p/1.0.0.json")
	_, body = s.Ask(t, "", http.MethodGet, "/health/deep", "")
	require.Contains(t, body, `"driverType":"github"`)
	h.Break(githost.Fault{Status: 503, RetryAfter: 60})
	status, body = s.Ask(t, key, http.MethodPost, "/v1/prompts", `{"name":"p","version":"1.1.0","messages":[{"role":"user","content":"x"}]}`)
	require.Equal(t, http.StatusServiceUnavailable, status, body)
	status, _ = s.Ask(t, key, http.MethodGet, "/v1/prompts/p", "")
	require.Equal(t, http.StatusOK, status)
	s.Stop(t)
	said := s.Out() + s.Err()
	s = programs.Start(t, dir, env...)
	status, _ = s.Ask(t, key, http.MethodGet, "/v1/prompts/p", "")
	require.Equal(t, http.StatusOK, status, "started while the host is down")
	status, body = s.Ask(t, "", http.MethodGet, "/health/deep", "")
	require.Equal(t, http.StatusServiceUnavailable, status, body)
	require.NotContains(t, said+s.Out()+s.Err(), githost.Token)
}
