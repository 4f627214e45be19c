package pgserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
)

// Options say how to start a server. The zero value is right for most tests.
type Options struct {
	// Bin is the folder that holds the programs initdb and postgres.
	// Default: that of initdb on the PATH, else that of the newest version that
	// Debian's, Red Hat's or Homebrew's packages installed.
	Bin string

	// Parent is the folder under which the server's temporary folder is made.
	// It must be short, since the path of a Unix socket has at most 103 bytes,
	// and open to the server's user. Default: /dev/shm where that is in memory
	// and has 2 GiB free, else the system's temporary folder, or /tmp where that
	// one is unfit.
	Parent string

	// Settings are added to the server's own, or replace them: for example
	// {"statement_timeout": "5s"}.
	Settings map[string]string
}

const (
	startLimit  = time.Minute // for one initdb or one start of the server
	portTries   = 5           // ports tried until one is free
	resumeTries = 50          // tries to get the same port back
	resumePause = 100 * time.Millisecond
)

var errStopped = errors.New("PostgreSQL test server: already stopped")

// Server is a running PostgreSQL server that belongs to this process.
// Its methods may be called from several goroutines.
type Server struct {
	bin      string
	folder   *folder
	owner    *account
	port     int
	password string
	settings map[string]string
	made     atomic.Int64 // databases created, to name the next

	mu      sync.Mutex          // held while the process starts or stops
	process *testserver.Process // nil while halted
	stopped bool
}

// Start makes a fresh database cluster and starts a server on it, which takes
// less than half a second in memory and about one on a disk. The caller ends it with [Server.Stop]; ctx bounds the start
// only. It returns [ErrNotInstalled] on a machine without PostgreSQL.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Bin == "" {
		bin, err := findBin()
		if err != nil {
			return nil, err
		}
		o.Bin = bin
	} else if !holdsServer(o.Bin) {
		return nil, fmt.Errorf("%w (looked in %s)", ErrNotInstalled, o.Bin)
	}
	owner, err := serverAccount()
	if err != nil {
		return nil, err
	}
	home, err := makeFolder(o.Parent, owner)
	if err != nil {
		return nil, err
	}
	s := &Server{bin: o.Bin, folder: home, owner: owner, password: rand.Text(), settings: o.Settings}
	if err := s.begin(ctx); err != nil {
		s.stop(context.WithoutCancel(ctx))
		return nil, err
	}
	return s, nil
}

// begin fills the folder and starts the server on the first free port.
func (s *Server) begin(ctx context.Context) error {
	if err := s.initialize(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for range portTries {
		port, err := testserver.FreePort(ctx)
		if err != nil {
			return err
		}
		s.port = port
		if s.process, err = s.launch(ctx); err == nil {
			return nil
		} else if !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return fmt.Errorf("start PostgreSQL: %d ports in turn were taken by other programs", portTries)
}

// Halt stops the server as an operator would: it ends every connection and
// keeps the data for [Server.Resume]. Halting a halted server does nothing.
func (s *Server) Halt(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return errStopped
	}
	if s.process == nil {
		return nil
	}
	if err := s.process.End(ctx, fastShutdown); err != nil {
		return err
	}
	s.process = nil
	return nil
}

// Resume starts a halted server again, with its data and on the same port, so
// every DSN stays good. Resuming a running server does nothing.
func (s *Server) Resume(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return errStopped
	}
	if s.process != nil && s.process.Running() {
		return nil
	}
	var err error
	for range resumeTries {
		if s.process, err = s.launch(ctx); !errors.Is(err, errPortTaken) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("resume PostgreSQL: %w", ctx.Err())
		case <-time.After(resumePause):
		}
	}
	return err
}

// Restart halts the server and resumes it: every connection is lost and every
// committed row is kept.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Halt(ctx); err != nil {
		return err
	}
	return s.Resume(ctx)
}

// Stop ends the server at once and removes all that it stored. It may be called
// more than once.
func (s *Server) Stop() { s.stop(context.Background()) }

func (s *Server) stop(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	s.stopped = true
	if s.process != nil {
		// A failure here means that the process had to be killed, and is gone.
		_ = s.process.End(ctx, immediateShutdown)
		s.process = nil
	}
	s.folder.remove()
}
