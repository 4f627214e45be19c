//go:build !linux

package testserver

import (
	"os/exec"
	"syscall"
)

// BindLife does nothing: only Linux can tie a child's life to ours.
func BindLife(*exec.Cmd, syscall.Signal) {}
