package redisnode

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// listenAgain is the pause between two tries to listen.
	listenAgain = returnEvery
	// silence is how long a connection that hears nothing is trusted.
	silence = 5 * time.Second
)

// channel is where hints go. Channels do not belong to a database of Redis, so
// its number is part of the name.
func (n *Node) channel() string {
	return n.o.Prefix + "hints:" + strconv.Itoa(n.address.options.DB)
}

// Publish sends a hint to all other nodes that listen now. ErrUnavailable says
// that none may have heard it.
func (n *Node) Publish(ctx context.Context, hint string) error {
	return n.do(ctx, func(ctx context.Context) error {
		return n.client.Publish(ctx, n.channel(), n.id+" "+hint).Err()
	})
}

// Listen calls heard with each hint of another node, and with "" whenever some
// may have been missed. It returns when ctx ends.
func (n *Node) Listen(ctx context.Context, heard func(hint string)) {
	for ctx.Err() == nil {
		if n.up.Load() {
			n.listen(ctx, heard)
		}
		again := time.NewTimer(listenAgain)
		select {
		case <-again.C:
		case <-ctx.Done():
		}
		again.Stop()
	}
}

// listen listens on one connection until that fails.
func (n *Node) listen(ctx context.Context, heard func(hint string)) {
	subscription := n.client.Subscribe(ctx, n.channel())
	closed := func() { _ = subscription.Close() } // what it was told is lost either way
	defer closed()
	// Receiving does not look at the context.
	defer context.AfterFunc(ctx, closed)()
	asked := true
	for ctx.Err() == nil {
		message, err := subscription.ReceiveTimeout(ctx, silence)
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() && !asked {
			if asked = true; subscription.Ping(ctx) != nil {
				return
			}
			continue
		}
		if err != nil {
			return
		}
		asked = false
		switch m := message.(type) {
		case *redis.Subscription:
			heard("")
		case *redis.Message:
			if from, hint, ok := strings.Cut(m.Payload, " "); ok && from != n.id && hint != "" {
				heard(hint)
			}
		}
	}
}
