package pgserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
)

// ErrNoPooler says that this machine has no PgBouncer.
var ErrNoPooler = errors.New("PgBouncer is not installed: it comes with the package pgbouncer of Debian and Ubuntu")

// Pooler is a PgBouncer in front of a server, in transaction mode: it gives a
// client a connection of the server for one transaction and then to another.
type Pooler struct {
	*testserver.Server

	behind *Server
}

// poolerSettings are those of Debian but for what keeps it private and small.
const poolerSettings = `[databases]
* = host=%s port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = scram-sha-256
auth_file = %s
pool_mode = transaction
default_pool_size = 8
max_client_conn = 1000
server_idle_timeout = 2
`

// StartPooler starts a PgBouncer in front of the server. It must be stopped, by
// Halt or Kill, before the server. Without PgBouncer: ErrNoPooler.
func (s *Server) StartPooler(ctx context.Context) (*Pooler, error) {
	program, err := findPooler()
	if err != nil {
		return nil, err
	}
	home := filepath.Join(s.folder.private, "pooler"+strconv.FormatInt(s.made.Add(1), 10))
	if err := os.Mkdir(home, 0o700); err != nil {
		return nil, fmt.Errorf("start PgBouncer: %w", err)
	}
	users := filepath.Join(home, "users")
	if err := errors.Join(s.owner.own(home), s.file(users, fmt.Sprintf("%q %q\n", superuser, s.password))); err != nil {
		return nil, err
	}
	var failed error
	running, err := testserver.Start(ctx, testserver.Spec{
		Name: "PgBouncer", Folder: home,
		Command: func(port int) *exec.Cmd {
			settings := filepath.Join(home, "settings")
			failed = s.file(settings, fmt.Sprintf(poolerSettings, s.folder.sockets, s.port, port, users))
			cmd := exec.Command(program, settings) //nolint:noctx,gosec // it outlives the context of its start.
			s.prepare(cmd)
			return cmd
		},
	})
	if err != nil {
		return nil, errors.Join(err, failed)
	}
	return &Pooler{Server: running, behind: s}, nil
}

// file writes a file for the server's user alone.
func (s *Server) file(path, content string) error {
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return fmt.Errorf("prepare PgBouncer: %w", err)
	}
	return s.owner.own(path)
}

// DSN gives the address of a database of the server through the pooler; the
// database is named by its plain name or by a DSN that the server gave.
func (p *Pooler) DSN(database string) (string, error) {
	name, err := databaseName(database)
	if err != nil {
		return "", err
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, p.behind.password), Path: "/" + name,
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Port())),
		RawQuery: "sslmode=disable",
	}
	return u.String(), nil
}

func findPooler() (string, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} { // the second is not on everybody's PATH
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoPooler
}
