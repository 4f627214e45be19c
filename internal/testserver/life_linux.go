package testserver

import (
	"os/exec"
	"syscall"
)

// BindLife makes the kernel end a program, by the given signal, when the thread
// that starts it ends, which a test process's thread does whatever ends it.
func BindLife(cmd *exec.Cmd, by syscall.Signal) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = by
}
