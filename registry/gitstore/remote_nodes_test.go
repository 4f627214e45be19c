package gitstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/githost"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Two nodes and a person publish at once, while the host fails now and then:
// every accepted version is in the history, and none twice.
func TestTwoNodesAndAPersonAtOnce(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	const callers, each, byHand = 4, 6, 5
	var mu sync.Mutex
	accepted := map[string]bool{}
	accept := func(path string) {
		mu.Lock()
		defer mu.Unlock()
		accepted[path] = true
	}
	person := r.Person()
	person.Git("checkout", "-q", "-B", "main")
	h.Break(githost.Fault{Service: receivePack, Posts: true, Drop: true, Times: 2})
	h.Break(githost.Fault{Service: receivePack, Posts: true, Status: 502, Times: 1})
	var wg sync.WaitGroup
	for n := range 2 {
		s := node(t, r)
		for caller := range callers {
			wg.Go(func() {
				for i := range each {
					k := registry.Key{Name: fmt.Sprintf("node%d-%d", n, caller), Version: fmt.Sprintf("1.%d.0", i)}
					for {
						_, err := s.Workspace(workspace.Default()).Put(t.Context(), k, []byte(k.Name+k.Version), by(fmt.Sprint("Author ", caller)))
						if err == nil {
							accept("prompts/" + k.Name + "/" + k.Version + ".json")
							break
						}
						if t.Context().Err() != nil || pmerr.From(err).Code != pmerr.Unavailable {
							t.Error(err)
							return
						}
					}
				}
			})
		}
	}
	wg.Go(func() {
		for i := range byHand {
			path := fmt.Sprintf("workspaces/team/prompts/by-hand/1.%d.0.yaml", i)
			person.Write(path, "x: "+path)
			person.Commit(path)
			if err := person.TryPush(500); err != nil {
				continue // a fault has struck it; the next push brings it too
			}
		}
		person.Push()
		for i := range byHand {
			accept(fmt.Sprintf("workspaces/team/prompts/by-hand/1.%d.0.yaml", i))
		}
	})
	wg.Wait()
	require.Len(t, accepted, 2*callers*each+byHand)
	have, added := r.Files("main"), r.Added("main")
	for path := range accepted {
		require.Contains(t, have, path)
		require.Equal(t, 1, added[path], path)
	}
	require.Len(t, have, len(accepted))
	r.Git("fsck", "--full", "--strict")
}

func TestANodeSeesWhatAnotherOnePublishes(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	a, b := node(t, r), node(t, r)
	one := putOne(t, a, "one")

	t.Run("a read of unknown content fetches", func(t *testing.T) {
		data, err := b.Workspace(workspace.Default()).Read(t.Context(), one.Ref)
		require.NoError(t, err)
		require.Equal(t, "text of one", string(data))
	})
	t.Run("many reads share a fetch", func(t *testing.T) {
		two := putOne(t, a, "two")
		before := len(h.Asked())
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				data, err := b.Workspace(workspace.Default()).Read(t.Context(), two.Ref)
				if err != nil || string(data) != "text of two" {
					t.Error(string(data), err)
				}
			})
		}
		wg.Wait()
		require.LessOrEqual(t, len(h.Asked())-before, 6, "a list and a pack, and what came too late to join")
	})
	t.Run("the first such read does not wait, and those that come at once share the next fetch", func(t *testing.T) {
		patient := node(t, r)
		patient.mirror.restAfterMiss = time.Hour
		patient.mirror.begun = time.Time{} // opening has fetched, a while ago
		later := putOne(t, a, "later")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		data, err := patient.Workspace(workspace.Default()).Read(ctx, later.Ref)
		require.NoError(t, err)
		require.Equal(t, "text of later", string(data))
		before := len(h.Asked())
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				_, err := patient.Workspace(workspace.Default()).Read(ctx, strings.Repeat("b", 40))
				if !errors.Is(err, pmerr.ErrUnavailable) {
					t.Error(err)
				}
			})
		}
		eventually(t, "the reads", func() bool {
			patient.mirror.mu.Lock()
			defer patient.mirror.mu.Unlock()
			return patient.mirror.next != nil
		})
		stop()
		wg.Wait()
		require.Len(t, h.Asked(), before)
	})
	t.Run("what nobody has is not found", func(t *testing.T) {
		_, err := b.Workspace(workspace.Default()).Read(t.Context(), strings.Repeat("a", 40))
		require.ErrorIs(t, err, pmerr.ErrNotFound)
	})
	t.Run("what nobody can know is unavailable", func(t *testing.T) {
		h.Break(githost.Fault{Status: 500, Times: 1})
		_, err := b.Workspace(workspace.Default()).Read(t.Context(), strings.Repeat("a", 40))
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
	})
	t.Run("a newer state than the mirror's is fetched before it is compared with", func(t *testing.T) {
		require.NoError(t, b.Fetch(t.Context()))
		behind := headOf(t, b).String()
		three := putOne(t, a, "three")
		h.Break(githost.Fault{Service: uploadPack, Status: 500, Times: 1})
		_, err := b.Diff(t.Context(), three.Commit)
		require.ErrorIs(t, err, pmerr.ErrUnavailable, "everything newer would look deleted")
		d, err := b.Diff(t.Context(), three.Commit)
		require.NoError(t, err)
		require.Equal(t, registry.Diff{Head: three.Commit}, d)
		d, err = b.Diff(t.Context(), behind)
		require.NoError(t, err)
		require.False(t, d.Full)
		require.Len(t, d.Changes, 1)
	})
	t.Run("a deleted version does not exist because an old mirror has it", func(t *testing.T) {
		four := putOne(t, a, "four")
		require.NoError(t, b.Fetch(t.Context()))
		_, err := a.Workspace(workspace.Default()).Remove(t.Context(), []registry.Key{key("four")}, by("Ada"))
		require.NoError(t, err)
		again := putOne(t, b, "four")
		require.False(t, again.Existed)
		require.Equal(t, four.Ref, again.Ref)
	})
}

