package evalsuite

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func runLimitCases() map[string]func(*testing.T, RunEnv) {
	return map[string]func(*testing.T, RunEnv){
		"a run ends before a call at its cost limit": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals())
			b.says(known()) // 0.01 each
			s := b.spec()
			s.Concurrency, s.MaxCostUSD = 1, ptr(0.02)
			run := b.finished(t, s)
			require.Equal(t, eval.RunFailed, run.Status)
			require.Contains(t, run.Results.Reason, "max_cost_usd of 0.02 was reached")
			require.Equal(t, 2, run.Done)
			require.InDelta(t, 0.02, run.CostUSD, 1e-12)
			require.Len(t, b.Model.Asked(b.model), 2)
			require.Nil(t, run.Score)
			rows, err := e.Mine.RunRows(t.Context(), b.evaluation, run.ID, page.Request{})
			require.NoError(t, err)
			require.Len(t, rows.Items, 2, "what is done stays")
		},

		"a judge counts against the cost limit": func(t *testing.T, e RunEnv) {
			rows := capitals()
			for i := range rows {
				rows[i].Output = ptr("Paris")
			}
			b := asks(t, e, `{}`, rows)
			judged, err := e.Mine.Create(t.Context(), eval.Evaluation{Name: "judged", PromptName: b.prompt, Criteria: criteria(t, fmt.Sprintf(
				`{"rules":[{"type":"llm_judge","config":{"provider":%q,"model":%q,"rubric":"Is it right?"}}]}`, Provider, b.model))})
			require.NoError(t, err)
			b.evaluation = judged.ID
			b.Model.Script(b.model, func(context.Context, eval.Question, int) (eval.Reply, error) {
				return Reply(`{"score":1,"reason":"yes"}`, 100), nil
			})
			run := b.finished(t, eval.RunSpec{DatasetID: &b.dataset, Concurrency: 1, MaxCostUSD: ptr(0.75)})
			require.Equal(t, eval.RunFailed, run.Status)
			require.Contains(t, run.Results.Reason, "max_cost_usd")
			require.Equal(t, 2, run.Done)
			require.InDelta(t, 1, run.CostUSD, 1e-12)
		},

		"a limit of nothing lets recorded outputs through": func(t *testing.T, e RunEnv) {
			rows := capitals()[:1]
			rows[0].Output = ptr("Paris")
			b := asks(t, e, exactRule, rows)
			s := b.spec()
			s.MaxCostUSD = ptr(0.0)
			require.Equal(t, eval.RunCompleted, b.finished(t, s).Status)
			more := asks(t, e, exactRule, capitals())
			more.says(known())
			s = more.spec()
			s.MaxCostUSD = ptr(0.0)
			require.Equal(t, eval.RunFailed, more.finished(t, s).Status)
			require.Empty(t, more.Model.Asked(more.model))
		},

		"a run of which every row failed has failed": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals())
			b.Model.Script(b.model, func(context.Context, eval.Question, int) (eval.Reply, error) {
				return eval.Reply{}, pmerr.New(pmerr.ProviderError, "the provider answered 500")
			})
			run := b.finished(t, b.spec())
			require.Equal(t, eval.RunFailed, run.Status)
			require.Equal(t, "all of the 4 rows failed; the first: the provider answered 500", run.Results.Reason)
			require.Nil(t, run.Score)
			require.Equal(t, 4, run.Results.Errors)
		},

		"a rate limit is waited for": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals()[:1])
			b.Model.Script(b.model, func(_ context.Context, _ eval.Question, times int) (eval.Reply, error) {
				if times == 1 {
					return eval.Reply{}, pmerr.New(pmerr.ProviderRateLimited, "slow down")
				}
				return eval.Reply{Output: "Paris"}, nil
			})
			run := b.finished(t, b.spec())
			require.Equal(t, eval.RunCompleted, run.Status)
			require.InDelta(t, 1, *run.Score, 1e-12)
			require.Equal(t, 2, b.Model.Asked(b.model)["Capital of France?"])
		},

		"a provider that says when it is back is waited for": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals()[:1])
			b.Model.Script(b.model, func(_ context.Context, _ eval.Question, times int) (eval.Reply, error) {
				if times == 1 {
					away := pmerr.New(pmerr.ProviderError, "the provider failed 5 times in a row; trying again in 1s")
					away.RetryAfter = time.Second
					return eval.Reply{}, away
				}
				return eval.Reply{Output: "Paris"}, nil
			})
			run := b.finished(t, b.spec())
			require.Equal(t, eval.RunCompleted, run.Status)
			require.InDelta(t, 1, *run.Score, 1e-12)
			require.Equal(t, 2, b.Model.Asked(b.model)["Capital of France?"])
		},

		"a prompt that does not exist fails the run": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals())
			require.NoError(t, e.Lifecycle.Delete(t.Context(), b.prompt, registry.Signature{}))
			run := b.finished(t, b.spec())
			require.Equal(t, eval.RunFailed, run.Status)
			require.Equal(t, fmt.Sprintf("the prompt %s was not found", b.prompt), run.Results.Reason)
			s := b.spec()
			s.VersionTag = "9.9.9"
			require.Equal(t, fmt.Sprintf("the prompt %s in version 9.9.9 was not found", b.prompt), b.finished(t, s).Results.Reason)
			s.VersionTag = "no version"
			require.Contains(t, b.finished(t, s).Results.Reason, "version must be")
		},

		"an empty dataset has nothing to score": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, []eval.Row{})
			run := b.finished(t, b.spec())
			require.Equal(t, eval.RunFailed, run.Status)
			require.Equal(t, "the dataset has no rows", run.Results.Reason)
		},
	}
}

