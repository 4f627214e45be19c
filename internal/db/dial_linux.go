package db

import (
	"strings"
	"syscall"
)

// tcpUserTimeout is TCP_USER_TIMEOUT of tcp(7), which package syscall lacks.
const tcpUserTimeout = 0x12

// boundConfirmation ends a connection on which sent bytes stay unconfirmed;
// by itself the system would wait a quarter of an hour.
func boundConfirmation(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(confirmLimit.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return failed
}