// A process dies after the host has accepted its push and before the mirror's
// branch has moved.
func TestACrashBetweenPushAndMirrorHeals(t *testing.T) {
	t.Parallel()
	r := githost.Start(t).Create("prompts")
	path := filepath.Join(t.TempDir(), "mirror.git")
	s := open(t, Options{Path: path, Remote: remoteOf(r)})
	one := putOne(t, s, "one")
	two := putOne(t, s, "two")
	require.NoError(t, s.Close())
	git(t, path, "update-ref", "refs/heads/main", one.Commit)
	remote := remoteOf(r)
	remote.Lazy = true
	s = open(t, Options{Path: path, Remote: remote})
	require.Equal(t, one.Commit, headOf(t, s).String())
	again, err := tryPut(t, s, "two")
	require.NoError(t, err)
	require.True(t, again.Existed, "the caller who was never told tries again")
	require.Equal(t, two.Commit, headOf(t, s).String())
	require.Len(t, r.Added("main"), 2)
}

func TestRewrittenHistoryIsFollowedAndKept(t *testing.T) {
	t.Parallel()
	r := githost.Start(t).Create("prompts")
	said, log := logbook()
	s := open(t, Options{Remote: remoteOf(r), Logger: log})
	one := putOne(t, s, "one")
	two := putOne(t, s, "two")
	p := r.Person()
	p.Git("reset", "-q", "--hard", one.Commit)
	p.Write("prompts/three/1.0.0.json", "three")
	p.Commit("Another history")
	p.Git("push", "-q", "--force", "origin", "HEAD:main")

	require.NoError(t, s.Fetch(t.Context()))
	require.Equal(t, r.Git("rev-parse", "main"), headOf(t, s).String())
	require.Contains(t, said(), "the history of the remote branch was rewritten")
	require.Equal(t, two.Commit, git(t, s.dir, "rev-parse", replacedFolder+two.Commit))
	d, err := s.Diff(t.Context(), two.Commit)
	require.NoError(t, err)
	require.True(t, d.Full, "what is gone was not deleted by anybody: the index must not forget it")
	data, err := s.Workspace(workspace.Default()).Read(t.Context(), two.Ref)
	require.NoError(t, err)
	require.Equal(t, "text of two", string(data), "and it is still served")

	p.Git("reset", "-q", "--hard", one.Commit)
	p.Git("push", "-q", "--force", "origin", "HEAD:main")
	require.NoError(t, s.Fetch(t.Context()), "back to an older state")
	require.Equal(t, one.Commit, headOf(t, s).String())
	_, err = tryPut(t, s, "after")
	require.NoError(t, err)
	require.Equal(t, []string{"prompts/after/1.0.0.json", "prompts/one/1.0.0.json"}, files(t, s))
	fsck(t, s.dir)
}

