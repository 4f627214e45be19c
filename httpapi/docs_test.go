package httpapi_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func refuseAll(*http.Request) (access.Identity, error) {
	return access.Identity{}, pmerr.ErrUnauthorized
}

var (
	reference = regexp.MustCompile(`(?:src|href|data-document)="([^"]*)"`)
	external  = regexp.MustCompile(`(?i)(?:https?:)?//[a-z]`)
	cssURL    = regexp.MustCompile(`url\(\s*["']?([^"')]{0,40})`)
	cssImport = regexp.MustCompile(`@import`)
)

func TestDocsLoadNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "/tools/api"} {
		t.Run("below "+prefix, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(s *setup) { s.api.Prefix = prefix })
			page := s.send(t, nobody, "GET", prefix+"/docs", "")
			require.Equal(t, 200, page.status)
			require.Equal(t, "text/html; charset=utf-8", page.header.Get("Content-Type"))
			require.NotRegexp(t, external, page.body)
			require.NotContains(t, page.body, "{{")
			require.NotRegexp(t, `<script[^>]*>[^<]`, page.body, "the policy allows no script in the page")

			refs := reference.FindAllStringSubmatch(page.body, -1)
			require.GreaterOrEqual(t, len(refs), 5)
			for _, ref := range refs {
				require.True(t, strings.HasPrefix(ref[1], prefix+"/"), ref[1])
				for _, encoding := range []string{"gzip", "identity"} {
					r := s.send(t, nobody, "GET", ref[1], "", "Accept-Encoding: "+encoding)
					require.Equal(t, 200, r.status, ref[1])
					require.NotEmpty(t, r.body)
					if encoding == "identity" {
						require.Empty(t, r.header.Get("Content-Encoding"))
						checkAsset(t, ref[1], r)
					}
				}
			}

			// The browser is told as well.
			policy := page.header.Get("Content-Security-Policy")
			require.Contains(t, policy, "default-src 'none'")
			for directive := range strings.SplitSeq(policy, ";") {
				for _, source := range strings.Fields(directive)[1:] {
					require.Contains(t, []string{"'none'", "'self'", "'unsafe-inline'", "data:"}, source)
				}
			}
			require.Contains(t, policy, "script-src 'self';")
		})
	}
}

func checkAsset(t *testing.T, name string, r reply) {
	t.Helper()
	switch {
	case strings.HasSuffix(name, ".css"):
		require.Equal(t, "text/css; charset=utf-8", r.header.Get("Content-Type"))
		require.NotRegexp(t, cssImport, r.body)
		for _, u := range cssURL.FindAllStringSubmatch(r.body, -1) {
			require.True(t, strings.HasPrefix(u[1], "data:"), u[1])
		}
	case strings.HasSuffix(name, ".js"):
		require.Equal(t, "text/javascript; charset=utf-8", r.header.Get("Content-Type"))
	case strings.HasSuffix(name, ".png"):
		require.Equal(t, "image/png", r.header.Get("Content-Type"))
	}
}

func TestDocsFilesAreOnlyThose(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, name := range []string{"nothing.js", "swagger-ui.css.gz", "..%2Fdocs.go", "embed.go", "index.html", "%2E%2E"} {
		scenario{status: 404, message: "Route not found"}.check(t, s.send(t, nobody, "GET", "/docs/"+name, ""))
	}
	r := s.send(t, nobody, "HEAD", "/docs/swagger-ui-bundle.js", "")
	require.Equal(t, 200, r.status)
	require.NotEmpty(t, r.header.Get("Cache-Control"))
}
