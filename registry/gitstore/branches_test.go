package gitstore

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/githost"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/contenttest"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func id(tb testing.TB, name string) workspace.ID {
	tb.Helper()
	id, err := workspace.Parse(name)
	require.NoError(tb, err)
	return id
}

// branches lets workspaces follow branches, from pairs of both.
func branches(tb testing.TB, pairs ...string) map[workspace.ID]string {
	tb.Helper()
	m := map[workspace.ID]string{}
	for pair := range slices.Chunk(pairs, 2) {
		m[id(tb, pair[0])] = pair[1]
	}
	return m
}

func TestContentStoreWithBranches(t *testing.T) {
	t.Parallel()
	contenttest.Run(t, func(tb testing.TB) registry.ContentStore {
		return open(tb, Options{Branches: branches(tb, "team", "team", "left", "a/left")})
	})
}

func TestContentStoreWithBranchesAndRemote(t *testing.T) {
	t.Parallel()
	contenttest.Run(t, func(tb testing.TB) registry.ContentStore {
		r := githost.Start(tb).Create("prompts")
		return open(tb, Options{Remote: remoteOf(r), LockWait: time.Minute, Branches: branches(tb, "team", "team")})
	})
}

// putIn stores a prompt of a workspace.
func putIn(tb testing.TB, s *Store, in, name, text string) registry.Stored {
	tb.Helper()
	stored, err := s.Workspace(id(tb, in)).Put(tb.Context(), key(name), []byte(text), by("Ada"))
	require.NoError(tb, err)
	return stored
}

// served lists what counts in a diff, as workspace/name/version.
func served(d registry.Diff) []string {
	var all []string
	for _, c := range d.Changes {
		line := c.Workspace.String() + "/" + c.Name + "/" + c.Version
		if c.Ref == "" {
			line = "-" + line
		}
		all = append(all, line)
	}
	slices.Sort(all)
	return all
}

func diff(tb testing.TB, s *Store, since string) registry.Diff {
	tb.Helper()
	d, err := s.Diff(tb.Context(), since)
	require.NoError(tb, err)
	return d
}

func paths(tb testing.TB, dir, branch string) []string {
	tb.Helper()
	return strings.Fields(git(tb, dir, "ls-tree", "-r", "--name-only", branch))
}

func TestAWorkspaceOnItsOwnBranchLiesAtTheTopOfIt(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Branches: branches(t, "staging", "staging")})
	putIn(t, s, "default", "live", "1")
	putIn(t, s, "team", "inner", "2")
	stored := putIn(t, s, "staging", "next", "3")
	require.Equal(t, []string{"prompts/live/1.0.0.json", "workspaces/team/prompts/inner/1.0.0.json"}, paths(t, s.dir, "main"))
	require.Equal(t, []string{"prompts/next/1.0.0.json"}, paths(t, s.dir, "staging"))
	require.Equal(t, stored.Commit, git(t, s.dir, "rev-parse", "staging"))
	git(t, s.dir, "merge-base", "main", "staging") // fails if they have nothing in common

	d := diff(t, s, "")
	require.True(t, d.Full)
	require.Equal(t, []string{"default/live/1.0.0", "staging/next/1.0.0", "team/inner/1.0.0"}, served(d))
	require.Equal(t, "staging:prompts/next/1.0.0.json", d.Changes[2].Path, "as git show takes it")
	require.Equal(t, stored.Commit, d.Heads[id(t, "staging")])
	require.Equal(t, "3", git(t, s.dir, "show", d.Changes[2].Path))
	file := registry.File{Workspace: id(t, "staging"), Key: key("next")}
	origins, err := s.Explain(t.Context(), d.Head, []registry.File{file, {Workspace: id(t, "team"), Key: key("inner")}})
	require.NoError(t, err)
	require.Len(t, origins, 2)
	require.Equal(t, stored.Commit, origins[file].Commit)

	require.Equal(t, "staging", s.Branch(id(t, "staging")))
	require.Equal(t, "main", s.Branch(id(t, "team")))
	owner, ok := s.Follower("staging")
	require.True(t, ok)
	require.Equal(t, id(t, "staging"), owner)
	_, ok = s.Follower("nobody")
	require.False(t, ok)
	fsck(t, s.dir)
}

