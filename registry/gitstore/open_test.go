package gitstore

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func TestOpenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, path, text string) {
		t.Helper()
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	bare := func(t *testing.T, path string, args ...string) {
		t.Helper()
		git(t, t.TempDir(), append(append([]string{"init", "-q", "--bare"}, args...), path)...)
	}
	for name, c := range map[string]struct {
		prepare func(t *testing.T, path string)
		kind    error
		says    string
	}{
		"a file":            {func(t *testing.T, p string) { write(t, p, "x") }, pmerr.ErrValidation, "is a file; give the path of a bare git repository"},
		"a folder of files": {func(t *testing.T, p string) { write(t, filepath.Join(p, "a.txt"), "x") }, pmerr.ErrValidation, "is not empty and not a bare git repository; give"},
		"a working copy":    {func(t *testing.T, p string) { git(t, t.TempDir(), "init", "-q", p) }, pmerr.ErrValidation, "is a working copy, not a bare git repository; give"},
		"SHA-256":           {func(t *testing.T, p string) { bare(t, p, "--object-format=sha256") }, pmerr.ErrValidation, "--object-format=sha1"},
		"another ref store": {func(t *testing.T, p string) {
			bare(t, p)
			git(t, p, "config", "core.repositoryformatversion", "1")
			git(t, p, "config", "extensions.refStorage", "reftable")
		}, pmerr.ErrValidation, "--ref-format=files"},
		"a partial clone": {func(t *testing.T, p string) {
			bare(t, p)
			git(t, p, "config", "core.repositoryformatversion", "1")
			git(t, p, "config", "extensions.partialClone", "origin")
		}, pmerr.ErrValidation, "git clone --bare"},
		"broken config": {func(t *testing.T, p string) { bare(t, p); write(t, filepath.Join(p, "config"), "[core\n") }, pmerr.ErrValidation, "repair its file \"config\""},
		"detached HEAD": {func(t *testing.T, p string) { bare(t, p); write(t, filepath.Join(p, "HEAD"), hashFor(1).String()) }, pmerr.ErrValidation, "run: git symbolic-ref HEAD refs/heads/main"},
		"hostile HEAD": {func(t *testing.T, p string) {
			bare(t, p)
			write(t, filepath.Join(p, "HEAD"), "ref: refs/heads/../../x")
		}, pmerr.ErrValidation, "run: git symbolic-ref"},
		"circular HEAD": {func(t *testing.T, p string) {
			bare(t, p)
			write(t, filepath.Join(p, "refs/heads/a"), "ref: refs/heads/a")
			write(t, filepath.Join(p, "HEAD"), "ref: refs/heads/a")
		}, pmerr.ErrValidation, "run: git symbolic-ref"},
		"below a file": {func(t *testing.T, p string) { write(t, filepath.Dir(p), "x") }, pmerr.ErrUnavailable, "this process"},
		"no place for locks": {func(t *testing.T, p string) {
			bare(t, p)
			write(t, filepath.Join(p, ownDir), "a file where the store's folder should be")
		}, pmerr.ErrUnavailable, "let this process read and write it"},
		"no place for packs": {func(t *testing.T, p string) {
			bare(t, p)
			require.NoError(t, os.RemoveAll(filepath.Join(p, "objects/pack")))
			write(t, filepath.Join(p, "objects/pack"), "")
		}, pmerr.ErrUnavailable, "let this process read and write it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "deep", "prompts.git")
			if name != "below a file" {
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			}
			c.prepare(t, path)
			_, err := Open(t.Context(), Options{Path: path})
			require.ErrorIs(t, err, c.kind)
			require.Contains(t, err.Error(), c.says)
			require.Contains(t, err.Error(), path)
		})
	}
	t.Run("options", func(t *testing.T) {
		t.Parallel()
		_, err := Open(t.Context(), Options{LockWait: -1})
		require.ErrorIs(t, err, pmerr.ErrValidation)
		require.Len(t, pmerr.From(err).Fields, 2)
	})
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		path := filepath.Join(t.TempDir(), "r.git")
		_, err := Open(ctx, Options{Path: path})
		require.ErrorIs(t, err, context.Canceled)
		require.NoDirExists(t, path)
	})
}

func TestOpenMakesOrTakesARepository(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(t *testing.T, path string)
		branch  string
	}{
		"nothing":         {func(*testing.T, string) {}, "main"},
		"an empty folder": {func(t *testing.T, p string) { mkdir(t, p, "") }, "main"},
		"an empty volume": {func(t *testing.T, p string) { mkdir(t, p, "lost+found") }, "main"},
		"left unfinished": {func(t *testing.T, p string) { mkdir(t, p, "objects/pack") }, "main"},
		"another branch":  {func(t *testing.T, p string) { git(t, t.TempDir(), "init", "-q", "--bare", "-b", "team/prompts", p) }, "team/prompts"},
		"empty folders lost": {func(t *testing.T, p string) {
			git(t, t.TempDir(), "init", "-q", "--bare", "-b", "trunk", p)
			require.NoError(t, os.RemoveAll(filepath.Join(p, "objects/pack")))
			require.NoError(t, os.RemoveAll(filepath.Join(p, "refs/heads")))
		}, "trunk"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "prompts.git")
			c.prepare(t, path)
			s := open(t, Options{Path: path})
			require.NoError(t, s.Check(t.Context()))
			require.Equal(t, "refs/heads/"+c.branch, git(t, path, "symbolic-ref", "HEAD"))
			require.Equal(t, "true", git(t, path, "rev-parse", "--is-bare-repository"))
			_, err := s.Workspace(workspace.Default()).Put(t.Context(), key("welcome"), []byte("x"), by("Ada"))
			require.NoError(t, err)
			require.NoError(t, s.Close())
			again := open(t, Options{Path: path})
			d, err := again.Diff(t.Context(), "")
			require.NoError(t, err)
			require.Len(t, d.Changes, 1)
			fsck(t, path)
		})
	}
}

func TestManyMayCreateTheRepositoryAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "prompts.git")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s, err := Open(t.Context(), Options{Path: path})
			if err != nil {
				t.Error(err)
				return
			}
			_, err = s.Workspace(workspace.Default()).Put(t.Context(), key(string(rune('a'+i))), []byte("x"), by("Ada"))
			if err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Len(t, inHead(t, path), 8)
	fsck(t, path)
}

func TestAClosedStoreIsUnavailable(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	c := s.Workspace(workspace.Default())
	stored, err := c.Put(t.Context(), key("welcome"), []byte("x"), by("Ada"))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "twice is no fault")
	_, err = c.Put(t.Context(), key("farewell"), []byte("x"), by("Ada"))
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	_, err = c.Remove(t.Context(), oneKey("welcome"), by("Ada"))
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	_, err = c.Read(t.Context(), stored.Ref)
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	_, err = s.Diff(t.Context(), "")
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	_, err = s.Explain(t.Context(), stored.Commit, nil)
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	require.ErrorIs(t, s.Check(t.Context()), pmerr.ErrUnavailable)
}
