package eval_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/eval/evalsuite"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/sqlstore"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/gitstore"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// site is one database and one prompt store, on which nodes stand.
type site struct {
	config db.Config
	git    *gitstore.Store
	folder string // of git
	model  eval.Model
	lease  time.Duration
}

func newSite(t *testing.T, e dbtest.Engine) (*site, *evalsuite.Model) {
	t.Helper()
	model := evalsuite.NewModel()
	return openSite(t, e.Config(t), filepath.Join(t.TempDir(), "prompts.git"), model), model
}

func openSite(t testing.TB, config db.Config, folder string, model eval.Model) *site {
	t.Helper()
	git, err := gitstore.Open(t.Context(), gitstore.Options{
		Path: folder, Logger: slog.New(slog.DiscardHandler), Now: time.Now, LockWait: 20 * time.Second,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, git.Close()) })
	return &site{config: config, git: git, folder: folder, model: model, lease: 3 * time.Second}
}

// node is what a process has: a store of its own, and a runner.
type node struct {
	evals   *eval.Service
	prompts *registry.Service
	store   *sqlstore.Store
	queue   *severed
	stop    context.CancelFunc
	// crash cuts the node off from its database, as a kill does.
	crash func()
}

// severed is a queue that can be cut off.
type severed struct {
	eval.RunQueue
	mu      sync.Mutex
	cut     bool
	refusal error
}

func (s *severed) sever() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = true
}

// refuse lets no result of a row be stored, for that reason.
func (s *severed) refuse(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = reason
}

func (s *severed) dead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cut
}

var errCut = fmt.Errorf("the process is gone")

func (s *severed) RecordRow(ctx context.Context, j eval.Job, r eval.RowResult) error {
	if s.dead() {
		return errCut
	}
	s.mu.Lock()
	refusal := s.refusal
	s.mu.Unlock()
	if refusal != nil {
		return refusal
	}
	return s.RunQueue.RecordRow(ctx, j, r)
}

func (s *severed) EndRun(ctx context.Context, j eval.Job, o eval.Outcome) error {
	if s.dead() {
		return errCut
	}
	return s.RunQueue.EndRun(ctx, j, o)
}

func (s *severed) RenewRuns(ctx context.Context, owner string, held []eval.HeldRun, lease time.Duration) error {
	if s.dead() {
		return errCut
	}
	return s.RunQueue.RenewRuns(ctx, owner, held, lease)
}

func (s *severed) ReleaseRuns(ctx context.Context, owner string) error {
	if s.dead() {
		return errCut
	}
	return s.RunQueue.ReleaseRuns(ctx, owner)
}

func (s *severed) ClaimRuns(ctx context.Context, owner string, lease time.Duration, n int) ([]eval.Job, error) {
	if s.dead() {
		return nil, errCut
	}
	return s.RunQueue.ClaimRuns(ctx, owner, lease, n)
}

// start brings up a node. Leases are short, unless a test wants them longer.
func (s *site) start(t testing.TB) *node {
	t.Helper()
	d := dbtest.OpenConfig(t, s.config)
	store := sqlstore.New(d)
	t.Cleanup(store.Close)
	home := workspace.Default()
	actor := workspace.Actor{Name: "tester", Admin: true}
	prompts := registry.New(registry.Config{
		Index: store.Prompts(), Content: s.git, Logger: slog.New(slog.DiscardHandler),
	}).Workspace(home, actor)
	tools := eval.RunTools{Prompts: prompts, Model: s.model, Compiler: rules{}}
	queue := &severed{RunQueue: store.EvaluationQueue()}
	runner := eval.NewRunner(eval.RunnerConfig{
		Queue: queue, Tools: func(workspace.ID) eval.RunTools { return tools },
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		Lease: s.lease, Renew: 300 * time.Millisecond, Poll: 50 * time.Millisecond,
	})
	ctx, stop := context.WithCancel(t.Context())
	var working sync.WaitGroup
	working.Go(func() { runner.Work(ctx) })
	quit := func() {
		stop()
		working.Wait()
	}
	t.Cleanup(quit)
	return &node{
		evals: eval.NewService(eval.Config{
			Store: store.Evaluations().Workspace(home, actor), Compiler: tools.Compiler,
			Runs: store.EvaluationRuns(home, actor), Runner: runner, Tools: tools,
		}),
		prompts: prompts, store: store, queue: queue, stop: quit,
		crash: func() {
			queue.sever()
			quit()
		},
	}
}

// rules compiles the one rule of these tests: the output contains "right".
type rules struct{}

func (rules) Compile(c eval.Criteria) (*eval.Rubric, error) {
	r := &eval.Rubric{MinScore: c.MinScore}
	for _, rule := range c.Rules {
		r.Rules = append(r.Rules, eval.CompiledRule{Name: rule.Type, Type: rule.Type, Weight: 1, Scorer: right{}})
	}
	return r, nil
}

type right struct{}

func (right) Score(_ context.Context, c eval.Case) (eval.Verdict, error) {
	if strings.Contains(c.Output, "right") {
		return eval.Verdict{Score: 1, Passed: true}, nil
	}
	return eval.Verdict{Reason: "it is not right"}, nil
}

