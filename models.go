package promptmetrics

import (
	"context"
	"errors"
	"time"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// models asks the playground for evaluations: its calls are guarded, limited,
// logged and priced like those of people, but leave no entry in the audit log,
// where the run has one.
type models struct {
	all   *playground.Playground
	own   *playground.Service
	guard playground.Guard
}

var _ eval.Model = models{}

// Ask calls a model once. The messages go as they are: what a dataset holds is
// never a template.
func (m models) Ask(ctx context.Context, q eval.Question) (eval.Reply, error) {
	request := playground.Request{
		Provider: q.Provider, Model: q.Model, Temperature: q.Temperature, TopP: q.TopP, MaxTokens: q.MaxTokens,
		ResponseFormat: q.ResponseFormat, PromptName: q.PromptName, VersionTag: q.VersionTag,
	}
	for _, message := range q.Messages {
		request.Messages = append(request.Messages, playground.Message{Role: playground.Role(message.Role), Content: message.Content})
	}
	answer, err := m.own.Ask(ctx, request)
	if err != nil {
		return eval.Reply{}, err
	}
	return eval.Reply{
		Output: answer.Output, LatencyMS: answer.LatencyMS,
		TokensIn: answer.TokensIn, TokensOut: answer.TokensOut, CostUSD: answer.CostUSD,
	}, nil
}

// patient waits for a database that is away with the log of a call, until the
// caller's time is over: the model has answered and is paid, and who is told
// that it is unavailable asks it again.
type patient struct{ playground.Recorder }

// recordWait is the pause between two tries to log a call.
const recordWait = 200 * time.Millisecond

// RecordCall implements [playground.Recorder].
func (p patient) RecordCall(ctx context.Context, c telemetry.Call, l telemetry.Log) (telemetry.Log, error) {
	for {
		recorded, err := p.Recorder.RecordCall(ctx, c, l)
		if !errors.Is(err, pmerr.ErrUnavailable) {
			return recorded, err
		}
		select {
		case <-time.After(recordWait):
		case <-ctx.Done():
			return recorded, err
		}
	}
}

// Embed gives a vector for each text, from a provider that makes them.
func (m models) Embed(ctx context.Context, provider, model string, texts []string) ([][]float64, error) {
	p, err := m.all.Provider(provider)
	if err != nil {
		return nil, err
	}
	embedder, ok := p.(playground.Embedder)
	if !ok {
		return nil, pmerr.New(pmerr.BadRequest, "The provider %s makes no embeddings", provider)
	}
	if err := m.guard.Check(ctx, texts); err != nil {
		return nil, err
	}
	return embedder.Embed(ctx, model, texts)
}

// Check tells whether a provider is set up.
func (m models) Check(provider string) error {
	_, err := m.all.Provider(provider)
	return err
}
