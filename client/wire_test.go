package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

const emptyPage = `{"items":[],"total":0,"page":1,"limit":50,"totalPages":0}`

func TestRetry(t *testing.T) {
	t.Parallel()
	down := envelopeOf(503, "UNAVAILABLE", "down")
	for name, tc := range map[string]struct {
		replies  []reply
		retries  int
		attempts int
		code     pmerr.Code // empty for success
	}{
		"a 503 is repeated":                    {replies: []reply{down, ok(emptyPage)}, attempts: 2},
		"a 429 is repeated":                    {replies: []reply{envelopeOf(429, "RATE_LIMIT_EXCEEDED", "slow"), ok(emptyPage)}, attempts: 2},
		"a 500 is repeated":                    {replies: []reply{envelopeOf(500, "INTERNAL_ERROR", "x"), ok(emptyPage)}, attempts: 2},
		"a proxy's 502 is repeated":            {replies: []reply{{status: 502, body: "<html>"}, ok(emptyPage)}, attempts: 2},
		"a 504 is repeated":                    {replies: []reply{{status: 504}, ok(emptyPage)}, attempts: 2},
		"a lost answer is repeated":            {replies: []reply{{cut: true}, ok(emptyPage)}, attempts: 2},
		"three repetitions are the default":    {replies: []reply{down}, attempts: 4, code: pmerr.Unavailable},
		"the number of repetitions is obeyed":  {replies: []reply{down}, retries: 1, attempts: 2, code: pmerr.Unavailable},
		"negative repetitions mean none":       {replies: []reply{down}, retries: -1, attempts: 1, code: pmerr.Unavailable},
		"a 404 is final":                       {replies: []reply{envelopeOf(404, "NOT_FOUND", "no")}, attempts: 1, code: pmerr.NotFound},
		"a 400 is final":                       {replies: []reply{envelopeOf(400, "BAD_REQUEST", "no")}, attempts: 1, code: pmerr.BadRequest},
		"a 401 is final":                       {replies: []reply{envelopeOf(401, "UNAUTHORIZED", "no")}, attempts: 1, code: pmerr.Unauthorized},
		"a 422 is final":                       {replies: []reply{envelopeOf(422, "VALIDATION_FAILED", "no")}, attempts: 1, code: pmerr.Validation},
		"a 409 is final":                       {replies: []reply{envelopeOf(409, "CONFLICT", "no")}, attempts: 1, code: pmerr.Conflict},
		"a redirect is final":                  {replies: []reply{{status: 302, header: map[string]string{"Location": "https://elsewhere/x"}}}, attempts: 1, code: pmerr.Unavailable},
		"an answer that is no JSON is final":   {replies: []reply{ok("<html>portal</html>")}, attempts: 1, code: pmerr.Unavailable},
		"an answer that is too large is final": {replies: []reply{ok(strings.Repeat(" ", 2000))}, attempts: 1, code: pmerr.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(t, sequence(tc.replies...))
			c, p := setup(t, s.url, Options{Retries: tc.retries, MaxAnswer: 1000})
			_, err := c.Registry.List(t.Context(), registry.Filter{}, page.Request{})
			if tc.code == "" {
				require.NoError(t, err)
			} else {
				require.Equal(t, tc.code, pmerr.From(err).Code, err)
			}
			require.Equal(t, tc.attempts, s.count())
			require.Len(t, p.slept(), tc.attempts-1)
		})
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	const least, most = 0.0, 0.999999
	for n, d := range []time.Duration{100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000} {
		d *= time.Millisecond
		require.Equal(t, d/2, pause(n, 0, least), n)
		require.InDelta(t, float64(d), float64(pause(n, 0, most)), float64(time.Millisecond), n)
		require.Less(t, pause(n, 0, most), d, n)
		require.Equal(t, 7*time.Second, pause(n, 7*time.Second, least), "never less than the server asked for")
		require.Less(t, pause(n, 7*time.Second, most), 7*time.Second+d/2)
	}
	require.Equal(t, lastPause/2, pause(1<<30, 0, 0), "no shift overflows")
	for range 1000 {
		r := random()
		require.True(t, r >= 0 && r < 1)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	at := newClock()
	for name, tc := range map[string]struct {
		status     int
		header     string
		wait       time.Duration // the least that is slept
		retryAfter time.Duration // of the error, when nothing is slept
	}{
		"seconds of a 429":           {status: 429, header: "7", wait: 7 * time.Second},
		"seconds of a 503":           {status: 503, header: "3", wait: 3 * time.Second},
		"a date":                     {status: 429, header: at.now().Add(9 * time.Second).UTC().Format(http.TimeFormat), wait: 9 * time.Second},
		"longer than MaxWait":        {status: 429, header: "31", retryAfter: 31 * time.Second},
		"a number that is too large": {status: 429, header: "999999999", retryAfter: 24 * time.Hour},
		"a date in the past":         {status: 429, header: at.now().Add(-time.Hour).UTC().Format(http.TimeFormat), wait: 50 * time.Millisecond},
		"a negative number":          {status: 429, header: "-5", wait: 50 * time.Millisecond},
		"nonsense":                   {status: 503, header: "soon", wait: 50 * time.Millisecond},
		"more digits than fit":       {status: 503, header: "99999999999999999999", wait: 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refusal := reply{status: tc.status, body: `{}`, header: map[string]string{"Retry-After": tc.header}}
			s := play(t, sequence(refusal, ok(emptyPage)))
			c, p := setup(t, s.url, Options{Now: at.now})
			_, err := c.Registry.List(t.Context(), registry.Filter{}, page.Request{})
			if tc.retryAfter > 0 {
				require.Equal(t, tc.retryAfter, pmerr.From(err).RetryAfter)
				require.Empty(t, p.slept())
				return
			}
			require.NoError(t, err)
			require.Len(t, p.slept(), 1)
			require.GreaterOrEqual(t, p.slept()[0], tc.wait)
			require.Less(t, p.slept()[0], tc.wait+100*time.Millisecond)
		})
	}
}

