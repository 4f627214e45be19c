package db

import (
	"net"
	"time"
)

// How soon a server that is gone without a word is noticed by the system: by
// asking an idle connection, and by bytes that nobody confirms.
const (
	aliveIdle    = 15 * time.Second
	alivePause   = 5 * time.Second
	aliveTries   = 3
	confirmLimit = 10 * time.Second
)

func dialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: aliveIdle, Interval: alivePause, Count: aliveTries},
		Control:         boundConfirmation,
	}
}
