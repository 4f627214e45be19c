package promptmetrics_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/eval/evalsuite"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// playedProvider makes a provider of the playground of the model that the suite
// of runs plays.
type playedProvider struct{ model *evalsuite.Model }

func (p playedProvider) Name() string { return evalsuite.Provider }

func (p playedProvider) Models(context.Context) ([]playground.Model, error) { return nil, nil }

func (p playedProvider) Call(ctx context.Context, c playground.Call) (playground.Reply, error) {
	q := eval.Question{Provider: evalsuite.Provider, Model: c.Model, Temperature: c.Temperature, TopP: c.TopP, MaxTokens: c.MaxTokens}
	for _, m := range c.Messages {
		q.Messages = append(q.Messages, eval.Message{Role: string(m.Role), Content: m.Content})
	}
	reply, err := p.model.Ask(ctx, q)
	return playground.Reply{
		Output: reply.Output, FinishReason: "stop", Usage: playground.Usage{TokensIn: reply.TokensIn, TokensOut: reply.TokensOut},
	}, err
}

func (p playedProvider) Stream(context.Context, playground.Call) iter.Seq2[playground.Part, error] {
	return func(func(playground.Part, error) bool) {}
}

// playedPrices charge what the suite expects for the models that it makes up.
func playedPrices(tb testing.TB) *telemetry.PriceTable {
	tb.Helper()
	var models []string
	for n := range 5000 {
		models = append(models, fmt.Sprintf(`"model-%d":{"input":0,"output":%g}`, n, evalsuite.USDPerToken*1e6))
	}
	prices, err := telemetry.ParsePrices([]byte(fmt.Sprintf(
		`{"updated":"2026-01-01","currency":"USD","unit":"1M tokens","providers":{%q:{"source":"https://example.com","as_of":"2026-01-01","models":{%s}}}}`,
		evalsuite.Provider, strings.Join(models, ","))))
	require.NoError(tb, err)
	return prices
}

func (d *deployment) evalRuns(tb testing.TB) evalsuite.RunEnv {
	tb.Helper()
	mine, theirs := d.pair(tb)
	own := d.In(mine, owner)
	return evalsuite.RunEnv{
		Mine: own.Evals, Theirs: d.In(theirs, owner).Evals, Prompts: own.Registry, Lifecycle: own.Registry,
		Model: d.model, Audit: own.Audit, Actor: owner.Name,
	}
}

func (r remote) evalRuns(tb testing.TB) evalsuite.RunEnv {
	tb.Helper()
	mine, theirs := r.pair(tb)
	own := r.connect(tb, "own", mine.String(), everything, mine)
	return evalsuite.RunEnv{
		Mine: own.Evals, Theirs: r.connect(tb, "foreign", theirs.String(), everything, theirs).Evals,
		Prompts: own.Registry, Lifecycle: own.Registry, Model: r.model, Audit: own.Audit, Actor: "own",
	}
}