// ask makes a prompt, an evaluation and a dataset of n rows for a model.
func (n *node) ask(t *testing.T, model string, rows int) (evaluation, dataset int64) {
	t.Helper()
	prompt := "prompt-" + model
	_, err := n.prompts.Create(t.Context(), registry.Prompt{
		Name: prompt, Version: "1.0.0", Messages: []registry.Message{{Role: registry.User, Content: "question {{n}}"}},
		Variables: map[string]registry.Variable{"n": {Type: registry.Number}},
	}, registry.Signature{})
	require.NoError(t, err)
	e, err := n.evals.Create(t.Context(), eval.Evaluation{
		Name: model, PromptName: prompt, Criteria: &eval.Criteria{Rules: []eval.Rule{{Type: "right"}}},
	})
	require.NoError(t, err)
	list := make([]eval.Row, rows)
	for i := range list {
		list[i] = eval.Row{Input: json.RawMessage(fmt.Sprintf(`{"n":%d}`, i))}
	}
	d, err := n.evals.CreateDataset(t.Context(), model, list)
	require.NoError(t, err)
	return e.ID, d.ID
}

func (n *node) run(t *testing.T, model string, evaluation, dataset int64) eval.Run {
	t.Helper()
	run, err := n.evals.StartRun(t.Context(), evaluation, eval.RunSpec{
		DatasetID: &dataset, Provider: evalsuite.Provider, Model: model, Concurrency: 3,
	})
	require.NoError(t, err)
	return run
}

func (n *node) await(t *testing.T, evaluation, run int64) eval.Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended, err := n.evals.WaitRun(ctx, evaluation, run, 20*time.Millisecond)
	require.NoError(t, err)
	return ended
}

func total(asked map[string]int) (n int) {
	for _, times := range asked {
		n += times
	}
	return n
}

func reply(text string) (eval.Reply, error) {
	cost := 0.001
	return eval.Reply{Output: text, LatencyMS: 5, CostUSD: &cost}, nil
}

