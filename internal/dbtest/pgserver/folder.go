package pgserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	folderPrefix = "promptmetrics-pg-"

	// A socket's path may have 103 bytes on the strictest system; the rest of it
	// is the folder's own name and that of the socket.
	longestParent = 103 - len(folderPrefix+"/4294967295/run/.s.PGSQL.65535")
)

// folder is the temporary folder of one server.
type folder struct {
	path    string
	private string // of the server's user, and closed to others
	data    string
	sockets string
	log     string
	lock    *os.File // held as long as the server may live
}

// makeFolder makes a server's folder under parent, and removes those that dead
// test processes left there.
func makeFolder(parent string, owner *account) (*folder, error) {
	parent, err := fitParent(parent, owner)
	if err != nil {
		return nil, err
	}
	sweep(parent)
	path, lock, err := lockedFolder(parent)
	if err != nil {
		return nil, fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	private := filepath.Join(path, "run")
	f := &folder{
		path: path, private: private, lock: lock,
		data:    filepath.Join(private, "data"),
		sockets: private,
		log:     filepath.Join(path, "log"),
	}
	if err := f.fill(owner); err != nil {
		f.remove()
		return nil, err
	}
	return f, nil
}

// fill lays out the folder: ours outside, the server's inside.
func (f *folder) fill(owner *account) error {
	if owner != nil {
		// The server's user must get through to what is its own.
		if err := os.Chmod(f.path, 0o711); err != nil { // It holds nothing that could be listed.
			return fmt.Errorf("open the folder of PostgreSQL: %w", err)
		}
	}
	if err := os.Mkdir(f.private, 0o700); err != nil {
		return fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	return owner.own(f.private)
}

// remove deletes the folder. What cannot be deleted now, the next sweep deletes.
func (f *folder) remove() {
	_ = os.RemoveAll(f.path)
	if f.lock != nil {
		_ = f.lock.Close()
	}
}

// fitParent checks the wanted folder, or finds one.
func fitParent(wanted string, owner *account) (string, error) {
	if wanted != "" {
		wanted, err := filepath.Abs(wanted)
		if err != nil {
			return "", fmt.Errorf("parent folder of PostgreSQL: %w", err)
		}
		return wanted, unfit(wanted, owner)
	}
	var reasons []error
	for _, parent := range append(memoryFolders(), os.TempDir(), "/tmp") {
		err := unfit(parent, owner)
		if err == nil {
			return parent, nil
		}
		reasons = append(reasons, err)
	}
	return "", errors.Join(reasons...)
}

// unfit tells why a server cannot live under parent; nil if it can.
func unfit(parent string, owner *account) error {
	if len(parent) > longestParent {
		return fmt.Errorf("%s: too long for a path of Unix sockets; name a folder of at most %d bytes", parent, longestParent)
	}
	info, err := os.Stat(parent)
	if err != nil {
		return fmt.Errorf("parent folder of PostgreSQL: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", parent)
	}
	if owner == nil {
		return nil
	}
	for at := parent; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return fmt.Errorf("parent folder of PostgreSQL: %w", err)
		}
		if info.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("%s is closed to the user that runs PostgreSQL; set TMPDIR to a folder that is not", at)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}
