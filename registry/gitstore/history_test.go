package gitstore

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func oneKey(name string) []registry.Key { return []registry.Key{key(name)} }

func fileOf(name, version string) registry.File {
	return registry.File{Workspace: workspace.Default(), Key: registry.Key{Name: name, Version: version}}
}

func team(tb testing.TB) workspace.ID {
	tb.Helper()
	id, err := workspace.Parse("team")
	require.NoError(tb, err)
	return id
}

// lay writes a file of a working copy.
func lay(tb testing.TB, dir, path, text string) {
	tb.Helper()
	full := filepath.Join(dir, filepath.FromSlash(path))
	require.NoError(tb, os.MkdirAll(filepath.Dir(full), 0o755))
	require.NoError(tb, os.WriteFile(full, []byte(text), 0o644))
}

// push commits everything in a working copy and pushes it.
func push(tb testing.TB, dir, message string) {
	tb.Helper()
	git(tb, dir, "add", "-A")
	git(tb, dir, "commit", "-q", "-m", message)
	git(tb, dir, "push", "-q", "origin", "HEAD")
}

func TestRealGitSeesWhatIsPublished(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 8, time.FixedZone("east", 3600))
	s := open(t, Options{Now: func() time.Time { return now }})
	stored, err := s.Workspace(workspace.Default()).Put(t.Context(), key("welcome"), []byte(`{"a":1}`),
		registry.Signature{Author: "Ada <ada@example.org>", Message: "Say hello\n\nBecause we should."})
	require.NoError(t, err)
	require.Equal(t, now.Truncate(time.Second).UTC(), stored.At)
	_, err = s.Workspace(team(t)).Put(t.Context(), key("farewell"), []byte(`{"b":2}`), registry.Signature{Author: "Bob"})
	require.NoError(t, err)

	const format = "--format=%an|%ae|%cn|%ci|%B"
	require.Equal(t, "Ada|ada@example.org|PromptMetrics|2026-03-04 04:06:07 +0000|Say hello\n\nBecause we should.\n", git(t, s.dir, "log", "-1", format, stored.Commit)+"\n")
	require.Equal(t, "Bob|bob@promptmetrics.invalid|PromptMetrics|2026-03-04 04:06:07 +0000|Create farewell 1.0.0", strings.TrimSpace(git(t, s.dir, "log", "-1", format)))

	dir := clone(t, s)
	for path, text := range map[string]string{"prompts/welcome/1.0.0.json": `{"a":1}`, "workspaces/team/prompts/farewell/1.0.0.json": `{"b":2}`} {
		raw, err := os.ReadFile(filepath.Join(dir, path))
		require.NoError(t, err)
		require.Equal(t, text, string(raw))
	}

	_, err = s.Workspace(workspace.Default()).Remove(t.Context(), oneKey("welcome"), registry.Signature{Author: "Eve"})
	require.NoError(t, err)
	require.Equal(t, "Eve|Delete welcome 1.0.0", git(t, s.dir, "log", "-1", "--format=%an|%s"))
	git(t, dir, "pull", "-q")
	require.NoFileExists(t, filepath.Join(dir, "prompts/welcome/1.0.0.json"))
	require.NoDirExists(t, filepath.Join(dir, "prompts"))
	fsck(t, s.dir)
}

