package gitstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func packsOf(tb testing.TB, s *Store) []string {
	tb.Helper()
	found, err := filepath.Glob(filepath.Join(s.packs(), "pack-*.pack"))
	require.NoError(tb, err)
	return found
}

// goGit makes a store merge as if there were no git.
func goGit(s *Store) func(ctx context.Context, dir, work string, objects []plumbing.Hash) (string, error) {
	return func(ctx context.Context, dir, work string, objects []plumbing.Hash) (string, error) {
		if err := os.MkdirAll(work, 0o750); err != nil {
			return "", err
		}
		return mergeWithGoGit(ctx, dir, work, objects)
	}
}

// mergeWith lets a store merge in the background by another function, at once.
func mergeWith(s *Store, merge func(ctx context.Context, dir, work string, objects []plumbing.Hash) (string, error)) {
	r := s.repack
	r.stop()
	r.at, r.merge, r.ended = 1, merge, make(chan struct{})
	r.start()
}

func TestMergingKeepsEveryObject(t *testing.T) {
	t.Parallel()
	for name, withGoGit := range map[string]bool{"git": false, "go-git": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, logger := logbook()
			s := open(t, Options{RepackAt: -1, Logger: logger})
			if withGoGit {
				s.repack.merge = goGit(s)
			}
			var all []registry.Stored
			for i := range 30 {
				all = append(all, putOne(t, s, fmt.Sprint("p", i)))
			}
			// Objects that nothing leads to stay too, packed or loose.
			lost := gitInput(t, s.dir, "of nobody", "hash-object", "-w", "--stdin")
			dir := clone(t, s)
			lay(t, dir, "prompts/hand/1.0.0.json", "loose, by a push")
			push(t, dir, "by hand")
			loose, err := s.loose()
			require.NoError(t, err)
			require.NotEmpty(t, loose)
			git(t, s.dir, "multi-pack-index", "write")

			merged, err := s.repack.once(t.Context())
			require.NoError(t, err)
			require.True(t, merged)
			require.Len(t, packsOf(t, s), 1)
			require.Len(t, s.odb.own(), 1)
			loose, err = s.loose()
			require.NoError(t, err)
			require.Empty(t, loose)
			fsck(t, s.dir)
			require.Equal(t, "of nobody", git(t, s.dir, "cat-file", "blob", lost))
			for i, stored := range all {
				data, err := s.Workspace(workspace.Default()).Read(t.Context(), stored.Ref)
				require.NoError(t, err)
				require.Equal(t, fmt.Sprint("text of p", i), string(data))
			}
			require.Len(t, inHead(t, s.dir), 31)
			require.NoDirExists(t, filepath.Join(s.dir, ownDir, "merge"))
			require.Empty(t, said(), "git did not need help")
			leavesNothing(t, s)

			merged, err = s.repack.once(t.Context())
			require.NoError(t, err)
			require.False(t, merged, "one pack is not merged with itself")

			for i := range 3 {
				putOne(t, s, fmt.Sprint("more", i))
			}
			_, err = s.repack.once(t.Context())
			require.NoError(t, err)
			require.Len(t, packsOf(t, s), 2, "a big pack is left alone until the small ones are half of it")
			for i := range 20 {
				putOne(t, s, fmt.Sprint("again", i))
			}
			_, err = s.repack.once(t.Context())
			require.NoError(t, err)
			require.Len(t, packsOf(t, s), 1)
			fsck(t, s.dir)
		})
	}
}

func TestRollUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		counts []int
		want   int
	}{
		{nil, 0},
		{[]int{5}, 0},
		{[]int{5, 10}, 0},
		{[]int{5, 9}, 2},
		{[]int{5, 5, 5, 5}, 4},
		{[]int{1, 2, 4, 8, 16}, 0},
		{[]int{3, 7, 60, 1500, 1500, 1500}, 6},
		{[]int{5, 5, 5, 1000}, 3},
		{[]int{5, 5, 5, 29}, 4},
		{[]int{5, 5, 5, 30}, 3},
		{[]int{5, 5, 15, 49, 1000}, 4},
		{[]int{0, 0, 0}, 0},
	} {
		require.Equal(t, c.want, rollUp(c.counts), "%v", c.counts)
	}
}

func TestMergingHappensInTheBackground(t *testing.T) {
	t.Parallel()
	s := open(t, Options{RepackAt: 8})
	for i := range 24 {
		putOne(t, s, fmt.Sprint("p", i))
	}
	eventually(t, "the merge", func() bool { return len(packsOf(t, s)) < 8 })
	require.NoError(t, s.Close())
	require.Len(t, inHead(t, s.dir), 24)
	fsck(t, s.dir)
	leavesNothing(t, s)
}

func TestPacksThatMustStayAreLeftAlone(t *testing.T) {
	t.Parallel()
	s := open(t, Options{RepackAt: -1})
	for i := range 6 {
		putOne(t, s, fmt.Sprint("p", i))
	}
	stay := packsOf(t, s)[:3]
	for i, ending := range []string{".keep", ".promisor", ".mtimes"} {
		require.NoError(t, os.WriteFile(strings.TrimSuffix(stay[i], ".pack")+ending, nil, 0o600))
	}
	merged, err := s.repack.once(t.Context())
	require.NoError(t, err)
	require.True(t, merged)
	require.Len(t, packsOf(t, s), 4)
	for _, path := range stay {
		require.FileExists(t, path)
	}
}

