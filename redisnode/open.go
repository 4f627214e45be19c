package redisnode

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// rehearsalTimeout bounds the first round of questions.
const rehearsalTimeout = 2 * time.Second

// connect connects to Redis and rehearses. A Redis that cannot be reached is
// waited for: it may be starting, as everything is after a power cut.
func (n *Node) connect(ctx context.Context) (redis.UniversalClient, error) {
	ctx, cancel := context.WithTimeout(ctx, n.o.StartTimeout)
	defer cancel()
	var before error
	for {
		client, err := n.try(ctx)
		if err == nil {
			return client, nil
		}
		if ctx.Err() != nil && before != nil {
			return nil, before // which says more than that the time is over
		}
		before = err
		_, said := errors.AsType[redis.Error](err)
		if said && !redis.HasErrorPrefix(err, "LOADING") || misunderstood(err) {
			return nil, err
		}
		again := time.NewTimer(returnEvery)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return nil, err
		}
	}
}

// misunderstood tells that what answers will never be the Redis that was meant.
func misunderstood(err error) bool {
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	_, stranger := errors.AsType[*tls.CertificateVerificationError](err)
	return noTLS || stranger
}

// try connects once.
func (n *Node) try(ctx context.Context) (redis.UniversalClient, error) {
	ctx, cancel := context.WithTimeout(ctx, rehearsalTimeout)
	defer cancel()
	if err := n.reach(ctx); err != nil {
		return nil, err
	}
	var client redis.UniversalClient = redis.NewClient(n.address.client(n.o))
	err := client.Ping(ctx).Err()
	if err == nil && inCluster(ctx, client) {
		_ = client.Close()
		client = redis.NewClusterClient(n.address.cluster(n.o))
	}
	if err == nil {
		n.client = client
		err = n.rehearse(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return client, nil
}

// reach tells whether somebody listens where Redis should be. The pool of go-redis
// writes a line for each connection that it cannot make, and after some of them
// makes none for a second. Of a cluster, others may be there when this one is not.
func (n *Node) reach(ctx context.Context) error {
	if _, many := n.client.(*redis.ClusterClient); many {
		return nil
	}
	conn, err := (&net.Dialer{Timeout: connectTimeout}).DialContext(ctx, "tcp", n.address.options.Addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

// inCluster asks whether the server is part of a cluster; one that does not say
// is none.
func inCluster(ctx context.Context, client redis.UniversalClient) bool {
	said, err := client.Info(ctx, "cluster").Result()
	return err == nil && strings.Contains(said, "cluster_enabled:1")
}

// rehearse does once what a node does with Redis, so that what it may not do is
// known at the start.
func (n *Node) rehearse(ctx context.Context) (err error) {
	if n.epoch, err = n.probe(ctx); err != nil {
		return err
	}
	rule := access.Rule{Window: time.Millisecond, Max: 1}
	if _, err := n.take(ctx, rule, access.Window{Subject: "rehearsal:" + n.id}, 0); err != nil {
		return err
	}
	key := n.o.Prefix + "rehearsal:" + n.id
	if err := n.client.Set(ctx, key, "", time.Millisecond).Err(); err != nil {
		return err
	}
	if err := n.client.GetRange(ctx, key, 0, 0).Err(); err != nil {
		return err
	}
	if err := n.client.Unlink(ctx, key).Err(); err != nil {
		return err
	}
	if err := n.client.Publish(ctx, n.channel(), n.id+" ").Err(); err != nil {
		return err
	}
	subscription := n.client.Subscribe(ctx, n.channel())
	_, err = subscription.Receive(ctx)
	return errors.Join(err, subscription.Close())
}

// refusal says in one sentence why Redis cannot be used, and what to do.
func (n *Node) refusal(err error) error {
	said := n.redacted(err)
	advice := "correct the host and port, or start it"
	switch _, replied := errors.AsType[redis.Error](err); {
	case replied && begins(said, "WRONGPASS", "NOAUTH", "ERR AUTH", "ERR invalid password", "ERR Client sent AUTH"):
		advice = "correct user and password"
	case replied && begins(said, "ERR DB index", "ERR invalid DB index", "ERR SELECT"):
		advice = "correct the number of the database at the end"
	case replied && begins(said, "NOPERM"):
		advice = "let the user do that"
	case replied && begins(said, "LOADING"):
		advice = "wait until it has loaded its data"
	case replied:
		advice = "choose a Redis that can be written to"
	case misunderstood(err) || strings.HasPrefix(n.o.URL, "rediss:"):
		advice = "correct the host and port, or use redis:// where the server has no TLS"
	case strings.Contains(said, "EOF") || strings.Contains(said, "timeout"):
		advice = "correct the host and port, or use rediss:// where the server wants TLS"
	}
	return pmerr.Down(err, "Options.URL (REDIS_URL): Redis at %s says: %s; %s", n.String(), said, advice)
}

func begins(text string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(text, p) })
}

// redacted is what Redis or the network said, in one line. Some servers repeat
// the command that they do not know, with the password in it.
func (n *Node) redacted(err error) string {
	reason := err
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		reason = op.Err
	}
	if call, ok := errors.AsType[*os.SyscallError](reason); ok {
		reason = call.Err
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		reason = errors.New(dns.Err)
	}
	if foreign, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		reason = foreign
	}
	text := reason.Error()
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		text = "nothing, until the timeout"
	case errors.Is(err, context.Canceled):
		text = "nothing, until the start was cancelled"
	}
	if password := n.address.options.Password; password != "" {
		text = strings.ReplaceAll(text, password, "[redacted]")
		if escaped := fmt.Sprintf("%q", password); len(escaped) > 2 {
			text = strings.ReplaceAll(text, escaped[1:len(escaped)-1], "[redacted]")
		}
	}
	text = strings.TrimSuffix(text, ".") // the sentence goes on
	const most = 300
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return strings.Join(strings.Fields(text), " ")
}
