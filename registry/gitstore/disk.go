package gitstore

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// pathOfDisk gives the path of a repository on this machine's disk, or nothing
// for a URL of a host.
func pathOfDisk(address string) string {
	if isPath(address) {
		return address
	}
	if u, err := url.Parse(address); err == nil && u.Scheme == "file" {
		return u.Path
	}
	return ""
}

// disk answers requests of git's protocol over HTTP for a repository on this
// machine's disk, as a web server would: by running git on it.
type disk struct{ path string }

// RoundTrip implements http.RoundTripper.
func (d disk) RoundTrip(request *http.Request) (*http.Response, error) {
	if _, err := os.Stat(d.path); err != nil {
		return plainAnswer(http.StatusNotFound, "Repository not found"), nil
	}
	service, first := strings.CutPrefix(request.URL.RawQuery, "service=git-")
	if !first {
		_, service, _ = strings.Cut(request.URL.Path, "/git-")
	}
	if service != "upload-pack" && service != "receive-pack" {
		return plainAnswer(http.StatusForbidden, "no such service"), nil
	}
	args := []string{service, "--stateless-rpc", d.path}
	if first {
		args = []string{service, "--stateless-rpc", "--http-backend-info-refs", d.path}
	}
	cmd := exec.CommandContext(request.Context(), "git", args...)
	// Nothing of the caller's environment may point git elsewhere.
	cmd.Env = []string{"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "LC_ALL=C"}
	if request.Body != nil {
		cmd.Stdin = request.Body
	}
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	body := &processBody{Reader: out, cmd: cmd}
	cmd.Stderr = &limited{to: &body.said, left: maxFault}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	kind := "application/x-git-" + service + "-result"
	if first {
		kind = "application/x-git-" + service + "-advertisement"
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {kind}}, Body: body, Request: request,
	}, nil
}

func plainAnswer(status int, text string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}
}

// processBody is what git prints. Its end is an error if git failed.
type processBody struct {
	io.Reader
	cmd  *exec.Cmd
	said bytes.Buffer
	once sync.Once
	err  error
}

// Read implements io.Reader.
func (b *processBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		if failed := b.wait(); failed != nil {
			err = failed
		}
	}
	return n, err
}

// Close implements io.Closer: it ends git if that still runs.
func (b *processBody) Close() error {
	_ = b.cmd.Process.Kill()
	_ = b.wait()
	return nil
}

func (b *processBody) wait() error {
	b.once.Do(func() {
		if b.err = b.cmd.Wait(); b.err != nil {
			fault := &hostFault{said: saying(b.said.String(), "")}
			if fault.said == "" {
				fault.cause = b.err
			}
			b.err = fault
		}
	})
	return b.err
}
