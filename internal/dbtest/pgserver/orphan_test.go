//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package pgserver

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
)

const (
	orphanEnd    = "PGSERVER_TEST_END"    // how the child ends
	orphanParent = "PGSERVER_TEST_PARENT" // where its server's folder goes
)

// TestOrphanChild is no test but the process that TestServerDiesWithItsProcess
// watches: it starts a server, tells where it is and ends without stopping it.
func TestOrphanChild(t *testing.T) {
	how := os.Getenv(orphanEnd)
	if how == "" {
		return
	}
	s, err := Start(context.Background(), Options{Parent: os.Getenv(orphanParent)})
	require.NoError(t, err)
	fmt.Printf("server %d %s\n", s.port, s.folder.path) // The parent reads it.
	switch how {
	case "panic":
		panic("the test's own end")
	case "exit":
		os.Exit(3)
	default:
		select {} // Wait for the kill.
	}
}

func TestServerDiesWithItsProcess(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("this system cannot tie a child's life to its parent's")
	}
	requireInstalled(t)
	// A test that runs out of time ends its process by a panic.
	for _, how := range []string{"panic", "exit", "kill"} {
		t.Run("after "+how, func(t *testing.T) {
			t.Parallel()
			parent := shortDir(t)
			port, folder := orphan(t, how, parent)

			address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
			require.Eventually(t, func() bool {
				var d net.Dialer
				conn, err := d.DialContext(t.Context(), "tcp", address)
				if err != nil {
					return true
				}
				_ = conn.Close()
				return false
			}, 10*time.Second, 20*time.Millisecond, "the server outlived its process")

			require.DirExists(t, folder)
			s := start(t, Options{Parent: parent})
			require.NoDirExists(t, folder, "the next start left the folder of a dead process")
			require.DirExists(t, s.folder.path)
			s.Stop()
		})
	}
}

// orphan runs TestOrphanChild to its end and gives its server's port and folder.
func orphan(tb testing.TB, how, parent string) (int, string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestOrphanChild$")
	cmd.Env = append(os.Environ(), orphanEnd+"="+how, orphanParent+"="+parent)
	stdout, err := cmd.StdoutPipe()
	require.NoError(tb, err)
	require.NoError(tb, cmd.Start())
	lines := bufio.NewScanner(stdout)
	var port int
	var folder string
	for lines.Scan() {
		if _, err := fmt.Sscanf(lines.Text(), "server %d %s", &port, &folder); err == nil && how == "kill" {
			require.NoError(tb, cmd.Process.Kill())
		}
	}
	require.Error(tb, cmd.Wait(), "the child ended well")
	require.NotZero(tb, port, "the child started no server")
	return port, folder
}

func requireInstalled(tb testing.TB) {
	tb.Helper()
	if _, err := findBin(); err != nil {
		testserver.Missing(tb, "PostgreSQL")
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	parent := shortDir(t)
	used, lock, err := lockedFolder(parent)
	require.NoError(t, err)
	t.Cleanup(func() { _ = lock.Close() })
	left := filepath.Join(parent, folderPrefix+"left")
	require.NoError(t, os.MkdirAll(filepath.Join(left, "run", "data"), 0o700))
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "kept"), nil, 0o600))
	link := filepath.Join(parent, folderPrefix+"link")
	require.NoError(t, os.Symlink(outside, link))
	other := filepath.Join(parent, "something-else")
	require.NoError(t, os.Mkdir(other, 0o700))
	foreign := filepath.Join(parent, folderPrefix+"foreign")
	require.NoError(t, os.Mkdir(foreign, 0o700))
	root := os.Geteuid() == 0
	if root { // Only root can give a folder away.
		require.NoError(t, os.Chown(foreign, 12345, 12345))
	}

	sweep(parent)

	require.NoDirExists(t, left)
	require.DirExists(t, used)
	require.DirExists(t, other)
	require.FileExists(t, filepath.Join(outside, "kept"))
	_, err = os.Lstat(link)
	require.NoError(t, err)
	if root {
		require.DirExists(t, foreign)
	}

	require.NoError(t, lock.Close())
	sweep(parent)
	require.NoDirExists(t, used)
}

func TestLockFolder(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	lock, err := lockFolder(path)
	require.NoError(t, err)
	_, err = lockFolder(path)
	require.Error(t, err, "two hold one lock")
	require.NoError(t, lock.Close())
	lock, err = lockFolder(path)
	require.NoError(t, err)
	require.NoError(t, lock.Close())
	_, err = lockFolder(filepath.Join(path, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestUnfitParent(t *testing.T) {
	t.Parallel()
	stranger := &account{uid: 12345, gid: 12345}
	parent := shortDir(t)
	closed := filepath.Join(parent, "closed")
	inner := filepath.Join(closed, "in")
	file := filepath.Join(parent, "file")
	require.NoError(t, os.MkdirAll(inner, 0o711))
	require.NoError(t, os.Chmod(closed, 0o700))
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	tests := []struct {
		name, parent string
		owner        *account
		wants        string // "" where it is fit
	}{
		{"an open folder serves another user", parent, stranger, ""},
		{"a closed folder serves ourselves", closed, nil, ""},
		{"a closed folder does not serve another user", closed, stranger, "is closed to the user"},
		{"nor does a folder below a closed one", inner, stranger, "is closed to the user"},
		{"a file serves nobody", file, nil, "is no folder"},
		{"a long path serves nobody", "/" + strings.Repeat("x", longestParent), nil, "too long"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := unfit(test.parent, test.owner)
			if test.wants == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.wants)
		})
	}
}
