package backup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// work is a folder for what is not finished. A process that is killed leaves
// one behind, which the next removes: the kernel has released its lock.
type work struct {
	path string
	lock *os.File
}

// lockName is the file in a work folder that its owner holds.
const lockName = "lock"

// unclaimed is how long a work folder may be without its lock, which its owner
// takes right after making it.
const unclaimed = time.Minute

func newWork(in, pattern string) (*work, error) {
	sweep(in, pattern)
	path, err := os.MkdirTemp(in, pattern+"*") // mode 0700
	if err != nil {
		return nil, err
	}
	w := &work{path: path}
	// It gets its name when it is held: a lock that is there and free is that of
	// a dead process.
	fresh := filepath.Join(path, lockName+".new")
	if w.lock, err = os.OpenFile(fresh, os.O_RDWR|os.O_CREATE, 0o600); err == nil { //nolint:gosec // in a folder of our own.
		_, err = tryLock(w.lock)
		err = errors.Join(err, os.Rename(fresh, filepath.Join(path, lockName)))
	}
	if err != nil {
		return nil, errors.Join(err, w.remove())
	}
	return w, nil
}

// remove removes the folder, and whatever is still in it.
func (w *work) remove() error {
	err := os.RemoveAll(w.path)
	if w.lock != nil {
		_ = w.lock.Close() // an empty file
	}
	return err
}

// sweep removes the work folders of processes that were killed. What cannot be
// removed is left to the next time.
func sweep(in, pattern string) {
	entries, err := os.ReadDir(in)
	if err != nil {
		return
	}
	for _, e := range entries {
		if path := filepath.Join(in, e.Name()); e.IsDir() && strings.HasPrefix(e.Name(), pattern) && abandoned(path) {
			_ = os.RemoveAll(path)
		}
	}
}

// abandoned tells that the owner of a work folder is dead.
func abandoned(path string) bool {
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR, 0) //nolint:gosec // in a folder of ours.
	if errors.Is(err, os.ErrNotExist) {
		info, err := os.Stat(path)
		return err == nil && time.Since(info.ModTime()) > unclaimed
	}
	if err != nil {
		return false
	}
	free, err := tryLock(f)
	return errors.Join(err, f.Close()) == nil && free
}