func TestRunner(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		t.Run("a run that was killed goes on elsewhere, and asks nothing again that is done", func(t *testing.T) {
			t.Parallel()
			s, model := newSite(t, e)
			first := s.start(t)
			gate := make(chan struct{})
			model.Script("m", func(ctx context.Context, q eval.Question, times int) (eval.Reply, error) {
				var n int
				if _, err := fmt.Sscanf(q.Messages[0].Content, "question %d", &n); err != nil {
					return eval.Reply{}, err
				}
				if n >= 20 && times == 1 {
					select {
					case <-gate:
					case <-ctx.Done():
						return eval.Reply{}, ctx.Err()
					}
				}
				return reply("right")
			})
			evaluation, dataset := first.ask(t, "m", 40)
			run := first.run(t, "m", evaluation, dataset)
			require.Eventually(t, func() bool {
				now, err := first.evals.GetRun(t.Context(), evaluation, run.ID)
				return err == nil && now.Done == 20
			}, 20*time.Second, 5*time.Millisecond)
			first.crash() // with three rows in flight

			second := s.start(t)
			close(gate)
			ended := second.await(t, evaluation, run.ID)
			require.Equal(t, eval.RunCompleted, ended.Status, "%+v", ended.Results)
			require.Equal(t, 40, ended.Done)
			require.InDelta(t, 1, *ended.Score, 1e-12)
			require.InDelta(t, 0.040, ended.CostUSD, 1e-9)
			asked := model.Asked("m")
			require.Len(t, asked, 40)
			require.LessOrEqual(t, total(asked), 43, "at most the rows in flight repeat")
			for n := range 20 {
				require.Equal(t, 1, asked[fmt.Sprintf("question %d", n)], "row %d was done", n)
			}
		})

		t.Run("two nodes never do one row twice", func(t *testing.T) {
			t.Parallel()
			s, model := newSite(t, e)
			s.lease = time.Minute // nobody dies, whatever the machine has to do
			a, b := s.start(t), s.start(t)
			model.Script("m", func(context.Context, eval.Question, int) (eval.Reply, error) { return reply("right") })
			evaluation, dataset := a.ask(t, "m", 30)
			runs := make([]eval.Run, 6)
			for i := range runs {
				runs[i] = []*node{a, b}[i%2].run(t, "m", evaluation, dataset)
			}
			for _, run := range runs {
				require.Equal(t, eval.RunCompleted, b.await(t, evaluation, run.ID).Status)
			}
			for question, times := range model.Asked("m") {
				require.Equal(t, len(runs), times, "%s", question)
			}
		})

		t.Run("a stopped node lets others go on at once", func(t *testing.T) {
			t.Parallel()
			s, model := newSite(t, e)
			a := s.start(t)
			begun, stopped := make(chan struct{}, 9), make(chan struct{})
			model.Script("m", func(ctx context.Context, _ eval.Question, _ int) (eval.Reply, error) {
				begun <- struct{}{}
				select {
				case <-stopped:
					return reply("right")
				case <-ctx.Done():
					return eval.Reply{}, ctx.Err()
				}
			})
			evaluation, dataset := a.ask(t, "m", 2)
			run := a.run(t, "m", evaluation, dataset)
			<-begun
			a.stop()
			close(stopped)
			still, err := a.evals.GetRun(t.Context(), evaluation, run.ID)
			require.NoError(t, err)
			require.Equal(t, eval.RunRunning, still.Status)
			require.Zero(t, still.Done)
			require.Equal(t, eval.RunCompleted, s.start(t).await(t, evaluation, run.ID).Status)
		})

		t.Run("a run is cancelled from another node", func(t *testing.T) {
			t.Parallel()
			s, model := newSite(t, e)
			a := s.start(t)
			begun, ended := make(chan struct{}, 9), make(chan struct{}, 9)
			model.Script("m", func(ctx context.Context, _ eval.Question, _ int) (eval.Reply, error) {
				begun <- struct{}{}
				<-ctx.Done()
				ended <- struct{}{}
				return eval.Reply{}, ctx.Err()
			})
			evaluation, dataset := a.ask(t, "m", 9)
			run := a.run(t, "m", evaluation, dataset)
			<-begun
			b := s.start(t)
			gone, err := b.evals.CancelRun(t.Context(), evaluation, run.ID)
			require.NoError(t, err)
			require.Equal(t, eval.RunCancelled, gone.Status)
			require.NotNil(t, gone.CompletedAt)
			require.Equal(t, "cancelled", gone.Results.Reason)
			select {
			case <-ended: // the call itself was ended
			case <-time.After(20 * time.Second):
				t.Fatal("the call goes on")
			}
			require.LessOrEqual(t, total(model.Asked("m")), 3, "nothing new is asked")
		})

		t.Run("what goes away under a run ends it with the reason", func(t *testing.T) {
			t.Parallel()
			for name, test := range map[string]struct {
				remove func(ctx context.Context, n *node, evaluation, dataset int64) error
				reason string
			}{
				"the dataset": {
					func(ctx context.Context, n *node, _, dataset int64) error { return n.evals.DeleteDataset(ctx, dataset) },
					"the dataset was deleted while the run used it",
				},
				"the prompt": {
					func(ctx context.Context, n *node, _, _ int64) error {
						return n.prompts.Delete(ctx, "prompt-m", registry.Signature{})
					},
					"the prompt prompt-m in version 1.0.0 does not exist any more",
				},
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					s, model := newSite(t, e)
					n := s.start(t)
					begun, gate := make(chan struct{}, 9), make(chan struct{})
					model.Script("m", func(ctx context.Context, _ eval.Question, _ int) (eval.Reply, error) {
						begun <- struct{}{}
						select {
						case <-gate:
							return reply("right")
						case <-ctx.Done():
							return eval.Reply{}, ctx.Err()
						}
					})
					evaluation, dataset := n.ask(t, "m", 9)
					run := n.run(t, "m", evaluation, dataset)
					<-begun
					require.NoError(t, test.remove(t.Context(), n, evaluation, dataset))
					close(gate)
					ended := n.await(t, evaluation, run.ID)
					require.Equal(t, eval.RunFailed, ended.Status)
					require.Equal(t, test.reason, ended.Results.Reason)
					require.Nil(t, ended.Score)
				})
			}
		})

		t.Run("deleting the evaluation ends its runs", func(t *testing.T) {
			t.Parallel()
			s, model := newSite(t, e)
			n := s.start(t)
			begun, ended := make(chan struct{}, 9), make(chan struct{}, 9)
			model.Script("m", func(ctx context.Context, _ eval.Question, _ int) (eval.Reply, error) {
				begun <- struct{}{}
				<-ctx.Done()
				ended <- struct{}{}
				return eval.Reply{}, ctx.Err()
			})
			evaluation, dataset := n.ask(t, "m", 9)
			n.run(t, "m", evaluation, dataset)
			<-begun
			require.NoError(t, n.evals.Delete(t.Context(), evaluation))
			<-ended
			_, err := n.evals.Runs(t.Context(), evaluation, page.Request{})
			require.ErrorContains(t, err, "Evaluation not found")
		})

		t.Run("a task whose program is gone fails, and is not taken for a model's", func(t *testing.T) {
			t.Parallel()
			s, _ := newSite(t, e)
			a := s.start(t)
			evaluation, dataset := a.ask(t, "m", 3)
			crashed := make(chan struct{})
			go func() {
				defer close(crashed)
				_, _ = a.evals.Run(t.Context(), evaluation, eval.RunSpec{DatasetID: &dataset}, func(context.Context, eval.Row) (eval.Output, error) {
					a.crash()
					return eval.Output{Text: "right"}, nil
				})
			}()
			<-crashed
			ended := s.start(t).await(t, evaluation, 1)
			require.Equal(t, eval.RunFailed, ended.Status)
			require.Contains(t, ended.Results.Reason, "the program that ran it has ended")
		})
	})
}
