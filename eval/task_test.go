package eval_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestTask(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s, _ := newSite(t, e)
		n := s.start(t)
		evaluation, dataset := n.ask(t, "m", 6)
		number := func(row eval.Row) (in struct{ N int }) {
			if err := json.Unmarshal(row.Input, &in); err != nil {
				panic(err)
			}
			return in
		}

		t.Run("is scored, stored and comparable like any other run", func(t *testing.T) {
			t.Parallel()
			spec := eval.RunSpec{DatasetID: &dataset, VersionTag: "agent 1", Concurrency: 2}
			first, err := n.evals.Run(t.Context(), evaluation, spec, func(_ context.Context, row eval.Row) (eval.Output, error) {
				switch number(row).N {
				case 0:
					return eval.Output{}, errors.New("out of memory")
				case 1:
					panic("nil map")
				case 2:
					return eval.Output{Text: "wrong"}, nil
				}
				cost, tokens := 0.5, int64(3)
				return eval.Output{Text: "right", CostUSD: &cost, TokensOut: &tokens}, nil
			})
			require.NoError(t, err)
			require.Equal(t, eval.RunCompleted, first.Status, "%+v", first.Results)
			require.InDelta(t, 0.5, *first.Score, 1e-12)
			require.False(t, *first.Passed)
			require.InDelta(t, 1.5, first.CostUSD, 1e-12)
			require.Equal(t, "agent 1", *first.VersionTag)
			rows, err := n.evals.RunRows(t.Context(), evaluation, first.ID, page.Request{})
			require.NoError(t, err)
			require.Equal(t, []string{"out of memory", "the task panicked: nil map", ""},
				[]string{rows.Items[0].Error, rows.Items[1].Error, rows.Items[2].Error})
			for _, row := range rows.Items {
				require.Equal(t, eval.FromTask, row.Source)
				require.NotNil(t, row.LatencyMS, "it is measured")
			}
			second, err := n.evals.Run(t.Context(), evaluation, spec, func(context.Context, eval.Row) (eval.Output, error) {
				return eval.Output{Text: "right"}, nil
			})
			require.NoError(t, err)
			c, err := n.evals.CompareRuns(t.Context(), evaluation, first.ID, second.ID, page.Request{})
			require.NoError(t, err)
			require.Equal(t, []int{3, 0, 3}, []int{c.Better, c.Worse, c.Same})
			// R: t.test(c(1, 1, 1, 0, 0, 0)): p = 0.07558682.
			require.InDelta(t, 0.07558682, *c.PValue, 1e-8)
			results, err := n.evals.Results(t.Context(), evaluation, eval.ResultFilter{VersionTag: "agent 1"}, page.Request{})
			require.NoError(t, err)
			require.Len(t, results.Items, 12)
		})

		t.Run("ends with its caller", func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			run, err := n.evals.Run(ctx, evaluation, eval.RunSpec{DatasetID: &dataset}, func(ctx context.Context, _ eval.Row) (eval.Output, error) {
				cancel(errors.New("enough"))
				<-ctx.Done()
				return eval.Output{}, ctx.Err()
			})
			require.ErrorContains(t, err, "enough")
			require.Equal(t, eval.RunCancelled, run.Status)
			require.Equal(t, "the program that ran it gave up", run.Results.Reason)
		})

		t.Run("can be cancelled by others", func(t *testing.T) {
			t.Parallel()
			other, set := n.ask(t, "cancelled", 3)
			run, err := n.evals.Run(t.Context(), other, eval.RunSpec{DatasetID: &set}, func(ctx context.Context, _ eval.Row) (eval.Output, error) {
				runs, err := n.evals.Runs(ctx, other, page.Request{})
				if err != nil {
					return eval.Output{}, err
				}
				if _, err := n.evals.CancelRun(ctx, other, runs.Items[0].ID); err != nil {
					return eval.Output{}, err
				}
				<-ctx.Done()
				return eval.Output{}, ctx.Err()
			})
			require.NoError(t, err)
			require.Equal(t, eval.RunCancelled, run.Status)
			require.Equal(t, "cancelled", run.Results.Reason)
		})

		t.Run("stops at the cost limit", func(t *testing.T) {
			t.Parallel()
			limit := 1.0
			run, err := n.evals.Run(t.Context(), evaluation, eval.RunSpec{DatasetID: &dataset, Concurrency: 1, MaxCostUSD: &limit},
				func(context.Context, eval.Row) (eval.Output, error) {
					cost := 0.6
					return eval.Output{Text: "right", CostUSD: &cost}, nil
				})
			require.NoError(t, err)
			require.Equal(t, eval.RunFailed, run.Status)
			require.Equal(t, 2, run.Done)
			require.Contains(t, run.Results.Reason, "max_cost_usd of 1 was reached")
		})

		t.Run("needs an evaluation and a dataset that exist", func(t *testing.T) {
			t.Parallel()
			none := int64(999)
			_, err := n.evals.Run(t.Context(), none, eval.RunSpec{}, nil)
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			_, err = n.evals.Run(t.Context(), evaluation, eval.RunSpec{DatasetID: &none}, nil)
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			_, err = n.evals.Run(t.Context(), evaluation, eval.RunSpec{Concurrency: 100}, nil)
			require.ErrorIs(t, err, pmerr.ErrValidation)
		})
	})
}
