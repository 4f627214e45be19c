package pgserver

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// process is a started program and the goroutine that waits for its end.
type process struct {
	child *os.Process
	done  chan struct{} // closed when the program has ended
	err   error         // how it ended; read it after done
}

// spawn starts cmd. On Linux the kernel stops the program when the thread that
// started it ends, so one goroutine keeps that thread until the program's end.
func spawn(cmd *exec.Cmd) (*process, error) {
	p := &process{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		p.child = cmd.Process
		started <- nil
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// running reports whether the program has not ended by itself.
func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// end asks the program to end and waits until it has. A program that does not
// within stopLimit, or until ctx is done, is killed; that is an error.
func (p *process) end(ctx context.Context, polite os.Signal) error {
	if !p.running() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	if err := p.child.Signal(polite); err != nil && p.running() {
		// Fall through to the kill below without waiting for nothing.
		cancel()
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
	}
	// A failure means that the program has just ended, which done tells as well.
	_ = p.child.Kill()
	select {
	case <-p.done:
		return fmt.Errorf("stop PostgreSQL: killed, because it did not stop in time: %w", context.Cause(ctx))
	case <-time.After(stopLimit):
		return fmt.Errorf("stop PostgreSQL: process %d does not even end when killed", p.child.Pid)
	}
}
