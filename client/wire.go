package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// maxErrorAnswer is how much of an error's answer is read. A batch of 1,000
// logs with many faults each fits.
const maxErrorAnswer = 1 << 20

// wire sends requests to one server. All workspaces of a client share it.
type wire struct {
	base *url.URL
	http *http.Client
	// key gives the API key. It is a function so that no way to print the
	// client shows the key.
	key       func() string
	agent     string
	timeout   time.Duration
	retries   int
	maxWait   time.Duration
	maxAnswer int64
	log       *slog.Logger
	now       func() time.Time
	// closed is not nil after the client was closed.
	closed func() error

	// sleep and random are replaced by tests.
	sleep  func(context.Context, time.Duration) error
	random func() float64
}

func newWire(base *url.URL, h *http.Client, o Options) *wire {
	key := o.APIKey
	return &wire{
		base: base, http: h, key: func() string { return key },
		agent: o.UserAgent, timeout: o.Timeout, retries: max(o.Retries, 0),
		maxWait: o.MaxWait, maxAnswer: o.MaxAnswer, log: o.Logger, now: o.Now,
		sleep: sleep, random: random,
	}
}

// request is one call, in the terms of HTTP.
type request struct {
	method string
	// path is escaped and begins with "/v1".
	path  string
	query url.Values
	// body is JSON, if content does not say otherwise; nil sends none.
	body []byte
	// content is the type of a body that is no JSON.
	content string
	// etag of the answer that the caller has already.
	etag string
	// key lets the server recognise a repetition.
	key string
	// once forbids to repeat an attempt that may have been carried out.
	once bool
	// timeout replaces that of the wire, for calls that take longer by nature.
	timeout time.Duration
}

// name is what errors and the log call the request.
func (r request) name() string { return r.method + " " + clip(r.path, 200) }

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	// doubt is set when an earlier attempt of the call failed without telling
	// whether the server carried it out.
	doubt bool
}

// link is a wire bound to a workspace.
type link struct {
	wire      *wire
	workspace string
}

// do sends a request, repeats it where that makes sense, and reads the answer.
// Beside an error only the answer's doubt is set.
func (l link) do(ctx context.Context, r request) (answer, error) {
	var a answer
	doubt, err := l.wire.persist(ctx, r, func() *fault {
		var f *fault
		a, f = l.attempt(ctx, r)
		return f
	})
	a.doubt = doubt
	return a, err
}

// patience is how long one attempt of a request may take.
func (l link) patience(r request) time.Duration { return cmp.Or(r.timeout, l.wire.timeout) }

func (l link) attempt(ctx context.Context, r request) (answer, *fault) {
	own, cancel := context.WithTimeout(ctx, l.patience(r))
	defer cancel()
	res, f := l.open(ctx, own, r)
	if f != nil {
		return answer{}, f
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, l.wire.maxAnswer+1))
	if err != nil {
		return answer{}, l.wire.broken(ctx, own, r, err)
	}
	if int64(len(body)) > l.wire.maxAnswer {
		err := pmerr.New(pmerr.Unavailable, "the answer to %s is larger than %d bytes; ask for smaller pages or raise MaxAnswer", r.name(), l.wire.maxAnswer)
		return answer{}, &fault{err: err, doubt: true}
	}
	return answer{status: res.StatusCode, header: res.Header, body: body}, nil
}

// open sends the request once, under the context own that ctx is the parent
// of, and returns the answer if it is a success; the caller closes it.
func (l link) open(ctx, own context.Context, r request) (*http.Response, *fault) {
	if l.wire.closed() != nil {
		return nil, &fault{err: errClosed()}
	}
	req, err := l.build(own, r)
	if err != nil {
		return nil, &fault{err: pmerr.New(pmerr.BadRequest, "%s cannot be sent", r.name()).Because(l.wire.redacted(err))}
	}
	res, err := l.wire.http.Do(req)
	if err != nil {
		return nil, l.wire.broken(ctx, own, r, err)
	}
	if res.StatusCode/100 == 2 || (res.StatusCode == http.StatusNotModified && r.etag != "") {
		return res, nil
	}
	defer res.Body.Close()
	// What cannot be read of an error's text is not worth another error.
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorAnswer))
	if ctx.Err() != nil {
		return nil, l.wire.broken(ctx, own, r, ctx.Err())
	}
	return nil, l.wire.refused(r, res, body)
}

func (l link) build(ctx context.Context, r request) (*http.Request, error) {
	target := l.wire.base.String() + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, err
	}
	set := func(name, value string) {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	set("Accept", "application/json")
	set("User-Agent", l.wire.agent)
	set("X-API-Key", l.wire.key())
	set("X-Workspace-Id", l.workspace)
	set("If-None-Match", r.etag)
	set("Idempotency-Key", r.key)
	if r.body != nil {
		set("Content-Type", cmp.Or(r.content, "application/json"))
	}
	return req, nil
}

// read sends a request and decodes its answer.
func read[T any](ctx context.Context, l link, r request) (T, error) {
	var v T
	a, err := l.do(ctx, r)
	if err != nil {
		return v, err
	}
	return v, decode(r, a, &v)
}

// decode reads the JSON of an answer. What is none comes from something other
// than the server: a proxy, a portal, a wrong address.
func decode(r request, a answer, into any) error {
	if err := json.Unmarshal(a.body, into); err != nil {
		return pmerr.New(pmerr.Unavailable, "the answer to %s is not what a PromptMetrics server sends; check the base URL", r.name()).
			Because(errors.Join(errForeign, err))
	}
	return nil
}

// encode makes the body of a request. What JSON cannot express is a fault of
// the input.
func encode(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, pmerr.Invalid("body must be expressible as JSON: " + clip(plain(err.Error()), 200)).Because(err)
	}
	return body, nil
}

// segment escapes one part of a path. A dot segment would be resolved away, so
// it is escaped by hand.
func segment(s string) string {
	switch s {
	case ".":
		return "%2E"
	case "..":
		return "%2E%2E"
	}
	return url.PathEscape(s)
}
