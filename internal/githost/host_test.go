package githost_test

import (
	"net/http"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/githost"
)

func TestPeoplePushAndOthersPull(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("team/prompts")
	ada, bob := r.Person(), r.Person()
	ada.Write("prompts/a/1.0.0.json", "a")
	ada.Commit("a")
	ada.Push()
	bob.Write("prompts/b/1.0.0.json", "b")
	bob.Commit("b")
	bob.Git("branch", "-M", "main")
	bob.Push()
	require.Len(t, r.Files("main"), 2)
	require.Equal(t, map[string]int{"prompts/a/1.0.0.json": 1, "prompts/b/1.0.0.json": 1}, r.Added("main"))
	require.Empty(t, r.Files("other"))
	require.Contains(t, h.Asked(), "POST /team/prompts.git/git-receive-pack")
}

func TestOnlyTheTokenLetsIn(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	status := func(url, token string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		require.NoError(t, err)
		request.SetBasicAuth("anybody", token)
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	refs := "/info/refs?service=git-receive-pack"
	require.Equal(t, http.StatusOK, status(r.URL()+refs, githost.Token))
	require.Equal(t, http.StatusUnauthorized, status(r.URL()+refs, "another"))
	require.Equal(t, http.StatusNotFound, status(h.URL+"/none.git"+refs, githost.Token))
	require.Equal(t, http.StatusNotFound, status(h.URL+"/../../etc"+refs, githost.Token))
	h.SetToken("new")
	require.Equal(t, http.StatusUnauthorized, status(r.URL()+refs, githost.Token))
}

func TestFaultsStrike(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	p := r.Person()
	p.Write("x", "x")
	p.Commit("x")
	for name, fault := range map[string]githost.Fault{
		"status": {Status: 500, Times: 1},
		"cut":    {Posts: true, Cut: 10, Times: 1},
	} {
		h.Break(fault)
		require.Error(t, p.TryPush(0+1), name)
		h.Mend()
	}
	p.Write("y", "y")
	p.Commit("y")
	h.Break(githost.Fault{Service: "git-receive-pack", Posts: true, Drop: true, Times: 1})
	cmd := exec.CommandContext(t.Context(), "git", "push", "-q", "origin", "HEAD:main")
	cmd.Dir = p.Dir
	require.Error(t, cmd.Run(), "the answer is lost")
	require.Contains(t, r.Files("main"), "y", "but the push was done")
	h.Break(githost.Fault{Status: 429, RetryAfter: 7})
	answer, err := http.Get(r.URL())
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, "7", answer.Header.Get("Retry-After"))
}
