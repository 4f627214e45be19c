package testserver

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	startLimit = 30 * time.Second
	pollPause  = 10 * time.Millisecond
	portTries  = 5
	logShown   = 4096 // bytes of the server's log that an error quotes
)

// Spec says how to run a server.
type Spec struct {
	// Name for messages, such as "Redis".
	Name string
	// Command makes the command that serves on a port of 127.0.0.1. Its output
	// goes to the log.
	Command func(port int) *exec.Cmd
	// Ready tells that the server answers at the address. Default: it accepts
	// connections.
	Ready func(ctx context.Context, address string) error
	// Folder for the log; it must exist while the server runs.
	Folder string
	// Polite is the signal that asks the server to stop. Default SIGTERM.
	Polite syscall.Signal
}

// Server is a running server.
type Server struct {
	spec Spec
	port int

	mu      sync.Mutex
	process *Process
}

// Start starts a server on a free port and waits until it answers.
func Start(ctx context.Context, spec Spec) (*Server, error) {
	if spec.Polite == 0 {
		spec.Polite = syscall.SIGTERM
	}
	if spec.Ready == nil {
		spec.Ready = accepts
	}
	s := &Server{spec: spec}
	var err error
	for range portTries {
		if s.port, err = FreePort(ctx); err != nil {
			return nil, err
		}
		if err = s.Resume(ctx); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// Port of 127.0.0.1 that the server listens on, also after a restart.
func (s *Server) Port() int { return s.port }

// Address is host and port.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Resume starts a server that was halted or killed, on the same port. Resuming
// a running one does nothing.
func (s *Server) Resume(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil && s.process.Running() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	log, err := os.Create(s.log())
	if err != nil {
		return fmt.Errorf("start %s: %w", s.spec.Name, err)
	}
	defer func() { _ = log.Close() }() // the server holds a descriptor of its own
	cmd := s.spec.Command(s.port)
	cmd.Stdout, cmd.Stderr = log, log
	BindLife(cmd, syscall.SIGKILL)
	p, err := Spawn(cmd)
	if err != nil {
		return fmt.Errorf("start %s: %w", s.spec.Name, err)
	}
	if err := s.awaitReady(ctx, p); err != nil {
		p.Kill()
		return err
	}
	s.process = p
	return nil
}

func (s *Server) awaitReady(ctx context.Context, p *Process) error {
	poll := time.NewTicker(pollPause)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("start %s: %w\n%s", s.spec.Name, ctx.Err(), s.said())
		case <-p.Done():
			return fmt.Errorf("start %s: it ended: %w\n%s", s.spec.Name, p.Err(), s.said())
		case <-poll.C:
		}
		if s.spec.Ready(ctx, s.Address()) == nil {
			return nil
		}
	}
}

// Halt asks the server to stop, as an operator would, and waits until it has.
func (s *Server) Halt(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	err := s.process.End(ctx, s.spec.Polite)
	s.process = nil
	return err
}

// Kill ends the server at once, as a crash would.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		s.process.Kill()
		s.process = nil
	}
}

// Freeze stops the server from answering without ending it, until Thaw.
func (s *Server) Freeze() error { return s.signal(syscall.SIGSTOP) }

// Thaw ends a Freeze.
func (s *Server) Thaw() error { return s.signal(syscall.SIGCONT) }

func (s *Server) signal(by syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return fmt.Errorf("%s does not run", s.spec.Name)
	}
	return s.process.Signal(by)
}

func (s *Server) log() string { return filepath.Join(s.spec.Folder, "server.log") }

// Said is the end of what the server wrote, for the message of a test that
// failed.
func (s *Server) Said() string { return string(s.said()) }

// said is the end of the server's log.
func (s *Server) said() []byte {
	log, err := os.ReadFile(s.log())
	if err != nil {
		return nil
	}
	return bytes.TrimSpace(log[max(0, len(log)-logShown):])
}

func accepts(ctx context.Context, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}
