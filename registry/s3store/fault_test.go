package s3store_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/s3server"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/s3store"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func key(name string) registry.Key { return registry.Key{Name: name, Version: "1.0.0"} }

func by(author string) registry.Signature { return registry.Signature{Author: author} }

func home(s *s3store.Store) registry.Content { return s.Workspace(workspace.Default()) }

func put(tb testing.TB, s *s3store.Store, name, text string) registry.Stored {
	tb.Helper()
	stored, err := home(s).Put(tb.Context(), key(name), []byte(text), by("Ada"))
	require.NoError(tb, err)
	return stored
}

func reads(tb testing.TB, s *s3store.Store, ref, text string) {
	tb.Helper()
	data, err := home(s).Read(tb.Context(), ref)
	require.NoError(tb, err)
	require.Equal(tb, text, string(data))
}

// down checks that a failure is an outage, and says so with a time to wait.
func down(tb testing.TB, err error) {
	tb.Helper()
	require.ErrorIs(tb, err, pmerr.ErrUnavailable)
	require.NotErrorIs(tb, err, pmerr.ErrNotFound)
	require.Positive(tb, pmerr.From(err).RetryAfter)
	require.NotContains(tb, err.Error(), s3server.SecretKey)
}

type spoiler = func(*proxy, http.ResponseWriter, *http.Request)

// What may pass is tried again: the call succeeds as if nothing had been.
func TestFaultsThatPassAreNotNoticed(t *testing.T) {
	t.Parallel()
	server := s3server.Shared(t)
	anything := map[string]spoiler{
		"500":                   answers(500, "InternalError"),
		"502 by a proxy":        page(502),
		"503":                   answers(503, "SlowDown"),
		"429":                   answers(429, "TooManyRequests"),
		"a request timeout":     answers(400, "RequestTimeout"),
		"a dropped connection":  drops,
		"a lost answer":         loses,
		"no answer":             hangs,
		"a cut answer":          cuts,
		"a garbled answer":      garbles,
		"a conflict of writers": answers(409, "ConditionalRequestConflict"),
		"a garbled request":     garblesRequest,
	}
	for name, spoil := range anything {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := between(t, server)
			o := p.on(server.Bucket(t))
			if name == "no answer" {
				o.RequestTimeout = time.Second
			}
			s := open(t, o)
			kept := put(t, s, "kept", "kept")

			if name != "a cut answer" && name != "a garbled answer" { // those of writes are empty
				p.spoil("PUT", "content", 1, spoil)
				p.spoil("PUT", "/prompts/", 1, spoil)
			}
			stored, err := home(s).Put(t.Context(), key("welcome"), []byte("text"), by("Ada"))
			require.NoError(t, err)
			require.False(t, stored.Existed, "this call wrote it, whatever it was told at first")
			p.clear()

			if name != "a garbled request" { // these have no body
				p.spoil("GET", "content", 1, spoil)
			}
			reads(t, s, kept.Ref, "kept")
			p.clear()

			if name != "a garbled request" && name != "a garbled answer" {
				p.spoil("GET", "prefix=prompts", 1, spoil)
				p.spoil("PUT", "states", 1, spoil)
			}
			d, err := s.Diff(t.Context(), "")
			require.NoError(t, err)
			require.Len(t, d.Changes, 2)
			p.clear()

			if name != "a garbled request" && name != "a garbled answer" && name != "a cut answer" {
				p.spoil("DELETE", "", 1, spoil)
			}
			_, err = home(s).Remove(t.Context(), []registry.Key{key("welcome")}, by("Ada"))
			require.NoError(t, err)
			d, err = s.Diff(t.Context(), d.Head)
			require.NoError(t, err)
			require.False(t, d.Full)
			require.Len(t, d.Changes, 1)
			require.NoError(t, s.Check(t.Context()))
		})
	}
}