func TestPushesOfPeopleAreSeen(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	c := s.Workspace(workspace.Default())
	first, err := c.Put(t.Context(), key("welcome"), []byte("1"), by("Ada"))
	require.NoError(t, err)

	dir := clone(t, s)
	lay(t, dir, "prompts/by-hand/1.0.0.json", "json")
	lay(t, dir, "prompts/by-hand/1.1.0.yaml", "yaml")
	lay(t, dir, "prompts/by-hand/1.2.0.yml", "yml")
	lay(t, dir, "workspaces/team/prompts/ours/0.1.0.yaml", "of the team")
	lay(t, dir, "README.md", "ignored")
	push(t, dir, "Write some by hand\n\nIn an editor.")

	d, err := s.Diff(t.Context(), first.Commit)
	require.NoError(t, err)
	require.False(t, d.Full)
	require.Empty(t, d.Strange)
	require.Equal(t, git(t, s.dir, "rev-parse", "HEAD"), d.Head)
	var got []string
	for _, ch := range d.Changes {
		data, err := c.Read(t.Context(), ch.Ref)
		require.NoError(t, err)
		got = append(got, fmt.Sprintf("%s %s %s %s %s %q", ch.Workspace, ch.Name, ch.Version, ch.Format, ch.Path, data))
	}
	require.Equal(t, []string{
		`default by-hand 1.0.0 json prompts/by-hand/1.0.0.json "json"`,
		`default by-hand 1.1.0 yaml prompts/by-hand/1.1.0.yaml "yaml"`,
		`default by-hand 1.2.0 yaml prompts/by-hand/1.2.0.yml "yml"`,
		`team ours 0.1.0 yaml workspaces/team/prompts/ours/0.1.0.yaml "of the team"`,
	}, got)

	found, err := s.Explain(t.Context(), d.Head, []registry.File{fileOf("by-hand", "1.1.0"), fileOf("welcome", "1.0.0")})
	require.NoError(t, err)
	require.Equal(t, "Grace <grace@example.org>", found[fileOf("by-hand", "1.1.0")].Author)
	require.Equal(t, "Write some by hand\n\nIn an editor.", found[fileOf("by-hand", "1.1.0")].Message)
	require.Equal(t, d.Head, found[fileOf("by-hand", "1.1.0")].Commit)
	require.Equal(t, first.Commit, found[fileOf("welcome", "1.0.0")].Commit)

	// What they hold counts for Put, whatever its ending is.
	_, err = c.Put(t.Context(), registry.Key{Name: "by-hand", Version: "1.1.0"}, []byte("other"), by("Ada"))
	require.ErrorIs(t, err, pmerr.ErrConflict)
	same, err := c.Put(t.Context(), registry.Key{Name: "by-hand", Version: "1.1.0"}, []byte("yaml"), by("Ada"))
	require.NoError(t, err)
	require.True(t, same.Existed)
	_, err = c.Remove(t.Context(), []registry.Key{{Name: "by-hand", Version: "1.1.0"}, {Name: "by-hand", Version: "1.2.0"}}, by("Ada"))
	require.NoError(t, err)
	require.NotContains(t, inHead(t, s.dir), "prompts/by-hand/1.1.0.yaml")
	require.Contains(t, inHead(t, s.dir), "README.md")
	fsck(t, s.dir)
}

