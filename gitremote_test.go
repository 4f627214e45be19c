package promptmetrics_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/httpapi"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/githost"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/gitstore"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// onHost opens a client whose prompts are on a git host; only Sync asks the host.
func onHost(t *testing.T, e dbtest.Engine, r *githost.Repository) (*promptmetrics.Client, promptmetrics.Options) {
	t.Helper()
	c := e.Config(t)
	o := promptmetrics.Options{
		DataDir: t.TempDir(), SQLitePath: c.Path, DatabaseURL: c.URL, ReconcileInterval: -1,
		GitRemote: &gitstore.Remote{URL: r.URL(), Token: githost.Token, Timeout: time.Minute},
	}
	pm, err := promptmetrics.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pm.Close()) })
	return pm, o
}

const webhookSecret = "the secret of the webhook"

// announce calls the webhook as GitHub does.
func announce(t *testing.T, pm *promptmetrics.Client) {
	t.Helper()
	body := []byte(`{"ref":"refs/heads/main"}`)
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write(body)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/github", bytes.NewReader(body))
	request.Header.Set("X-GitHub-Event", "push")
	request.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	answer := httptest.NewRecorder()
	httpapi.Handler(pm, httpapi.Options{WebhookSecret: webhookSecret}).ServeHTTP(answer, request)
	require.Equal(t, http.StatusOK, answer.Code, answer.Body)
}

func promptFile(name, version, text string) string {
	return `{"name":"` + name + `","version":"` + version + `","messages":[{"role":"user","content":"` + text + `"}]}`
}

// What people push to the host is served once the webhook has been answered.
func TestWhatPeoplePushIsServedAfterTheWebhook(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		h := githost.Start(t)
		r := h.Create("prompts")
		pm, _ := onHost(t, e, r)
		_, err := pm.Registry.Create(t.Context(), prompt("mine"), registry.Signature{Author: "Ada"})
		require.NoError(t, err)
		person := r.Person()
		person.Write("prompts/theirs/1.0.0.json", promptFile("theirs", "1.0.0", "by hand"))
		person.Write("prompts/theirs/1.1.0.yaml", "name: theirs\nversion: 1.1.0\nmessages: [{role: user, content: in YAML}]\n")
		person.Write("workspaces/acme/prompts/theirs/2.0.0.yml", "name: theirs\nversion: 2.0.0\nmessages: [{role: user, content: of acme}]\n")
		person.Commit("Write prompts")
		person.Push()
		announce(t, pm)
		require.Equal(t, "by hand", contentOf(t, pm.Handles, "theirs", "1.0.0"))
		require.Equal(t, "in YAML", contentOf(t, pm.Handles, "theirs", ""))
		acme, err := workspace.Parse("acme")
		require.NoError(t, err)
		require.Equal(t, "of acme", contentOf(t, pm.In(acme, workspace.Actor{Name: "x", Admin: true}).Handles, "theirs", ""))

		person.Git("rm", "-q", "prompts/theirs/1.1.0.yaml")
		person.Commit("Delete one")
		person.Push()
		announce(t, pm)
		require.Equal(t, "by hand", contentOf(t, pm.Handles, "theirs", ""))
		require.Equal(t, "github", pm.Health(t.Context()).DriverType)
	})
}

func contentOf(t *testing.T, handles promptmetrics.Handles, name, version string) string {
	t.Helper()
	e, err := handles.Registry.Get(t.Context(), name, registry.Query{Version: version})
	require.NoError(t, err)
	return e.Content.Messages[0].Content
}

func prompt(name string) registry.Prompt {
	return registry.Prompt{Name: name, Version: "1.0.0", Messages: []registry.Message{{Role: registry.User, Content: "x"}}}
}

