package backup

import (
	"io"
	"sync"
	"sync/atomic"
)

// Progress tells others how far a backup or a restore is. A nil one tells
// nobody.
type Progress struct {
	mu    sync.Mutex
	stage string
	total int64
	poll  func() int64 // how far it is, where nobody writes through here
	done  atomic.Int64
}

// State gives what is being done, and how many bytes of how many are; a total
// of 0 is not known.
func (p *Progress) State() (stage string, done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	done = p.done.Load()
	if p.poll != nil {
		done = p.poll()
	}
	return p.stage, done, p.total
}

// begin begins a stage.
func (p *Progress) begin(stage string, total int64) { p.polled(stage, total, nil) }

// polled begins a stage that is asked how far it is.
func (p *Progress) polled(stage string, total int64, poll func() int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stage, p.total, p.poll = stage, total, poll
	p.done.Store(0)
}

// Write implements [io.Writer]: it counts.
func (p *Progress) Write(data []byte) (int, error) {
	if p != nil {
		p.done.Add(int64(len(data)))
	}
	return len(data), nil
}

// writer counts what is written to another one.
func (p *Progress) writer(to io.Writer) io.Writer {
	if p == nil {
		return to
	}
	return io.MultiWriter(to, p)
}
