package gitstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"golang.org/x/sync/errgroup"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Store keeps the prompt files of all workspaces in one bare git repository: those
// of most on its own branch, those of Options.Branches on theirs. It
// is safe for concurrent use, also by several processes.
type Store struct {
	dir    string
	log    *slog.Logger
	now    func() time.Time
	wait   time.Duration
	lock   processLock
	branch *branch
	odb    *odb
	trees  *lru[plumbing.Hash, *tree]
	queue  *queue
	repack *repacker
	mirror *mirror // nil without a remote
	counts *counts
	// orphan is set for a mirror that was opened without its remote: it is only
	// read, for a commit that the host never sees would be lost.
	orphan bool
	// owner is the workspace that follows the branch, if it is not that of the
	// repository; its prompts lie at the top. Else it is the default.
	owner workspace.ID
	// beside are the stores of the other branches that are followed.
	beside []*Store

	// durable is the head that is known to be safely on disk. Only the
	// committer uses it.
	durable plumbing.Hash

	committed chan struct{} // closed when the committer has ended
	closing   sync.Once
	closed    chan struct{}
}

var _ registry.ContentStore = (*Store)(nil)

// Open opens the repository, or creates it. A path that cannot be used gives a
// validation error that says what to do, one that cannot be reached or written
// pmerr.ErrUnavailable. ctx bounds the opening only; Close ends the store.
func Open(ctx context.Context, options Options) (*Store, error) {
	options = options.withDefaults()
	if err := options.validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, pmerr.Down(err, "The prompt repository was not opened: the call was cancelled")
	}
	dir, err := filepath.Abs(options.Path)
	if err != nil {
		return nil, pmerr.Invalid("Path: " + options.Path + " cannot be made absolute; give an absolute path").Because(err)
	}
	name, err := openRepository(dir)
	if err != nil {
		return nil, err
	}
	var start *connection
	if options.Remote != nil {
		if start, err = connect(ctx, *options.Remote, dir, name, options.Now); err != nil {
			return nil, err
		}
		name = start.branch
	}
	s, err := openBranch(ctx, line{dir, name, workspace.Default(), newCounts()}, options, start)
	if err != nil {
		return nil, err
	}
	if err := s.openBranches(ctx, options, start); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// line is a branch of a repository that is there, and the workspace that follows
// it.
type line struct {
	dir, branch string
	owner       workspace.ID
	counts      *counts
}

// openBranch opens the store of one branch.
func openBranch(ctx context.Context, at line, options Options, start *connection) (*Store, error) {
	dir := at.dir
	s := &Store{
		dir: dir, owner: at.owner,
		log:  options.Logger,
		now:  options.Now,
		wait: options.LockWait,
		lock: processLock{filepath.Join(dir, ownDir)},
		branch: &branch{
			dir: dir, name: at.branch, log: options.Logger, wait: options.LockWait, link: os.Link,
		},
		trees:     newLRU[plumbing.Hash, *tree](treeCache),
		queue:     newQueue(),
		committed: make(chan struct{}),
		closed:    make(chan struct{}),
		counts:    at.counts,
	}
	// Tools that copy repositories drop empty folders.
	err := errors.Join(os.MkdirAll(s.packs(), 0o755), s.branch.makeFolder())
	if err != nil {
		return nil, unusable(options.Path, err)
	}
	if s.odb, err = openODB(s.objects(), options.Logger); err == nil {
		err = s.tidy()
	}
	if err == nil {
		err = s.probe()
	}
	if err != nil {
		return nil, unusable(options.Path, err)
	}
	note := readMirrorNote(dir, mirrorNote)
	s.orphan = note != "" && start == nil
	if s.orphan && s.owner == workspace.Default() {
		url, _, _ := strings.Cut(note, "\n")
		s.log.Warn("the prompt repository is the mirror of a remote that is not configured, so nothing can be published; "+
			"to make it a repository of its own, remove the file promptmetrics/remote in it", "remote", url)
	}
	if start != nil {
		if err := s.startMirror(ctx, start); err != nil {
			s.odb.close()
			return nil, err
		}
	}
	s.repack = newRepacker(s, options.RepackAt)
	s.repack.start()
	go s.commitAll()
	return s, nil
}

// Close waits for what is under way, stops the background work and closes the
// files. Calls that come later fail as unavailable.
func (s *Store) Close() error {
	s.closing.Do(func() {
		for _, b := range s.beside {
			_ = b.Close() // it has no error to tell
		}
		s.queue.close()
		if s.mirror != nil {
			s.mirror.stop(s.committed)
		}
		<-s.committed
		s.repack.stop()
		s.odb.close()
		close(s.closed)
	})
	<-s.closed
	return nil
}

// Driver names the kind of the store for health reports: "github" with a remote
// on any git host, else "filesystem".
func (s *Store) Driver() string {
	if s.mirror != nil {
		return "github"
	}
	return "filesystem"
}

// Fetch brings the store up to date with its remote, if it has one: what others
// have pushed is there when it returns. Reads never wait for it. ErrUnavailable.
func (s *Store) Fetch(ctx context.Context) error {
	if err := s.open(); err != nil {
		return err
	}
	if s.mirror == nil {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, b := range s.lines() {
		group.Go(func() error { return b.mirror.fetch(ctx, 0) })
	}
	return group.Wait()
}

// objects is the folder of the repository's own objects.
func (s *Store) objects() string { return filepath.Join(s.dir, "objects") }

// packs is the folder of its packs.
func (s *Store) packs() string { return filepath.Join(s.objects(), "pack") }

// Workspace binds the store to a workspace. The zero ID panics.
func (s *Store) Workspace(id workspace.ID) registry.Content {
	_ = id.String()
	for _, b := range s.beside {
		if b.owner == id {
			return &content{b, workspace.Default()}
		}
	}
	return &content{s, id}
}

// open fails once the store is closed.
func (s *Store) open() error {
	select {
	case <-s.closed:
		return pmerr.New(pmerr.Unavailable, "The prompt store is closed")
	default:
		return nil
	}
}

// tree loads a tree, keeping it for the next time. The zero hash is empty.
func (s *Store) tree(h plumbing.Hash) (*tree, error) {
	if h.IsZero() {
		return nil, nil
	}
	if t, ok := s.trees.get(h); ok {
		return t, nil
	}
	kind, raw, err := s.odb.read(h, maxObject)
	if err != nil {
		return nil, err
	}
	if kind != plumbing.TreeObject {
		return nil, damaged("%s is no tree", h)
	}
	t, err := parseTree(raw)
	if err != nil {
		return nil, err
	}
	s.keep(h, t)
	return t, nil
}

func (s *Store) keep(h plumbing.Hash, t *tree) { s.trees.put(h, t, len(t.raw)+4*len(t.marks)) }

// commit loads a commit; any other object is errMissing.
func (s *Store) commit(h plumbing.Hash) (commit, error) {
	kind, raw, err := s.odb.read(h, maxObject)
	if err != nil {
		return commit{}, err
	}
	if kind != plumbing.CommitObject {
		return commit{}, fmt.Errorf("%w: %s is no commit", errMissing, h)
	}
	return parseCommit(raw)
}
