package gitstore

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// errMoved says that the branch is not where the caller thought.
var errMoved = errors.New("gitstore: the branch has moved")

// staleAfter is the age from which a lock of the branch counts as left behind.
// git holds it for milliseconds.
const staleAfter = 10 * time.Second

// branch is the branch that the store writes to. It moves as git moves it: with
// a lock file beside the ref, which real git processes respect and hold too.
type branch struct {
	dir  string // of the repository
	name string // "refs/heads/main"
	log  *slog.Logger
	wait time.Duration
	// link is os.Link; tests play a file system that has no hard links.
	link func(from, to string) error
}

func (b *branch) file() string { return filepath.Join(b.dir, filepath.FromSlash(b.name)) }
func (b *branch) lock() string { return b.file() + ".lock" }

// draft is where the new value is written before it becomes the lock file.
func (b *branch) draft() string { return filepath.Join(b.dir, ownDir, "ref") }

// read gives the commit of the branch, or the zero hash if there is none yet.
func (b *branch) read() (plumbing.Hash, error) {
	// git packs a ref by writing packed-refs first and removing the loose file
	// then; a ref that is found nowhere may have become loose in between.
	for range 2 {
		raw, err := os.ReadFile(b.file())
		if err == nil {
			return parseRef(string(raw))
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return plumbing.ZeroHash, err
		}
		h, err := b.readPacked()
		if err != nil || !h.IsZero() {
			return h, err
		}
	}
	return plumbing.ZeroHash, nil
}

func parseRef(text string) (plumbing.Hash, error) {
	if strings.HasPrefix(text, "ref:") {
		return plumbing.ZeroHash, errors.New("gitstore: the branch is a symbolic ref")
	}
	h, ok := parseHash(strings.TrimRight(text, " \t\r\n"))
	if !ok {
		return h, damaged("the branch does not hold a hash")
	}
	return h, nil
}

func (b *branch) readPacked() (plumbing.Hash, error) {
	raw, err := os.ReadFile(filepath.Join(b.dir, "packed-refs"))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return plumbing.ZeroHash, err
	}
	for line := range strings.Lines(string(raw)) {
		hash, name, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		if name == b.name {
			return parseRef(hash)
		}
	}
	return plumbing.ZeroHash, nil
}

// move sets the branch to a commit if it still is at another, durably. The
// caller has the process lock. It returns errMoved, errBusy, or a failure of
// the file system; the branch is unmoved then, unless only the last sync failed.
func (b *branch) move(from, to plumbing.Hash) (err error) {
	if err := b.heal(); err != nil {
		return err
	}
	info, err := b.writeDraft(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeIfThere(b.draft())) }()
	if err := b.makeFolder(); err != nil {
		return err
	}
	if err := b.takeLock(to, info.ModTime()); err != nil {
		return err
	}
	now, err := b.read()
	if err == nil && now != from {
		err = errMoved
	}
	if err == nil {
		err = os.Rename(b.lock(), b.file())
	}
	if err != nil {
		return errors.Join(err, removeIfThere(b.lock()))
	}
	return syncDir(filepath.Dir(b.file()))
}

// makeFolder makes the folder of the branch, durably. git removes such folders
// when it packs the refs of branches like "team/prompts".
func (b *branch) makeFolder() error {
	dir := filepath.Dir(b.file())
	if exists(dir) {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for dir != b.dir {
		dir = filepath.Dir(dir)
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// writeDraft writes and syncs the new value. The draft never is a file that
// existed before: an old one may be the branch itself under a second name.
func (b *branch) writeDraft(to plumbing.Hash) (fs.FileInfo, error) {
	return writeNew(b.draft(), to.String()+"\n")
}

// takeLock creates the lock file of the branch, holding the new value. now is
// the file system's time.
func (b *branch) takeLock(to plumbing.Hash, now time.Time) error {
	p := newPoll(b.wait)
	for {
		err := b.link(b.draft(), b.lock())
		if err != nil && !errors.Is(err, fs.ErrExist) {
			// No hard links here. A lock made this way cannot be told from that
			// of another process after a crash, and heals by its age.
			_, err = writeNew(b.lock(), to.String()+"\n")
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := b.breakStale(now.Add(p.waited)); err != nil {
			return err
		}
		if !p.next() {
			return errBusy
		}
	}
}

// breakStale removes a lock that is too old to be held by anybody.
func (b *branch) breakStale(now time.Time) error {
	old, err := os.Lstat(b.lock())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || now.Sub(old.ModTime()) < staleAfter {
		return err
	}
	// Somebody else may just have broken it, and a third taken it anew: move it
	// aside, look at it, and put a living one back.
	aside := b.draft() + ".stale"
	if err := os.Rename(b.lock(), aside); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if moved, err := os.Lstat(aside); err == nil && !os.SameFile(old, moved) {
		err = b.link(aside, b.lock())
		return errors.Join(err, removeIfThere(aside))
	}
	b.log.Warn("removed the lock of the prompt branch that a dead process had left behind",
		"lock", b.name+".lock", "age", now.Sub(old.ModTime()).Round(time.Second))
	return removeIfThere(aside)
}

// heal removes what a killed process of ours has left: its draft, and the lock
// that is the same file. The caller has the process lock, so it is dead.
func (b *branch) heal() error {
	draft, err := os.Lstat(b.draft())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if lock, err := os.Lstat(b.lock()); err == nil && os.SameFile(draft, lock) {
		if err := removeIfThere(b.lock()); err != nil {
			return err
		}
	}
	return removeIfThere(b.draft())
}

// sync makes durable what another process may have written and not synced.
func (b *branch) sync() error {
	for _, path := range []string{b.file(), filepath.Join(b.dir, "packed-refs")} {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	if err := syncDir(filepath.Dir(b.file())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(b.dir)
}

// writeNew writes and syncs a file that must not exist.
func writeNew(path, text string) (info fs.FileInfo, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		info, err = f.Stat()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return info, nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
