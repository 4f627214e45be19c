package pgserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Freeze stops the server with all its processes, without ending anything, as
// a machine does that hangs: connections stay open and nobody answers.
func (s *Server) Freeze() error { return s.all(syscall.SIGSTOP) }

// Thaw ends a Freeze.
func (s *Server) Thaw() error { return s.all(syscall.SIGCONT) }

// all sends a signal to the server's first process and to its children, of
// which each serves a connection.
func (s *Server) all(by syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return errors.New("PostgreSQL test server: it does not run")
	}
	first := s.process.PID()
	// The first process first: it would make further children.
	if err := syscall.Kill(first, by); err != nil {
		return fmt.Errorf("signal PostgreSQL: %w", err)
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return err
	}
	for _, path := range stats {
		stat, err := os.ReadFile(path) //nolint:gosec // a file of the system.
		if err != nil {
			continue // it has ended meanwhile
		}
		// Behind the name, which may hold anything, come the state and the parent.
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 2 || fields[1] != strconv.Itoa(first) {
			continue
		}
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return err
		}
		if err := syscall.Kill(child, by); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("signal PostgreSQL: %w", err)
		}
	}
	return nil
}