func TestADeadlineBeforeTheNextAttemptReturnsTheReason(t *testing.T) {
	t.Parallel()
	s := play(t, sequence(reply{status: 503, body: `{}`, header: map[string]string{"Retry-After": "20"}}))
	c, p := setup(t, s.url, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := c.Registry.List(ctx, registry.Filter{}, page.Request{})
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	require.Empty(t, p.slept())
	require.Equal(t, 1, s.count())
}

func TestContextErrorsStayContextErrors(t *testing.T) {
	t.Parallel()
	t.Run("cancelled before the call", func(t *testing.T) {
		t.Parallel()
		s := play(t, sequence(ok(emptyPage)))
		c, _ := setup(t, s.url, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.Telemetry.Runs(ctx, telemetry.RunFilter{}, page.Request{})
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, s.count())
		_, err = c.Registry.Get(ctx, "welcome", registry.Query{})
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("cancelled while the server thinks", func(t *testing.T) {
		t.Parallel()
		s := play(t, sequence(reply{status: 200, wait: make(chan struct{})}))
		c, p := setup(t, s.url, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		_, err := c.Telemetry.Runs(ctx, telemetry.RunFilter{}, page.Request{})
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, pmerr.ErrUnavailable)
		require.Empty(t, p.slept(), "nobody waits for a repetition any more")
	})
	t.Run("the caller's deadline", func(t *testing.T) {
		t.Parallel()
		s := play(t, sequence(reply{status: 200, wait: make(chan struct{})}))
		c, _ := setup(t, s.url, Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := c.Telemetry.Runs(ctx, telemetry.RunFilter{}, page.Request{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	t.Run("cancelled during a pause", func(t *testing.T) {
		t.Parallel()
		s := play(t, sequence(reply{status: 503}))
		c, _ := setup(t, s.url, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		c.wire.sleep = func(ctx context.Context, d time.Duration) error {
			cancel()
			return sleep(ctx, d)
		}
		_, err := c.Telemetry.Runs(ctx, telemetry.RunFilter{}, page.Request{})
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("the client's own limit is not the caller's deadline", func(t *testing.T) {
		t.Parallel()
		s := play(t, sequence(reply{status: 200, wait: make(chan struct{})}, ok(emptyPage)))
		c, _ := setup(t, s.url, Options{Timeout: 30 * time.Millisecond, Retries: -1})
		_, err := c.Telemetry.Runs(t.Context(), telemetry.RunFilter{}, page.Request{})
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "no answer within 30ms")
	})
}

func TestAnUnreachableServerIsUnavailable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	c, p := setup(t, "http://"+l.Addr().String(), Options{})
	_, err = c.Registry.List(t.Context(), registry.Filter{Query: "private words"}, page.Request{})
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	var op *net.OpError
	require.ErrorAs(t, err, &op, "the cause is kept")
	require.NotContains(t, err.Error(), "private", "the query stays out of the error")
	require.Len(t, p.slept(), 3)
	_, err = c.Keys.Create(t.Context(), access.KeySpec{Name: "ci"})
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	require.Len(t, p.slept(), 6, "what was never sent can be repeated, whatever it is")
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	s := play(t, sequence(ok(emptyPage), reply{status: 202, body: `{"id":1}`}))
	c, _ := setup(t, s.url+"/mounted/", Options{Workspace: "team", UserAgent: "shop/1.2"})
	_, err := c.Registry.List(t.Context(), registry.Filter{}, page.Request{})
	require.NoError(t, err)
	_, err = c.Telemetry.Log(t.Context(), telemetry.Log{PromptName: "p", VersionTag: "1.0.0"})
	require.NoError(t, err)
	get, post := s.all()[0], s.all()[1]
	require.Equal(t, "/mounted/v1/prompts", get.path)
	require.Equal(t, testKey, get.header.Get("X-API-Key"))
	require.Equal(t, "team", get.header.Get("X-Workspace-Id"))
	require.Equal(t, "shop/1.2", get.header.Get("User-Agent"))
	require.Equal(t, "application/json", get.header.Get("Accept"))
	require.Empty(t, get.header.Get("Content-Type"))
	require.Equal(t, "application/json", post.header.Get("Content-Type"))

	other, err := c.Workspace("other")
	require.NoError(t, err)
	s.turn(sequence(ok(emptyPage)))
	_, err = other.Registry.List(t.Context(), registry.Filter{}, page.Request{})
	require.NoError(t, err)
	require.Equal(t, "other", s.all()[2].header.Get("X-Workspace-Id"))
}

// roundTrip is a transport of a host program.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTheKeyNeverLeaks(t *testing.T) {
	t.Parallel()
	half := strings.Repeat("x", 170) + testKey
	for name, tc := range map[string]struct {
		reply     reply
		transport http.RoundTripper
	}{
		"a proxy that echoes the request":  {reply: reply{status: 502, body: "<pre>X-Api-Key: " + testKey + "</pre>"}},
		"half of it where the text is cut": {reply: reply{status: 502, body: half}},
		"an envelope that echoes it":       {reply: envelopeOf(400, "BAD_REQUEST", "unknown key "+testKey)},
		"an escaped echo": {reply: reply{
			status: 400, body: `{"error":"\u0070` + testKey[1:] + `","code":"BAD_REQUEST","requestId":"` + testKey + `"}`,
		}},
		"fields that echo it": {reply: reply{
			status: 422, body: `{"error":"x","code":"VALIDATION_FAILED","details":{"fields":["\u0070` + testKey[1:] + `"]},"detailsType":"fields"}`,
		}},
		"details that echo it": {reply: reply{
			status: 400, body: `{"error":"x","code":"BAD_REQUEST","details":{"a":["\u0070` + testKey[1:] + `",{"b":"` + testKey + `"}]}}`,
		}},
		"a request id that echoes it": {reply: reply{status: 503, body: "x", header: map[string]string{"X-Request-Id": testKey}}},
		"a redirect that carries it":  {reply: reply{status: 302, header: map[string]string{"Location": "https://" + testKey + ".example/?k=" + testKey}}},
		"a transport that tells it": {transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			return nil, errors.New("cannot send " + r.Header.Get("X-API-Key"))
		})},
		"an answer with it that is no JSON": {reply: ok(testKey)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(t, sequence(tc.reply))
			var log text
			o := Options{Logger: log.logger()}
			if tc.transport != nil {
				o.HTTPClient = &http.Client{Transport: tc.transport}
			}
			c, _ := setup(t, s.url, o)
			_, listed := c.Registry.List(t.Context(), registry.Filter{}, page.Request{})
			_, got := c.Registry.Get(t.Context(), "p", registry.Query{})
			_, made := c.Keys.Create(t.Context(), access.KeySpec{Name: "x"})
			for _, err := range []error{listed, got, made} {
				require.Error(t, err)
				e := pmerr.From(err)
				all := log.String() + err.Error() + e.RequestID + strings.Join(e.Fields, "")
				for _, v := range e.Details {
					all += mustJSON(t, v)
				}
				for cause := err; cause != nil; cause = errors.Unwrap(cause) {
					all += cause.Error()
				}
				require.NotContains(t, all, testKey[:20])
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	thief := play(t, sequence(ok(emptyPage)))
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := play(t, sequence(reply{status: status, header: map[string]string{"Location": thief.url + "/v1/prompts?token=1"}}))
		// Also with a client of the host program that would follow.
		c, _ := setup(t, s.url, Options{HTTPClient: &http.Client{}})
		_, err := c.Registry.List(t.Context(), registry.Filter{}, page.Request{})
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		require.ErrorContains(t, err, "redirect")
		require.ErrorContains(t, err, thief.url)
		require.NotContains(t, err.Error(), "token")
		_, err = c.Telemetry.Log(t.Context(), telemetry.Log{PromptName: "p", VersionTag: "1.0.0"})
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
	}
	require.Zero(t, thief.count())
}

func TestPathsAreEscaped(t *testing.T) {
	t.Parallel()
	s := play(t, sequence(ok(`{"prompt_name":"x"}`)))
	c, _ := setup(t, s.url, Options{})
	for name, path := range map[string]string{
		"a/b":        "/v1/prompts/a%2Fb/labels/x",
		"a?b=c#d":    "/v1/prompts/a%3Fb=c%23d/labels/x",
		"..":         "/v1/prompts/%2E%2E/labels/x",
		".":          "/v1/prompts/%2E/labels/x",
		"a b%2F\r\n": "/v1/prompts/a%20b%252F%0D%0A/labels/x",
		"ä":          "/v1/prompts/%C3%A4/labels/x",
	} {
		_, err := c.Registry.Label(t.Context(), name, "x")
		require.NoError(t, err)
		require.Equal(t, path, s.all()[s.count()-1].path)
	}
}

func TestNamesThatWouldReachAnotherRouteAreNotSent(t *testing.T) {
	t.Parallel()
	s := play(t, sequence(ok(emptyPage)))
	c, _ := setup(t, s.url, Options{})
	ctx, by := t.Context(), registry.Signature{}
	_, get := c.Registry.Get(ctx, "", registry.Query{})
	_, diff := c.Registry.Diff(ctx, "", "1", "2")
	_, setLabel := c.Registry.SetLabel(ctx, "", "l", "")
	_, label := c.Registry.Label(ctx, "p", "")
	_, trace := c.Telemetry.Trace(ctx, "")
	_, span := c.Telemetry.Span(ctx, "t", "")
	_, addSpans := c.Telemetry.AddSpans(ctx, "", nil)
	_, updateSpan := c.Telemetry.UpdateSpan(ctx, "", "s", telemetry.SpanUpdate{})
	_, run := c.Telemetry.Run(ctx, "")
	_, updateRun := c.Telemetry.UpdateRun(ctx, "", telemetry.RunUpdate{})
	for _, err := range []error{
		get, diff, setLabel, label, trace, span, addSpans, updateSpan, run, updateRun,
		c.Registry.Activate(ctx, "", "1"), c.Registry.Delete(ctx, "", by), c.Registry.DeleteVersion(ctx, "p", "", by),
		c.Registry.DeleteLabel(ctx, "p", ""), c.Telemetry.DeleteTrace(ctx, ""), c.Telemetry.DeleteRun(ctx, ""), c.Keys.Revoke(ctx, 0),
	} {
		require.ErrorIs(t, err, pmerr.ErrNotFound)
	}
	versions, err := c.Registry.Versions(ctx, "", page.Request{})
	require.NoError(t, err)
	require.Equal(t, page.Of[registry.VersionItem]{Items: []registry.VersionItem{}, Page: 1, Limit: 50}, versions)
	_, err = c.Registry.History(ctx, "", page.Request{Limit: 500})
	require.ErrorIs(t, err, pmerr.ErrValidation)
	require.Zero(t, s.count())
}

func TestAClosedClientAnswersNothing(t *testing.T) {
	t.Parallel()
	s := play(t, sequence(ok(emptyPage)))
	c, _ := setup(t, s.url, Options{})
	c.Close()
	c.Close()
	_, err := c.Registry.List(t.Context(), registry.Filter{}, page.Request{})
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	_, err = c.Registry.Get(t.Context(), "p", registry.Query{})
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	require.ErrorContains(t, err, "closed")
	require.Zero(t, s.count())
}

func TestATruncatedAnswerIsRepeated(t *testing.T) {
	t.Parallel()
	n := 0
	h := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		n++
		body := io.Reader(strings.NewReader(emptyPage))
		if n == 1 {
			body = io.MultiReader(strings.NewReader(`{"items":[`), failing{})
		}
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(body)}, nil
	})}
	c, _ := setup(t, "http://host", Options{HTTPClient: h})
	_, err := c.Registry.List(t.Context(), registry.Filter{}, page.Request{})
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
