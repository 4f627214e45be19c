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
