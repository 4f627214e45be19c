package httpapi

import (
	"net/http"
	"runtime/debug"
	"strings"
)

// ServeHTTP is the door: whatever comes of a request, the answer has an id,
// can be read across origins, and no panic gets past.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{ResponseWriter: w, request: r, api: a, id: requestID(r)}
	x.set("X-Request-Id", x.id)
	x.set("X-Content-Type-Options", "nosniff")
	x.set("Access-Control-Allow-Origin", "*")
	x.set("Access-Control-Expose-Headers", exposedHeaders)
	if o := a.options.Observer; o != nil {
		o.RequestBegins()
	}
	if a.watched() {
		defer x.ended(a.options.Now())
	}
	defer x.recoverPanic()
	switch {
	case r.Method == http.MethodOptions:
		preflight(x)
	case !cleanPath(r.URL.EscapedPath(), r.URL.Path):
		x.fail(errNoRoute())
	default:
		x.routed = true
		a.routes.ServeHTTP(x, r)
	}
}

// The headers of cross-origin requests and answers.
const (
	exposedHeaders = "X-Request-Id, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, ETag, X-Ab-Variant"
	allowedMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
	allowedHeaders = "Content-Type, Accept, Authorization, X-API-Key, X-Workspace-Id, X-Request-Id, If-None-Match, Idempotency-Key"
)

// preflight tells a browser what it may send. It asks without credentials, so
// no key is needed.
func preflight(x *exchange) {
	x.set("Access-Control-Allow-Methods", allowedMethods)
	x.set("Access-Control-Allow-Headers", allowedHeaders)
	x.set("Access-Control-Max-Age", "7200")
	x.set("Allow", allowedMethods)
	x.WriteHeader(http.StatusNoContent)
}

// recoverPanic answers 500 for a handler that panicked. An answer that has
// begun cannot be taken back, so its connection is cut instead.
func (x *exchange) recoverPanic() {
	cause := recover()
	switch {
	case cause == nil:
		return
	case cause == http.ErrAbortHandler: //nolint:errorlint // the value itself is the signal.
		panic(cause)
	}
	x.api.log.ErrorContext(x.context(), "request panicked",
		"method", x.request.Method, "route", x.request.Pattern,
		"panic", cause, "stack", string(debug.Stack()))
	if x.status != 0 {
		panic(http.ErrAbortHandler)
	}
	x.refuse(errInternal())
}

// unrouted is the pattern of what no operation takes.
const unrouted = "/"

// answerUnrouted answers paths and methods that no operation takes: 404, or
// 405 with the methods that there are. Below /v1 strangers learn nothing.
func (a *api) answerUnrouted(w http.ResponseWriter, r *http.Request) {
	x := w.(*exchange) //nolint:forcetypeassert // the door hands over nothing else.
	if bare, ok := withoutSlash(r); ok {
		if a.routeOf(bare) != unrouted {
			a.routes.ServeHTTP(x, bare)
			return
		}
		r = bare
	}
	if strings.HasPrefix(r.URL.Path, a.options.Prefix+"/v1/") {
		if err := x.admit(""); err != nil {
			x.fail(err)
			return
		}
	}
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if a.routeOf(&http.Request{Method: method, URL: r.URL, Host: r.Host}) == unrouted {
			continue
		}
		allowed = append(allowed, method)
		if method == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	if allowed == nil {
		x.fail(errNoRoute())
		return
	}
	x.set("Allow", strings.Join(append(allowed, http.MethodOptions), ", "))
	x.fail(errMethod())
}

func (a *api) routeOf(r *http.Request) string {
	_, pattern := a.routes.Handler(r)
	return pattern
}

// withoutSlash gives the request without the slash at its end, which older
// clients may send.
func withoutSlash(r *http.Request) (*http.Request, bool) {
	path, ok := strings.CutSuffix(r.URL.Path, "/")
	if !ok || path == "" {
		return nil, false
	}
	u := *r.URL
	u.Path, u.RawPath = path, strings.TrimSuffix(u.RawPath, "/")
	bare := *r
	bare.URL = &u
	return &bare, true
}