func TestAnIncompleteMergeRemovesNothing(t *testing.T) {
	t.Parallel()
	said, logger := logbook()
	s := open(t, Options{RepackAt: -1, Logger: logger})
	for i := range 4 {
		putOne(t, s, fmt.Sprint("p", i))
	}
	before := packsOf(t, s)
	failure := errors.New("no space")
	for name, merge := range map[string]func(ctx context.Context, dir, work string, objects []plumbing.Hash) (string, error){
		"fails": func(context.Context, string, string, []plumbing.Hash) (string, error) { return "", failure },
		"lacks one": func(ctx context.Context, dir, work string, objects []plumbing.Hash) (string, error) {
			return goGit(s)(ctx, dir, work, objects[1:])
		},
		"names nothing": func(_ context.Context, _, work string, _ []plumbing.Hash) (string, error) {
			return filepath.Join(work, "nothing"), nil
		},
	} {
		s.repack.merge = merge
		merged, err := s.repack.once(t.Context())
		require.Error(t, err, name)
		require.False(t, merged)
		require.Equal(t, before, packsOf(t, s), name)
	}
	fsck(t, s.dir)
	putOne(t, s, "works")

	mergeWith(s, func(context.Context, string, string, []plumbing.Hash) (string, error) { return "", failure })
	eventually(t, "the warning", func() bool { return strings.Contains(said(), "no space") })
	putOne(t, s, "still")
}

func TestCloseStopsAMergeInTheMiddle(t *testing.T) {
	t.Parallel()
	s := open(t, Options{RepackAt: -1})
	for i := range 4 {
		putOne(t, s, fmt.Sprint("p", i))
	}
	begun := make(chan struct{})
	mergeWith(s, func(ctx context.Context, _, _ string, _ []plumbing.Hash) (string, error) {
		close(begun)
		<-ctx.Done()
		return "", ctx.Err()
	})
	<-begun
	objects := allObjects(s.mergeable(), nil)
	merged, err := s.repack.once(t.Context())
	require.NoError(t, err)
	require.False(t, merged, "one merge at a time in all processes")
	require.NoError(t, s.Close())
	require.Len(t, packsOf(t, s), 4)

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, merge := range []func(ctx context.Context, dir, work string, objects []plumbing.Hash) (string, error){s.mergePacks, goGit(s)} {
		_, err := merge(cancelled, s.dir, mkdir(t, t.TempDir(), "x"), objects)
		require.ErrorIs(t, err, context.Canceled)
	}
}

// Everything at once: callers publish and read, packs are merged all the time,
// and an operator runs git's most ruthless housekeeping.
func TestHousekeepingOfAnyKindLosesNothing(t *testing.T) {
	t.Parallel()
	const each = 15
	for name, keep := range map[string][][]string{
		"own":    nil,
		"gc":     {{"gc", "-q", "--prune=now"}, {"repack", "-adq"}},
		"repack": {{"repack", "-dq", "--geometric=2"}, {"pack-refs", "--all", "--prune"}, {"repack", "-dq", "--geometric=2", "--write-midx"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, Options{RepackAt: -1, LockWait: time.Minute})
			other := open(t, Options{Path: s.dir, RepackAt: -1, LockWait: time.Minute})
			var stop atomic.Bool
			var background, callers sync.WaitGroup
			for _, merger := range []*Store{s, other} {
				background.Go(func() {
					for !stop.Load() {
						// git may take away what is being merged: that is logged
						// and tried again later.
						_, _ = merger.repack.once(t.Context())
						time.Sleep(20 * time.Millisecond)
					}
				})
			}
			if keep != nil {
				background.Go(func() {
					for i := 0; !stop.Load(); i++ {
						_, _ = tryGit(t, s.dir, "", keep[i%len(keep)]...)
						time.Sleep(20 * time.Millisecond)
					}
				})
			}
			for caller := range 6 {
				callers.Go(func() {
					c := []*Store{s, other}[caller%2].Workspace(workspace.Default())
					reader := []*Store{other, s}[caller%2].Workspace(workspace.Default())
					var refs []string
					for n := range each {
						k := registry.Key{Name: fmt.Sprint("p", caller), Version: fmt.Sprintf("1.%d.0", n)}
						stored, err := c.Put(t.Context(), k, []byte(k.Name+k.Version), by("Ada"))
						if err != nil {
							t.Error(err)
							return
						}
						refs = append(refs, stored.Ref)
						for _, ref := range []string{refs[0], refs[len(refs)/2], stored.Ref} {
							if _, err := reader.Read(t.Context(), ref); err != nil {
								t.Error(err)
							}
						}
					}
				})
			}
			callers.Wait()
			stop.Store(true)
			background.Wait()
			require.Equal(t, 6*each, len(inHead(t, s.dir)))
			fsck(t, s.dir)
			d, err := other.Diff(t.Context(), "")
			require.NoError(t, err)
			require.Equal(t, 6*each, len(d.Changes))
		})
	}
}
