package scorer

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// guardedClient copies a client so that it follows no redirect, keeps no
// cookies and, unless private is allowed, connects to public addresses only.
// The address is checked after the name was looked up, so a name that points
// inside is refused, whenever it changes. A proxy would hide the address and is
// not used.
func guardedClient(from *http.Client, private bool) *http.Client {
	if from == nil {
		from = &http.Client{}
	}
	client := *from
	client.Jar = nil
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if private {
		return &client
	}
	transport, ok := client.Transport.(*http.Transport)
	switch {
	case client.Transport == nil:
		transport = &http.Transport{TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true}
	case ok:
		transport = transport.Clone()
	default:
		return &client
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, ControlContext: refusePrivate}
	transport.Proxy = nil
	transport.DialContext = dialer.DialContext
	transport.DialTLSContext = nil
	// Nobody could close the idle connections of this copy.
	transport.DisableKeepAlives = true
	transport.MaxResponseHeaderBytes = 64 << 10
	client.Transport = transport
	return &client
}

// refusedError says that an address is not public.
type refusedError struct{ address string }

func (e *refusedError) Error() string { return fmt.Sprintf("%s is not a public address", e.address) }

// refusePrivate runs before each connection, with the address that was found.
func refusePrivate(_ context.Context, _, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return &refusedError{address}
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || !isPublic(net.IP(addr.Unmap().AsSlice())) {
		return &refusedError{address}
	}
	return nil
}

// notPublic are the blocks that do not lead to the public internet beyond
// those that package net knows: RFC 6890 and its successors at IANA, and the
// ways to write an IPv4 address inside an IPv6 one.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),    // carriers' NAT; cloud metadata too
	netip.MustParsePrefix("168.63.129.16/32"), // what Azure tells its machines
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("::ffff:0:0:0/96"), // RFC 2765
	netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("3fff::/20"),
	netip.MustParsePrefix("5f00::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

// isPublic tells whether an address may be called.
func isPublic(ip net.IP) bool {
	addr, ok := netip.AddrFromSlice(ip)
	if !ok {
		return false
	}
	addr = addr.Unmap()
	if !addr.IsGlobalUnicast() || addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() {
		return false
	}
	for _, block := range notPublic {
		if block.Contains(addr) {
			return false
		}
	}
	return true
}
