package client

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// fileOf is the answer to a Get: a prompt whose message names the revision.
func fileOf(revision string) reply {
	return reply{
		status: 200, header: map[string]string{"ETag": `"` + revision + `"`},
		body: `{"content":{"name":"welcome","version":"1.0.0","messages":[{"role":"user","content":"` + revision + ` {{x}}"}]},` +
			`"version":{"name":"welcome","version_tag":"1.0.0","created_at":9}}`,
	}
}

// get asks for the prompt and gives its text and source.
func get(tb testing.TB, r *Registry, q registry.Query) (string, registry.Source) {
	tb.Helper()
	if q.Variables == nil {
		q.Variables = map[string]any{"x": "!"}
	}
	e, err := r.Get(tb.Context(), "welcome", q)
	require.NoError(tb, err)
	return e.Content.Messages[0].Content, e.Source
}

// settled waits until no flight is in the air.
func settled(tb testing.TB, c *Client) {
	tb.Helper()
	require.Eventually(tb, func() bool {
		c.cache.mu.Lock()
		defer c.cache.mu.Unlock()
		return len(c.cache.flights) == 0
	}, 5*time.Second, time.Millisecond)
}

func TestOneCachedFileServesAllVariables(t *testing.T) {
	t.Parallel()
	s := play(t, sequence(fileOf("a")))
	c, _ := setup(t, s.url, Options{})
	for i := range 10 {
		text, source := get(t, c.Registry, registry.Query{Variables: map[string]any{"x": fmt.Sprint(i)}})
		require.Equal(t, fmt.Sprintf("a %d", i), text)
		require.Equal(t, registry.Fresh, source)
	}
	e, err := c.Registry.Get(t.Context(), "welcome", registry.Query{Raw: true})
	require.NoError(t, err)
	require.Equal(t, "a {{x}}", e.Content.Messages[0].Content)
	e.Content.Messages[0].Content = "changed by the caller"
	again, _ := get(t, c.Registry, registry.Query{Raw: true})
	require.Equal(t, "a {{x}}", again)
	require.Equal(t, 1, s.count())
}

func TestEachSelectorIsItsOwnEntry(t *testing.T) {
	t.Parallel()
	s := play(t, func(_ int, r seen) reply {
		return fileOf(r.query.Get("version") + "/" + r.query.Get("label") + "/" + r.header.Get("X-Workspace-Id"))
	})
	c, _ := setup(t, s.url, Options{})
	other, err := c.Workspace("other")
	require.NoError(t, err)
	for range 2 {
		for want, ask := range map[string]struct {
			r *Registry
			q registry.Query
		}{
			"//default !":      {c.Registry, registry.Query{}},
			"1.0.0//default !": {c.Registry, registry.Query{Version: "1.0.0"}},
			"^1//default !":    {c.Registry, registry.Query{Version: "^1"}},
			"/prod/default !":  {c.Registry, registry.Query{Label: "prod"}},
			"//other !":        {other.Registry, registry.Query{}},
			"/prod/other !":    {other.Registry, registry.Query{Label: "prod"}},
			"1.0.0//other !":   {other.Registry, registry.Query{Version: "1.0.0"}},
			"/1.0.0/default !": {c.Registry, registry.Query{Label: "1.0.0"}},
			"prod//default !":  {c.Registry, registry.Query{Version: "prod"}},
		} {
			text, _ := get(t, ask.r, ask.q)
			require.Equal(t, want, text)
		}
	}
	require.Equal(t, 9, s.count())
}

func TestVersionAndLabelTogetherAreRefused(t *testing.T) {
	t.Parallel()
	s := play(t, sequence(fileOf("a")))
	c, _ := setup(t, s.url, Options{})
	_, err := c.Registry.Get(t.Context(), "welcome", registry.Query{Version: "1.0.0", Label: "prod"})
	require.ErrorIs(t, err, pmerr.ErrBadRequest)
	require.Zero(t, s.count())
}