// What does not pass is an outage, never a thing that is not there.
func TestFaultsThatStayAreOutages(t *testing.T) {
	t.Parallel()
	server := s3server.Shared(t)
	for name, c := range map[string]struct {
		spoil spoiler
		says  string
	}{
		"500":                       {answers(500, "InternalError"), "500 InternalError"},
		"501":                       {answers(501, "NotImplemented"), "501 NotImplemented"},
		"503":                       {answers(503, "SlowDown"), "503 SlowDown"},
		"403":                       {answers(403, "AccessDenied"), "permissions or the keys have changed"},
		"the keys have ended":       {answers(400, "ExpiredToken"), "open the store with new ones"},
		"the bucket is gone":        {answers(404, "NoSuchBucket"), "the bucket was there"},
		"the region has changed":    {answers(400, "AuthorizationHeaderMalformed"), "AuthorizationHeaderMalformed"},
		"the clock is wrong":        {answers(403, "RequestTimeTooSkewed"), "set both by NTP"},
		"a page that is not of S3":  {page(200), ""},
		"a page that was not found": {page(404), ""},
		"a redirect to a login page": {func(_ *proxy, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/login", http.StatusFound)
		}, ""},
		"a connection that is cut": {drops, ""},
		"answers that are cut":     {cuts, ""},
		"no answer":                {hangs, "no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := between(t, server)
			o := p.on(server.Bucket(t))
			o.Attempts = 2
			s := open(t, o)
			stored := put(t, s, "welcome", "text")
			d, err := s.Diff(t.Context(), "")
			require.NoError(t, err)
			p.spoil("", "", -1, c.spoil)

			ctx := t.Context()
			if name == "no answer" { // the total is bounded by the call's own time
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 200*time.Millisecond)
				defer cancel()
			}
			_, err = home(s).Read(ctx, stored.Ref)
			down(t, err)
			require.Contains(t, err.Error(), c.says)
			if name != "answers that are cut" { // those of writes are empty
				_, err = home(s).Put(ctx, key("other"), []byte("text"), by("Ada"))
				down(t, err)
			}
			_, err = s.Diff(ctx, d.Head)
			down(t, err)
			_, err = home(s).Remove(ctx, []registry.Key{key("welcome")}, by("Ada"))
			down(t, err)
			down(t, s.Check(ctx))
			_, err = s.Explain(ctx, d.Head, []registry.File{{Workspace: workspace.Default(), Key: key("welcome")}})
			switch name {
			case "answers that are cut", "the bucket is gone", "a page that was not found":
				// HEAD has no body, so that these cannot be told from others; whoever
				// asks for an origin reads the content too.
			default:
				down(t, err)
			}

			p.clear()
			reads(t, s, stored.Ref, "text")
			put(t, s, "other", "text")
		})
	}
}

// freeze stops a server, which takes it a moment, until what asks it fails.
func freeze(tb testing.TB, server *s3server.Server, ask func(context.Context) error) {
	tb.Helper()
	require.NoError(tb, server.Freeze())
	require.Eventually(tb, func() bool {
		ctx, cancel := context.WithTimeout(tb.Context(), 300*time.Millisecond)
		defer cancel()
		return ask(ctx) != nil
	}, 30*time.Second, time.Millisecond)
}

func TestAServerThatComesBack(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	o := on(server, server.Bucket(t))
	o.Attempts, o.RequestTimeout = 2, 5*time.Second
	s := open(t, o)
	stored := put(t, s, "welcome", "text")
	failing := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := home(s).Read(ctx, stored.Ref)
		down(t, err)
		_, err = home(s).Put(ctx, key("during"), []byte("during"), by("Ada"))
		down(t, err)
		down(t, s.Check(ctx))
	}
	working := func(name string) {
		t.Helper()
		reads(t, s, stored.Ref, "text")
		put(t, s, name, name)
		// What failed halfway is done by doing it again.
		put(t, s, "during", "during")
		require.NoError(t, s.Check(t.Context()))
	}
	require.NoError(t, server.Halt(t.Context()))
	failing()
	require.NoError(t, server.Resume(t.Context()))
	working("halted")

	freeze(t, server, func(ctx context.Context) error { return s.Check(ctx) })
	failing()
	require.NoError(t, server.Thaw())
	working("frozen")

	server.Kill()
	failing()
	require.NoError(t, server.Resume(t.Context()))
	working("killed")
	d, err := s.Diff(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, d.Changes, 5)
}

// A frozen server is not waited for longer than the options say, by a call that
// has all the time in the world.
func TestTimeIsBounded(t *testing.T) {
	t.Parallel()
	p := between(t, s3server.Shared(t))
	o := p.on(s3server.Shared(t).Bucket(t))
	s := open(t, o)
	require.NoError(t, s.Close())
	o.RequestTimeout, o.Timeout, o.Attempts = 100*time.Millisecond, 300*time.Millisecond, 1000
	slow := s3store.Unopened(t, o)
	p.spoil("", "", -1, hangs)
	down(t, slow.Check(t.Context()))
}

func TestAClosedStoreIsUnavailable(t *testing.T) {
	t.Parallel()
	server := s3server.Shared(t)
	s := open(t, on(server, server.Bucket(t)))
	stored := put(t, s, "welcome", "text")
	require.NoError(t, s.Close())
	_, err := home(s).Read(t.Context(), stored.Ref)
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	_, err = home(s).Put(t.Context(), key("other"), nil, by("Ada"))
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	_, err = s.Diff(t.Context(), "")
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	require.ErrorIs(t, s.Check(t.Context()), pmerr.ErrUnavailable)
}
