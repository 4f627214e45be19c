package playground_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/playground"
)

// moody is a provider that lists its models while it is not down.
type moody struct {
	down  bool
	asked int
}

func (*moody) Name() string { return "moody" }

func (m *moody) Models(context.Context) ([]playground.Model, error) {
	m.asked++
	if m.down {
		return nil, errors.New("down")
	}
	return []playground.Model{{ID: "m"}}, nil
}

func (*moody) Call(context.Context, playground.Call) (playground.Reply, error) {
	return playground.Reply{}, errors.New("not called here")
}

func (*moody) Stream(context.Context, playground.Call) iter.Seq2[playground.Part, error] {
	return func(yield func(playground.Part, error) bool) { yield(playground.Part{}, errors.New("not called here")) }
}

func TestTheListOfModelsGrowsOld(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	m := &moody{down: true}
	p, err := playground.New(playground.Config{
		Providers: []playground.Provider{m}, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
	})
	require.NoError(t, err)
	models := func() int64 {
		list, err := p.Workspace(playground.Scope{}).Models(t.Context(), page.Request{})
		require.NoError(t, err)
		return list.Total
	}
	for _, step := range []struct {
		name   string
		after  time.Duration
		down   bool
		models int64
		asked  int
	}{
		{"a provider that is down offers nothing", 0, true, 0, 1},
		{"and is not asked again at once", 30 * time.Second, false, 0, 1},
		{"but soon", 31 * time.Second, false, 1, 2},
		{"what it offers is kept", 59 * time.Minute, true, 1, 2},
		{"for an hour; it stays while the provider is down", 2 * time.Minute, true, 1, 3},
	} {
		now, m.down = now.Add(step.after), step.down
		require.Equal(t, step.models, models(), step.name)
		require.Equal(t, step.asked, m.asked, step.name)
	}
}
