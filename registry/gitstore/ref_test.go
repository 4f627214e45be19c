package gitstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// putOne stores a file in the default workspace.
func putOne(tb testing.TB, s *Store, name string) registry.Stored {
	tb.Helper()
	stored, err := s.Workspace(workspace.Default()).Put(tb.Context(), key(name), []byte("text of "+name), by("Ada"))
	require.NoError(tb, err)
	return stored
}

func headOf(tb testing.TB, s *Store) plumbing.Hash {
	tb.Helper()
	h, err := s.branch.read()
	require.NoError(tb, err)
	return h
}

func TestTheBranchMovesOnlyFromWhereItIs(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	require.True(t, headOf(t, s).IsZero())
	putOne(t, s, "one")
	one := headOf(t, s)
	putOne(t, s, "two")
	two := headOf(t, s)
	for _, from := range []plumbing.Hash{{}, one, hashFor(1)} {
		require.ErrorIs(t, s.branch.move(from, one), errMoved)
		require.Equal(t, two, headOf(t, s))
	}
	require.NoError(t, s.branch.move(two, one))
	require.Equal(t, one.String(), git(t, s.dir, "rev-parse", "HEAD"))
	leavesNothing(t, s)
}

// leavesNothing fails if there are locks or unfinished files.
func leavesNothing(tb testing.TB, s *Store) {
	tb.Helper()
	require.NoFileExists(tb, s.branch.lock())
	require.NoFileExists(tb, s.branch.draft())
	for _, pattern := range []string{"objects/pack/*promptmetrics*", "objects/pack/*.keep", "promptmetrics/*stale*", "promptmetrics/fetch", "promptmetrics/seed"} {
		left, err := filepath.Glob(filepath.Join(s.dir, pattern))
		require.NoError(tb, err)
		require.Empty(tb, left)
	}
}

func TestPackedRefsAreRead(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	one := putOne(t, s, "one")
	git(t, s.dir, "tag", "-a", "-m", "x", "v1")
	git(t, s.dir, "pack-refs", "--all", "--prune")
	require.NoFileExists(t, s.branch.file())
	require.Equal(t, one.Commit, headOf(t, s).String())
	two := putOne(t, s, "two")
	require.Equal(t, two.Commit, git(t, s.dir, "rev-parse", "HEAD"))
	require.Len(t, inHead(t, s.dir), 2)
}

func TestPackingRefsMeanwhileHidesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	putOne(t, s, "first")
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if out, err := tryGit(t, s.dir, "", "pack-refs", "--all", "--prune"); err != nil {
					t.Error(out)
				}
			}
		}
	})
	for i := range 60 {
		putOne(t, s, fmt.Sprint("p", i))
	}
	close(done)
	wg.Wait()
	require.Len(t, inHead(t, s.dir), 61)
	require.Equal(t, "61", git(t, s.dir, "rev-list", "--count", "HEAD"))
}

func TestBadRefsMakeTheStoreUnavailable(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"symbolic": "ref: refs/heads/other\n", "empty": "", "not a hash": "hello\n", "of nothing": hashFor(1).String() + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, Options{})
			putOne(t, s, "one")
			require.NoError(t, os.WriteFile(s.branch.file(), []byte(text), 0o644))
			_, err := s.Workspace(workspace.Default()).Put(t.Context(), key("two"), []byte("2"), by("Ada"))
			require.ErrorIs(t, err, pmerr.ErrUnavailable)
			_, err = s.Diff(t.Context(), "")
			require.ErrorIs(t, err, pmerr.ErrUnavailable)
			require.ErrorIs(t, s.Check(t.Context()), pmerr.ErrUnavailable)
			raw, err := os.ReadFile(s.branch.file())
			require.NoError(t, err)
			require.Equal(t, text, string(raw), "nothing was overwritten")
		})
	}
}

func TestAnOwnLockOfADeadProcessHealsAtOnce(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(b *branch) error{
		"killed before the lock": func(b *branch) error {
			_, err := b.writeDraft(hashFor(1))
			return err
		},
		"killed with the lock": func(b *branch) error {
			_, err := b.writeDraft(hashFor(1))
			return errors.Join(err, os.Link(b.draft(), b.lock()))
		},
		"killed after the move": func(b *branch) error {
			return os.Link(b.file(), b.draft())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, Options{})
			one := putOne(t, s, "one")
			require.NoError(t, leave(s.branch))
			require.Equal(t, one.Commit, headOf(t, s).String())
			putOne(t, s, "two")
			require.Len(t, inHead(t, s.dir), 2)
			leavesNothing(t, s)

			require.NoError(t, leave(s.branch))
			again := open(t, Options{Path: s.dir})
			leavesNothing(t, again)
			require.Len(t, inHead(t, s.dir), 2)
		})
	}
}

func TestTheLockOfAPushIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := open(t, Options{LockWait: 150 * time.Millisecond})
	one := putOne(t, s, "one")
	require.NoError(t, os.WriteFile(s.branch.lock(), []byte(hashFor(1).String()+"\n"), 0o644))
	_, err := s.Workspace(workspace.Default()).Put(t.Context(), key("two"), []byte("2"), by("Ada"))
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	require.ErrorIs(t, err, errBusy)
	require.Equal(t, one.Commit, headOf(t, s).String())
	require.FileExists(t, s.branch.lock(), "it is not ours")
	require.NoFileExists(t, s.branch.draft())

	require.NoError(t, os.Remove(s.branch.lock()))
	putOne(t, s, "two")
	leavesNothing(t, s)
}

