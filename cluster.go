package promptmetrics

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
)

// Bus carries hints between the nodes of a service, such as redisnode.Node. A
// hint says that something has changed in the database; one that is lost costs
// the time until the next look at it, and nothing else.
type Bus interface {
	// Publish sends a hint to the other nodes. ErrUnavailable, within a fraction
	// of a second.
	Publish(ctx context.Context, hint string) error
	// Listen calls heard with each hint, and with "" whenever some may have been
	// missed. It returns when ctx ends, and survives outages until then.
	Listen(ctx context.Context, heard func(hint string))
	// Check tells whether hints get through now. ErrUnavailable.
	Check(ctx context.Context) error
}

const (
	// beatEvery is how often a node shows that it is alive.
	beatEvery = time.Second
	// deadAfter is how long a beat may stand still before its node counts as
	// gone, and forgottenAfter how long until its row is removed.
	deadAfter      = 5 * time.Second
	forgottenAfter = time.Minute
	// beatTimeout bounds one beat.
	beatTimeout = 3 * time.Second
)

// nodes knows which nodes serve the same database. No clock of another machine
// takes part: a node is alive while its beat moves, seen from here.
type nodes struct {
	id    string
	now   func() time.Time
	began time.Time
	alive atomic.Int64
	// seen are the others, by id. Only the goroutine that beats uses it.
	seen map[string]*seenNode
}

type seenNode struct {
	beat int64
	// moved is when the beat was first seen as it is.
	moved time.Time
}

func newNodes(now func() time.Time) *nodes {
	n := &nodes{id: rand.Text(), now: now, began: now(), seen: map[string]*seenNode{}}
	n.alive.Store(1)
	return n
}

// count is how many nodes are alive, this one included.
func (n *nodes) count() int { return int(n.alive.Load()) }

// look takes the beats of all nodes, and tells which are long gone.
func (n *nodes) look(beats map[string]int64) (gone map[string]int64) {
	now := n.now()
	alive := int64(1)
	gone = map[string]int64{}
	for id, beat := range beats {
		if id == n.id {
			continue
		}
		s := n.seen[id]
		if s == nil || s.beat != beat {
			s = &seenNode{beat: beat, moved: now}
			n.seen[id] = s
		}
		switch still := now.Sub(s.moved); {
		case still < deadAfter:
			alive++
		case still >= forgottenAfter:
			gone[id] = beat
		}
	}
	for id := range n.seen {
		if _, there := beats[id]; !there {
			delete(n.seen, id)
		}
	}
	n.alive.Store(alive)
	return gone
}

// beat shows that this node is alive, and counts the others, until ctx ends.
// While the database is down, those who were alive count as alive.
func (c *Client) beat(ctx context.Context) {
	last := int64(0)
	every(ctx, beatEvery, func() {
		ctx, cancel := context.WithTimeout(ctx, beatTimeout)
		defer cancel()
		beats, err := c.store.Beat(ctx, c.nodes.id, db.Micros(c.nodes.began))
		if err != nil {
			return // a database that is down is reported by who needs it
		}
		last = beats[c.nodes.id]
		for id, beat := range c.nodes.look(beats) {
			_ = c.store.Bury(ctx, id, beat) // the next beat tries again
		}
	})
	// One that leaves by itself is not waited for.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), beatTimeout)
	defer cancel()
	_ = c.store.Bury(ctx, c.nodes.id, last) // else it falls out as the dead do
}

// signals are what makes a node look at the database at once, and what it has
// to tell the others.
type signals struct {
	// wake holds a token when the change counters are to be looked at.
	wake chan struct{}
	// untold holds a token when there is something to publish.
	untold chan struct{}

	mu    sync.Mutex
	moved map[string]struct{}
}

func newSignals() *signals {
	return &signals{wake: make(chan struct{}, 1), untold: make(chan struct{}, 1), moved: map[string]struct{}{}}
}

// heard takes a hint, whatever it says: the database knows better.
func (s *signals) heard(string) { ring(s.wake) }

// tell notes that this node has moved a change counter. It does not block.
func (s *signals) tell(counter string) {
	s.mu.Lock()
	s.moved[counter] = struct{}{}
	s.mu.Unlock()
	ring(s.untold)
}

// take gives the counters that the others do not know of yet.
func (s *signals) take() map[string]struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	moved := s.moved
	s.moved = map[string]struct{}{}
	return moved
}

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// publish tells the others what this node has changed, until ctx ends. Many
// changes of one kind are one hint.
func (c *Client) publish(ctx context.Context, bus Bus) {
	for {
		select {
		case <-c.signals.untold:
		case <-ctx.Done():
			return
		}
		for counter := range c.signals.take() {
			// A hint that gets lost costs the others a fraction of a second.
			_ = bus.Publish(ctx, counter)
		}
	}
}
