package main_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

// fleet is some nodes of one service, which die and come again.
type fleet struct {
	nodes []fleetNode
	env   []string

	mu sync.Mutex
	// whole are the times in which every node served.
	whole []span
	// since is when the last one came; zero while one is away.
	since time.Time
	// refused counts the starts that ended, since PostgreSQL or Redis was away.
	refused int
}

type fleetNode struct {
	dir string
	// server is nil while the node is dead.
	server atomic.Pointer[servertest.Server]
}

type span struct{ begin, end time.Time }

// contains reports whether a time from begin to end lies in the span.
func (s span) contains(begin, end time.Time) bool {
	return !begin.Before(s.begin) && !end.After(s.end)
}

// errNobody says that no node is alive.
var errNobody = errors.New("no node is alive")

func startFleet(t *testing.T, n int, env ...string) *fleet {
	t.Helper()
	f := &fleet{nodes: make([]fleetNode, n), env: env}
	for i := range f.nodes {
		f.nodes[i].dir = t.TempDir()
		f.start(t, i)
	}
	return f
}

// start starts a node, as often as it takes: as whoever runs servers does.
func (f *fleet) start(t *testing.T, i int) {
	t.Helper()
	for {
		s, err := programs.TryStart(t, f.nodes[i].dir, f.env...)
		if err == nil {
			f.nodes[i].server.Store(s)
			break
		}
		f.mu.Lock()
		f.refused++
		late := f.refused > 50
		f.mu.Unlock()
		if late {
			t.Fatal(err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.nodes {
		if f.nodes[i].server.Load() == nil {
			return
		}
	}
	f.since = time.Now()
}

// kill ends a node with kill -9.
func (f *fleet) kill(i int) {
	f.closeSpan()
	f.nodes[i].server.Swap(nil).Kill()
}

// stop asks all nodes to end.
func (f *fleet) stop(t *testing.T) {
	t.Helper()
	f.closeSpan()
	for i := range f.nodes {
		f.nodes[i].server.Swap(nil).Stop(t)
	}
}

func (f *fleet) closeSpan() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.since.IsZero() {
		f.whole = append(f.whole, span{f.since, time.Now()})
		f.since = time.Time{}
	}
}

// send asks one of the nodes that are alive.
func (f *fleet) send(ctx context.Context, r servertest.Request) (servertest.Answer, error) {
	first := rand.IntN(len(f.nodes)) //nolint:gosec // any will do.
	for i := range f.nodes {
		if s := f.nodes[(first+i)%len(f.nodes)].server.Load(); s != nil {
			return s.Send(ctx, r)
		}
	}
	return servertest.Answer{}, errNobody
}
