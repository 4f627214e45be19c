package dbtest

import (
	"net"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest/pgproxy"
)

// Proxied says where a fresh, migrated PostgreSQL database is, behind a proxy
// that fails at will and ends with the test.
func Proxied(tb testing.TB) (db.Config, *pgproxy.Proxy) {
	tb.Helper()
	cluster := postgres(tb)
	u, err := url.Parse(cluster.copyOfTemplate(tb))
	require.NoError(tb, err)
	direct := cluster.server.TCPDSN(u.Path[1:])
	at, err := url.Parse(direct)
	require.NoError(tb, err)
	proxy, err := pgproxy.Start(tb.Context(), net.JoinHostPort(at.Hostname(), at.Port()))
	require.NoError(tb, err)
	tb.Cleanup(proxy.Close)
	dsn, err := proxy.Through(direct)
	require.NoError(tb, err)
	return Engine{Dialect: db.PostgreSQL}.config(dsn), proxy
}
