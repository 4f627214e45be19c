package testserver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports below those that systems hand out for outgoing connections, so that
// none of these takes the port while a server restarts.
const firstPort, lastPort = 20000, 32000

// FreePort gives a port of 127.0.0.1 on which nothing listens now.
func FreePort(ctx context.Context) (int, error) {
	const tries = 100
	var listen net.ListenConfig
	var lastErr error
	for range tries {
		port := firstPort + rand.IntN(lastPort-firstPort)
		l, err := listen.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			lastErr = err
			continue
		}
		if err := l.Close(); err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		return port, nil
	}
	return 0, fmt.Errorf("find a free port: %w", lastErr)
}
