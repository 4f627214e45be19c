package gitstore

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Whatever fails, all callers of the batch are told, the branch stays, and the
// store works again when the fault is gone.
func TestFaultsOfTheFileSystem(t *testing.T) {
	t.Parallel()
	// swap puts a file in the place of a folder, which even root cannot write to.
	swap := func(t *testing.T, path string) (undo func()) {
		t.Helper()
		require.NoError(t, os.Rename(path, path+".away"))
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		return func() {
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Rename(path+".away", path))
		}
	}
	for name, c := range map[string]struct {
		path   string
		checks bool // whether Check notices
	}{
		"packs cannot be written":      {"objects/pack", true},
		"objects are gone":             {"objects", true},
		"the branch cannot be written": {"refs/heads", true},
		"the locks cannot be taken":    {ownDir, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, Options{LockWait: 50 * time.Millisecond, RepackAt: -1})
			one := putOne(t, s, "one")
			undo := swap(t, filepath.Join(s.dir, c.path))
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					_, err := s.Workspace(workspace.Default()).Put(t.Context(), key(fmt.Sprint("p", i)), []byte("x"), by("Ada"))
					if e := pmerr.From(err); e == nil || e.Code != pmerr.Unavailable || e.Message != "The prompt store cannot be written now" {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if c.checks {
				require.ErrorIs(t, s.Check(t.Context()), pmerr.ErrUnavailable)
			}
			undo()
			require.NoError(t, s.Check(t.Context()))
			require.Equal(t, one.Commit, headOf(t, s).String())
			putOne(t, s, "two")
			require.Len(t, inHead(t, s.dir), 2)
			fsck(t, s.dir)
			leavesNothing(t, s)
		})
	}
}

func TestARepositoryThatVanishesIsUnavailableAndNotMadeAnew(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	stored := putOne(t, s, "one")
	require.NoError(t, os.Rename(s.dir, s.dir+".away"))
	err := s.Check(t.Context())
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	require.NotContains(t, pmerr.From(err).Message, s.dir)
	_, err = s.Workspace(workspace.Default()).Put(t.Context(), key("two"), []byte("2"), by("Ada"))
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	require.NoDirExists(t, s.dir)
	require.NoError(t, os.Rename(s.dir+".away", s.dir))
	putOne(t, s, "two")

	// A backup that is put in its place is used, not mixed with what was there.
	backup := filepath.Join(t.TempDir(), "b.git")
	git(t, t.TempDir(), "init", "-q", "--bare", "-b", "main", backup)
	require.NoError(t, os.Rename(s.dir, s.dir+".old"))
	require.NoError(t, os.Rename(backup, s.dir))
	putOne(t, s, "three")
	require.Len(t, inHead(t, s.dir), 1)
	fsck(t, s.dir)
	_, err = s.Workspace(workspace.Default()).Read(t.Context(), "0000000000000000000000000000000000000001")
	require.ErrorIs(t, err, pmerr.ErrNotFound)
	_ = stored
}

func TestADamagedTreeStopsInsteadOfDeleting(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	one := putOne(t, s, "one")
	// git mktree would sort; hash-object writes what it is told.
	h := hashFor(1)
	raw := "100644 b\x00" + string(h[:]) + "100644 a\x00" + string(h[:])
	bad := gitInput(t, s.dir, raw, "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
	root := gitInput(t, s.dir, "040000 tree "+bad+"\tprompts\n", "mktree", "--missing")
	commit := git(t, s.dir, "commit-tree", "-p", one.Commit, "-m", "bad", root)
	git(t, s.dir, "update-ref", "refs/heads/main", commit)
	_, err := s.Diff(t.Context(), one.Commit)
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	require.ErrorIs(t, err, errDamaged)
	_, err = s.Workspace(workspace.Default()).Put(t.Context(), key("two"), []byte("2"), by("Ada"))
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	var wg sync.WaitGroup
	for i := range 12 { // other workspaces go on, also in the same batch
		id := []workspace.ID{workspace.Default(), team(t)}[i%2]
		wg.Go(func() {
			_, err := s.Workspace(id).Put(t.Context(), key(fmt.Sprint("p", i)), []byte("x"), by("Ada"))
			if (err == nil) != (id == team(t)) {
				t.Error(id, err)
			}
		})
	}
	wg.Wait()
	_, err = s.Explain(t.Context(), commit, []registry.File{fileOf("one", "1.0.0")})
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
}

func TestContentThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	c := s.Workspace(workspace.Default())
	_, err := c.Put(t.Context(), key("most"), make([]byte, maxBlob), by("Ada"))
	require.NoError(t, err)
	_, err = c.Put(t.Context(), key("more"), make([]byte, maxBlob+1), by("Ada"))
	require.ErrorIs(t, err, pmerr.ErrTooLarge)

	dir := clone(t, s)
	for i := range 2 { // two similar ones, so that git makes a delta
		lay(t, dir, fmt.Sprintf("prompts/huge/1.%d.0.json", i), string(make([]byte, maxBlob+1+i)))
	}
	push(t, dir, "huge")
	git(t, s.dir, "-c", "core.bigFileThreshold=1g", "repack", "-adFq")
	d, err := s.Diff(t.Context(), "")
	require.NoError(t, err)
	n := 0
	for _, ch := range d.Changes {
		_, err := c.Read(t.Context(), ch.Ref)
		if ch.Name == "huge" {
			require.ErrorIs(t, err, pmerr.ErrTooLarge)
			n++
		} else {
			require.NoError(t, err)
		}
	}
	require.Equal(t, 2, n)
}
