package main_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

// hammer asks for more than its key is allowed.
type hammer struct {
	key    string
	limit  int
	window time.Duration
	// pace is how often each of its callers asks.
	pace time.Duration

	mu       sync.Mutex
	admitted []span // from sending to the answer
	refused  int
}

const hammerCallers = 6

// work asks until ctx ends.
func (h *hammer) work(ctx context.Context, f *fleet) {
	var callers sync.WaitGroup
	for range hammerCallers {
		callers.Go(func() {
			tick := time.NewTicker(h.pace)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
				h.ask(context.WithoutCancel(ctx), f)
			}
		})
	}
	callers.Wait()
}

func (h *hammer) ask(ctx context.Context, f *fleet) {
	begin := time.Now()
	answer, err := f.send(ctx, servertest.Request{Key: h.key, Method: "GET", Path: "/v1/budget"})
	end := time.Now()
	if err != nil {
		return // it may have been admitted; only what is certain counts
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case answer.Status == 429:
		h.refused++
	case answer.Header.Get("Ratelimit-Limit") != "": // the limiter let it pass, whatever came then
		h.admitted = append(h.admitted, span{begin.Round(0), end.Round(0)})
	}
}

// quietWindow waits until a window has passed from its begin to its end.
func (h *hammer) quietWindow() {
	begun := time.Duration(time.Now().UnixNano() % int64(h.window))
	time.Sleep(2*h.window - begun + h.window/10)
}

// check wants the limit kept in every window, to a tenth.
func (h *hammer) check(t *testing.T, whole []span) {
	t.Helper()
	counts := map[int64]int{}
	for _, one := range h.admitted {
		// What was sent and answered in one window, as the limiter aligns them,
		// was certainly admitted in it.
		if w := one.begin.UnixNano() / int64(h.window); w == one.end.UnixNano()/int64(h.window) {
			counts[w]++
		}
	}
	most := 0
	for w, n := range counts {
		most = max(most, n)
		if n > h.limit*11/10 {
			t.Errorf("%d requests were admitted in the window that began at %s, of %d", n, time.Unix(0, w*int64(h.window)).Format(time.StampMilli), h.limit)
		}
	}
	quiet, admitted := 0, 0 // windows in which every node lived
	for w, n := range counts {
		begin := time.Unix(0, w*int64(h.window))
		if slices.ContainsFunc(whole, func(s span) bool { return s.contains(begin, begin.Add(h.window)) }) {
			quiet++
			admitted += n
		}
	}
	require.Positive(t, quiet, "no window without a kill")
	require.Positive(t, h.refused, "the limit was not reached")
	require.Greater(t, most, h.limit/2, "the limit was not reached")
	t.Logf("limit %d in %s: at most %d in one of %d windows, on the average %.0f in the %d in which both nodes lived; %d admitted, %d refused",
		h.limit, h.window, most, len(counts), float64(admitted)/float64(quiet), quiet, len(h.admitted), h.refused)
}
