package s3store_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/s3server"
	"github.com/promptmetrics-go/promptmetrics/registry/s3store"
)

// proxy stands between a store and the real server, and spoils what passes.
type proxy struct {
	*httptest.Server
	reverse *httputil.ReverseProxy

	mu    sync.Mutex
	rules []*rule
	seen  []string
}

// rule spoils some requests: those of a method whose address contains a text,
// the first times of them; negative: all.
type rule struct {
	method, part string
	times        int
	do           func(p *proxy, w http.ResponseWriter, r *http.Request)
}

func between(tb testing.TB, server *s3server.Server) *proxy {
	tb.Helper()
	target, err := url.Parse(server.Endpoint())
	require.NoError(tb, err)
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	p := &proxy{reverse: &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}}
	p.Server = httptest.NewServer(p)
	tb.Cleanup(func() {
		p.Close()
		transport.CloseIdleConnections()
	})
	return p
}

// on gives options for a bucket behind the proxy.
func (p *proxy) on(bucket string) s3store.Options {
	return s3store.Options{
		Endpoint: p.URL, Region: s3server.Region, Bucket: bucket, PathStyle: true,
		AccessKey: s3server.AccessKey, SecretKey: s3server.SecretKey,
	}
}

// spoil adds a rule.
func (p *proxy) spoil(method, part string, times int, do func(p *proxy, w http.ResponseWriter, r *http.Request)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, &rule{method, part, times, do})
}

// clear ends all rules, and gives the requests since the last time.
func (p *proxy) clear() (seen []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen, p.seen, p.rules = p.seen, nil, nil
	return seen
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if do := p.choose(r); do != nil {
		do(p, w, r)
		return
	}
	p.reverse.ServeHTTP(w, r)
}

func (p *proxy) choose(r *http.Request) func(p *proxy, w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := r.Method + " " + r.URL.Path + "?" + r.URL.RawQuery
	p.seen = append(p.seen, at)
	for _, rule := range p.rules {
		if rule.times != 0 && strings.HasPrefix(at, rule.method) && strings.Contains(at, rule.part) {
			rule.times--
			return rule.do
		}
	}
	return nil
}

// answers says something that S3 may say.
func answers(status int, code string) func(*proxy, http.ResponseWriter, *http.Request) {
	return func(_ *proxy, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<?xml version=\"1.0\"?><Error><Code>"+code+"</Code><Message>played by the test</Message><RequestId>1</RequestId></Error>")
	}
}

// page says something that is not of S3.
func page(status int) func(*proxy, http.ResponseWriter, *http.Request) {
	return func(_ *proxy, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<!doctype html><title>Welcome</title><p>Nothing to see here")
	}
}

// hangs says nothing until the client gives up.
func hangs(_ *proxy, _ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // so that the end of the connection is noticed
	<-r.Context().Done()
}

// drops closes the connection instead of answering.
func drops(_ *proxy, _ http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }

// loses has the request done, and drops the answer.
func loses(p *proxy, _ http.ResponseWriter, r *http.Request) {
	p.reverse.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// cuts ends the connection in the middle of the answer's body.
func cuts(p *proxy, w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	p.reverse.ServeHTTP(answer, r)
	pass(w, answer, answer.Body.Bytes()[:answer.Body.Len()/2])
	panic(http.ErrAbortHandler)
}

// garbles changes a byte of the answer's body.
func garbles(p *proxy, w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	p.reverse.ServeHTTP(answer, r)
	body := bytes.Clone(answer.Body.Bytes())
	body[len(body)/2] ^= 1
	pass(w, answer, body)
}

// garblesRequest changes a byte of the request's body.
func garblesRequest(p *proxy, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) == 0 {
		panic(http.ErrAbortHandler)
	}
	body[len(body)/2] ^= 1
	r.Body = io.NopCloser(bytes.NewReader(body))
	p.reverse.ServeHTTP(w, r)
}

func pass(w http.ResponseWriter, answer *httptest.ResponseRecorder, body []byte) {
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
	_ = http.NewResponseController(w).Flush()
}
