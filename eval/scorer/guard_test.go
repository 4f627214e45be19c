package scorer

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	for _, ip := range []string{"1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"} {
		require.True(t, isPublic(net.ParseIP(ip)), ip)
		require.NoError(t, refusePrivate(t.Context(), "tcp", net.JoinHostPort(ip, "443"), nil), ip)
	}
	for _, ip := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255",
		"192.0.0.1", "192.0.2.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "fc00::1", "fd12::1", "fe80::1", "fec0::1", "ff02::1", "64:ff9b::a00:1", "2001:db8::1", "2002:a00:1::", "100::1",
	} {
		require.False(t, isPublic(net.ParseIP(ip)), ip)
		require.Error(t, refusePrivate(t.Context(), "tcp", net.JoinHostPort(ip, "443"), nil), ip)
	}
	require.False(t, isPublic(nil))
	require.Error(t, refusePrivate(t.Context(), "tcp", "example.com:80", nil))
	require.Error(t, refusePrivate(t.Context(), "tcp", "[fe80::1%eth0]:80", nil))
	require.Error(t, refusePrivate(t.Context(), "tcp", "nonsense", nil))
}

// A name passes when the rule is compiled, and leads inside when it is dialled.
func TestTheDiallerRefusesWhatTheCheckCouldNotSee(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		t.Error("the server was reached")
		_, _ = io.WriteString(w, `{"score":1}`)
	}))
	t.Cleanup(server.Close)
	proxy, err := url.Parse(server.URL)
	require.NoError(t, err)
	inside := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	for name, client := range map[string]*http.Client{
		"no transport":                   {},
		"a transport with a dialler":     {Transport: &http.Transport{DialContext: inside}},
		"a transport with a proxy":       {Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}},
		"a transport with a TLS dialler": {Transport: &http.Transport{DialTLSContext: inside}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWebhooks(Options{HTTPClient: client})
			for _, address := range []string{server.URL, "https" + strings.TrimPrefix(server.URL, "http")} {
				_, err := w.call(t.Context(), address, hookRequest{})
				require.ErrorIs(t, err, pmerr.ErrBadRequest)
				var refused *refusedError
				require.ErrorAs(t, err, &refused)
				var e *pmerr.Error
				require.ErrorAs(t, err, &e)
				require.NotContains(t, e.Message, "127.0.0.1")
			}
		})
	}
}
