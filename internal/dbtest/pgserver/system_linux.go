package pgserver

import (
	"os/exec"
	"syscall"
)

// bindLife makes the kernel shut a program down when the thread that starts it
// ends, which a test process's thread does whatever ends that process. SIGQUIT
// makes PostgreSQL end all its processes and free its shared memory.
func bindLife(cmd *exec.Cmd) {
	cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
}

// memoryFolders gives the folder that Linux keeps in memory, where making a
// database takes a fraction of the time, if it has room for those of a test run.
// Containers often leave it only a few megabytes.
func memoryFolders() []string {
	const (
		path      = "/dev/shm"
		tmpfs     = 0x01021994 // statfs(2) names the file system so
		roomAsked = 2 << 30    // bytes; a database takes about 8 MiB
	)
	var found syscall.Statfs_t
	if err := syscall.Statfs(path, &found); err != nil || found.Type != tmpfs {
		return nil
	}
	if found.Bsize <= 0 || found.Bavail < roomAsked/uint64(found.Bsize) {
		return nil
	}
	return []string{path}
}
