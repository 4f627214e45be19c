package gitstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// mergeWindow is how many neighbours of an object are tried as its delta base.
const mergeWindow = 10

// mergePacks writes objects of a repository into one new pack in the folder
// work. It returns the pack's path without ending. git does it five times
// faster and outside of our memory; without git, go-git does.
func (s *Store) mergePacks(ctx context.Context, dir, work string, objects []plumbing.Hash) (string, error) {
	for _, d := range []string{"info", "pack"} {
		if err := os.MkdirAll(filepath.Join(work, d), 0o750); err != nil {
			return "", err
		}
	}
	git, err := exec.LookPath("git")
	if err == nil {
		var base string
		if base, err = mergeWithGit(ctx, git, dir, work, objects); err == nil || ctx.Err() != nil {
			return base, err
		}
		s.log.Warn("git could not merge packs of the prompt repository; go-git does it", "error", err)
	}
	return mergeWithGoGit(ctx, dir, work, objects)
}

// mergeWithGit runs git pack-objects. git gets work as its object folder, with
// the real one as an alternate, so that whatever it leaves behind when it is
// stopped lies there.
func mergeWithGit(ctx context.Context, git, dir, work string, objects []plumbing.Hash) (string, error) {
	alternates := filepath.Join("..", "..", "objects") + "\n"
	if err := os.WriteFile(filepath.Join(work, "info", "alternates"), []byte(alternates), 0o600); err != nil {
		return "", err
	}
	var list, said, name bytes.Buffer
	for _, h := range objects {
		list.WriteString(h.String() + "\n")
	}
	cmd := exec.CommandContext(ctx, git,
		"-c", "core.fsync=all", "-c", "pack.packSizeLimit=0", "-c", "pack.writeReverseIndex=false",
		"pack-objects", "-q", "--threads=1", fmt.Sprintf("--window=%d", mergeWindow), "--delta-base-offset",
		filepath.Join(work, "merged"))
	cmd.Dir = dir
	// Nothing of the caller's environment may point git elsewhere.
	cmd.Env = []string{
		"GIT_DIR=" + dir, "GIT_OBJECT_DIRECTORY=" + work,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "LC_ALL=C",
	}
	cmd.Stdin, cmd.Stdout = &list, &name
	cmd.Stderr = &limited{to: &said, left: 2 << 10}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git pack-objects: %w: %s", err, strings.TrimSpace(said.String()))
	}
	h, ok := parseHash(strings.TrimSpace(name.String()))
	if !ok {
		return "", errors.New("git pack-objects did not name one pack")
	}
	return filepath.Join(work, "merged-"+h.String()), nil
}

// limited passes the beginning of a stream on and swallows the rest.
type limited struct {
	to   io.Writer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n, err := l.to.Write(p[:min(len(p), l.left)])
	l.left -= n
	if err != nil {
		return n, err
	}
	return len(p), nil
}

// mergeWithGoGit does the same in this process.
func mergeWithGoGit(ctx context.Context, dir, work string, objects []plumbing.Hash) (base string, err error) {
	storage := filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRU(baseCache))
	defer func() { err = errors.Join(err, storage.Close()) }()
	base = filepath.Join(work, "merged")
	pack, err := os.Create(base + ".pack")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, pack.Close()) }()
	from := &stoppable{Storage: storage, ctx: ctx}
	if _, err := packfile.NewEncoder(pack, from, false).Encode(objects, mergeWindow); err != nil {
		return "", err
	}
	// Reading the pack back for its index proves that every object is whole.
	if _, err := pack.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	var index idxfile.Writer
	parser, err := packfile.NewParser(packfile.NewScanner(pack), &index)
	if err != nil {
		return "", err
	}
	if _, err := parser.Parse(); err != nil {
		return "", err
	}
	x, err := index.Index()
	if err != nil {
		return "", err
	}
	idx, err := os.Create(base + ".idx")
	if err != nil {
		return "", err
	}
	_, err = idxfile.NewEncoder(idx).Encode(x)
	return base, errors.Join(err, idx.Close())
}

// stoppable is a storage whose reads end with the context, which go-git's
// encoder does not know.
type stoppable struct {
	*filesystem.Storage
	ctx context.Context
}

// EncodedObject implements storer.EncodedObjectStorer.
func (s *stoppable) EncodedObject(t plumbing.ObjectType, h plumbing.Hash) (plumbing.EncodedObject, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	return s.Storage.EncodedObject(t, h)
}

// DeltaObject implements storer.DeltaObjectStorer.
func (s *stoppable) DeltaObject(t plumbing.ObjectType, h plumbing.Hash) (plumbing.EncodedObject, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	return s.Storage.DeltaObject(t, h)
}