func TestOddFilesAreReportedNotServed(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	_, err := s.Workspace(workspace.Default()).Put(t.Context(), key("welcome"), []byte("1"), by("Ada"))
	require.NoError(t, err)
	dir := clone(t, s)
	long := strings.Repeat("9", 65)
	for _, path := range []string{
		"prompts/README.md", "prompts/welcome/notes.txt", "prompts/welcome/.json", "prompts/welcome/2.0.0.JSON",
		"prompts/welcome/" + long + ".json", "prompts/welcome/sub/1.0.0.json", "prompts/bad name/1.0.0.json",
		"prompts/welcome/bell\a.json", "workspaces/default/prompts/welcome/1.0.0.json",
		"workspaces/bad name/prompts/welcome/1.0.0.json", "prompts/welcome/1.0.0.yaml", "prompts/welcome/1.0.0.yml",
		"prompts/welcome/bad\xffbyte.json",
	} {
		lay(t, dir, path, "odd "+path)
	}
	for _, path := range []string{"workspaces/README.md", "workspaces/team/notes.md", "other/prompts/x/1.0.0.json", "prompts.md"} {
		lay(t, dir, path, "elsewhere")
	}
	lay(t, dir, "prompts/welcome/not semantic.json", "the registry says no")
	lay(t, dir, "prompts/welcome/3.0.0.json", "good, and executable")
	require.NoError(t, os.Chmod(filepath.Join(dir, "prompts/welcome/3.0.0.json"), 0o755))
	require.NoError(t, os.Symlink("3.0.0.json", filepath.Join(dir, "prompts/welcome/4.0.0.json")))
	git(t, dir, "update-index", "--add", "--cacheinfo", "160000,"+hashFor(1).String()+",prompts/module")
	git(t, dir, "add", "-A", "--", ":!prompts/module")
	git(t, dir, "commit", "-q", "-m", "odd")
	git(t, dir, "push", "-q", "origin", "HEAD")

	d, err := s.Diff(t.Context(), "")
	require.NoError(t, err)
	var got []string
	for _, c := range d.Changes {
		got = append(got, c.Path)
	}
	require.Equal(t, []string{"prompts/welcome/1.0.0.json", "prompts/welcome/3.0.0.json", "prompts/welcome/not semantic.json"}, got)
	require.Equal(t, []string{
		"prompts/README.md", "prompts/bad name", "prompts/module",
		"prompts/welcome/.json", "prompts/welcome/1.0.0.yaml", "prompts/welcome/1.0.0.yml", "prompts/welcome/2.0.0.JSON",
		"prompts/welcome/4.0.0.json", "prompts/welcome/" + long + ".json", "prompts/welcome/bad\uFFFDbyte.json",
		"prompts/welcome/bell\uFFFD.json", "prompts/welcome/notes.txt", "prompts/welcome/sub",
		"workspaces/bad name/prompts", "workspaces/default/prompts",
	}, d.Strange)

	// What has the name of a prompt and is no folder is left alone.
	_, err = s.Workspace(workspace.Default()).Put(t.Context(), key("module"), []byte("x"), by("Ada"))
	require.ErrorIs(t, err, pmerr.ErrConflict)
	require.Contains(t, err.Error(), "prompts/module")

	// The next diff tells only what is new.
	before := d.Head
	lay(t, dir, "prompts/welcome/more.txt", "odd")
	push(t, dir, "more")
	d, err = s.Diff(t.Context(), before)
	require.NoError(t, err)
	require.Empty(t, d.Changes)
	require.Equal(t, []string{"prompts/welcome/more.txt"}, d.Strange)

	// The link's name is taken: nothing may be put over it or through it.
	_, err = s.Workspace(workspace.Default()).Put(t.Context(), registry.Key{Name: "welcome", Version: "4.0.0"}, []byte("x"), by("Ada"))
	require.ErrorIs(t, err, pmerr.ErrConflict)
}

func TestStrangePathsAreBounded(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	dir := filepath.Join(t.TempDir(), "w")
	git(t, t.TempDir(), "clone", "-q", s.dir, dir)
	for i := range 3 * maxStrange {
		lay(t, dir, fmt.Sprintf("prompts/x/%d.txt", i), "odd")
	}
	push(t, dir, "many")
	d, err := s.Diff(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, d.Strange, maxStrange)
}

func TestTheFileThatCountsMayChange(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	dir := filepath.Join(t.TempDir(), "w")
	git(t, t.TempDir(), "clone", "-q", s.dir, dir)
	since := ""
	for _, step := range []struct {
		write, remove string
		want          string
	}{
		{"prompts/a/1.0.0.yaml", "", "yaml prompts/a/1.0.0.yaml true"},
		{"prompts/a/1.0.0.json", "", "json prompts/a/1.0.0.json true"},
		{"", "prompts/a/1.0.0.json", "yaml prompts/a/1.0.0.yaml true"},
		{"prompts/a/1.0.0.yml", "", ""},
		{"", "prompts/a/1.0.0.yaml", "yaml prompts/a/1.0.0.yml true"},
		{"", "prompts/a/1.0.0.yml", "yaml prompts/a/1.0.0.yml false"},
	} {
		lay(t, dir, "README.md", fmt.Sprint(step))
		if step.write != "" {
			lay(t, dir, step.write, step.write)
		}
		if step.remove != "" {
			require.NoError(t, os.Remove(filepath.Join(dir, step.remove)))
		}
		push(t, dir, "step")
		d, err := s.Diff(t.Context(), since)
		require.NoError(t, err)
		since = d.Head
		var got []string
		for _, c := range d.Changes {
			got = append(got, fmt.Sprintf("%s %s %v", c.Format, c.Path, c.Ref != ""))
		}
		require.Equal(t, step.want, strings.Join(got, "; "))
	}
}

