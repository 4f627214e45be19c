package promptmetrics

import (
	"context"

	"github.com/promptmetrics-go/promptmetrics/budget"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// modelsOf is what evaluations ask: the playground, whose calls are logged and
// priced like all others.
func (c *Client) modelsOf(id workspace.ID) eval.Model {
	if c.model != nil {
		return c.model
	}
	return models{c.playground, c.playground.Workspace(playground.Scope{
		Recorder: telemetry.NewService(c.telemetry.Workspace(id, evaluator), c.prices),
		Budget:   budget.NewService(c.store.Budget(id, evaluator), c.monthly, c.now),
		Auditor:  c.store.Auditor(id, evaluator),
	})}
}

// models lets evaluations ask the providers of the playground.
type models struct {
	playground *playground.Playground
	service    *playground.Service
}

// Check implements [eval.Model].
func (m models) Check(provider string) error {
	_, err := m.playground.Provider(provider)
	return err
}

// Ask implements [eval.Model].
func (m models) Ask(ctx context.Context, q eval.Question) (eval.Reply, error) {
	messages := make([]playground.Message, len(q.Messages))
	for i, message := range q.Messages {
		messages[i] = playground.Message{Role: playground.Role(message.Role), Content: message.Content}
	}
	a, err := m.service.Ask(ctx, playground.Request{
		Provider: q.Provider, Model: q.Model, Messages: messages, Temperature: q.Temperature, TopP: q.TopP, MaxTokens: q.MaxTokens,
		ResponseFormat: q.ResponseFormat, PromptName: q.PromptName, VersionTag: q.VersionTag,
	})
	if err != nil {
		return eval.Reply{}, err
	}
	return eval.Reply{Output: a.Output, LatencyMS: a.LatencyMS, TokensIn: a.TokensIn, TokensOut: a.TokensOut, CostUSD: a.CostUSD}, nil
}

// Embed implements [eval.Model].
func (m models) Embed(ctx context.Context, provider, model string, texts []string) ([][]float64, error) {
	p, err := m.playground.Provider(provider)
	if err != nil {
		return nil, err
	}
	embedder, ok := p.(playground.Embedder)
	if !ok {
		return nil, pmerr.New(pmerr.BadRequest, "The provider %s makes no embeddings", provider)
	}
	return embedder.Embed(ctx, model, texts)
}