func runRefusalCases() map[string]func(*testing.T, RunEnv) {
	return map[string]func(*testing.T, RunEnv){
		"what nothing has is not found": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals()[:1])
			b.says(known())
			run := b.finished(t, b.spec())
			other := asks(t, e, exactRule, capitals()[:1])
			ctx := t.Context()
			for _, id := range noIDs() {
				_, err := e.Mine.StartRun(ctx, id, b.spec())
				missing(t, err, "Evaluation")
				_, err = e.Mine.Runs(ctx, id, page.Request{})
				missing(t, err, "Evaluation")
				_, err = e.Mine.GetRun(ctx, id, run.ID)
				missing(t, err, "Evaluation")
				_, err = e.Mine.GetRun(ctx, b.evaluation, id)
				missing(t, err, "Run")
				_, err = e.Mine.RunRows(ctx, b.evaluation, id, page.Request{})
				missing(t, err, "Run")
				_, err = e.Mine.CancelRun(ctx, b.evaluation, id)
				missing(t, err, "Run")
				_, err = e.Mine.CompareRuns(ctx, b.evaluation, id, run.ID, page.Request{})
				missing(t, err, "Run")
				_, err = e.Mine.CompareRuns(ctx, b.evaluation, run.ID, id, page.Request{})
				missing(t, err, "Run")
			}
			_, err := e.Mine.GetRun(ctx, other.evaluation, run.ID)
			missing(t, err, "Run")
			_, err = e.Mine.StartRun(ctx, b.evaluation, eval.RunSpec{DatasetID: ptr(int64(999_999))})
			missing(t, err, "Dataset")
		},

		"a provider that is not usable is named": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals())
			_, err := e.Mine.StartRun(t.Context(), b.evaluation, eval.RunSpec{DatasetID: &b.dataset, Provider: "nobody", Model: "m"})
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			require.Contains(t, pmerr.From(err).Message, "rovider")
			_, err = e.Mine.StartRun(t.Context(), b.evaluation, eval.RunSpec{DatasetID: &b.dataset, Provider: Provider})
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			require.Contains(t, pmerr.From(err).Message, "model is required")
			b.publish(t, "2.0.0", "somebody", "{{land}}")
			_, err = e.Mine.StartRun(t.Context(), b.evaluation, eval.RunSpec{DatasetID: &b.dataset})
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			require.Contains(t, pmerr.From(err).Message, "rovider", "of the prompt's model_config")
			runs, err := e.Mine.Runs(t.Context(), b.evaluation, page.Request{})
			require.NoError(t, err)
			require.Empty(t, runs.Items, "a refused run is no run")
			judged, err := e.Mine.Create(t.Context(), eval.Evaluation{
				Name: "judged", PromptName: newName("none"), Criteria: criteria(t, `{"rules":[{"type":"llm_judge","config":{"provider":"nobody","model":"m","rubric":"Is it right?"}}]}`),
			})
			require.NoError(t, err)
			_, err = e.Mine.StartRun(t.Context(), judged.ID, eval.RunSpec{DatasetID: &b.dataset})
			require.ErrorIs(t, err, pmerr.ErrBadRequest, "a judge's provider")
		},

		"every fault is named at once": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals())
			long := fmt.Sprintf("%0200d", 0)
			_, err := e.Mine.StartRun(t.Context(), b.evaluation, eval.RunSpec{
				VersionTag: long, Provider: long, Model: long, Concurrency: 65, MaxCostUSD: ptr(-0.5),
			})
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.Len(t, pmerr.From(err).Fields, 5)
			for _, concurrency := range []int{-1, 65, math.MaxInt32} {
				_, err := e.Mine.StartRun(t.Context(), b.evaluation, eval.RunSpec{Concurrency: concurrency})
				require.ErrorIs(t, err, pmerr.ErrValidation)
				require.Equal(t, []string{"concurrency must be an integer from 1 to 64"}, pmerr.From(err).Fields)
			}
			_, err = e.Mine.StartRun(t.Context(), b.evaluation, eval.RunSpec{Model: "a\x00"})
			require.ErrorIs(t, err, pmerr.ErrValidation)
		},

		"a cursor of another list is refused": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals())
			b.says(known())
			run := b.finished(t, b.spec())
			rows, err := e.Mine.RunRows(t.Context(), b.evaluation, run.ID, page.Request{Limit: 1})
			require.NoError(t, err)
			_, err = e.Mine.Runs(t.Context(), b.evaluation, page.Request{Cursor: rows.NextCursor})
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			_, err = e.Mine.CompareRuns(t.Context(), b.evaluation, run.ID, run.ID, page.Request{Cursor: rows.NextCursor})
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			_, err = e.Mine.RunRows(t.Context(), b.evaluation, run.ID, page.Request{Limit: 101})
			require.ErrorIs(t, err, pmerr.ErrValidation)
		},
	}
}