func TestARewoundBranchIsFollowed(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	c := s.Workspace(workspace.Default())
	one, err := c.Put(t.Context(), key("one"), []byte("1"), by("Ada"))
	require.NoError(t, err)
	two, err := c.Put(t.Context(), key("two"), []byte("2"), by("Ada"))
	require.NoError(t, err)

	dir := clone(t, s)
	git(t, dir, "reset", "-q", "--hard", one.Commit)
	_, err = tryGit(t, dir, "", "push", "-q", "--force", "origin", "HEAD")
	require.Error(t, err, "a new repository refuses to lose acknowledged prompts")

	git(t, s.dir, "update-ref", "refs/heads/main", one.Commit)
	d, err := s.Diff(t.Context(), two.Commit)
	require.NoError(t, err)
	require.False(t, d.Full, "the old state is still known")
	require.Len(t, d.Changes, 1)
	require.Equal(t, "two", d.Changes[0].Name)
	require.Empty(t, d.Changes[0].Ref)

	git(t, s.dir, "reflog", "expire", "--expire=now", "--all")
	git(t, s.dir, "repack", "-adq")
	git(t, s.dir, "prune", "--expire=now")
	d, err = s.Diff(t.Context(), two.Commit)
	require.NoError(t, err)
	require.True(t, d.Full, "now it is not")
	require.Len(t, d.Changes, 1)

	git(t, s.dir, "update-ref", "-d", "refs/heads/main")
	d, err = s.Diff(t.Context(), one.Commit)
	require.NoError(t, err)
	require.True(t, d.Full)
	require.Empty(t, d.Changes)
	require.Empty(t, d.Head)
	_, err = c.Put(t.Context(), key("three"), []byte("3"), by("Ada"))
	require.NoError(t, err)
	require.Len(t, inHead(t, s.dir), 1)
	fsck(t, s.dir)
}

func TestMergesAreExplained(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	c := s.Workspace(workspace.Default())
	base, err := c.Put(t.Context(), key("base"), []byte("base"), registry.Signature{Author: "Ada", Message: "base"})
	require.NoError(t, err)
	dir := clone(t, s)
	git(t, dir, "checkout", "-q", "-b", "side")
	lay(t, dir, "prompts/side/1.0.0.json", "side")
	lay(t, dir, "prompts/both/1.0.0.json", "both")
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "on the side")
	git(t, dir, "checkout", "-q", "main")
	lay(t, dir, "prompts/trunk/1.0.0.json", "trunk")
	lay(t, dir, "prompts/both/1.0.0.json", "both")
	push(t, dir, "on the trunk")
	_, err = c.Put(t.Context(), key("server"), []byte("server"), registry.Signature{Author: "Ada", Message: "by the server"})
	require.NoError(t, err)
	git(t, dir, "pull", "-q")
	git(t, dir, "merge", "-q", "--no-ff", "--no-commit", "side")
	lay(t, dir, "prompts/evil/1.0.0.json", "made by the merge itself")
	push(t, dir, "the merge")
	_, err = c.Put(t.Context(), key("later"), []byte("later"), registry.Signature{Author: "Ada", Message: "later"})
	require.NoError(t, err)

	d, err := s.Diff(t.Context(), "")
	require.NoError(t, err)
	want := map[string]string{"base": "base", "side": "on the side", "both": "on the trunk", "trunk": "on the trunk", "server": "by the server", "evil": "the merge", "later": "later"}
	var files []registry.File
	for _, ch := range d.Changes {
		files = append(files, ch.File)
	}
	require.Len(t, files, len(want))
	found, err := s.Explain(t.Context(), d.Head, files)
	require.NoError(t, err)
	for name, message := range want {
		require.Equal(t, message, found[fileOf(name, "1.0.0")].Message, name)
	}
	require.Equal(t, base.Commit, found[fileOf("base", "1.0.0")].Commit)

	// A shallow repository knows no further than it goes.
	shallow := filepath.Join(t.TempDir(), "s.git")
	git(t, t.TempDir(), "clone", "-q", "--bare", "--depth=1", "file://"+s.dir, shallow)
	sh := open(t, Options{Path: shallow})
	found, err = sh.Explain(t.Context(), d.Head, files)
	require.NoError(t, err)
	require.Len(t, found, len(want))
	require.Equal(t, d.Head, found[fileOf("base", "1.0.0")].Commit)
}

