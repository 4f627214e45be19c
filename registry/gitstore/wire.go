package gitstore

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// errSilent says that a host took too long.
var errSilent = errors.New("no answer in time")

// wire carries the requests of git over HTTP: it bounds what an answer may
// weigh and how long a host may be silent, and turns failures into faults.
type wire struct {
	base    http.RoundTripper
	owned   *http.Transport // closed with the store
	silence time.Duration
	token   string
	now     func() time.Time
}

func newWire(r Remote, now func() time.Time) *wire {
	w := &wire{base: r.Transport, silence: r.Timeout, token: r.Token, now: now}
	if w.base == nil {
		w.owned = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: 2,
			IdleConnTimeout:     90 * time.Second,
			TLSHandshakeTimeout: 10 * time.Second,
		}
		w.base = w.owned
	}
	return w
}

func (w *wire) close() {
	if w.owned != nil {
		w.owned.CloseIdleConnections()
	}
}

type wireKey struct{}

// terms of a request travel in its context, past go-git.
type terms struct {
	bytes   int64
	silence time.Duration
}

// allow bounds the answers to requests with a context.
func allow(ctx context.Context, bytes int64) context.Context {
	t, _ := ctx.Value(wireKey{}).(terms)
	t.bytes = bytes
	return context.WithValue(ctx, wireKey{}, t)
}

// patient lets the host be silent for longer than usual.
func patient(ctx context.Context, silence time.Duration) context.Context {
	t, _ := ctx.Value(wireKey{}).(terms)
	t.silence = silence
	return context.WithValue(ctx, wireKey{}, t)
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	t, _ := request.Context().Value(wireKey{}).(terms)
	if t.silence == 0 {
		t.silence = w.silence
	}
	ctx, cancel := context.WithCancelCause(request.Context())
	alarm := time.AfterFunc(t.silence, func() { cancel(errSilent) })
	end := func() { alarm.Stop(); cancel(nil) }
	answer, err := w.base.RoundTrip(request.WithContext(ctx))
	if err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errSilent) {
			err = cause
		}
		end()
		return nil, faultOfTransport(err, w.token)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		defer end()
		return nil, faultOfAnswer(answer, w.now(), w.token)
	}
	if kind := answer.Header.Get("Content-Type"); answer.StatusCode == http.StatusOK && !strings.HasPrefix(kind, "application/x-git-") {
		end()
		_ = answer.Body.Close()
		return nil, &hostFault{said: "the address answers, but not as a git host does: is it the one that git clone takes?"}
	}
	answer.Body = &boundedBody{
		ReadCloser: answer.Body, left: t.bytes, ctx: ctx, end: end,
		lively: func() { alarm.Reset(t.silence) },
	}
	return answer, nil
}

// boundedBody is an answer that is cut off when it gets too long or stalls.
type boundedBody struct {
	io.ReadCloser
	left   int64
	ctx    context.Context
	lively func()
	end    func()
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, &hostFault{said: "the answer is larger than allowed"}
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if n > 0 {
		b.lively()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		if cause := context.Cause(b.ctx); errors.Is(cause, errSilent) {
			err = cause
		}
	}
	return n, err
}

// Close implements io.Closer.
func (b *boundedBody) Close() error {
	b.end()
	return b.ReadCloser.Close()
}
