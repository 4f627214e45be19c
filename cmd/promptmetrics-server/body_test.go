package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestImpatient(t *testing.T) {
	t.Parallel()
	const patience = 50 * time.Millisecond

	t.Run("a body that does not come is given up", func(t *testing.T) {
		t.Parallel()
		read := make(chan error, 1)
		server := httptest.NewServer(impatient(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			read <- err
		}), patience))
		defer server.Close()
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		defer conn.Close()
		_, err = fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nbegin")
		require.NoError(t, err)
		select {
		case err := <-read:
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		case <-time.After(10 * time.Second):
			t.Fatal("the handler waits for ever")
		}
	})

	t.Run("an answer may take as long as it takes", func(t *testing.T) {
		t.Parallel()
		ended := make(chan error, 1)
		server := httptest.NewServer(impatient(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				ended <- err
				return
			}
			select {
			case <-r.Context().Done(): // what a deadline that is not lifted leads to
			case <-time.After(4 * patience):
			}
			ended <- r.Context().Err()
			_, _ = w.Write([]byte("done"))
		}), patience))
		defer server.Close()
		response, err := http.Post(server.URL, "text/plain", http.NoBody)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.NoError(t, <-ended, "without a body")
		response, err = http.Post(server.URL, "text/plain", io.LimitReader(zeros{}, 1000))
		require.NoError(t, err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, <-ended, "with a body")
		require.Equal(t, "done", string(text))
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
