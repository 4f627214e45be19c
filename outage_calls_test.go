package promptmetrics_test

import (
	"context"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/metrics"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/playground"
)

// unavailableCalls are the calls of [unavailable] for A/B tests, metrics, the
// budget and the playground.
func unavailableCalls(pm *promptmetrics.Client) map[string]func(context.Context) error {
	a, m, p, first := pm.ABTests, pm.Metrics, pm.Playground, page.Request{}
	ask := playground.Request{Provider: "openai", Model: "m", Messages: []playground.Message{{Role: playground.User, Content: "x"}}}
	return map[string]func(context.Context) error{
		"Create abtest": func(ctx context.Context) error {
			_, err := a.Create(ctx, abtest.Spec{PromptName: "p", VersionA: "1", VersionB: "2"})
			return err
		},
		"List abtest":   func(ctx context.Context) error { _, err := a.List(ctx, first); return err },
		"Get abtest":    func(ctx context.Context) error { _, err := a.Get(ctx, 1); return err },
		"Delete abtest": func(ctx context.Context) error { return a.Delete(ctx, 1) },
		"Run abtest": func(ctx context.Context) error {
			_, err := a.Run(ctx, 1, abtest.Scores{A: []float64{1, 2}, B: []float64{3, 4}})
			return err
		},
		"Results abtest": func(ctx context.Context) error { _, err := a.Results(ctx, 1, first); return err },
		"Promote abtest": func(ctx context.Context) error { _, err := a.Promote(ctx, 1); return err },
		"Assign abtest":  func(ctx context.Context) error { _, err := a.Assign(ctx, 1, "u"); return err },

		"TimeSeries metrics":  func(ctx context.Context) error { _, err := m.TimeSeries(ctx, metrics.Range{}); return err },
		"Prompts metrics":     func(ctx context.Context) error { _, err := m.Prompts(ctx, metrics.Range{}); return err },
		"Evaluations metrics": func(ctx context.Context) error { _, err := m.Evaluations(ctx, metrics.Range{}, 0); return err },
		"Activity metrics":    func(ctx context.Context) error { _, err := m.Activity(ctx, metrics.Range{}, first); return err },

		"Get budget": func(ctx context.Context) error { _, err := pm.Budget.Get(ctx); return err },
		"Set budget": func(ctx context.Context) error { _, err := pm.Budget.Set(ctx, nil); return err },

		"Get retention": func(ctx context.Context) error { _, err := pm.Retention.Get(ctx); return err },
		"Set retention": func(ctx context.Context) error { _, err := pm.Retention.Set(ctx, nil); return err },

		"Models playground": func(ctx context.Context) error { _, err := p.Models(ctx, first); return err },
		"Chat playground":   func(ctx context.Context) error { _, err := p.Chat(ctx, ask); return err },
		"Complete playground": func(ctx context.Context) error {
			_, err := p.Complete(ctx, playground.Completion{Request: playground.Request{Provider: "openai", Model: "m"}, Prompt: "x"})
			return err
		},
		"Stream playground": func(ctx context.Context) (last error) {
			for _, last = range p.Stream(ctx, ask) {
				continue
			}
			return last
		},
		"RefreshModels playground": func(ctx context.Context) error { _, err := p.RefreshModels(ctx); return err },
	}
}
