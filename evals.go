package promptmetrics

import (
	"context"
	"slices"

	"github.com/promptmetrics-go/promptmetrics/budget"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/eval/scorer"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// evals makes the evaluations of a workspace.
func (c *Client) evals(id workspace.ID, actor workspace.Actor, recorded *telemetry.Service) *eval.Service {
	tools := c.runTools(id)
	return eval.NewService(eval.Config{
		Store: c.evaluations.Workspace(id, actor), Logged: loggedRuns{recorded}, Compiler: tools.Compiler,
		Runs: c.store.EvaluationRuns(id, actor), Runner: c.runner, Tools: tools,
	})
}

// evaluator acts when a run renders prompts and calls models.
var evaluator = workspace.Actor{Name: "evaluation"}

// runTools is what the evaluation runs of a workspace use.
func (c *Client) runTools(id workspace.ID) eval.RunTools {
	spend := budget.NewService(c.store.Budget(id, evaluator), c.monthly, c.now)
	guard := callGuard{c.compliance.Workspace(id, evaluator, nil)}
	asks := models{all: c.playground, guard: guard, own: c.playground.Workspace(playground.Scope{
		Recorder: patient{telemetry.NewService(c.telemetry.Workspace(id, evaluator), c.prices)},
		Budget:   spend, Auditor: c.store.Auditor(id, evaluator), Guard: guard,
	})}
	return eval.RunTools{
		Prompts: c.registry.Workspace(id, evaluator), Model: asks, Budget: spend,
		Compiler: scorer.New(scorer.Options{
			Model: eval.Metered(asks), Scanner: textScanner{c.scans}, Functions: c.scorers.Functions,
			WebhookHosts: c.scorers.WebhookHosts, WebhookPrivate: c.scorers.WebhookPrivate,
		}),
	}
}

// textScanner tells the rules of evaluations which entities a text holds.
type textScanner struct{ driver compliance.Driver }

// Scan implements [scorer.Scanner].
func (t textScanner) Scan(ctx context.Context, text string) (entities []string, err error) {
	found, _, err := t.driver.Scan(ctx, text)
	for _, f := range found {
		if !slices.Contains(entities, string(f.Entity)) {
			entities = append(entities, string(f.Entity))
		}
	}
	return entities, err
}

// newRunner makes what executes evaluation runs.
func (c *Client) newRunner() *eval.Runner {
	return eval.NewRunner(eval.RunnerConfig{Queue: c.store.EvaluationQueue(), Tools: c.runTools, Logger: c.log, Now: c.now})
}

// loggedRuns shows evaluations what telemetry has recorded.
type loggedRuns struct{ recorded *telemetry.Service }

func (l loggedRuns) LoggedRun(ctx context.Context, runID string) (eval.LoggedRun, error) {
	run, err := l.recorded.Run(ctx, runID)
	return loggedRun(run), err
}

// LoggedRuns asks for the trace itself only where it has no run: a trace may
// have many spans.
func (l loggedRuns) LoggedRuns(ctx context.Context, traceID, workflowName string, limit int) (runs []eval.LoggedRun, err error) {
	f := telemetry.RunFilter{TraceID: traceID, WorkflowName: workflowName}
	next := page.Request{Limit: min(limit, page.MaxLimit)}
	for {
		found, err := l.recorded.Runs(ctx, f, next)
		if err != nil {
			return nil, err
		}
		for _, run := range found.Items {
			if runs = append(runs, loggedRun(run)); len(runs) == limit {
				return runs, nil
			}
		}
		if next.Cursor = found.NextCursor; next.Cursor == "" {
			break
		}
	}
	if traceID != "" && len(runs) == 0 {
		_, err = l.recorded.Trace(ctx, traceID)
	}
	return runs, err
}

func loggedRun(r telemetry.Run) eval.LoggedRun {
	return eval.LoggedRun{ID: r.ID, Input: r.Input, Output: r.Output}
}