func runCompareCases() map[string]func(*testing.T, RunEnv) {
	return map[string]func(*testing.T, RunEnv){
		"two runs are compared row by row": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals())
			b.says(known()) // wrong about Kenya
			first := b.finished(t, b.spec())
			b.says(map[string]string{"Capital of France?": "Paris", "Capital of Norway?": "Bergen", "Capital of Japan?": "Tokyo", "Capital of Kenya?": "Nairobi"})
			second := b.finished(t, b.spec())
			c, err := e.Mine.CompareRuns(t.Context(), b.evaluation, first.ID, second.ID, page.Request{})
			require.NoError(t, err)
			require.Equal(t, []int{1, 1, 2}, []int{c.Better, c.Worse, c.Same})
			require.Equal(t, []int64{first.ID, second.ID}, []int64{c.A.ID, c.B.ID})
			require.Zero(t, c.MeanDifference)
			require.InDelta(t, 1, *c.PValue, 1e-12, "t is 0")
			require.Len(t, c.Rows.Items, 4)
			norway, kenya := c.Rows.Items[1], c.Rows.Items[3]
			require.Equal(t, eval.Worse, norway.Change)
			require.Equal(t, []string{"Oslo", "Bergen"}, []string{norway.A.Output, norway.B.Output})
			require.Equal(t, eval.Better, kenya.Change)
			require.Equal(t, kenya.RowID, kenya.B.RowID)

			back, err := e.Mine.CompareRuns(t.Context(), b.evaluation, second.ID, first.ID, page.Request{Limit: 3})
			require.NoError(t, err)
			require.Equal(t, eval.Better, back.Rows.Items[1].Change)
			require.Len(t, back.Rows.Items, 3)
			next, err := e.Mine.CompareRuns(t.Context(), b.evaluation, second.ID, first.ID, page.Request{Limit: 3, Cursor: back.Rows.NextCursor})
			require.NoError(t, err)
			require.Len(t, next.Rows.Items, 1)
			require.Equal(t, eval.Worse, next.Rows.Items[0].Change)
			require.Equal(t, 1, next.Better, "of all rows")
		},

		"a run is the same as itself": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals())
			b.says(known())
			run := b.finished(t, b.spec())
			same, err := e.Mine.CompareRuns(t.Context(), b.evaluation, run.ID, run.ID, page.Request{})
			require.NoError(t, err)
			require.Equal(t, []int{0, 0, 4}, []int{same.Better, same.Worse, same.Same})
			require.InDelta(t, 1, *same.PValue, 0)
		},

		"differences that are all the same have no p": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals())
			b.says(nil)
			nothing := b.finished(t, b.spec())
			require.Equal(t, eval.RunCompleted, nothing.Status)
			b.says(map[string]string{"Capital of France?": "Paris", "Capital of Norway?": "Oslo", "Capital of Japan?": "Tokyo", "Capital of Kenya?": "Nairobi"})
			all := b.finished(t, b.spec())
			c, err := e.Mine.CompareRuns(t.Context(), b.evaluation, nothing.ID, all.ID, page.Request{})
			require.NoError(t, err)
			require.InDelta(t, 1, c.MeanDifference, 0)
			require.Equal(t, 4, c.Better)
			require.Nil(t, c.PValue)
		},

		"runs without a row in common have nothing to compare": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals())
			b.says(known())
			first := b.finished(t, b.spec())
			again, err := e.Mine.CreateDataset(t.Context(), "again", capitals())
			require.NoError(t, err)
			s := b.spec()
			s.DatasetID = &again.ID
			second := b.finished(t, s)
			c, err := e.Mine.CompareRuns(t.Context(), b.evaluation, first.ID, second.ID, page.Request{})
			require.NoError(t, err)
			require.Nil(t, c.PValue)
			require.Empty(t, c.Rows.Items)
			require.NotNil(t, c.Rows.Items)
			require.Zero(t, c.Rows.Total)
		},
	}
}
