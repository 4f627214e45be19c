// Package redisserver runs Redis servers for tests.
package redisserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
)

// Server is a running Redis, see [testserver.Server] for what can be done to it.
type Server struct{ *testserver.Server }

// Start starts a Redis that keeps nothing on disk, and ends it with the test.
// args are further arguments of redis-server, such as "--requirepass", "secret".
// A machine without Redis omits the test, see [testserver.Missing].
func Start(tb testing.TB, args ...string) Server {
	tb.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		testserver.Missing(tb, "Redis")
	}
	folder := tb.TempDir()
	server, err := testserver.Start(tb.Context(), testserver.Spec{
		Name: "Redis", Folder: folder, Ready: ready,
		Command: func(port int) *exec.Cmd {
			// Outside the test's context: the server ends with Kill.
			return exec.CommandContext(context.Background(), program, append([]string{ //nolint:gosec // found above.
				"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", folder,
				"--save", "", "--appendonly", "no", "--daemonize", "no",
			}, args...)...)
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(server.Kill)
	return Server{server}
}

// URL of the server's database 0, without a password.
func (s Server) URL() string { return "redis://" + s.Address() }

// ready asks whether Redis serves already, or would to who is logged in.
func ready(ctx context.Context, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprint(conn, "PING\r\n"); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(answer, "+PONG") && !strings.HasPrefix(answer, "-NOAUTH") {
		return errors.New(answer)
	}
	return nil
}