func TestBatchesGiveEachWorkspaceItsOwnMessage(t *testing.T) {
	t.Parallel()
	s := open(t, Options{LockWait: time.Minute})
	ids := []workspace.ID{workspace.Default(), team(t)}
	release, err := s.lock.acquire(0) // whatever comes now becomes one batch
	require.NoError(t, err)
	var wg sync.WaitGroup
	put := func(i int) {
		_, err := s.Workspace(ids[i%2]).Put(t.Context(), key(fmt.Sprintf("p%d", i)), []byte("x"), registry.Signature{Author: "Ada", Message: fmt.Sprintf("secret of %s %d", ids[i%2], i)})
		if err != nil {
			t.Error(err)
		}
	}
	wg.Go(func() { put(0) })
	eventually(t, "the first put being taken", func() bool { return waiting(s) })
	for i := 1; i < 7; i++ {
		wg.Go(func() { put(i) })
	}
	eventually(t, "the others being queued", func() bool { return queued(s) == 6 })
	release()
	wg.Wait()
	require.Equal(t, "2", git(t, s.dir, "rev-list", "--count", "HEAD"))
	require.Equal(t, "Publish 6 prompts", git(t, s.dir, "log", "-1", "--format=%s"))
	d, err := s.Diff(t.Context(), "")
	require.NoError(t, err)
	for _, c := range d.Changes {
		found, err := s.Explain(t.Context(), d.Head, []registry.File{c.File})
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("secret of %s %s", c.Workspace, c.Name[1:]), found[c.File].Message)
	}
}

func TestAuthorsGetCommitsOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := open(t, Options{LockWait: time.Minute})
	release, err := s.lock.acquire(0)
	require.NoError(t, err)
	var wg sync.WaitGroup
	c := s.Workspace(workspace.Default())
	put := func(i int) {
		_, err := c.Put(t.Context(), key(fmt.Sprintf("p%d", i)), []byte("x"), by([]string{"Ada", "Bob", "Eve"}[i%3]))
		if err != nil {
			t.Error(err)
		}
	}
	wg.Go(func() { put(0) })
	eventually(t, "the first put being taken", func() bool { return waiting(s) })
	for i := 1; i < 9; i++ {
		wg.Go(func() { put(i) })
	}
	eventually(t, "the others being queued", func() bool { return queued(s) == 8 })
	release()
	wg.Wait()
	require.Len(t, inHead(t, s.dir), 9)
	packs, err := filepath.Glob(filepath.Join(s.packs(), "*.pack"))
	require.NoError(t, err)
	require.Len(t, packs, 2, "a batch is one pack")
	log := strings.Split(git(t, s.dir, "log", "--format=%an: %s"), "\n")
	require.ElementsMatch(t, []string{"Ada: Create p0 1.0.0", "Ada: Publish 2 prompts", "Bob: Publish 3 prompts", "Eve: Publish 3 prompts"}, log)
	fsck(t, s.dir)
}
