package eval_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/eval/evalsuite"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
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
	})
}
