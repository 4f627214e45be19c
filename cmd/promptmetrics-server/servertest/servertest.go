// Package servertest runs the real programs in tests, as a user would: built
// once, each server in a folder of its own, on a port that the system chooses.
package servertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Programs are both programs. They are built when the first of them is needed.
type Programs struct {
	folder string
	build  sync.Once
	failed error
}

// Main runs the tests and returns the status to exit with. It is for TestMain.
func (p *Programs) Main(m *testing.M) int {
	folder, err := os.MkdirTemp("", "promptmetrics-programs-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(folder) }()
	p.folder = folder
	return m.Run()
}

// Folder is where the programs are.
func (p *Programs) Folder(tb testing.TB) string {
	tb.Helper()
	p.build.Do(func() {
		const module = "github.com/promptmetrics-go/promptmetrics/cmd/"
		// The programs are for all tests, not only for the first.
		ctx := context.WithoutCancel(tb.Context())
		build := exec.CommandContext(ctx, "go", "build", "-o", p.folder+string(filepath.Separator), module+"promptmetrics-server", module+"promptmetrics")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			p.failed = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if p.failed != nil {
		tb.Fatalf("the programs cannot be built: %v", p.failed)
	}
	return p.folder
}

// Call is one run of a program, or of a shell script.
type Call struct {
	// Dir is the working folder.
	Dir string
	// Env is all the program sees beside PATH, which finds both programs, and
	// HOME; NAME=value.
	Env []string
	// In is standard input.
	In string
}

// Result is what came of it.
type Result struct {
	Out, Err string
	Code     int
}

// Run runs a program to its end, which must come within a minute.
func (p *Programs) Run(tb testing.TB, c Call, name string, args ...string) Result {
	tb.Helper()
	p.Folder(tb) // building takes a time of its own
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := p.command(ctx, tb, c, name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(c.In), &out, &errs
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		tb.Fatalf("%s cannot be run: %v", name, err)
	}
	return Result{Out: out.String(), Err: errs.String(), Code: cmd.ProcessState.ExitCode()}
}

func (p *Programs) command(ctx context.Context, tb testing.TB, c Call, name string, args ...string) *exec.Cmd {
	tb.Helper()
	folder := p.Folder(tb) //nolint:contextcheck // what is built outlives this call.
	if own := filepath.Join(folder, name); !strings.Contains(name, "/") {
		if _, err := os.Stat(own); err == nil {
			name = own
		}
	}
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // the programs under test.
	cmd.Dir = c.Dir
	cmd.Env = append([]string{
		"PATH=" + folder + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + os.TempDir(),
		// Commits that tests make with git.
		"GIT_AUTHOR_NAME=Test", "GIT_AUTHOR_EMAIL=test@example.com",
		"GIT_COMMITTER_NAME=Test", "GIT_COMMITTER_EMAIL=test@example.com",
	}, c.Env...)
	return cmd
}

// Server is a running promptmetrics-server.
type Server struct {
	// URL has no slash at its end.
	URL string
	// Call has the folder and the environment of the server, for commands that
	// are to work on the same data.
	Call Call

	programs *Programs
	http     *http.Client
	cmd      *exec.Cmd
	out, err *transcript
	ended    chan struct{}
}

var listening = regexp.MustCompile(`listens on (http://\S+?)[;\s]`)

// Start starts a server in a folder and waits until it listens. It is killed
// when the test ends, if it still runs.
func (p *Programs) Start(tb testing.TB, dir string, env ...string) *Server {
	tb.Helper()
	return p.StartInto(tb, dir, nil, env...)
}

// StartInto is Start with standard output into a file, if it is not nil. Then the
// environment must make the server say on standard error where it listens.
func (p *Programs) StartInto(tb testing.TB, dir string, out *os.File, env ...string) *Server {
	tb.Helper()
	s, err := p.start(tb, dir, out, env)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// TryStart is Start for a server that may refuse, since what it needs is not
// there; the error says what it said. It may be called from any goroutine.
func (p *Programs) TryStart(tb testing.TB, dir string, env ...string) (*Server, error) {
	tb.Helper()
	return p.start(tb, dir, nil, env)
}

func (p *Programs) start(tb testing.TB, dir string, out *os.File, env []string) (*Server, error) {
	tb.Helper()
	env = append([]string{"HOST=127.0.0.1", "PORT=0", "RATE_LIMIT_MAX_REQUESTS=1000000000"}, env...)
	s := &Server{
		Call: Call{Dir: dir, Env: env}, programs: p,
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
		out:  newTranscript(), err: newTranscript(), ended: make(chan struct{}),
	}
	s.cmd = p.command(context.WithoutCancel(tb.Context()), tb, s.Call, "promptmetrics-server")
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.err
	if out != nil {
		s.cmd.Stdout = out
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("the server cannot be started: %w", err)
	}
	go func() {
		defer close(s.ended)
		_ = s.cmd.Wait() // its outcome is in ProcessState
	}()
	tb.Cleanup(func() {
		s.Kill()
		s.http.CloseIdleConnections()
		if tb.Failed() {
			tb.Logf("the server in %s said:\n%s%s", dir, s.Out(), s.Err())
		}
	})
	var err error
	if s.URL, err = s.awaitURL(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) awaitURL() (string, error) {
	patience := time.NewTimer(30 * time.Second)
	defer patience.Stop()
	for {
		grown, noted := s.out.grown(), s.err.grown()
		// It is on standard error if standard output is for lines of logs.
		for _, text := range []string{s.Out(), s.Err()} {
			if found := listening.FindStringSubmatch(text); found != nil {
				return found[1], nil
			}
		}
		select {
		case <-grown:
		case <-noted:
		case <-s.ended:
			return "", fmt.Errorf("the server ended with %d before it listened:\n%s", s.cmd.ProcessState.ExitCode(), s.Err())
		case <-patience.C:
			return "", fmt.Errorf("the server does not listen:\n%s", s.Err())
		}
	}
}

// PID is the id of the server's process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Out is what the server has written to standard output.
func (s *Server) Out() string { return s.out.String() }

// Err is what the server has written to standard error.
func (s *Server) Err() string { return s.err.String() }

// Signal sends a signal.
func (s *Server) Signal(tb testing.TB, signal os.Signal) {
	tb.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		tb.Fatalf("the server cannot be sent %v: %v", signal, err)
	}
}

// Wait waits for the end of the server and gives its exit status; -1 if a
// signal ended it.
func (s *Server) Wait(tb testing.TB, atMost time.Duration) int {
	tb.Helper()
	select {
	case <-s.ended:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(atMost):
		tb.Fatalf("the server still runs after %s:\n%s", atMost, s.Err())
		return 0
	}
}

// Stop asks the server to end and requires that it ends well.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	s.Signal(tb, syscall.SIGTERM)
	if code := s.Wait(tb, 30*time.Second); code != 0 {
		tb.Fatalf("the server ended with %d:\n%s", code, s.Err())
	}
}

// Kill ends the server at once, as a power cut would, but for the disk's cache.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.ended
}

// Run runs a command of promptmetrics-server on the data of the server.
func (s *Server) Run(tb testing.TB, args ...string) Result {
	tb.Helper()
	return s.programs.Run(tb, s.Call, "promptmetrics-server", args...)
}

// Key makes an API key in a process of its own.
func (s *Server) Key(tb testing.TB, args ...string) string {
	tb.Helper()
	made := s.Run(tb, append([]string{"create-key", "--name", "test"}, args...)...)
	if made.Code != 0 {
		tb.Fatalf("no key was made: %s", made.Err)
	}
	return strings.TrimSpace(made.Out)
}
