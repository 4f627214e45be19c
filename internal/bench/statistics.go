package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
)

// statistics measures A/B tests: how long one takes, and how often looking
// early finds a winner that is none.
func (b *bench) statistics(ctx context.Context) error {
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: b.dir("statistics")})
	if err != nil {
		return err
	}
	defer func() { _ = pm.Close() }()
	scores := abtest.Scores{A: draws(500, 1), B: draws(500, 2)}
	compare, err := callers(ctx, 1, b.during/2, func(context.Context, int) error {
		_, err := stats.Compare(scores.A, scores.B, stats.Options{Kind: stats.Mean})
		return err
	})
	if err != nil {
		return err
	}
	b.row("A/B comparison, 500 an arm, 10,000 resamples", compare.cost(), "≤ 15 ms")
	test, err := pm.ABTests.Create(ctx, abtest.Spec{PromptName: "welcome", VersionA: "1.0.0", VersionB: "2.0.0", Metric: abtest.Score})
	if err != nil {
		return err
	}
	run, err := callers(ctx, 1, b.during/2, func(ctx context.Context, _ int) error {
		_, err := pm.ABTests.Run(ctx, test.ID, scores)
		return err
	})
	if err != nil {
		return err
	}
	b.row("A/B test run and kept, the same", run.cost(), "≤ 15 ms")
	b.peeking()
	return nil
}

func draws(n int, seed uint64) []float64 {
	draw := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // figures of a measurement.
	scores := make([]float64, n)
	for i := range scores {
		scores[i] = 800 + 200*draw.NormFloat64() + 100*draw.ExpFloat64()
	}
	return scores
}

// peeking measures how often looking early finds a winner between two equal
// versions. With 10,000 tests the standard errors are 0.2 and 0.5 points.
func (b *bench) peeking() {
	const simulations = 10_000
	for _, looks := range []int{100, 1000} {
		fixed, sequential := stats.Peek(simulations, looks, 1)
		b.row(fmt.Sprintf("A/B false winners, %s looks", thousands(float64(looks))),
			fmt.Sprintf("sequential %.1f %%, fixed horizon %.1f %%", 100*sequential, 100*fixed), "sequential ≤ 5 %")
	}
}
