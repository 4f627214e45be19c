package promptmetrics

import (
	"context"
	"iter"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// counted is a provider that answers everything.
type counted struct{ calls int }

func (c *counted) Name() string                                       { return "counted" }
func (c *counted) Models(context.Context) ([]playground.Model, error) { return nil, nil }
func (c *counted) Call(context.Context, playground.Call) (playground.Reply, error) {
	c.calls++
	return playground.Reply{Output: "an answer"}, nil
}

func (c *counted) Stream(context.Context, playground.Call) iter.Seq2[playground.Part, error] {
	return func(func(playground.Part, error) bool) {}
}

// unlimited is a budget.
type unlimited struct{}

func (unlimited) Check(context.Context) error { return nil }

// away is a log book whose database is away for so many tries.
type away struct{ tries, until int }

func (a *away) RecordCall(_ context.Context, _ telemetry.Call, l telemetry.Log) (telemetry.Log, error) {
	if a.tries++; a.tries <= a.until {
		return l, pmerr.New(pmerr.Unavailable, "the database is down")
	}
	return l, nil
}

func TestAnAnswerThatCannotBeLoggedYetIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	provider, book := &counted{}, &away{until: 2}
	all, err := playground.New(playground.Config{Providers: []playground.Provider{provider}, Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	require.NoError(t, err)
	asks := eval.Metered(models{all: all, own: all.Workspace(playground.Scope{Recorder: patient{book}, Budget: unlimited{}})})
	reply, err := asks.Ask(t.Context(), eval.Question{Provider: "counted", Model: "m", Messages: []eval.Message{{Role: "user", Content: "Hi"}}})
	require.NoError(t, err)
	require.Equal(t, "an answer", reply.Output)
	require.Equal(t, 1, provider.calls)
	require.Equal(t, 3, book.tries)

	ctx, cancel := context.WithTimeout(t.Context(), 2*recordWait)
	defer cancel()
	_, err = patient{&away{until: 1000}}.RecordCall(ctx, telemetry.Call{}, telemetry.Log{})
	require.ErrorIs(t, err, pmerr.ErrUnavailable, "it does not wait for ever")
}
