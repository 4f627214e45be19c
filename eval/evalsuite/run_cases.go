package evalsuite

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func runCases() map[string]func(*testing.T, RunEnv) {
	return map[string]func(*testing.T, RunEnv){
		"a run asks a model about every row and scores what it says": func(t *testing.T, e RunEnv) {
			b := asks(t, e, `{"min_score":0.7,"rules":[{"type":"exact","weight":3},{"type":"length","config":{"max":5}}]}`, capitals())
			b.says(known())
			begun := b.start(t, b.spec())
			require.Equal(t, b.evaluation, begun.EvaluationID)
			require.Equal(t, b.dataset, *begun.DatasetID)
			require.Equal(t, "1.0.0", *begun.VersionTag, "resolved at the start")
			require.Equal(t, Provider, *begun.Provider)
			require.Equal(t, b.model, *begun.Model)
			require.Equal(t, 4, begun.Concurrency)
			require.Equal(t, 4, begun.Total)
			require.Nil(t, begun.Score)
			require.WithinDuration(t, time.Now(), begun.CreatedAt.Time, time.Minute)

			run := b.ended(t, begun.ID)
			require.Equal(t, eval.RunCompleted, run.Status, "%+v", run.Results)
			// Paris, Oslo and Tokyo: (3+1)/4; Mombasa: wrong, and 7 letters.
			require.InDelta(t, 0.75, *run.Score, 1e-12)
			require.True(t, *run.Passed)
			require.Equal(t, 4, run.Done)
			require.InDelta(t, 0.04, run.CostUSD, 1e-12)
			require.NotNil(t, run.CompletedAt)
			require.Nil(t, run.ETASeconds, "it is over")

			r := run.Results
			require.Equal(t, []int{4, 3, 0}, []int{r.Rows, r.Passed, r.Errors})
			require.InDelta(t, 0.75, *r.Mean, 1e-12)
			require.InDelta(t, 0.75, *r.PassRate, 1e-12)
			require.InDelta(t, 0.3006418, *r.PassRateLower, 1e-6)
			require.InDelta(t, 0.9544127, *r.PassRateUpper, 1e-6)
			require.NotNil(t, r.LatencyP50MS)
			require.LessOrEqual(t, *r.LatencyP50MS, *r.LatencyP95MS)
			require.Equal(t, []int64{28, 8}, []int64{r.TokensIn, r.TokensOut})
			require.InDelta(t, 0.75, r.RuleMeans["exact"], 1e-12)
			require.InDelta(t, 0.75, r.RuleMeans["length"], 1e-12)

			rows, err := e.Mine.RunRows(t.Context(), b.evaluation, run.ID, page.Request{})
			require.NoError(t, err)
			require.Len(t, rows.Items, 4)
			set, err := e.Mine.DatasetRows(t.Context(), b.dataset, page.Request{})
			require.NoError(t, err)
			for i, row := range rows.Items {
				require.Equal(t, set.Items[i].ID, row.RowID, "in the dataset's order")
				require.Equal(t, eval.FromModel, row.Source)
				require.Len(t, row.Rules, 2)
				require.InDelta(t, 0.01, *row.CostUSD, 1e-12)
				require.GreaterOrEqual(t, *row.LatencyMS, int64(0))
				require.Equal(t, []int64{7, 2}, []int64{*row.TokensIn, *row.TokensOut})
				require.Empty(t, row.Error)
			}
			wrong := rows.Items[3]
			require.Equal(t, "Mombasa", wrong.Output)
			require.Zero(t, wrong.Score)
			require.False(t, wrong.Passed)
			require.NotEmpty(t, wrong.Rules[0].Reason)
			require.InDelta(t, 1, rows.Items[0].Score, 1e-12)
		},

		"a model is asked with the prompt's settings": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals()[:1])
			b.publish(t, "2.0.0", Provider, "Name the capital of {{land}}.")
			asked := make(chan eval.Question, 1)
			b.Model.Script(b.model, func(_ context.Context, q eval.Question, _ int) (eval.Reply, error) {
				asked <- q
				return eval.Reply{Output: "Paris"}, nil
			})
			run := b.finished(t, eval.RunSpec{DatasetID: &b.dataset})
			require.Equal(t, eval.RunCompleted, run.Status, "%+v", run.Results)
			require.Equal(t, []string{"2.0.0", Provider, b.model}, []string{*run.VersionTag, *run.Provider, *run.Model}, "all from the prompt")
			q := <-asked
			require.Equal(t, []eval.Message{{Role: "system", Content: "Be brief."}, {Role: "user", Content: "Name the capital of France."}}, q.Messages)
			require.InDelta(t, 0.25, *q.Temperature, 0)
			require.Equal(t, int64(16), *q.MaxTokens)
		},

		"the version is resolved once": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals())
			gate, begun := make(chan struct{}), make(chan struct{}, 4)
			b.Model.Script(b.model, func(ctx context.Context, q eval.Question, _ int) (eval.Reply, error) {
				begun <- struct{}{}
				select {
				case <-gate:
					return eval.Reply{Output: q.Messages[1].Content}, nil
				case <-ctx.Done():
					return eval.Reply{}, ctx.Err()
				}
			})
			s := b.spec()
			s.Concurrency = 1
			run := b.start(t, s)
			<-begun
			b.publish(t, "2.0.0", "", "Another question about {{land}}.")
			close(gate)
			require.Equal(t, "1.0.0", *b.ended(t, run.ID).VersionTag)
			rows, err := e.Mine.RunRows(t.Context(), b.evaluation, run.ID, page.Request{})
			require.NoError(t, err)
			for _, row := range rows.Items {
				require.Contains(t, row.Output, "Capital of")
			}
		},

		"progress can be read while it runs, and a run can be cancelled": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals())
			begun := make(chan struct{}, 4)
			b.Model.Script(b.model, func(ctx context.Context, q eval.Question, _ int) (eval.Reply, error) {
				if q.Messages[1].Content == "Capital of France?" {
					return Reply("Paris", 100), nil
				}
				begun <- struct{}{}
				<-ctx.Done()
				return eval.Reply{}, ctx.Err()
			})
			s := b.spec()
			s.Concurrency = 1
			run := b.start(t, s)
			<-begun
			now, err := e.Mine.GetRun(t.Context(), b.evaluation, run.ID)
			require.NoError(t, err)
			require.Equal(t, eval.RunRunning, now.Status)
			require.Equal(t, []int{1, 4}, []int{now.Done, now.Total})
			require.InDelta(t, 0.5, now.CostUSD, 1e-12)
			require.NotNil(t, now.ETASeconds)
			require.GreaterOrEqual(t, *now.ETASeconds, 0.0)

			gone, err := e.Mine.CancelRun(t.Context(), b.evaluation, run.ID)
			require.NoError(t, err)
			require.Equal(t, eval.RunCancelled, gone.Status)
			require.Equal(t, "cancelled", gone.Results.Reason)
			require.Equal(t, 1, gone.Done, "what is done stays")
			require.Nil(t, gone.Score)
			again, err := e.Mine.CancelRun(t.Context(), b.evaluation, run.ID)
			require.NoError(t, err)
			require.Equal(t, gone, again, "once is enough")
			results, err := e.Mine.Results(t.Context(), b.evaluation, eval.ResultFilter{}, page.Request{})
			require.NoError(t, err)
			require.Empty(t, results.Items)
		},

		"a run that has ended cannot be cancelled": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals())
			b.says(known())
			run := b.finished(t, b.spec())
			same, err := e.Mine.CancelRun(t.Context(), b.evaluation, run.ID)
			require.NoError(t, err)
			require.Equal(t, run, same)
		},

		"a completed run leaves a result for each row": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals())
			b.says(known())
			run := b.finished(t, b.spec())
			results, err := e.Mine.Results(t.Context(), b.evaluation, eval.ResultFilter{VersionTag: "1.0.0"}, page.Request{})
			require.NoError(t, err)
			require.Len(t, results.Items, 4)
			rows, err := e.Mine.RunRows(t.Context(), b.evaluation, run.ID, page.Request{})
			require.NoError(t, err)
			for i, r := range results.Items {
				row := rows.Items[len(rows.Items)-1-i] // newest first
				require.Equal(t, fmt.Sprintf("evaluation-run:%d", run.ID), *r.RunID)
				require.InDelta(t, row.Score, r.Score, 0)
				require.JSONEq(t, fmt.Sprint(row.RowID), string(r.Metadata[eval.RowIDMember]))
				require.JSONEq(t, fmt.Sprint(run.ID), string(r.Metadata["evaluation_run"]))
			}
		},

		"runs are listed newest first": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals()[:1])
			b.says(known())
			var want []int64
			for range 5 {
				want = append([]int64{b.finished(t, b.spec()).ID}, want...)
			}
			other := asks(t, e, exactRule, capitals()[:1])
			other.says(known())
			other.finished(t, other.spec())
			list := pagetest.List[eval.Run](func(ctx context.Context, r page.Request) (page.Of[eval.Run], error) {
				return e.Mine.Runs(ctx, b.evaluation, r)
			})
			got, err := list(t.Context(), page.Request{Limit: 2})
			require.NoError(t, err)
			require.Equal(t, int64(5), got.Total)
			require.Equal(t, want[:2], []int64{got.Items[0].ID, got.Items[1].ID})
			next, err := list(t.Context(), page.Request{Limit: 2, Cursor: got.NextCursor})
			require.NoError(t, err)
			require.Equal(t, want[2:4], []int64{next.Items[0].ID, next.Items[1].ID})
		},

		"rows come in pages": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals())
			b.says(known())
			run := b.finished(t, b.spec())
			first, err := e.Mine.RunRows(t.Context(), b.evaluation, run.ID, page.Request{Limit: 3})
			require.NoError(t, err)
			require.Len(t, first.Items, 3)
			require.Equal(t, int64(4), first.Total)
			for name, next := range map[string]page.Request{"by number": {Page: 2, Limit: 3}, "by cursor": {Limit: 3, Cursor: first.NextCursor}} {
				second, err := e.Mine.RunRows(t.Context(), b.evaluation, run.ID, next)
				require.NoError(t, err, name)
				require.Len(t, second.Items, 1, name)
				require.Greater(t, second.Items[0].RowID, first.Items[2].RowID, name)
				require.Empty(t, second.NextCursor, name)
			}
		},

		"workers are bounded by concurrency": func(t *testing.T, e RunEnv) {
			rows := make([]eval.Row, 24)
			for i := range rows {
				rows[i] = eval.Row{Input: []byte(fmt.Sprintf(`{"land":"%d"}`, i))}
			}
			b := asks(t, e, `{"rules":[{"type":"length","config":{"min":1}}]}`, rows)
			full := make(chan struct{})
			b.Model.Script(b.model, func(ctx context.Context, _ eval.Question, _ int) (eval.Reply, error) {
				if b.Model.Most(b.model) >= 5 {
					select {
					case <-full:
					default:
						close(full)
					}
				}
				select {
				case <-full: // all five are at work
				case <-ctx.Done():
				}
				return eval.Reply{Output: "yes"}, ctx.Err()
			})
			s := b.spec()
			s.Concurrency = 5
			require.Equal(t, eval.RunCompleted, b.finished(t, s).Status)
			require.Equal(t, 5, b.Model.Most(b.model))
		},

		"every change is in the audit log": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals())
			b.Model.Script(b.model, func(ctx context.Context, _ eval.Question, _ int) (eval.Reply, error) {
				<-ctx.Done()
				return eval.Reply{}, ctx.Err()
			})
			run := b.start(t, b.spec())
			for range 2 {
				_, err := e.Mine.CancelRun(t.Context(), b.evaluation, run.ID)
				require.NoError(t, err)
			}
			for action, want := range map[string]int{"evaluation:run": 1, "evaluation:run:cancel": 1} {
				log, err := e.Audit.Entries(t.Context(), access.AuditFilter{Action: action}, page.Request{})
				require.NoError(t, err)
				require.Len(t, log.Items, want, action)
				require.Equal(t, fmt.Sprint(run.ID), *log.Items[0].TargetID)
				require.Equal(t, b.prompt, *log.Items[0].PromptName)
				require.Equal(t, "1.0.0", *log.Items[0].VersionTag)
				require.Equal(t, e.Actor, *log.Items[0].APIKeyName)
			}
		},

		"another workspace knows nothing of it": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals())
			b.says(known())
			run := b.finished(t, b.spec())
			ctx := t.Context()
			_, err := e.Theirs.StartRun(ctx, b.evaluation, b.spec())
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			_, err = e.Theirs.Runs(ctx, b.evaluation, page.Request{})
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			_, err = e.Theirs.GetRun(ctx, b.evaluation, run.ID)
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			_, err = e.Theirs.RunRows(ctx, b.evaluation, run.ID, page.Request{})
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			_, err = e.Theirs.CancelRun(ctx, b.evaluation, run.ID)
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			_, err = e.Theirs.CompareRuns(ctx, b.evaluation, run.ID, run.ID, page.Request{})
			require.ErrorIs(t, err, pmerr.ErrNotFound)

			own, err := e.Theirs.Create(ctx, eval.Evaluation{Name: "own", PromptName: b.prompt, Criteria: criteria(t, exactRule)})
			require.NoError(t, err)
			_, err = e.Theirs.StartRun(ctx, own.ID, b.spec())
			require.ErrorIs(t, err, pmerr.ErrNotFound, "the dataset is not theirs")
			require.Equal(t, "Dataset not found", pmerr.From(err).Message)
		},
	}
}
