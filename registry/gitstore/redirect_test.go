package gitstore

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRedirectsKeepTheTokenWithItsHost(t *testing.T) {
	t.Parallel()
	h := &host{}
	for _, c := range []struct {
		from, to string
		followed bool
	}{
		{"https://h.example/a", "https://h.example/b", true},
		{"https://h.example/a", "https://H.example/b", true},
		{"http://h.example/a", "https://h.example/a", true},
		{"http://h.example:8080/a", "https://h.example:8443/a", true},
		{"https://h.example/a", "http://h.example/a", false},
		{"https://h.example/a", "https://h.example:8443/a", false},
		{"https://h.example/a", "https://h.example.evil/a", false},
		{"http://h.example/a", "http://h.example:1/a", false},
		{"https://h.example/a", "file:///etc/passwd", false},
	} {
		request := func(text string) *http.Request {
			u, err := url.Parse(text)
			require.NoError(t, err)
			return &http.Request{URL: u}
		}
		err := h.redirect(request(c.to), []*http.Request{request(c.from)})
		require.Equal(t, c.followed, err == nil, "%s to %s", c.from, c.to)
	}

	t.Run("at every step", func(t *testing.T) {
		t.Parallel()
		at := func(scheme string) *http.Request {
			return &http.Request{URL: &url.URL{Scheme: scheme, Host: "h.example"}}
		}
		require.NoError(t, h.redirect(at("https"), []*http.Request{at("http"), at("https")}))
		require.Error(t, h.redirect(at("http"), []*http.Request{at("http"), at("https")}))
	})
}
