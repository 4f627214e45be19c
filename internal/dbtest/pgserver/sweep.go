//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package pgserver

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// errSwept says that a sweep of another process took a folder that was just made.
var errSwept = errors.New("removed by another process before it was locked")

// lockedFolder makes a folder and locks it. The lock, which ends with this
// process at the latest, is how a sweep tells a folder in use from a left one.
func lockedFolder(parent string) (string, *os.File, error) {
	const tries = 10
	var err error
	for range tries {
		var path string
		if path, err = os.MkdirTemp(parent, folderPrefix); err != nil {
			return "", nil, err
		}
		var lock *os.File
		if lock, err = lockFolder(path); err == nil {
			return path, lock, nil
		}
	}
	return "", nil, err
}

// lockFolder locks a folder, unless another process holds it or removed it.
func lockFolder(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	locked, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if now, err := os.Lstat(path); err != nil || !os.SameFile(locked, now) {
		return nil, errors.Join(errSwept, err, f.Close())
	}
	return f, nil
}

// sweep removes the folders under parent whose process is gone. Those of other
// users stay, whatever their names.
func sweep(parent string) {
	paths, err := filepath.Glob(filepath.Join(parent, folderPrefix+"*"))
	if err != nil {
		return // The parent's name has characters of a pattern: leave all as it is.
	}
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() {
			continue
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() {
			continue
		}
		lock, err := lockFolder(path)
		if err != nil {
			continue // In use.
		}
		_ = os.RemoveAll(path)
		_ = lock.Close()
	}
}