// What happens to a cached file once its TTL is over.
func TestRefresh(t *testing.T) {
	t.Parallel()
	type after struct {
		text   string
		source registry.Source
		code   pmerr.Code
	}
	for name, tc := range map[string]struct {
		refresh reply
		// requests of the refresh, repetitions included; 0 where net/http adds
		// one of its own for a connection that it had kept.
		requests int
		after    after
		next     reply // what a later request is answered
	}{
		"a new file replaces the old": {
			refresh: fileOf("b"), requests: 1, after: after{text: "b !", source: registry.Fresh},
		},
		"a 304 renews it": {
			refresh: reply{status: 304}, requests: 1, after: after{text: "a !", source: registry.Fresh},
		},
		"a 404 evicts it": {
			refresh: envelopeOf(404, "NOT_FOUND", "Prompt not found"), requests: 1, next: envelopeOf(404, "NOT_FOUND", "Prompt not found"), after: after{code: pmerr.NotFound},
		},
		"a 401 evicts it": {
			refresh: envelopeOf(401, "UNAUTHORIZED", "no"), requests: 1, next: envelopeOf(401, "UNAUTHORIZED", "no"), after: after{code: pmerr.Unauthorized},
		},
		"a 403 evicts it": {
			refresh: envelopeOf(403, "FORBIDDEN", "no"), requests: 1, next: envelopeOf(403, "FORBIDDEN", "no"), after: after{code: pmerr.Forbidden},
		},
		"a 503 keeps it": {
			refresh: envelopeOf(503, "UNAVAILABLE", "down"), requests: 4, after: after{text: "a !", source: registry.Stale},
		},
		"a 500 keeps it": {
			refresh: envelopeOf(500, "INTERNAL_ERROR", "x"), requests: 4, after: after{text: "a !", source: registry.Stale},
		},
		"a 429 keeps it": {
			refresh: envelopeOf(429, "RATE_LIMIT_EXCEEDED", "x"), requests: 4, after: after{text: "a !", source: registry.Stale},
		},
		"a broken connection keeps it": {
			refresh: reply{cut: true}, after: after{text: "a !", source: registry.Stale},
		},
		"a proxy's 404 keeps it": {
			refresh: reply{status: 404, body: "default backend"}, requests: 1, after: after{text: "a !", source: registry.Stale},
		},
		"a portal's page keeps it": {
			refresh: ok("<html>log in</html>"), requests: 1, after: after{text: "a !", source: registry.Stale},
		},
		"a redirect keeps it": {
			refresh: reply{status: 302, header: map[string]string{"Location": "/login"}}, requests: 1, after: after{text: "a !", source: registry.Stale},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := newClock()
			s := play(t, sequence(fileOf("a")))
			c, _ := setup(t, s.url, Options{Now: at.now})
			get(t, c.Registry, registry.Query{})
			at.move(59 * time.Second)
			_, source := get(t, c.Registry, registry.Query{})
			require.Equal(t, registry.Fresh, source)
			require.Equal(t, 1, s.count())

			s.turn(sequence(tc.refresh))
			at.move(time.Second)
			text, source := get(t, c.Registry, registry.Query{})
			require.Equal(t, "a !", text, "nobody waits for the refresh")
			require.Equal(t, registry.Stale, source)
			settled(t, c)
			refreshed := s.count()
			if tc.requests > 0 {
				require.Equal(t, 1+tc.requests, refreshed)
			}
			require.Equal(t, `"a"`, s.all()[1].header.Get("If-None-Match"))
			require.Empty(t, s.all()[0].header.Get("If-None-Match"))

			if tc.next.status != 0 {
				s.turn(sequence(tc.next))
			}
			e, err := c.Registry.Get(t.Context(), "welcome", registry.Query{Variables: map[string]any{"x": "!"}})
			if tc.after.code != "" {
				require.Equal(t, tc.after.code, pmerr.From(err).Code)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.after.text, e.Content.Messages[0].Content)
			require.Equal(t, tc.after.source, e.Source)
			require.Equal(t, refreshed, s.count(), "the next refresh waits")
			if tc.after.source == registry.Fresh {
				at.move(59 * time.Second)
				_, source = get(t, c.Registry, registry.Query{})
				require.Equal(t, registry.Fresh, source, "fresh for a whole TTL again")
			}
		})
	}
}