// Files that cannot be served are named until they are mended or removed,
// although later reconciliations look only at what changed, and a restart lies in
// between.
func TestProblemsStayUntilTheyAreMended(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		h := githost.Start(t)
		r := h.Create("prompts")
		var minutes atomic.Int64 // that the clock is ahead
		c := e.Config(t)
		o := promptmetrics.Options{
			DataDir: t.TempDir(), SQLitePath: c.Path, DatabaseURL: c.URL, ReconcileInterval: -1,
			GitRemote: &gitstore.Remote{URL: r.URL(), Token: githost.Token, Timeout: time.Minute},
			Now: func() time.Time {
				return time.Now().Add(time.Duration(minutes.Load()) * time.Minute)
			},
		}
		problems := func(pm *promptmetrics.Client) string {
			minutes.Add(1) // a report is kept for a while
			health := pm.Health(t.Context())
			require.Equal(t, "ok", health.Status)
			require.NotContains(t, strings.Join(health.Problems, ""), "marker")
			return strings.Join(health.Problems, "\n")
		}
		pm, err := promptmetrics.New(o)
		require.NoError(t, err)
		require.Empty(t, problems(pm))
		person := r.Person()
		person.Git("checkout", "-q", "-B", "main")
		person.Write("prompts/p/1.0.0.json", `{"name":"p", marker`)
		person.Write("prompts/p/1.1.0.yaml", "name: p\nx: *marker\n")
		person.Write("prompts/p/1.2.0.json", promptFile("p", "1.2.0", "{{#marker}}"))
		person.Write("prompts/p/1.3.0.json", promptFile("marker", "1.3.0", "x"))
		person.Write("prompts/p/1.4.0.json", `{"name":"p","version":"1.4.0","messages":[{"role":"marker","content":7}],"variables":{"marker":{"type":"marker"}}}`)
		person.Write("prompts/p/notes.txt", "marker")
		person.Write("prompts/p/2.0.0.json", promptFile("p", "2.0.0", "fine"))
		person.Commit("A bad day")
		person.Push()
		_, err = pm.Sync(t.Context())
		require.NoError(t, err)
		require.Equal(t, "fine", contentOf(t, pm.Handles, "p", ""))
		said := problems(pm)
		for _, want := range []string{
			"prompts/p/1.0.0.json: is no valid JSON",
			"prompts/p/1.1.0.yaml: is no valid YAML",
			"prompts/p/1.2.0.json: messages[0].content is no valid template: line 1",
			"prompts/p/1.3.0.json: name and version must be those of the path",
			"prompts/p/1.4.0.json: messages[0].content must be a string",
			"prompts/p/notes.txt: is not named like a prompt version",
		} {
			require.Contains(t, said, want)
		}

		person.Write("prompts/q/1.0.0.json", promptFile("q", "1.0.0", "another"))
		person.Write("prompts/p/1.0.0.json", promptFile("p", "1.0.0", "mended"))
		person.Commit("Mend one, add another")
		person.Push()
		_, err = pm.Sync(t.Context())
		require.NoError(t, err)
		require.Equal(t, "mended", contentOf(t, pm.Handles, "p", "1.0.0"))
		require.NotContains(t, problems(pm), "1.0.0.json")
		require.Equal(t, 5, strings.Count(problems(pm), "prompts/p/"))
		require.NoError(t, pm.Close())

		pm, err = promptmetrics.New(o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, pm.Close()) })
		_, err = pm.Sync(t.Context())
		require.NoError(t, err)
		require.Equal(t, 5, strings.Count(problems(pm), "prompts/p/"), "also after a restart")
		person.Git("rm", "-q", "prompts/p/notes.txt", "prompts/p/1.1.0.yaml")
		person.Write("prompts/p/1.1.0.json", promptFile("p", "1.1.0", "in JSON now"))
		person.Commit("Tidy up")
		person.Push()
		_, err = pm.Sync(t.Context())
		require.NoError(t, err)
		require.Equal(t, 3, strings.Count(problems(pm), "prompts/p/"))
		_, err = pm.Reindex(t.Context())
		require.NoError(t, err)
		require.Equal(t, 3, strings.Count(problems(pm), "prompts/p/"), "a full comparison finds the same")
	})
}

// Two nodes share a database, each with a mirror of its own.
func TestANodeServesWhatAnotherOneHasJustPublished(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		r := githost.Start(t).Create("prompts")
		a, o := onHost(t, e, r)
		o.DataDir = t.TempDir()
		o.SQLitePath = filepath.Clean(o.SQLitePath)
		b, err := promptmetrics.New(o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, b.Close()) })
		for _, name := range []string{"one", "two", "three"} {
			_, err := a.Registry.Create(t.Context(), prompt(name), registry.Signature{Author: "Ada"})
			require.NoError(t, err)
			require.Equal(t, "x", contentOf(t, b.Handles, name, "1.0.0"))
		}
		for _, pm := range []*promptmetrics.Client{a, b, a} {
			done, err := pm.Sync(t.Context())
			require.NoError(t, err)
			require.Equal(t, registry.Reconciled{}, done)
		}
	})
}

func TestSyncTellsThatTheHostIsDownAndIndexesWhatIsHere(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	o := promptmetrics.Options{
		DataDir: t.TempDir(), ReconcileInterval: -1,
		GitRemote: &gitstore.Remote{URL: r.URL(), Token: githost.Token, Timeout: time.Minute},
	}
	pm, err := promptmetrics.New(o)
	require.NoError(t, err)
	_, err = pm.Registry.Create(t.Context(), prompt("one"), registry.Signature{Author: "Ada"})
	require.NoError(t, err)
	require.NoError(t, pm.Close())
	h.Break(githost.Fault{Status: 500})
	o.SQLitePath = filepath.Join(t.TempDir(), "lost-and-begun-anew.db")
	pm, err = promptmetrics.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pm.Close()) })
	_, err = pm.Sync(t.Context())
	require.ErrorIs(t, err, promptmetrics.ErrUnavailable)
	require.Equal(t, "x", contentOf(t, pm.Handles, "one", ""))
	require.Nil(t, pm.Health(t.Context()).GitSyncLastRun)
}