func TestAForcePushWhileWePushLosesNothingOfOurs(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	s := node(t, r)
	one := putOne(t, s, "one")
	putOne(t, s, "two")
	h.Break(githost.Fault{Service: receivePack, Posts: true, Times: 1, Meanwhile: func() {
		r.Git("update-ref", "refs/heads/main", one.Commit)
	}})
	_, err := tryPut(t, s, "three")
	require.NoError(t, err)
	require.Len(t, r.Files("main"), 2, "one and three")
	require.Contains(t, r.Files("main"), "prompts/three/1.0.0.json")
}

func TestTagsAreMadeInTheSamePush(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	remote := remoteOf(r)
	remote.Tags = true
	said, log := logbook()
	s := open(t, Options{Remote: remote, Logger: log})
	one := putOne(t, s, "one")
	require.Equal(t, one.Commit, r.Git("rev-parse", "refs/tags/one/1.0.0"))
	team, err := workspace.Parse("team")
	require.NoError(t, err)
	stored, err := s.Workspace(team).Put(t.Context(), registry.Key{Name: "one", Version: "2.0.0-rc.1+build"}, []byte("x"), by("Ada"))
	require.NoError(t, err)
	require.Equal(t, stored.Commit, r.Git("rev-parse", "refs/tags/team/one/2.0.0-rc.1+build"))
	_, err = s.Workspace(team).Put(t.Context(), registry.Key{Name: "one", Version: "1.0.0-a.lock"}, []byte("x"), by("Ada"))
	require.NoError(t, err, "a version that cannot be a tag")
	require.Empty(t, said())

	_, err = s.Workspace(workspace.Default()).Remove(t.Context(), []registry.Key{key("one")}, by("Ada"))
	require.NoError(t, err)
	again := putOne(t, s, "one")
	require.NotEqual(t, one.Commit, again.Commit)
	require.Equal(t, one.Commit, r.Git("rev-parse", "refs/tags/one/1.0.0"), "a tag never moves")
	require.Contains(t, said(), "not every published version got its tag")

	r.Git("config", "receive.advertiseAtomic", "false")
	other := open(t, Options{Remote: remote})
	apart := putOne(t, other, "apart")
	require.Equal(t, apart.Commit, r.Git("rev-parse", "refs/tags/apart/1.0.0"), "on hosts that move each ref for itself")
	require.Len(t, strings.Fields(r.Git("tag")), 3)
}

func TestCloseWhileTheHostHangs(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "m.git"), Remote: remoteOf(r)})
	require.NoError(t, err)
	putOne(t, s, "one")
	before := len(h.Asked())
	h.Break(githost.Fault{Hang: true})
	failed := make(chan error, 1)
	go func() { _, err := tryPut(t, s, "two"); failed <- err }()
	eventually(t, "the push", func() bool { return len(h.Asked()) > before })
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-failed, pmerr.ErrUnavailable)
	require.ErrorIs(t, s.Fetch(t.Context()), pmerr.ErrUnavailable)
}

