// Package redisnode makes many nodes one service through a Redis that they
// share: limits that hold for all of them ([access.SharedWindows]), hints about
// what another node has changed, and a cache of prompts in front of a prompt
// store that is far away.
//
// Nothing that must last is in Redis. While it is down, each node keeps limits by
// itself, hints are missed, which costs the time until the next look at the
// database, and prompts come from their store. A dead Redis costs the requests
// that find it dead Options.Timeout, and all later ones nothing: then one
// goroutine asks until it is back.
package redisnode

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Node is a connection to Redis that all of a node's parts share. It is safe for
// concurrent use.
type Node struct {
	o       Options
	address Address
	client  redis.UniversalClient
	log     *slog.Logger
	// id tells this node's hints from those of others.
	id string

	// up tells that Redis may be asked.
	up atomic.Bool
	// down wakes the watch once somebody found that Redis does not answer.
	down chan struct{}
	// epoch is a text in Redis that goes with everything else in it. Only the
	// watch uses it.
	epoch string

	mu sync.Mutex
	// lost is closed, and replaced, when what Redis held may be gone.
	lost chan struct{}

	stop    context.CancelFunc
	watches sync.WaitGroup
	closing sync.Once
	closed  error
}

var _ access.SharedWindows = (*Node)(nil)

const (
	// connectTimeout bounds making a connection, which happens outside of
	// Options.Timeout only where nobody waits.
	connectTimeout = 2 * time.Second
	// probeTimeout bounds a question whether Redis is there.
	probeTimeout = 3 * time.Second
	// lookEvery is how often Redis is looked at while all is well, and
	// returnEvery while it is down.
	lookEvery   = time.Second
	returnEvery = 100 * time.Millisecond
	// bufferSize of a connection: what is asked and answered is small.
	bufferSize = 8 << 10
)

// errDown says that Redis is known not to answer.
var errDown = errors.New("it has not answered lately")

// Open connects to Redis and tries all that a node does with it. The error says
// in one sentence what is wrong with the URL, or what Redis has said. Close the
// node when nothing uses it any more.
func Open(ctx context.Context, o Options) (*Node, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	address, err := ParseURL(o.URL)
	if err != nil {
		return nil, pmerr.Invalid("Options.URL (REDIS_URL) " + err.Error())
	}
	n := &Node{
		o: o, address: address, log: o.Logger, id: rand.Text(),
		down: make(chan struct{}, 1), lost: make(chan struct{}),
	}
	if n.client, err = n.connect(ctx); err != nil {
		return nil, n.refusal(err)
	}
	n.up.Store(true)
	watching, stop := context.WithCancel(context.Background())
	n.stop = stop
	n.watches.Go(func() { n.watch(watching) })
	return n, nil
}

// Close ends the connection. What is asked of the node later fails.
func (n *Node) Close() error {
	n.closing.Do(func() {
		n.stop()
		n.watches.Wait()
		n.up.Store(false)
		n.closed = n.client.Close()
	})
	return n.closed
}

// String is where Redis is: host and port.
func (n *Node) String() string { return n.address.String() }

// Format prints host and port, however it is printed.
func (n *Node) Format(f fmt.State, verb rune) { n.address.Format(f, verb) }

// Check tells whether Redis is there. ErrUnavailable.
func (n *Node) Check(ctx context.Context) error {
	err := n.do(ctx, func(ctx context.Context) error { return n.client.Ping(ctx).Err() })
	if err != nil {
		return pmerr.Down(err, "Redis does not answer")
	}
	return nil
}

// do asks Redis something on the way of a request. The request's own end is not
// Redis' fault, and its deadline is not needed: this one is shorter.
func (n *Node) do(ctx context.Context, ask func(ctx context.Context) error) error {
	if !n.up.Load() {
		return errDown
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.o.Timeout)
	defer cancel()
	err := ask(ctx)
	if err == nil || errors.Is(err, redis.Nil) {
		return err
	}
	if errors.Is(err, redis.ErrPoolTimeout) || redis.HasErrorPrefix(err, "WRONGTYPE") {
		return err // busy, or one key is damaged; not down
	}
	if n.up.CompareAndSwap(true, false) {
		n.log.Warn("Redis does not answer as it should; until it does, each node keeps limits by itself",
			"redis", n.String(), "error", n.redacted(err))
		select {
		case n.down <- struct{}{}:
		default:
		}
	}
	return err
}

// watch finds out that Redis is gone before a request does, that it is back, and
// that it has lost what it held.
func (n *Node) watch(ctx context.Context) {
	for {
		pause := lookEvery
		if !n.up.Load() {
			pause = returnEvery
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-n.down:
			timer.Stop()
			continue
		case <-ctx.Done():
			timer.Stop()
			return
		}
		n.look(ctx)
	}
}

func (n *Node) look(ctx context.Context) {
	if n.up.Load() {
		var epoch string
		if n.do(ctx, func(ctx context.Context) (err error) {
			epoch, err = n.probe(ctx)
			return err
		}) == nil && epoch != n.epoch {
			n.epoch = epoch
			n.log.Warn("Redis has lost what it held; it is told what this node knows", "redis", n.String())
			n.lose()
		}
		return
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if n.reach(ctx) != nil {
		return
	}
	// The first question may have to connect. The second must be as quick as
	// those of requests have to be, else Redis would come and go.
	epoch, err := n.probe(ctx)
	if err == nil {
		quick, cancel := context.WithTimeout(ctx, n.o.Timeout)
		defer cancel()
		epoch, err = n.probe(quick)
	}
	if err != nil {
		return
	}
	n.epoch = epoch
	n.up.Store(true)
	n.log.Info("Redis answers again", "redis", n.String())
	n.lose()
}

// probe writes and reads: a Redis that is full, read-only or still loading is of
// no use. What it reads is the epoch.
func (n *Node) probe(ctx context.Context) (string, error) {
	key := n.o.Prefix + "epoch"
	if err := n.client.SetNX(ctx, key, n.id+" "+rand.Text(), 0).Err(); err != nil {
		return "", err
	}
	return n.client.Get(ctx, key).Result()
}

// lose tells everybody that what Redis held may be gone.
func (n *Node) lose() {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.lost)
	n.lost = make(chan struct{})
}

func (n *Node) nextLoss() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lost
}

// Lost implements [access.SharedWindows].
func (n *Node) Lost(ctx context.Context, lost func()) {
	next := n.nextLoss()
	for {
		select {
		case <-next:
			next = n.nextLoss() // before lost is called, so that none is missed
			lost()
		case <-ctx.Done():
			return
		}
	}
}
