package testserver

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// stopLimit bounds a clean stop.
const stopLimit = 10 * time.Second

// Process is a started program and the goroutine that waits for its end.
type Process struct {
	child *os.Process
	done  chan struct{} // closed when the program has ended
	err   error         // how it ended; read it after done
}

// Spawn starts cmd. On Linux the kernel stops the program when the thread that
// started it ends, so one goroutine keeps that thread until the program's end.
func Spawn(cmd *exec.Cmd) (*Process, error) {
	p := &Process{done: make(chan struct{})}
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

// Running reports whether the program has not ended by itself.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Done is closed when the program has ended, and Err tells then how.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err tells how the program ended, once Done is closed.
func (p *Process) Err() error { return p.err }

// PID is the program's number in the system.
func (p *Process) PID() int { return p.child.Pid }

// Signal sends the program a signal.
func (p *Process) Signal(by os.Signal) error { return p.child.Signal(by) }

// Kill ends the program at once and waits until it has.
func (p *Process) Kill() {
	// A failure means that the program has just ended, which done tells as well.
	_ = p.child.Kill()
	<-p.done
}

// End asks the program to end and waits until it has. A program that does not
// within stopLimit, or until ctx is done, is killed; that is an error.
func (p *Process) End(ctx context.Context, polite os.Signal) error {
	if !p.Running() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	if err := p.child.Signal(polite); err != nil && p.Running() {
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
		return fmt.Errorf("stop the server: killed, because it did not stop in time: %w", context.Cause(ctx))
	case <-time.After(stopLimit):
		return fmt.Errorf("stop the server: process %d does not even end when killed", p.child.Pid)
	}
}
