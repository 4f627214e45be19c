// Package pgproxy stands between a program and a PostgreSQL server in tests,
// and fails as networks do: it cuts connections, at the very moment when a
// COMMIT passes if need be, and swallows what it should deliver.
package pgproxy

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
)

// Moment is when a connection is cut.
type Moment int

// The moments around a COMMIT.
const (
	// BeforeCommit: the server never hears of it.
	BeforeCommit Moment = iota + 1
	// AfterCommit: the server has committed, and its answer is lost.
	AfterCommit
)

// Proxy forwards connections of PostgreSQL's protocol, without TLS.
type Proxy struct {
	listener net.Listener
	target   string
	work     sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	cuts   []Moment
	every  int // cut each so many-th COMMIT; 0: none
	seen   int
	thawed chan struct{} // closed while bytes flow
	closed bool
}

// maxMessage bounds what is held of a message; longer ones cannot be a COMMIT.
const maxMessage = 64

// Start starts a proxy in front of an address, host:port.
func Start(ctx context.Context, target string) (*Proxy, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a proxy: %w", err)
	}
	p := &Proxy{listener: listener, target: target, conns: map[net.Conn]struct{}{}, thawed: make(chan struct{})}
	close(p.thawed)
	p.work.Go(p.accept)
	return p, nil
}

// Through gives the URL of a database, which was its URL at the target, through
// the proxy.
func (p *Proxy) Through(dsn string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return "", fmt.Errorf("read a DSN: %w", err)
	}
	u.Host = p.listener.Addr().String()
	return u.String(), nil
}

// CutCommits cuts the connections on which the next COMMITs pass, each at its
// moment.
func (p *Proxy) CutCommits(at ...Moment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cuts = append(p.cuts, at...)
}

// CutEvery cuts each n-th COMMIT, before and after the server has it by turns,
// until it is called with 0.
func (p *Proxy) CutEvery(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.every = n
}

// Freeze swallows nothing and delivers nothing, on connections that are open
// and on new ones, until Thaw.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.thawed = make(chan struct{})
}

// Thaw delivers what Freeze has held back.
func (p *Proxy) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.thawed:
	default:
		close(p.thawed)
	}
}

// Cut cuts all connections that are open.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// Close ends the proxy and waits for what it did.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listener.Close()
	p.Thaw()
	p.Cut()
	p.work.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.work.Go(func() { p.serve(client) })
	}
}

// pair is a connection of a client and the one to the server for it.
type pair struct {
	proxy          *Proxy
	client, server net.Conn

	mu  sync.Mutex
	cut bool // what the server says next ends both connections
}

func (p *Proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := new(net.Dialer).DialContext(context.Background(), "tcp", p.target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	if !p.keep(client, server) {
		return
	}
	defer p.drop(client, server)
	c := &pair{proxy: p, client: client, server: server}
	var both sync.WaitGroup
	both.Go(func() { _ = c.requests(); c.end() })
	both.Go(func() { _ = c.answers(); c.end() })
	both.Wait()
}

func (p *Proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	return !p.closed
}

func (p *Proxy) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}

func (c *pair) end() {
	_ = c.client.Close()
	_ = c.server.Close()
}

// flow waits while the proxy is frozen.
func (p *Proxy) flow() {
	p.mu.Lock()
	thawed := p.thawed
	p.mu.Unlock()
	<-thawed
}

// next tells what happens to a COMMIT.
func (p *Proxy) next() Moment {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.cuts) > 0 {
		at := p.cuts[0]
		p.cuts = p.cuts[1:]
		return at
	}
	p.seen++
	if p.every == 0 || p.seen%p.every != 0 {
		return 0
	}
	if p.seen/p.every%2 == 0 {
		return AfterCommit
	}
	return BeforeCommit
}

var errCut = errors.New("cut")

// requests forwards what the client says, message by message.
func (c *pair) requests() error {
	from := bufio.NewReader(c.client)
	// The first message, unlike all others, has no type.
	for header := 4; ; header = 5 {
		head := make([]byte, header)
		if _, err := io.ReadFull(from, head); err != nil {
			return err
		}
		rest := int64(binary.BigEndian.Uint32(head[header-4:])) - 4
		if rest < 0 {
			return errCut
		}
		body, err := io.ReadAll(io.LimitReader(from, min(rest, maxMessage)))
		if err != nil {
			return err
		}
		c.proxy.flow()
		if header == 5 && head[0] == 'Q' && strings.EqualFold(strings.TrimRight(string(body), "\x00; "), "commit") {
			switch c.proxy.next() {
			case BeforeCommit:
				return errCut
			case AfterCommit:
				c.mu.Lock()
				c.cut = true
				c.mu.Unlock()
			}
		}
		if _, err := c.server.Write(append(head, body...)); err != nil {
			return err
		}
		if _, err := io.CopyN(c.server, from, rest-int64(len(body))); err != nil {
			return err
		}
	}
}

// answers forwards what the server says.
func (c *pair) answers() error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := c.server.Read(buffer)
		if err != nil {
			return err
		}
		c.proxy.flow()
		c.mu.Lock()
		cut := c.cut
		c.mu.Unlock()
		if cut { // the client waits for nothing but the answer to its COMMIT
			return errCut
		}
		if _, err := c.client.Write(buffer[:n]); err != nil {
			return err
		}
	}
}
