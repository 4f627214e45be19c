package servertest

import (
	"bytes"
	"sync"
)

// transcript is an output that can be waited for.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newTranscript() *transcript { return &transcript{more: make(chan struct{})} }

// Write appends and wakes who waits.
func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.more)
	t.more = make(chan struct{})
	return t.text.Write(p)
}

// String gives what was written so far.
func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// grown is closed when something is written after this call.
func (t *transcript) grown() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.more
}