func TestABranchBeginsWithWhatTheRepositoryHas(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "prompts.git")
	s, err := Open(t.Context(), Options{Path: path})
	require.NoError(t, err)
	putIn(t, s, "default", "live", "1")
	putIn(t, s, "staging", "old", "2") // at workspaces/staging, before it had a branch
	before := diff(t, s, "")
	require.NoError(t, s.Close())

	s = open(t, Options{Path: path, Branches: branches(t, "staging", "staging")})
	d := diff(t, s, before.Head)
	require.True(t, d.Full, "a state without branches is another one")
	require.Equal(t, []string{"default/live/1.0.0", "staging/live/1.0.0"}, served(d))
	require.Equal(t, []string{"workspaces/staging/prompts/old/1.0.0.json"}, d.Strange, "it does not count there any more")
	git(t, path, "update-ref", "refs/heads/main", git(t, path, "commit-tree", "-p", "main", "-m", "Tidy", git(t, path, "mktree")))
	d = diff(t, s, d.Head)
	require.False(t, d.Full)
	require.Equal(t, []string{"workspaces/staging/prompts/old/1.0.0.json"}, d.Mended)
	require.Equal(t, []string{"-default/live/1.0.0"}, served(d))
	require.True(t, diff(t, open(t, Options{Path: path}), d.Head).Full, "and a state with branches is another one without")
}

// TestAMergeIsAPromotion has a person merge, and pick, what is on staging.
func TestAMergeIsAPromotion(t *testing.T) {
	t.Parallel()
	r := githost.Start(t).Create("prompts")
	s := open(t, Options{Remote: remoteOf(r), LockWait: time.Minute, Branches: branches(t, "staging", "staging")})
	first := putIn(t, s, "staging", "first", "1")
	putIn(t, s, "staging", "second", "2")
	putIn(t, s, "default", "other", "3")
	require.Equal(t, []string{"prompts/first/1.0.0.json", "prompts/second/1.0.0.json"}, slices.Sorted(maps.Keys(r.Files("staging"))))
	since := diff(t, s, "").Head

	p := r.Person()
	p.Git("cherry-pick", first.Commit)
	p.Git("push", "-q", "origin", "HEAD:main")
	require.NoError(t, s.Fetch(t.Context()))
	d := diff(t, s, since)
	require.Equal(t, []string{"default/first/1.0.0"}, served(d))
	require.False(t, d.Full)

	p.Git("merge", "-q", "-m", "Promote staging", "origin/staging")
	p.Git("push", "-q", "origin", "HEAD:main")
	require.NoError(t, s.Fetch(t.Context()))
	d = diff(t, s, d.Head)
	require.Equal(t, []string{"default/second/1.0.0"}, served(d))
	origins, err := s.Explain(t.Context(), d.Head, []registry.File{d.Changes[0].File})
	require.NoError(t, err)
	require.Contains(t, origins[d.Changes[0].File].Author, "Ada", "who published it, not who merged it")

	p.Git("checkout", "-q", "staging")
	p.Git("merge", "-q", "origin/main")
	p.Git("rm", "-q", "prompts/first/1.0.0.json")
	p.Git("commit", "-q", "-m", "Give it up")
	p.Git("push", "-q", "origin", "HEAD:staging")
	require.NoError(t, s.Fetch(t.Context()))
	require.Equal(t, []string{"-staging/first/1.0.0", "staging/other/1.0.0"}, served(diff(t, s, d.Head)))
	fsck(t, s.dir)
	require.NoError(t, s.Check(t.Context()))
}

func TestTwoNodesFollowTheSameBranches(t *testing.T) {
	t.Parallel()
	r := githost.Start(t).Create("prompts")
	options := Options{Remote: remoteOf(r), LockWait: time.Minute, Branches: branches(t, "staging", "staging", "qa", "release/qa")}
	one, two := open(t, options), open(t, options)
	for i, in := range []string{"staging", "qa", "default", "team"} {
		putIn(t, one, in, "one", string(rune('0'+i)))
		putIn(t, two, in, "two", string(rune('5'+i)))
	}
	want := []string{
		"default/one/1.0.0", "default/two/1.0.0", "qa/one/1.0.0", "qa/two/1.0.0",
		"staging/one/1.0.0", "staging/two/1.0.0", "team/one/1.0.0", "team/two/1.0.0",
	}
	var heads []string
	for _, s := range []*Store{one, two} {
		require.NoError(t, s.Fetch(t.Context()))
		d := diff(t, s, "")
		require.Equal(t, want, served(d))
		heads = append(heads, d.Head)
	}
	require.Equal(t, heads[0], heads[1])
	require.Len(t, r.Files("release/qa"), 2)
}

func TestTagsNameTheWorkspaceOfABranch(t *testing.T) {
	t.Parallel()
	r := githost.Start(t).Create("prompts")
	remote := remoteOf(r)
	remote.Tags = true
	s := open(t, Options{Remote: remote, LockWait: time.Minute, Branches: branches(t, "staging", "staging")})
	putIn(t, s, "staging", "p", "1")
	putIn(t, s, "default", "p", "1")
	require.Equal(t, []string{"p/1.0.0", "staging/p/1.0.0"}, strings.Fields(r.Git("tag")))
}