func TestAfterAFailedRefreshTheNextOneWaits(t *testing.T) {
	t.Parallel()
	at := newClock()
	s := play(t, sequence(fileOf("a")))
	c, _ := setup(t, s.url, Options{Now: at.now, Retries: -1})
	get(t, c.Registry, registry.Query{})
	s.turn(sequence(reply{status: 503, body: "{}", header: map[string]string{"Retry-After": "20"}}))
	at.move(time.Minute)
	refreshes := func() int {
		_, source := get(t, c.Registry, registry.Query{})
		require.Equal(t, registry.Stale, source)
		settled(t, c)
		return s.count() - 1
	}
	require.Equal(t, 1, refreshes())
	at.move(19 * time.Second)
	require.Equal(t, 1, refreshes(), "as long as the server asked for")
	at.move(time.Second)
	require.Equal(t, 2, refreshes())
	s.turn(sequence(reply{status: 500}))
	at.move(20 * time.Second)
	require.Equal(t, 3, refreshes())
	at.move(4 * time.Second)
	require.Equal(t, 3, refreshes(), "five seconds otherwise")
	s.turn(sequence(fileOf("b")))
	at.move(time.Second)
	require.Equal(t, 4, refreshes())
	text, source := get(t, c.Registry, registry.Query{})
	require.Equal(t, "b !", text)
	require.Equal(t, registry.Fresh, source)
}

func TestConcurrentMissesShareOneRequest(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	held := fileOf("a")
	held.wait = gate
	s := play(t, sequence(held))
	c, _ := setup(t, s.url, Options{})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			e, err := c.Registry.Get(t.Context(), "welcome", registry.Query{Variables: map[string]any{"x": "!"}})
			if err != nil || e.Content.Messages[0].Content != "a !" || e.Source != registry.Fresh {
				t.Errorf("got %+v, %v", e, err)
			}
		})
	}
	require.Eventually(t, func() bool { return s.count() == 1 }, time.Second, time.Millisecond)
	close(gate)
	wg.Wait()
	require.Equal(t, 1, s.count())
}

func TestOneRefreshForManyReaders(t *testing.T) {
	t.Parallel()
	at := newClock()
	s := play(t, sequence(fileOf("a")))
	c, _ := setup(t, s.url, Options{Now: at.now})
	get(t, c.Registry, registry.Query{})
	s.turn(sequence(fileOf("b")))
	at.move(time.Hour)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			e, err := c.Registry.Get(t.Context(), "welcome", registry.Query{Variables: map[string]any{"x": "!"}})
			if err != nil || (e.Source == registry.Stale) != (e.Content.Messages[0].Content == "a !") {
				t.Errorf("got %+v, %v", e, err)
			}
		})
	}
	wg.Wait()
	settled(t, c)
	require.Equal(t, 2, s.count())
}

func TestAReaderThatGivesUpDoesNotFailTheOthers(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	held := fileOf("a")
	held.wait = gate
	s := play(t, sequence(held))
	c, _ := setup(t, s.url, Options{})
	first, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := c.Registry.Get(first, "welcome", registry.Query{})
		gone <- err
	}()
	require.Eventually(t, func() bool { return s.count() == 1 }, time.Second, time.Millisecond)
	other := make(chan error)
	go func() {
		_, err := c.Registry.Get(t.Context(), "welcome", registry.Query{})
		other <- err
	}()
	cancel()
	require.ErrorIs(t, <-gone, context.Canceled)
	close(gate)
	require.NoError(t, <-other)
	require.Equal(t, 1, s.count())
}

