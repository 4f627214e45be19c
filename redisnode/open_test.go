package redisnode_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/redisserver"
	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/redisnode"
)

const password = "correct horse/battery"

func TestOpenRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	for url, fault := range map[string]string{
		"":                                   "must look like redis://",
		"localhost:6379":                     "must look like redis://",
		"http://localhost":                   "must look like redis://",
		"redis://":                           "must look like redis://",
		"redis:hunter2@localhost":            "must look like redis://",
		"redis://:hunter2@local host":        "must look like redis://",
		"redis://:hunter2%zz@localhost":      "must look like redis://",
		"redis://localhost/hunter2":          "number of a database",
		"redis://localhost/0/hunter2":        "number of a database",
		"redis://localhost/-1":               "number of a database",
		"redis://localhost/0?hunter2=1":      "option behind the question mark",
		"redis://localhost?pool_size=hunter": "option behind the question mark",
		"unix:///hunter2":                    "must look like redis://",
	} {
		_, err := redisnode.Open(t.Context(), redisnode.Options{URL: url})
		require.ErrorIs(t, err, pmerr.ErrValidation, url)
		text := strings.Join(pmerr.From(err).Fields, "; ")
		require.Contains(t, text, fault, url)
		require.Contains(t, text, "Options.URL (REDIS_URL)", url)
		require.NotContains(t, text, "hunter", url)
	}
	_, err := redisnode.Open(t.Context(), redisnode.Options{URL: "redis://localhost", Prefix: "a*", Timeout: 1, ContentLife: -1})
	require.Len(t, pmerr.From(err).Fields, 3)
}

func TestOpenSaysWhatRedisSays(t *testing.T) {
	t.Parallel()
	plain := redisserver.Start(t)
	locked := redisserver.Start(t, "--requirepass", password)
	limited := redisserver.Start(t, "--user", "default", "on", "nopass", "~promptmetrics:*", "&promptmetrics:*", "+@all", "-eval", "-evalsha", "-script")
	fenced := redisserver.Start(t, "--user", "default", "on", "nopass", "~other:*", "&*", "+@all")
	replica := redisserver.Start(t, "--replicaof", "127.0.0.1 1")
	full := redisserver.Start(t, "--maxmemory", "1")
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	port, err := testserver.FreePort(t.Context())
	require.NoError(t, err)
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })

	for name, c := range map[string]struct{ url, said string }{
		"no password":       {locked.URL(), "NOAUTH Authentication required"},
		"a wrong password":  {"redis://:hunter2@" + locked.Address(), "WRONGPASS invalid username-password pair"},
		"a wrong user":      {"redis://hunter2:hunter2@" + plain.Address(), "correct user and password"},
		"no such database":  {plain.URL() + "/99", "DB index is out of range; correct the number of the database"},
		"nothing there":     {fmt.Sprintf("redis://127.0.0.1:%d", port), "connection refused; correct the host and port"},
		"no such host":      {"redis://redis.invalid", "correct the host and port"},
		"something else":    {"redis://" + web.Listener.Addr().String(), "correct the host and port"},
		"nobody answers":    {"redis://" + silent.Addr().String(), "correct the host and port"},
		"no TLS there":      {"rediss://" + plain.Address(), "use redis:// where the server has no TLS"},
		"scripts forbidden": {limited.URL(), "NOPERM"},
		"keys forbidden":    {fenced.URL(), "NOPERM"},
		"a replica":         {replica.URL(), "READONLY"},
		"no memory":         {full.URL(), "OOM command not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			journal := &journal{}
			_, err := redisnode.Open(t.Context(), redisnode.Options{URL: c.url, StartTimeout: 3 * time.Second, Logger: journal.logger()})
			require.ErrorIs(t, err, pmerr.ErrUnavailable)
			message := pmerr.From(err).Message
			require.Contains(t, message, c.said)
			require.Contains(t, message, "Options.URL (REDIS_URL): Redis at ")
			require.NotContains(t, message+journal.String(), "hunter2")
			require.NotContains(t, message, "\n")
			require.Less(t, len(message), 500)
		})
	}
}

func TestOpenWaitsForARedisThatStarts(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	require.NoError(t, server.Halt(t.Context()))
	opened := make(chan error, 1)
	go func() {
		n, err := redisnode.Open(context.WithoutCancel(t.Context()), redisnode.Options{URL: server.URL(), StartTimeout: patient})
		if err == nil {
			err = n.Close()
		}
		opened <- err
	}()
	require.NoError(t, server.Resume(t.Context()))
	require.NoError(t, <-opened)
}

func TestOpenWithUserPasswordAndDatabase(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t, "--user", "default", "off", "--user", "ada", "on", ">secret", "~promptmetrics:*", "&promptmetrics:*", "+@all", "-@dangerous")
	n := open(t, redisnode.Options{URL: "redis://ada:secret@" + server.Address() + "/3"})
	require.NoError(t, n.Check(t.Context()))
	require.Equal(t, server.Address(), n.String())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(verb, redisnode.Options{URL: "redis://ada:secret@host"}), "secret")
		address, err := redisnode.ParseURL("redis://ada:secret@host/2")
		require.NoError(t, err)
		require.Contains(t, fmt.Sprintf(verb, address), "host:6379")
		require.NotContains(t, fmt.Sprintf(verb, address), "secret")
		require.NotContains(t, fmt.Sprintf(verb, n), "secret")
	}
}

func TestOpenWithTLS(t *testing.T) {
	t.Parallel()
	dir, pool := certificate(t)
	file := func(name string) string { return filepath.Join(dir, name) }
	port, err := testserver.FreePort(t.Context())
	require.NoError(t, err)
	redisserver.Start(t, "--requirepass", password, "--tls-port", fmt.Sprint(port), "--tls-cert-file", file("cert.pem"),
		"--tls-key-file", file("key.pem"), "--tls-auth-clients", "no")
	url := fmt.Sprintf("rediss://:correct%%20horse%%2Fbattery@127.0.0.1:%d/1", port)
	n := open(t, redisnode.Options{URL: url, TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}})
	require.NoError(t, n.Check(t.Context()))

	_, err = redisnode.Open(t.Context(), redisnode.Options{URL: url, StartTimeout: patient})
	require.ErrorContains(t, err, "certificate signed by unknown authority")
	_, err = redisnode.Open(t.Context(), redisnode.Options{URL: strings.Replace(url, "rediss", "redis", 1), StartTimeout: 3 * time.Second})
	require.ErrorContains(t, err, "use rediss:// where the server wants TLS")
	require.NotContains(t, err.Error(), "horse")
}

// certificate makes a certificate of 127.0.0.1 that signs itself.
func certificate(t *testing.T) (dir string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	dir = t.TempDir()
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cert.pem"), public, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	pool = x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(public))
	return dir, pool
}

func FuzzParseURL(f *testing.F) {
	for _, seed := range []string{"redis://localhost", "rediss://u:p@h:1/2?db=3", "redis://[::1]:6379/0", "redis://h/%zz", "redis:x", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		address, err := redisnode.ParseURL(text)
		if err != nil {
			require.Regexp(t, "^(must|has) ", err.Error())
			return
		}
		require.NotEmpty(t, address.String())
	})
}
