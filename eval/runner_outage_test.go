package eval_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/eval/evalsuite"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestRunnerInTrouble(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		t.Run("answers that are under way when the money is spent are kept", func(t *testing.T) {
			t.Parallel()
			s, model := newSite(t, e)
			n := s.start(t)
			begun, gate := make(chan struct{}, 9), make(chan struct{})
			model.Script("m", func(ctx context.Context, q eval.Question, _ int) (eval.Reply, error) {
				if q.Messages[0].Content == "question 0" {
					<-begun
					<-begun
				} else {
					begun <- struct{}{}
					select {
					case <-gate:
					case <-ctx.Done():
						return eval.Reply{}, ctx.Err()
					}
				}
				return reply("right")
			})
			evaluation, dataset := n.ask(t, "m", 9)
			limit := 0.001
			run, err := n.evals.StartRun(t.Context(), evaluation, eval.RunSpec{
				DatasetID: &dataset, Provider: evalsuite.Provider, Model: "m", Concurrency: 3, MaxCostUSD: &limit,
			})
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				now, err := n.evals.GetRun(t.Context(), evaluation, run.ID)
				return err == nil && now.Done == 1
			}, 20*time.Second, 5*time.Millisecond)
			time.Sleep(100 * time.Millisecond) // the next row meets the limit
			close(gate)
			ended := n.await(t, evaluation, run.ID)
			require.Equal(t, eval.RunFailed, ended.Status)
			require.Contains(t, ended.Results.Reason, "max_cost_usd of 0.001 was reached")
			require.Equal(t, 3, ended.Done, "what was paid for is there")
			require.InDelta(t, 0.003, ended.CostUSD, 1e-12)
			require.Equal(t, 3, total(model.Asked("m")))
		})

		t.Run("results that cannot be stored for longer than a lease are kept until they can", func(t *testing.T) {
			t.Parallel()
			s, model := newSite(t, e)
			s.lease = time.Second
			n := s.start(t)
			model.Script("m", func(context.Context, eval.Question, int) (eval.Reply, error) { return reply("right") })
			n.queue.refuse(pmerr.New(pmerr.Unavailable, "the database is down"))
			evaluation, dataset := n.ask(t, "m", 3)
			run := n.run(t, "m", evaluation, dataset)
			time.Sleep(2 * s.lease)
			n.queue.refuse(nil)
			ended := n.await(t, evaluation, run.ID)
			require.Equal(t, eval.RunCompleted, ended.Status, "%+v", ended.Results)
			require.Equal(t, 3, ended.Done)
		})

		t.Run("a run is given up before its lease has run out", func(t *testing.T) {
			t.Parallel()
			s, model := newSite(t, e)
			s.lease = 6 * time.Second
			n := s.start(t)
			begun, ended := make(chan struct{}, 9), make(chan time.Time, 9)
			model.Script("m", func(ctx context.Context, _ eval.Question, _ int) (eval.Reply, error) {
				begun <- struct{}{}
				<-ctx.Done()
				ended <- time.Now()
				return eval.Reply{}, ctx.Err()
			})
			evaluation, dataset := n.ask(t, "m", 1)
			n.run(t, "m", evaluation, dataset)
			<-begun
			cut := time.Now()
			n.queue.sever()
			require.Less(t, (<-ended).Sub(cut), s.lease-500*time.Millisecond, "another node may ask the model from then on")
		})

		t.Run("a row that makes a provider panic fails, and no other", func(t *testing.T) {
			t.Parallel()
			s, model := newSite(t, e)
			n := s.start(t)
			model.Script("m", func(_ context.Context, q eval.Question, _ int) (eval.Reply, error) {
				if q.Messages[0].Content == "question 1" {
					panic("sk-secret of the provider")
				}
				return reply("right")
			})
			evaluation, dataset := n.ask(t, "m", 3)
			run := n.run(t, "m", evaluation, dataset)
			ended := n.await(t, evaluation, run.ID)
			require.Equal(t, eval.RunCompleted, ended.Status, "%+v", ended.Results)
			require.Equal(t, 1, ended.Results.Errors)
			require.InDelta(t, 2.0/3, *ended.Score, 1e-12)
			rows, err := n.evals.RunRows(t.Context(), evaluation, run.ID, page.Request{})
			require.NoError(t, err)
			require.Equal(t, "internal error; the server's log has it", rows.Items[1].Error)
		})

		t.Run("a task does not outlive the client that it runs on", func(t *testing.T) {
			t.Parallel()
			s, _ := newSite(t, e)
			n := s.start(t)
			evaluation, dataset := n.ask(t, "m", 3)
			begun, over := make(chan struct{}, 9), make(chan error, 1)
			go func() {
				_, err := n.evals.Run(t.Context(), evaluation, eval.RunSpec{DatasetID: &dataset}, func(ctx context.Context, _ eval.Row) (eval.Output, error) {
					begun <- struct{}{}
					<-ctx.Done()
					return eval.Output{}, ctx.Err()
				})
				over <- err
			}()
			<-begun
			n.stop()
			select {
			case err := <-over:
				require.ErrorIs(t, err, pmerr.ErrUnavailable)
				require.ErrorContains(t, err, "The run was given up")
			case <-time.After(20 * time.Second):
				t.Fatal("the task goes on without a lease")
			}
		})
	})
}