func TestOwnWritesAreSeenAtOnce(t *testing.T) {
	t.Parallel()
	by := registry.Signature{}
	for name, write := range map[string]func(context.Context, *Registry) error{
		"Create": func(ctx context.Context, r *Registry) error {
			_, err := r.Create(ctx, registry.Prompt{Name: "welcome"}, by)
			return err
		},
		"Activate":      func(ctx context.Context, r *Registry) error { return r.Activate(ctx, "welcome", "1.0.0") },
		"Delete":        func(ctx context.Context, r *Registry) error { return r.Delete(ctx, "welcome", by) },
		"DeleteVersion": func(ctx context.Context, r *Registry) error { return r.DeleteVersion(ctx, "welcome", "1.0.0", by) },
		"DeleteLabel":   func(ctx context.Context, r *Registry) error { return r.DeleteLabel(ctx, "welcome", "prod") },
		"SetLabel": func(ctx context.Context, r *Registry) error {
			_, err := r.SetLabel(ctx, "welcome", "prod", "")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			revision := "old"
			gate := make(chan struct{})
			hold := false
			s := play(t, func(_ int, r seen) reply {
				mu.Lock()
				defer mu.Unlock()
				if r.method != "GET" {
					revision = "new"
					return ok(`{}`)
				}
				a := fileOf(revision)
				if hold {
					a.wait, hold = gate, false
				}
				return a
			})
			at := newClock()
			c, _ := setup(t, s.url, Options{Now: at.now})
			ask := []registry.Query{{}, {Label: "prod"}, {Version: "^1"}, {Version: "1.0.0"}}
			for _, q := range ask {
				text, _ := get(t, c.Registry, q)
				require.Equal(t, "old !", text)
			}
			// A refresh that read the old state is still in the air.
			at.move(time.Hour)
			mu.Lock()
			hold = true
			mu.Unlock()
			get(t, c.Registry, ask[0])
			require.Eventually(t, func() bool { return s.count() == 5 }, time.Second, time.Millisecond)

			require.NoError(t, write(t.Context(), c.Registry))
			for _, q := range ask {
				text, source := get(t, c.Registry, q)
				require.Equal(t, "new !", text)
				require.Equal(t, registry.Fresh, source)
			}
			close(gate)
			c.crew.wg.Wait()
			text, _ := get(t, c.Registry, ask[0])
			require.Equal(t, "new !", text, "the old refresh must not come back")
		})
	}
}

func TestWritesLeaveOtherPromptsCached(t *testing.T) {
	t.Parallel()
	s := play(t, func(_ int, r seen) reply {
		if r.method == "GET" {
			return fileOf("a")
		}
		return reply{status: 204}
	})
	c, _ := setup(t, s.url, Options{})
	other, err := c.Workspace("other")
	require.NoError(t, err)
	get(t, c.Registry, registry.Query{})
	require.NoError(t, c.Registry.Delete(t.Context(), "another", registry.Signature{}))
	require.NoError(t, other.Registry.Delete(t.Context(), "welcome", registry.Signature{}))
	get(t, c.Registry, registry.Query{})
	require.Equal(t, 3, s.count())
}

func TestTheCacheKeepsTheMostRecentlyUsed(t *testing.T) {
	t.Parallel()
	s := play(t, sequence(fileOf("a")))
	c, _ := setup(t, s.url, Options{CacheSize: 3})
	ask := func(label string) int {
		before := s.count()
		get(t, c.Registry, registry.Query{Label: label})
		return s.count() - before
	}
	for _, label := range []string{"a", "b", "c"} {
		require.Equal(t, 1, ask(label))
	}
	require.Equal(t, 0, ask("a"))
	require.Equal(t, 1, ask("d"), "b makes room")
	require.Equal(t, 0, ask("a"))
	require.Equal(t, 0, ask("c"))
	require.Equal(t, 1, ask("b"))
	for i := range 100 {
		ask(fmt.Sprint(i))
	}
	require.Len(t, c.cache.slots, 3)
	require.Equal(t, 3, c.cache.recent.Len())
	require.Len(t, c.cache.bySubject, 1)
	require.Len(t, c.cache.bySubject[subject{"default", "welcome"}], 3)
	c.cache.invalidate(subject{"default", "welcome"})
	require.Empty(t, c.cache.slots)
	require.Empty(t, c.cache.bySubject)
}

func TestANegativeTTLTurnsTheCacheOff(t *testing.T) {
	t.Parallel()
	s := play(t, sequence(fileOf("a"), fileOf("b")))
	c, _ := setup(t, s.url, Options{CacheTTL: -1})
	for _, want := range []string{"a !", "b !", "b !"} {
		text, source := get(t, c.Registry, registry.Query{})
		require.Equal(t, want, text)
		require.Equal(t, registry.Fresh, source)
	}
	require.Equal(t, 3, s.count())
	require.Empty(t, s.all()[2].header.Get("If-None-Match"))
	require.Empty(t, c.cache.slots)
}

func TestErrorsAreNotCached(t *testing.T) {
	t.Parallel()
	s := play(t, sequence(envelopeOf(404, "NOT_FOUND", "Prompt not found"), fileOf("a")))
	c, _ := setup(t, s.url, Options{})
	_, err := c.Registry.Get(t.Context(), "welcome", registry.Query{})
	require.ErrorIs(t, err, pmerr.ErrNotFound)
	require.Equal(t, "r-1", pmerr.From(err).RequestID)
	text, _ := get(t, c.Registry, registry.Query{})
	require.Equal(t, "a !", text)
}

