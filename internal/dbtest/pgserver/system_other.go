//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package pgserver

import (
	"os"
	"os/exec"
)

// Systems without PostgreSQL's signals can only kill it. It recovers what was
// committed when it starts again.
var (
	fastShutdown      = os.Kill
	immediateShutdown = os.Kill
)

// account is the user that the server runs as; it is always ours here.
type account struct{}

func serverAccount() (*account, error) { return nil, nil }

func (*account) own(string) error { return nil }

func (*account) confine(*exec.Cmd) {}

// lockedFolder makes a folder. Nothing locks it, since nothing sweeps here.
func lockedFolder(parent string) (string, *os.File, error) {
	path, err := os.MkdirTemp(parent, folderPrefix)
	return path, nil, err
}

func sweep(string) {}

// memoryFolders gives none: there is none to rely on.
func memoryFolders() []string { return nil }
