package githost

import (
	"context"
	"crypto/subtle"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
)

// Username is what clients of a host may call themselves; any name will do, as
// on GitHub.
const Username = "x-access-token"

// Token is what a new host lets in.
const Token = "token-of-the-test-host-5f1c"

// Host serves bare repositories over HTTP.
type Host struct {
	// URL such as http://127.0.0.1:43210, without a slash at the end.
	URL string

	tb      testing.TB
	dir     string
	backend string

	mu     sync.Mutex
	token  string
	faults []*Fault
	asked  []string
	closed chan struct{}
}

// Start runs a host until the test ends.
func Start(tb testing.TB) *Host {
	tb.Helper()
	h := &Host{tb: tb, dir: tb.TempDir(), token: Token, closed: make(chan struct{})}
	path, err := exec.CommandContext(tb.Context(), "git", "--exec-path").Output()
	if err == nil {
		h.backend = filepath.Join(strings.TrimSpace(string(path)), "git-http-backend")
		_, err = os.Stat(h.backend)
	}
	if err != nil {
		testserver.Missing(tb, "git http-backend")
	}
	s := httptest.NewServer(h)
	h.URL = s.URL
	tb.Cleanup(func() {
		close(h.closed) // lets go of whoever hangs
		s.CloseClientConnections()
		s.Close()
	})
	return h
}

// SetToken is what the host lets in from now on: the old token has expired.
func (h *Host) SetToken(token string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.token = token
}

// Asked lists the requests so far, such as "GET /prompts.git/info/refs?service=git-upload-pack".
func (h *Host) Asked() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.asked...)
}

// ServeHTTP lets in who has the token, unless a fault is switched on.
func (h *Host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.asked = append(h.asked, r.Method+" "+r.URL.RequestURI())
	token, fault := h.token, h.strike(r)
	h.mu.Unlock()
	if fault != nil && fault.before(w, r, h.closed) {
		return
	}
	_, password, _ := r.BasicAuth()
	if subtle.ConstantTimeCompare([]byte(password), []byte(token)) != 1 {
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "Bad credentials", http.StatusUnauthorized)
		return
	}
	if _, err := os.Stat(filepath.Join(h.dir, repositoryOf(r))); err != nil {
		http.Error(w, "Repository not found.", http.StatusNotFound)
		return
	}
	if fault != nil {
		w = fault.during(w)
	}
	// git works on a push to the end, whether or not somebody still listens.
	r = r.WithContext(context.WithoutCancel(r.Context()))
	(&cgi.Handler{
		Path: h.backend,
		Dir:  h.dir,
		Env: []string{
			"GIT_PROJECT_ROOT=" + h.dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=" + Username,
			"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "LC_ALL=C",
		},
	}).ServeHTTP(w, r)
	if fault != nil {
		fault.after()
	}
}

func repositoryOf(r *http.Request) string {
	path := strings.TrimPrefix(filepath.Clean("/"+r.URL.Path), "/")
	if at := strings.Index(path, ".git"); at >= 0 {
		path = path[:at+len(".git")]
	}
	return path
}

// Create makes an empty repository, such as "prompts" or "team/prompts".
func (h *Host) Create(name string) *Repository {
	h.tb.Helper()
	path := filepath.Join(h.dir, filepath.FromSlash(name)+".git")
	require.NoError(h.tb, os.MkdirAll(filepath.Dir(path), 0o750))
	r := &Repository{host: h, name: name, Path: path}
	_, err := run(h.tb, h.dir, "init", "-q", "--bare", "--initial-branch=main", path)
	require.NoError(h.tb, err)
	r.Git("config", "http.receivepack", "true")
	r.Git("config", "receive.fsckObjects", "true")
	r.Git("config", "gc.auto", "0")
	return r
}
