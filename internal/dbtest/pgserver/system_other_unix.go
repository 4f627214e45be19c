//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package pgserver

import "os/exec"

// bindLife does nothing: these systems cannot tie a child's life to ours. The
// next Start removes the folder of a server that was left behind, and a server
// without its folder ends itself within a minute.
func bindLife(*exec.Cmd) {}

// memoryFolders gives none: these systems keep no folder in memory.
func memoryFolders() []string { return nil }