func TestRenderingErrorsAreThoseOfTheRegistry(t *testing.T) {
	t.Parallel()
	s := play(t, sequence(ok(`{"content":{"name":"welcome","version":"1.0.0","messages":[{"role":"user","content":"{{n}}"}],"variables":{"n":{"type":"number","required":true}}},"version":{"name":"welcome","version_tag":"1.0.0","created_at":9}}`)))
	c, _ := setup(t, s.url, Options{})
	_, err := c.Registry.Get(t.Context(), "welcome", registry.Query{})
	require.ErrorIs(t, err, pmerr.ErrBadRequest)
	require.ErrorContains(t, err, "Missing required variables: n")
	_, err = c.Registry.Get(t.Context(), "welcome", registry.Query{Variables: map[string]any{"n": true}})
	require.ErrorIs(t, err, pmerr.ErrValidation)
	_, err = c.Registry.Get(t.Context(), "welcome", registry.Query{Raw: true})
	require.NoError(t, err)
	require.Equal(t, 1, s.count())
}

func TestAFileThatCannotBeRenderedCanBeReadRaw(t *testing.T) {
	t.Parallel()
	s := play(t, sequence(ok(`{"content":{"name":"welcome","version":"1.0.0","messages":[{"role":"user","content":"{{#n}}"}]},"version":{"name":"welcome","version_tag":"1.0.0","created_at":9}}`)))
	c, _ := setup(t, s.url, Options{})
	_, err := c.Registry.Get(t.Context(), "welcome", registry.Query{})
	require.ErrorIs(t, err, pmerr.ErrValidation)
	text, _ := get(t, c.Registry, registry.Query{Raw: true})
	require.Equal(t, "{{#n}}", text)
}

func TestCloseEndsRefreshes(t *testing.T) {
	t.Parallel()
	at := newClock()
	s := play(t, sequence(fileOf("a")))
	c, _ := setup(t, s.url, Options{Now: at.now})
	get(t, c.Registry, registry.Query{})
	s.turn(sequence(reply{status: 200, wait: make(chan struct{})}))
	at.move(time.Hour)
	get(t, c.Registry, registry.Query{})
	missing := make(chan error)
	go func() {
		_, err := c.Registry.Get(t.Context(), "other", registry.Query{})
		missing <- err
	}()
	require.Eventually(t, func() bool { return s.count() == 3 }, time.Second, time.Millisecond)
	c.Close()
	err := <-missing
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	require.NotErrorIs(t, err, context.Canceled, "the caller's context did not end")
	text, source := get(t, c.Registry, registry.Query{})
	require.Equal(t, "a !", text, "what is cached is still served")
	require.Equal(t, registry.Stale, source)
}

// Readers, writers, refreshes and evictions at once, for the race detector;
// what is read is never older than a write that ended before the read.
func TestTheCacheUnderLoad(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	revision := 0
	s := play(t, func(_ int, r seen) reply {
		mu.Lock()
		defer mu.Unlock()
		if r.method != "GET" {
			revision++
			return ok(`{}`)
		}
		return fileOf(fmt.Sprint(revision))
	})
	at := newClock()
	c, _ := setup(t, s.url, Options{Now: at.now, CacheSize: 2})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 40 {
				if w == 0 {
					if err := c.Registry.Activate(t.Context(), "welcome", ""); err != nil {
						t.Error(err)
					}
				}
				if i%10 == 0 {
					at.move(61 * time.Second)
				}
				mu.Lock()
				least := revision
				mu.Unlock()
				e, err := c.Registry.Get(t.Context(), "welcome", registry.Query{Label: fmt.Sprint(i % 3)})
				if err != nil {
					t.Error(err)
					continue
				}
				if w == 0 { // the only writer: its own writes have ended
					var got int
					_, _ = fmt.Sscan(e.Content.Messages[0].Content, &got)
					if got < least {
						t.Errorf("read revision %d after writing %d", got, least)
					}
				}
			}
		})
	}
	wg.Wait()
}
