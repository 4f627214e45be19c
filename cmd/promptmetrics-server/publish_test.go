package main_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
	"github.com/promptmetrics-go/promptmetrics/internal/githost"
)

const webhookSecret = "the secret of the webhook"

// Two nodes with a mirror each, one database, and a person with a clone publish
// at once on a git host that fails now and then. Every accepted version is in the
// history once, and both nodes serve it; what the person pushed too, from the
// answer to the webhook on.
func TestTwoNodesAndAPersonPublishAtOnce(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	env := []string{
		"DATABASE_URL=" + postgres(t), "API_KEY_SALT=one salt for both of the nodes", "GITHUB_WEBHOOK_SECRET=" + webhookSecret,
		"GIT_REMOTE_URL=" + r.URL(), "GIT_REMOTE_TOKEN=" + githost.Token, "GITHUB_SYNC_INTERVAL_MS=3600000",
	}
	nodes := []*servertest.Server{programs.Start(t, t.TempDir(), env...), programs.Start(t, t.TempDir(), env...)}
	key := nodes[0].Key(t)
	person := r.Person()
	person.Git("checkout", "-q", "-B", "main")
	texts := &published{of: map[string]string{}}

	t.Run("every accepted version is in the history once", func(t *testing.T) {
		h.Break(githost.Fault{Service: "git-receive-pack", Posts: true, Drop: true, Times: 2})
		h.Break(githost.Fault{Service: "git-receive-pack", Posts: true, Status: http.StatusBadGateway, Times: 1})
		const callers, each, byHand = 3, 5, 5
		var all sync.WaitGroup
		for i, s := range nodes {
			for caller := range callers {
				all.Go(func() {
					for n := range each {
						texts.publish(t, s, key, fmt.Sprintf("node%d-%d", i, caller), fmt.Sprintf("1.%d.0", n), "by a caller")
					}
				})
			}
		}
		all.Go(func() {
			for n := range byHand {
				texts.push(t, person, "by-hand", fmt.Sprintf("1.%d.0", n), "by a person")
			}
		})
		all.Wait()
		announce(t, nodes[0])
		require.Len(t, texts.of, 2*callers*each+byHand)
		texts.check(t, r, nodes, key)
	})

	t.Run("of two that publish the same version one is accepted", func(t *testing.T) {
		for n := range 6 {
			version := fmt.Sprintf("1.%d.0", n)
			accepted := make([]bool, len(nodes))
			var both sync.WaitGroup
			for i, s := range nodes {
				both.Go(func() { accepted[i] = texts.publish(t, s, key, "contested", version, fmt.Sprint("of node ", i)) })
			}
			both.Wait()
			require.NotEqual(t, accepted[0], accepted[1], "%s: %v", version, accepted)
		}
		texts.check(t, r, nodes, key)
	})

	t.Run("a push is served from the answer to the webhook on", func(t *testing.T) {
		for n := range 6 {
			version, here, there := fmt.Sprintf("2.%d.0", n), nodes[n%2], nodes[(n+1)%2]
			texts.push(t, person, "by-hand", version, "by a person")
			began := time.Now()
			announce(t, here)
			answered := time.Since(began)
			require.Equal(t, texts.of["by-hand/"+version], serves(t, here, key, "by-hand", version))
			served := time.Since(began)
			require.Eventually(t, func() bool {
				return serves(t, there, key, "by-hand", version) == texts.of["by-hand/"+version]
			}, 30*time.Second, time.Millisecond)
			t.Logf("webhook answered after %s, served here after %s, by the other node after %s", answered.Round(time.Millisecond),
				served.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
		}
		texts.check(t, r, nodes, key)
	})
	r.Git("fsck", "--full", "--strict")
	for _, s := range nodes {
		s.Stop(t)
		require.NotContains(t, s.Out()+s.Err(), githost.Token)
	}
}

// published is what was accepted: the texts of versions, by name/version.
type published struct {
	mu sync.Mutex
	of map[string]string
}

func (p *published) accept(name, version, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of[name+"/"+version] = text
}

// publish publishes through a node, again while the host is away, and reports
// whether it was accepted.
func (p *published) publish(t *testing.T, s *servertest.Server, key, name, version, text string) bool {
	t.Helper()
	for {
		status, answer, err := s.Try(t.Context(), key, "POST", "/v1/prompts", promptFile(name, version, text))
		switch {
		case err != nil:
			t.Error(err)
			return false
		case status == http.StatusCreated:
			p.accept(name, version, text)
			return true
		case status == http.StatusServiceUnavailable:
			continue
		}
		if status != http.StatusBadRequest || !strings.Contains(answer, "exists") {
			t.Errorf("%s %s: %d %s", name, version, status, answer)
		}
		return false
	}
}

// push pushes a version by hand.
func (p *published) push(t *testing.T, person *githost.Person, name, version, text string) {
	t.Helper()
	person.Write("prompts/"+name+"/"+version+".json", promptFile(name, version, text))
	person.Commit("Write " + name + " " + version)
	if err := person.TryPush(500); err != nil {
		t.Error(err)
		return
	}
	p.accept(name, version, text)
}

// check wants exactly the accepted versions in the history, once each, and served
// by every node.
func (p *published) check(t *testing.T, r *githost.Repository, nodes []*servertest.Server, key string) {
	t.Helper()
	added := r.Added("main")
	require.Len(t, r.Files("main"), len(p.of))
	require.Len(t, added, len(p.of))
	for name := range p.of {
		require.Equal(t, 1, added["prompts/"+name+".json"], name)
	}
	for _, s := range nodes {
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			for at, text := range p.of {
				name, version, _ := strings.Cut(at, "/")
				assert.Equal(c, text, serves(t, s, key, name, version), at)
			}
		}, 30*time.Second, 50*time.Millisecond)
	}
}

func promptFile(name, version, text string) string {
	return fmt.Sprintf(`{"name":%q,"version":%q,"messages":[{"role":"user","content":%q}]}`, name, version, text)
}

// serves gives the text of a version that a node serves, or what it says instead.
func serves(t *testing.T, s *servertest.Server, key, name, version string) string {
	t.Helper()
	status, answer := s.Ask(t, key, "GET", "/v1/prompts/"+name+"?version="+version, "")
	var got struct {
		Content struct {
			Messages []struct {
				Content string `json:"content"`
			} `json:"messages"`
		} `json:"content"`
	}
	if json.Unmarshal([]byte(answer), &got) != nil || status != http.StatusOK || len(got.Content.Messages) != 1 {
		return answer
	}
	return got.Content.Messages[0].Content
}

// announce calls the webhook of a node as GitHub does after a push.
func announce(t *testing.T, s *servertest.Server) {
	t.Helper()
	const body = `{"ref":"refs/heads/main"}`
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write([]byte(body))
	answer, err := s.Send(t.Context(), servertest.Request{
		Method: "POST", Path: "/webhooks/github", Body: body,
		Header: map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil))},
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.Status, answer.Body)
}
