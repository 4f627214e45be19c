package playground_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// vendor is a provider that only lists its models.
type vendor struct {
	asked atomic.Int64
	list  func(ctx context.Context, n int64) ([]playground.Model, error)
}

func (*vendor) Name() string { return "vendor" }

func (v *vendor) Models(ctx context.Context) ([]playground.Model, error) {
	return v.list(ctx, v.asked.Add(1))
}

func (*vendor) Call(context.Context, playground.Call) (playground.Reply, error) {
	return playground.Reply{}, errors.New("not played")
}

func (*vendor) Stream(context.Context, playground.Call) iter.Seq2[playground.Part, error] {
	return func(func(playground.Part, error) bool) {}
}

// watch is a clock that stands still.
type watch struct{ at atomic.Int64 }

func (w *watch) now() time.Time        { return time.Unix(0, w.at.Load()) }
func (w *watch) pass(by time.Duration) { w.at.Add(int64(by)) }

func catalogOf(tb testing.TB, v *vendor, w *watch) *playground.Service {
	tb.Helper()
	w.at.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	p, err := playground.New(playground.Config{Providers: []playground.Provider{v}, Logger: slog.New(slog.DiscardHandler), Now: w.now})
	require.NoError(tb, err)
	return p.Workspace(playground.Scope{})
}

func TestWhoGoesAwayDoesNotEmptyTheListForOthers(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	v := &vendor{list: func(ctx context.Context, _ int64) ([]playground.Model, error) {
		leave()
		return []playground.Model{{ID: "m"}}, ctx.Err()
	}}
	s := catalogOf(t, v, &watch{})
	_, err := s.Models(ctx, page.Request{})
	require.NoError(t, err)
	p, err := s.Models(t.Context(), page.Request{})
	require.NoError(t, err)
	require.Equal(t, []playground.Model{{ID: "m", Name: "m", Provider: "vendor"}}, p.Items)
	require.EqualValues(t, 1, v.asked.Load())
}

func TestAProviderThatFailedIsAskedAgainSoon(t *testing.T) {
	t.Parallel()
	v := &vendor{list: func(_ context.Context, n int64) ([]playground.Model, error) {
		if n == 1 {
			return nil, pmerr.New(pmerr.ProviderError, "vendor cannot be reached")
		}
		return []playground.Model{{ID: "m"}}, nil
	}}
	w := &watch{}
	s := catalogOf(t, v, w)
	for _, step := range []struct {
		after         time.Duration
		models, asked int64
	}{
		{0, 0, 1},
		{59 * time.Second, 0, 1}, // it is not asked for every caller
		{2 * time.Second, 1, 2},
		{59 * time.Minute, 1, 2},
		{2 * time.Minute, 1, 3},
	} {
		w.pass(step.after)
		p, err := s.Models(t.Context(), page.Request{})
		require.NoError(t, err)
		require.Equal(t, step.models, p.Total)
		require.Equal(t, step.asked, v.asked.Load())
	}
}

func TestModelsThatNobodyCouldAskForAreLeftOut(t *testing.T) {
	t.Parallel()
	v := &vendor{list: func(context.Context, int64) ([]playground.Model, error) {
		return []playground.Model{{ID: "m"}, {ID: ""}, {ID: strings.Repeat("x", 129)}, {ID: "\xff"}, {ID: "m", Name: "again"}, {ID: "a"}}, nil
	}}
	p, err := catalogOf(t, v, &watch{}).Models(t.Context(), page.Request{})
	require.NoError(t, err)
	require.Equal(t, []playground.Model{{ID: "a", Name: "a", Provider: "vendor"}, {ID: "m", Name: "m", Provider: "vendor"}}, p.Items)
}
