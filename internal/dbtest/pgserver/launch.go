package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
)

const (
	pollPause = 5 * time.Millisecond
	logShown  = 4096 // bytes of the server's log that an error quotes
)

// errPortTaken says that another program listens on the server's port.
var errPortTaken = errors.New("start PostgreSQL: the port is taken")

// baseSettings make a server that is quick to start and to write. Losing its
// data when the machine stops does no harm.
func baseSettings() map[string]string {
	return map[string]string{
		"listen_addresses":   "127.0.0.1",
		"max_connections":    "200",
		"shared_buffers":     "32MB",
		"fsync":              "off",
		"synchronous_commit": "off",
		"full_page_writes":   "off",
		"wal_level":          "minimal",
		"max_wal_senders":    "0",
		"max_wal_size":       "256MB",
		"checkpoint_timeout": "1h",
		// A worker inside a template would hold up CREATE DATABASE for seconds.
		"autovacuum": "off",
		"jit":        "off",
		"timezone":   "UTC",
	}
}

// initialize makes the database cluster. Only this process may connect: the
// socket is in a closed folder, and 127.0.0.1, which other users of the machine
// reach as well, asks for a random password.
func (s *Server) initialize(ctx context.Context) error {
	passwordFile := filepath.Join(s.folder.private, "password")
	if err := os.WriteFile(passwordFile, []byte(s.password+"\n"), 0o600); err != nil {
		return fmt.Errorf("prepare PostgreSQL: %w", err)
	}
	if err := s.owner.own(passwordFile); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, program("initdb")),
		"--pgdata", s.folder.data,
		"--username", superuser, "--pwfile", passwordFile,
		"--auth-local", "trust", "--auth-host", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C",
		"--wal-segsize", "1", // Megabytes: less to write for every new cluster.
		"--no-sync",
	)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = time.Second
	s.prepare(cmd)
	// The kernel ties the child's life to the thread that starts it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("make a PostgreSQL cluster: %w\n%s", err, tail(output.Bytes()))
	}
	if err := os.Remove(passwordFile); err != nil {
		return fmt.Errorf("prepare PostgreSQL: %w", err)
	}
	return nil
}

// launch starts the server on s.port and waits until it takes connections. It
// returns errPortTaken if it could not listen there.
func (s *Server) launch(ctx context.Context) (*testserver.Process, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	log, err := os.Create(s.folder.log)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	defer log.Close() // The server holds a descriptor of its own.

	settings := baseSettings()
	maps.Copy(settings, s.settings)
	args := []string{"-D", s.folder.data, "-p", strconv.Itoa(s.port), "-k", s.folder.sockets}
	for name, value := range settings {
		args = append(args, "-c", name+"="+value)
	}
	// Not CommandContext: the server outlives the context of its start.
	cmd := exec.Command(filepath.Join(s.bin, program("postgres")), args...) //nolint:noctx // See above.
	cmd.Stdout, cmd.Stderr = log, log
	s.prepare(cmd)
	p, err := testserver.Spawn(cmd)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	if err := s.awaitReady(ctx, p); err != nil {
		// The start failed, perhaps because its context ended: the stop has its own.
		_ = p.End(context.WithoutCancel(ctx), immediateShutdown)
		return nil, err
	}
	return p, nil
}

// prepare gives a command the user, the folder and the environment that every
// program of PostgreSQL runs with.
func (s *Server) prepare(cmd *exec.Cmd) {
	s.owner.confine(cmd)
	cmd.Dir = s.folder.private // The test's own folder may be closed to the server's user.
	for _, entry := range os.Environ() {
		if strings.HasPrefix(entry, "PG") || strings.HasPrefix(entry, "LC_") || strings.HasPrefix(entry, "LANG") {
			continue // These would change the server or its messages.
		}
		cmd.Env = append(cmd.Env, entry)
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C")
}

// awaitReady polls the file in which the server publishes its state.
func (s *Server) awaitReady(ctx context.Context, p *testserver.Process) error {
	const stateLine = 7 // The eighth line says starting, standby, ready or stopping.
	poll := time.NewTicker(pollPause)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("start PostgreSQL: %w\n%s", ctx.Err(), s.logTail())
		case <-p.Done():
			said := s.logTail()
			if strings.Contains(said, "could not bind") {
				return fmt.Errorf("%w: %d", errPortTaken, s.port)
			}
			return fmt.Errorf("start PostgreSQL: the server ended: %w\n%s", p.Err(), said)
		case <-poll.C:
		}
		state, err := os.ReadFile(filepath.Join(s.folder.data, "postmaster.pid"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("start PostgreSQL: %w", err)
		}
		lines := strings.Split(string(state), "\n")
		if len(lines) > stateLine && strings.TrimSpace(lines[stateLine]) == "ready" {
			return nil
		}
	}
}

// logTail gives the end of the server's log, for an error message.
func (s *Server) logTail() string {
	log, err := os.Open(s.folder.log)
	if err != nil {
		return ""
	}
	defer log.Close()
	if info, err := log.Stat(); err == nil && info.Size() > logShown {
		if _, err := log.Seek(-logShown, io.SeekEnd); err != nil {
			return ""
		}
	}
	said, err := io.ReadAll(io.LimitReader(log, logShown))
	if err != nil {
		return ""
	}
	return string(said)
}

func tail(output []byte) []byte {
	return output[max(0, len(output)-logShown):]
}
