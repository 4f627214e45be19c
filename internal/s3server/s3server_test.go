package s3server_test

import (
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/s3server"
)

func TestMain(m *testing.M) { os.Exit(s3server.Main(m)) }

func ask(t *testing.T, url string) (status int, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

func TestServer(t *testing.T) {
	t.Parallel()
	t.Run("is shared, with buckets that are new and not for everybody", func(t *testing.T) {
		t.Parallel()
		s := s3server.Shared(t)
		require.Same(t, s, s3server.Shared(t))
		one, two := s.Bucket(t), s.Bucket(t)
		require.NotEqual(t, one, two)
		require.DirExists(t, s.Folder(one))
		status, err := ask(t, s.Endpoint()+"/"+one)
		require.NoError(t, err)
		require.Equal(t, http.StatusForbidden, status)
		access, secret := s.User(t)
		require.NotEmpty(t, access)
		require.NotEmpty(t, secret)
	})
	t.Run("is halted and resumed where it was", func(t *testing.T) {
		t.Parallel()
		s := s3server.Start(t)
		bucket, at := s.Bucket(t), s.Endpoint()
		require.NoError(t, s.Halt(t.Context()))
		_, err := ask(t, at+"/"+bucket)
		require.Error(t, err)
		require.NoError(t, s.Resume(t.Context()))
		require.Equal(t, at, s.Endpoint())
		_, err = ask(t, at+"/"+bucket)
		require.NoError(t, err)
	})
}