func TestAnOldForeignLockIsBroken(t *testing.T) {
	t.Parallel()
	said, logger := logbook()
	s := open(t, Options{LockWait: 150 * time.Millisecond, Logger: logger})
	putOne(t, s, "one")
	require.NoError(t, os.WriteFile(s.branch.lock(), nil, 0o644))
	old := time.Now().Add(-staleAfter - time.Second)
	require.NoError(t, os.Chtimes(s.branch.lock(), old, old))
	putOne(t, s, "two")
	require.Contains(t, said(), "refs/heads/main.lock")
	leavesNothing(t, s)
}

// A push that holds the lock and then moves the branch, as git does it, while a
// batch is waiting: the batch is decided anew.
func TestAHeadThatMovesMeanwhileIsBuiltUpon(t *testing.T) {
	t.Parallel()
	s := open(t, Options{LockWait: time.Minute})
	putOne(t, s, "one")
	dir := clone(t, s)
	lay(t, dir, "prompts/hand/1.0.0.json", "by hand")
	lay(t, dir, "prompts/same/1.0.0.json", "same")
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "by hand")
	git(t, dir, "push", "-q", "origin", "HEAD:refs/heads/other")
	pushed := git(t, dir, "rev-parse", "HEAD")

	require.NoError(t, os.WriteFile(s.branch.lock(), []byte(pushed+"\n"), 0o644))
	c := s.Workspace(workspace.Default())
	type result struct {
		stored registry.Stored
		err    error
	}
	results := map[string]result{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, put := range [][2]string{{"two", "2"}, {"hand", "something else"}, {"same", "same"}} {
		wg.Go(func() {
			stored, err := c.Put(t.Context(), key(put[0]), []byte(put[1]), by("Ada"))
			mu.Lock()
			defer mu.Unlock()
			results[put[0]] = result{stored, err}
		})
	}
	eventually(t, "the batch waiting for the lock", func() bool {
		_, err := os.Lstat(s.branch.draft())
		return err == nil
	})
	require.NoError(t, os.Rename(s.branch.lock(), s.branch.file()))
	wg.Wait()
	require.NoError(t, results["two"].err)
	require.False(t, results["two"].stored.Existed)
	require.ErrorIs(t, results["hand"].err, pmerr.ErrConflict)
	require.NoError(t, results["same"].err)
	require.True(t, results["same"].stored.Existed)
	require.Len(t, inHead(t, s.dir), 4)
	git(t, s.dir, "merge-base", "--is-ancestor", pushed, "HEAD")
	fsck(t, s.dir)
	leavesNothing(t, s)
}

func TestFileSystemsWithoutHardLinksWorkToo(t *testing.T) {
	t.Parallel()
	s := open(t, Options{LockWait: 100 * time.Millisecond})
	s.branch.link = func(string, string) error { return errors.ErrUnsupported }
	putOne(t, s, "one")
	putOne(t, s, "two")
	require.NoError(t, os.WriteFile(s.branch.lock(), nil, 0o644))
	_, err := s.Workspace(workspace.Default()).Put(t.Context(), key("three"), []byte("3"), by("Ada"))
	require.ErrorIs(t, err, errBusy)
	require.NoError(t, os.Remove(s.branch.lock()))
	putOne(t, s, "three")
	require.Len(t, inHead(t, s.dir), 3)
	leavesNothing(t, s)
}

func TestWhatIsLeftBehindIsTidiedUp(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	putOne(t, s, "one")
	require.NoError(t, s.keepPack(filepath.Join(s.packs(), "pack-"+hashFor(1).String()+".keep")))
	require.NoError(t, os.WriteFile(filepath.Join(s.packs(), tempPrefix+"pack_1"), []byte("PACK"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(s.packs(), "tmp_pack_of_git"), nil, 0o600))
	mine := filepath.Join(s.packs(), "pack-"+hashFor(2).String()+".keep")
	require.NoError(t, os.WriteFile(mine, []byte("keep this, says the operator"), 0o600))
	again := open(t, Options{Path: s.dir})
	files, err := os.ReadDir(again.packs())
	require.NoError(t, err)
	var names []string
	for _, f := range files {
		if e := filepath.Ext(f.Name()); e != ".pack" && e != ".idx" {
			names = append(names, f.Name())
		}
	}
	require.Equal(t, []string{filepath.Base(mine), "tmp_pack_of_git"}, names)
}

func TestLocksAreTakenInTurn(t *testing.T) {
	t.Parallel()
	l := processLock{mkdir(t, t.TempDir(), "")}
	const holders, rounds = 4, 40
	var mu sync.Mutex
	inside, order := 0, []int(nil)
	var wg sync.WaitGroup
	for i := range holders {
		wg.Go(func() {
			for range rounds {
				release, err := l.acquire(time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				inside++
				if inside != 1 {
					t.Error("two have the lock")
				}
				order = append(order, i)
				mu.Unlock()
				time.Sleep(time.Millisecond)
				mu.Lock()
				inside--
				mu.Unlock()
				release()
			}
		})
	}
	wg.Wait()
	longest, run := 0, 0
	for i := range order[:len(order)/2] { // towards the end some have finished
		if i > 0 && order[i] == order[i-1] {
			run++
		} else {
			run = 1
		}
		longest = max(longest, run)
	}
	require.Less(t, longest, rounds/2, "nobody is starved: %v", order)
	_, err := processLock{filepath.Join(t.TempDir(), "no", "folder")}.acquire(0)
	require.ErrorIs(t, err, os.ErrNotExist)
}