func TestABranchThatTheHostLacksFailsTheStart(t *testing.T) {
	t.Parallel()
	r := githost.Start(t).Create("prompts")
	putOne(t, node(t, r), "first")
	options := Options{Path: filepath.Join(t.TempDir(), "m.git"), Remote: remoteOf(r), Branches: branches(t, "staging", "stagin")}
	_, err := Open(t.Context(), options)
	require.ErrorIs(t, err, pmerr.ErrValidation)
	require.Equal(t, []string{"Branches: workspace staging: the repository has no branch stagin; it has main; " +
		"make it from the one that it shall begin with: git push origin main:refs/heads/stagin"}, pmerr.From(err).Fields)

	p := r.Person()
	p.Git("push", "-q", "origin", "main:refs/heads/stagin")
	s := open(t, options)
	require.Equal(t, []string{"default/first/1.0.0", "staging/first/1.0.0"}, served(diff(t, s, "")))
}

// TestARepositoryWithBranchesMovesToAHost gives a remote to prompts that had
// none.
func TestARepositoryWithBranchesMovesToAHost(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "prompts.git")
	options := Options{Path: path, LockWait: time.Minute, Branches: branches(t, "staging", "staging")}
	s, err := Open(t.Context(), options)
	require.NoError(t, err)
	putIn(t, s, "default", "live", "1")
	putIn(t, s, "staging", "next", "2")
	before := diff(t, s, "")
	require.NoError(t, s.Close())

	r := githost.Start(t).Create("prompts")
	options.Remote = remoteOf(r)
	s, err = Open(t.Context(), options)
	require.NoError(t, err)
	require.Contains(t, r.Files("staging"), "prompts/next/1.0.0.json")
	require.Empty(t, served(diff(t, s, before.Head)))
	require.NoError(t, s.Close())

	options.Remote = nil
	s = open(t, options)
	_, err = s.Workspace(id(t, "staging")).Put(t.Context(), key("x"), []byte("x"), by("Ada"))
	require.ErrorIs(t, err, pmerr.ErrUnavailable, "a mirror without its remote is only read, on every branch")
	require.Equal(t, []string{"default/live/1.0.0", "staging/next/1.0.0"}, served(diff(t, s, "")))
}

func TestANodeOnBranchesServesWhileItsHostIsDown(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	options := Options{
		Path: filepath.Join(t.TempDir(), "m.git"), Remote: remoteOf(r), LockWait: time.Minute, Branches: branches(t, "staging", "staging"),
	}
	s, err := Open(t.Context(), options)
	require.NoError(t, err)
	stored := putIn(t, s, "staging", "next", "2")
	require.NoError(t, s.Close())
	h.Break(githost.Fault{Status: 503})
	s = open(t, options)
	data, err := s.Workspace(id(t, "staging")).Read(t.Context(), stored.Ref)
	require.NoError(t, err)
	require.Equal(t, "2", string(data))
	require.Equal(t, []string{"staging/next/1.0.0"}, served(diff(t, s, "")))
	require.ErrorIs(t, s.Fetch(t.Context()), pmerr.ErrUnavailable)
	h.Mend()
	require.Eventually(t, func() bool { return s.Fetch(t.Context()) == nil }, time.Minute, 50*time.Millisecond)
}

func TestFaultsOfBranchesAreNamed(t *testing.T) {
	t.Parallel()
	for want, pairs := range map[string][]string{
		"Branches: the workspace default follows the repository's own branch: leave it out":                      {"default", "x"},
		"Branches: workspace a needs the name of a branch, such as staging, without refs/heads/":                 {"a", "../x"},
		"Branches: workspaces a and b cannot both follow x: give each its own":                                   {"a", "x", "b", "x"},
		"Branches: workspace a cannot follow b, which is the name of a workspace that follows another branch":    {"a", "b", "b", "c"},
		"Branches: workspace a cannot follow main, which is the branch of all other workspaces: give it its own": {"a", "main"},
	} {
		_, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "p.git"), Branches: branches(t, pairs...)})
		require.ErrorIs(t, err, pmerr.ErrValidation)
		require.Equal(t, []string{want}, pmerr.From(err).Fields)
	}
	many := map[workspace.ID]string{}
	for i := range maxBranches + 1 {
		name := "w" + string(rune('a'+i))
		many[id(t, name)] = name
	}
	_, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "p.git"), Branches: many})
	require.ErrorContains(t, err, "more than 16")
}
