package promptmetrics_test

import (
	"context"
	"encoding/json"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// listener keeps the logs that it hears of.
type listener struct {
	mu   sync.Mutex
	logs []telemetry.Recorded
}

func (l *listener) Logged(logs []telemetry.Recorded) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.logs = append(l.logs, logs...)
}

func (*listener) TraceOpened(telemetry.Source, telemetry.Trace)      {}
func (*listener) SpansAdded(telemetry.Source, []telemetry.Span)      {}
func (*listener) SpanChanged(telemetry.Source, telemetry.Span, bool) {}

// heard gives the logs of one prompt.
func (l *listener) heard(prompt string) (logs []telemetry.Recorded) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.logs {
		if r.Log.PromptName == prompt {
			logs = append(logs, r)
		}
	}
	return logs
}

// parrot is a provider that repeats what it reads.
type parrot struct{}

func (parrot) Name() string                                       { return "parrot" }
func (parrot) Models(context.Context) ([]playground.Model, error) { return nil, nil }

func (parrot) Call(_ context.Context, c playground.Call) (playground.Reply, error) {
	if c.Model == "mute" {
		return playground.Reply{}, promptmetrics.ErrUnavailable
	}
	n := int64(3)
	return playground.Reply{
		ID: "r-1", Model: c.Model + "-2", Output: c.Messages[len(c.Messages)-1].Content, FinishReason: "stop",
		Usage: playground.Usage{TokensIn: &n, TokensOut: &n},
	}, nil
}

func (parrot) Stream(_ context.Context, c playground.Call) iter.Seq2[playground.Part, error] {
	return func(yield func(playground.Part, error) bool) {
		_ = yield(playground.Part{Content: "half, "}, nil) && yield(playground.Part{Content: "whole"}, nil) &&
			yield(playground.Part{ToolCall: &playground.ToolCall{ID: "c", Name: "f", Arguments: "{}"}}, nil) &&
			yield(playground.Part{Done: true, ID: "r-2", Model: c.Model, FinishReason: "tool_calls"}, nil)
	}
}

func TestObserversHearOfOurOwnCalls(t *testing.T) {
	t.Parallel()
	heard := &listener{}
	pm := start(t, promptmetrics.Options{Providers: []playground.Provider{parrot{}}, Observers: []telemetry.Observer{heard}})
	ask := func(prompt, model string) playground.Request {
		return playground.Request{
			Provider: "parrot", Model: model, PromptName: prompt, Messages: []playground.Message{{Role: playground.User, Content: "Hello {{name}}"}},
			Variables: map[string]any{"name": "Ada"},
		}
	}

	t.Run("of a whole answer with what was said", func(t *testing.T) {
		t.Parallel()
		_, err := pm.Playground.Chat(t.Context(), ask("chat", "m"))
		require.NoError(t, err)
		logs := heard.heard("chat")
		require.Len(t, logs, 1)
		require.Equal(t, telemetry.FromModelCall, logs[0].Origin)
		x := logs[0].Exchange
		require.Equal(t, []telemetry.Turn{{Role: "user", Content: "Hello Ada"}}, x.Input)
		require.Equal(t, []telemetry.Turn{{Role: "assistant", Content: "Hello Ada"}}, x.Output)
		require.Equal(t, []string{"r-1", "m-2", "stop"}, []string{x.ResponseID, x.ResponseModel, x.FinishReason})
	})

	t.Run("of a stream with all of it", func(t *testing.T) {
		t.Parallel()
		for _, err := range pm.Playground.Stream(t.Context(), ask("stream", "m")) {
			require.NoError(t, err)
		}
		logs := heard.heard("stream")
		require.Len(t, logs, 1)
		require.Equal(t, []telemetry.Turn{{
			Role: "assistant", Content: "half, whole", ToolCalls: []telemetry.ToolCall{{ID: "c", Name: "f", Arguments: "{}"}},
		}}, logs[0].Exchange.Output)
		require.Equal(t, "tool_calls", logs[0].Exchange.FinishReason)
	})

	t.Run("of a call that failed", func(t *testing.T) {
		t.Parallel()
		_, err := pm.Playground.Chat(t.Context(), ask("failed", "mute"))
		require.Error(t, err)
		logs := heard.heard("failed")
		require.Len(t, logs, 1)
		require.Equal(t, telemetry.Failed, logs[0].Log.Status)
		require.Len(t, logs[0].Exchange.Input, 1)
		require.Nil(t, logs[0].Exchange.Output)
	})

	t.Run("of what an evaluation run asks", func(t *testing.T) {
		t.Parallel()
		_, err := pm.Registry.Create(t.Context(), hello("evaluated", "1.0.0"), registry.Signature{})
		require.NoError(t, err)
		var criteria eval.Criteria
		require.NoError(t, json.Unmarshal([]byte(`{"rules":[{"type":"exact"}]}`), &criteria))
		e, err := pm.Evals.Create(t.Context(), eval.Evaluation{Name: "e", PromptName: "evaluated", Criteria: &criteria})
		require.NoError(t, err)
		row := eval.Row{Input: json.RawMessage(`{"name":"Ada"}`), ExpectedOutput: json.RawMessage(`{"answer":"Hello Ada"}`)}
		set, err := pm.Evals.CreateDataset(t.Context(), "rows", []eval.Row{row, row, row})
		require.NoError(t, err)
		run, err := pm.Evals.StartRun(t.Context(), e.ID, eval.RunSpec{DatasetID: &set.ID, Provider: "parrot", Model: "m"})
		require.NoError(t, err)
		run, err = pm.Evals.WaitRun(t.Context(), e.ID, run.ID, 5*time.Millisecond)
		require.NoError(t, err)
		require.Equal(t, eval.RunCompleted, run.Status)
		logs := heard.heard("evaluated")
		require.Len(t, logs, 3, "a call for each row")
		for _, r := range logs {
			require.Equal(t, telemetry.FromModelCall, r.Origin)
			require.NotEmpty(t, r.Exchange.Output)
		}
	})
}
