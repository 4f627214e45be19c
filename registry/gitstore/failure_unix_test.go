//go:build unix

package gitstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/signal"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// childFillsDisk lets writes fail in the middle of a file, by a limit on the
// size of files, which only a process of its own can have.
func childFillsDisk(path string) error {
	ctx := context.Background()
	s, err := Open(ctx, Options{Path: path})
	if err != nil {
		return err
	}
	signal.Ignore(unix.SIGXFSZ)
	c := s.Workspace(workspace.Default())
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(rand.IntN(256))
	}
	before, err := c.Put(ctx, key("before"), []byte("before"), by("Ada"))
	if err != nil {
		return err
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	set := func(size uint64) {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: limit.Max}); err != nil {
			panic(err)
		}
	}
	for _, size := range []uint64{0, 100, 1 << 10, 300 << 10} {
		set(size)
		_, err = c.Put(ctx, key("big"), noise, by("Ada"))
		set(limit.Cur)
		if !errors.Is(err, pmerr.ErrUnavailable) || !errors.Is(err, unix.EFBIG) {
			return fmt.Errorf("at %d bytes: %w", size, err)
		}
		if head, err := s.branch.read(); err != nil || head.String() != before.Commit {
			return fmt.Errorf("the branch has moved to %s: %w", head, err)
		}
	}
	stored, err := c.Put(ctx, key("big"), noise, by("Ada"))
	if err != nil || stored.Existed {
		return fmt.Errorf("afterwards: existed %v: %w", stored.Existed, err)
	}
	data, err := c.Read(ctx, stored.Ref)
	if err != nil || !bytes.Equal(data, noise) {
		return fmt.Errorf("read back: %w", err)
	}
	return s.Close()
}

func TestAFullDiskFailsTheBatchAndNothingElse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "prompts.git")
	cmd, lines := child(t, "full "+path)
	for lines.Scan() {
		t.Error(lines.Text())
	}
	require.NoError(t, cmd.Wait())
	require.Len(t, inHead(t, path), 2)
	fsck(t, path)
	leavesNothing(t, open(t, Options{Path: path}))
}