func TestPromptsFromBeforeTheRemoteArePushedToIt(t *testing.T) {
	t.Parallel()
	t.Run("to an empty repository", func(t *testing.T) {
		t.Parallel()
		r := githost.Start(t).Create("prompts")
		path := filepath.Join(t.TempDir(), "prompts.git")
		s := open(t, Options{Path: path})
		putOne(t, s, "one")
		two := putOne(t, s, "two")
		require.NoError(t, s.Close())
		remote := remoteOf(r)
		remote.Branch = "team/prompts"
		s = open(t, Options{Path: path, Remote: remote})
		require.Equal(t, two.Commit, r.Git("rev-parse", "refs/heads/team/prompts"))
		require.Equal(t, "refs/heads/team/prompts", git(t, path, "symbolic-ref", "HEAD"))
		putOne(t, s, "three")
		require.Len(t, r.Files("team/prompts"), 3)
		fsck(t, r.Path)
	})
	t.Run("to a repository with an earlier state of them", func(t *testing.T) {
		t.Parallel()
		r := githost.Start(t).Create("prompts")
		path := filepath.Join(t.TempDir(), "prompts.git")
		s := open(t, Options{Path: path})
		putOne(t, s, "one")
		git(t, path, "push", "-q", r.Path, "main")
		putOne(t, s, "two")
		require.NoError(t, s.Close())
		open(t, Options{Path: path, Remote: remoteOf(r)})
		require.Len(t, r.Files("main"), 2)
	})
	t.Run("but not to a repository with another history", func(t *testing.T) {
		t.Parallel()
		r := githost.Start(t).Create("prompts")
		p := r.Person()
		p.Git("checkout", "-q", "-B", "main")
		p.Write("README.md", "ours")
		p.Commit("first")
		p.Push()
		path := filepath.Join(t.TempDir(), "prompts.git")
		s := open(t, Options{Path: path})
		one := putOne(t, s, "one")
		require.NoError(t, s.Close())
		_, err := Open(t.Context(), Options{Path: path, Remote: remoteOf(r)})
		require.ErrorIs(t, err, pmerr.ErrValidation)
		require.Contains(t, pmerr.From(err).Fields[0], "Remote.URL: has another history")
		require.Equal(t, one.Commit, git(t, path, "rev-parse", "main"))
		require.NotContains(t, r.Files("main"), "prompts/one/1.0.0.json")
	})
}

func TestAMirrorWithoutItsRemoteIsOnlyRead(t *testing.T) {
	t.Parallel()
	r := githost.Start(t).Create("prompts")
	path := filepath.Join(t.TempDir(), "mirror.git")
	s := open(t, Options{Path: path, Remote: remoteOf(r)})
	one := putOne(t, s, "one")
	require.NoError(t, s.Close())
	said, log := logbook()
	s = open(t, Options{Path: path, Logger: log})
	require.Contains(t, said(), r.URL())
	_, err := tryPut(t, s, "two")
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	data, err := s.Workspace(workspace.Default()).Read(t.Context(), one.Ref)
	require.NoError(t, err)
	require.NotEmpty(t, data)
	require.NoError(t, s.Fetch(t.Context()))
	require.Equal(t, "filesystem", s.Driver())
}

func TestAnotherBranchIsFollowed(t *testing.T) {
	t.Parallel()
	r := githost.Start(t).Create("prompts")
	path := filepath.Join(t.TempDir(), "mirror.git")
	s := open(t, Options{Path: path, Remote: remoteOf(r)})
	putOne(t, s, "one")
	require.NoError(t, s.Close())
	r.Git("branch", "staging", "main")
	remote := remoteOf(r)
	remote.Branch = "staging"
	s = open(t, Options{Path: path, Remote: remote})
	putOne(t, s, "two")
	require.Len(t, r.Files("staging"), 2)
	require.Len(t, r.Files("main"), 1)
	require.NoError(t, s.Close())
	s = open(t, Options{Path: path, Remote: remoteOf(r)})
	require.Len(t, files(t, s), 2, "without a name it stays with its branch")
}

func TestALargeHistoryIsClonedWhole(t *testing.T) {
	t.Parallel()
	r := githost.Start(t).Create("prompts")
	p := r.Person()
	p.Git("checkout", "-q", "-B", "main")
	for i := range 30 {
		for n := range 40 {
			p.Write(fmt.Sprintf("prompts/p%d/1.%d.0.json", n, i), fmt.Sprintf(`{"text":"a text that is similar to others, %d %d"}`, i, n))
		}
		p.Write("assets/picture.bin", strings.Repeat(fmt.Sprint(i), 1<<18))
		p.Commit(fmt.Sprint("round ", i))
	}
	p.Push()
	r.Git("gc", "-q", "--aggressive")
	s := node(t, r)
	require.Len(t, files(t, s), 1200)
	git(t, s.dir, "fsck", "--full")
	_, err := s.Explain(t.Context(), headOf(t, s).String(), []registry.File{{Workspace: workspace.Default(), Key: registry.Key{Name: "p1", Version: "1.3.0"}}})
	require.NoError(t, err)
	ok, err := s.leads(t.Context(), plumbing.NewHash(r.Git("rev-list", "--max-parents=0", "main")), headOf(t, s))
	require.NoError(t, err)
	require.True(t, ok)
}
