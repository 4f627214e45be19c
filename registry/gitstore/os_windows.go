package gitstore

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// syncDir does nothing: Windows keeps the names in a folder by its journal and
// cannot flush them.
func syncDir(string) error { return nil }

// tryLock takes an exclusive lock that the system releases when the file is
// closed or the process dies. It reports false if another one holds it.
func tryLock(f *os.File) (bool, error) {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, math.MaxUint32, math.MaxUint32, new(windows.Overlapped))
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION):
		return false, nil
	default:
		return false, err
	}
}
