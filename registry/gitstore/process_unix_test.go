//go:build unix

package gitstore

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// childMode makes the test binary another process that uses the store.
const childMode = "GITSTORE_TEST_CHILD"

func TestMain(m *testing.M) {
	switch mode, rest, _ := strings.Cut(os.Getenv(childMode), " "); mode {
	case "":
		os.Exit(m.Run())
	case "write":
		var path, prefix string
		var each, repack int
		if _, err := fmt.Sscan(rest, &path, &prefix, &each, &repack); err != nil {
			panic(err)
		}
		if err := childWrites(path, prefix, each, repack); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	case "full":
		if err := childFillsDisk(rest); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	os.Exit(0)
}

// childWrites publishes with several callers and prints each file once it is
// acknowledged.
func childWrites(path, prefix string, each, repack int) error {
	s, err := Open(context.Background(), Options{Path: path, RepackAt: repack, LockWait: time.Minute})
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failure error
	for caller := range 6 {
		wg.Go(func() {
			for n := range each {
				k := registry.Key{Name: fmt.Sprintf("%s-%d", prefix, n%5), Version: fmt.Sprintf("%d.%d.0", caller, n)}
				author := []string{"Ada", "Bob"}[caller%2]
				_, err := s.Workspace(workspace.Default()).Put(context.Background(), k, []byte(k.Name+" "+k.Version), by(author))
				mu.Lock()
				if err != nil {
					failure = err
				} else {
					fmt.Printf("prompts/%s/%s.json\n", k.Name, k.Version)
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if err := s.Close(); err != nil {
		return err
	}
	return failure
}

// child starts the test binary as another process.
func child(tb testing.TB, mode string) (*exec.Cmd, *bufio.Scanner) {
	tb.Helper()
	self, err := os.Executable()
	require.NoError(tb, err)
	cmd := exec.CommandContext(tb.Context(), self)
	cmd.Env = append(os.Environ(), childMode+"="+mode)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(tb, err)
	require.NoError(tb, cmd.Start())
	return cmd, bufio.NewScanner(out)
}

func TestTwoProcessesAndTwoStoresLoseNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "prompts.git")
	const each = 20
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	var wg sync.WaitGroup
	for i := range 2 {
		cmd, lines := child(t, fmt.Sprintf("write %s process%d %d 10", path, i, each))
		wg.Go(func() {
			for lines.Scan() {
				mu.Lock()
				acknowledged[lines.Text()] = true
				mu.Unlock()
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range 2 {
		s := open(t, Options{Path: path, RepackAt: 10, LockWait: time.Minute})
		for caller := range 4 {
			wg.Go(func() {
				for n := range each {
					k := registry.Key{Name: fmt.Sprintf("store%d-%d", i, caller), Version: fmt.Sprintf("1.%d.0", n)}
					if _, err := s.Workspace(workspace.Default()).Put(t.Context(), k, []byte(k.Version), by("Eve")); err != nil {
						t.Error(err)
					}
					mu.Lock()
					acknowledged[fmt.Sprintf("prompts/%s/%s.json", k.Name, k.Version)] = true
					mu.Unlock()
				}
			})
		}
	}
	// And people push meanwhile.
	work := filepath.Join(t.TempDir(), "w")
	git(t, t.TempDir(), "clone", "-q", path, work)
	wg.Go(func() {
		for i := range 5 {
			file := fmt.Sprintf("prompts/by-hand/1.%d.0.yaml", i)
			lay(t, work, file, "x")
			git(t, work, "add", "-A")
			git(t, work, "commit", "-q", "-m", file)
			for range 200 { // others are faster most of the time
				if out, err := tryGit(t, work, "", "pull", "-q", "--rebase", "origin", "main"); err != nil {
					t.Error(out)
					return
				}
				if _, err := tryGit(t, work, "", "push", "-q", "origin", "HEAD:main"); err == nil {
					mu.Lock()
					acknowledged[file] = true
					mu.Unlock()
					break
				}
			}
		}
	})
	wg.Wait()
	have := inHead(t, path)
	require.GreaterOrEqual(t, len(acknowledged), 2*6*each+2*4*each)
	for file := range acknowledged {
		require.Contains(t, have, file)
	}
	fsck(t, path)
}

// Processes are killed in the middle of writing, again and again: nothing that
// was acknowledged is lost, and the next one is not held up.
func TestKilledProcessesLoseNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "prompts.git")
	acknowledged := map[string]bool{}
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	for round := range rounds {
		cmd, lines := child(t, fmt.Sprintf("write %s round%d 100000 4", path, round))
		fuse := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		first := true
		for lines.Scan() {
			require.NotContains(t, lines.Text(), "error")
			acknowledged[lines.Text()] = true
			if first {
				first = false
				require.True(t, fuse.Stop(), "the process before has left something that holds the store up")
				fuse = time.AfterFunc(time.Duration(rand.IntN(120))*time.Millisecond, func() { _ = cmd.Process.Kill() })
			}
		}
		require.False(t, first)
		fuse.Stop()
		require.Error(t, cmd.Wait(), "it was killed")
		have := inHead(t, path)
		for file := range acknowledged {
			require.Contains(t, have, file, "round %d", round)
		}
	}
	require.Greater(t, len(acknowledged), rounds)
	fsck(t, path)
	s := open(t, Options{Path: path})
	putOne(t, s, "after-all")
	leavesNothing(t, s)
	d, err := s.Diff(t.Context(), "")
	require.NoError(t, err)
	for _, c := range d.Changes {
		data, err := s.Workspace(c.Workspace).Read(t.Context(), c.Ref)
		require.NoError(t, err)
		if c.Name != "after-all" {
			require.Equal(t, c.Name+" "+c.Version, string(data))
		}
	}
}
