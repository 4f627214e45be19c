package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
)

// How often a run is looked at, how many failed rows are shown, and how long
// the server may take to hear of an interruption.
const (
	runPause   = 500 * time.Millisecond
	shownRows  = 20
	cancelTime = 5 * time.Second
)

func (p *program) runEvaluation() *cobra.Command {
	var s eval.RunSpec
	var dataset string
	var minScore, maxCost float64
	cmd := &cobra.Command{
		Use:   "run NAME",
		Short: "Run an evaluation, wait for its end, and fail under a score",
		Long: "Runs an evaluation on the server and waits for its end. The exit status is 1 if the run\n" +
			"failed, or if its score is below --min-score; without that flag, if the evaluation's own\n" +
			"aim was missed. NAME and --dataset are names (the newest is taken) or ids. An interruption\n" +
			"cancels the run.",
		Example: "  promptmetrics eval run capitals --dataset questions --provider openai --model gpt-4o-mini --min-score 0.8",
		Args:    cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&dataset, "dataset", "", "the dataset (default: one row, the prompt with its defaults)")
	flags.StringVar(&s.VersionTag, "version", "", "the version of the prompt (default: the evaluation's, else the active one)")
	flags.StringVar(&s.Provider, "provider", "", "the provider of the model (default: that of the prompt)")
	flags.StringVar(&s.Model, "model", "", "the model (default: that of the prompt)")
	flags.IntVar(&s.Concurrency, "concurrency", 0, "how many rows are worked on at once, 1 to 64 (default 4)")
	flags.Float64Var(&maxCost, "max-cost", 0, "USD at which the run ends as failed (default: no limit)")
	flags.Float64Var(&minScore, "min-score", 0, "score from 0 to 1 under which the exit status is 1")
	cmd.RunE = p.doing(func(ctx context.Context, args []string) error {
		aim := given(flags, "min-score", minScore)
		if aim != nil && !(*aim >= 0 && *aim <= 1) {
			return usage("--min-score must be from 0 to 1")
		}
		s.MaxCostUSD = given(flags, "max-cost", maxCost)
		c, err := p.connect(patient)
		if err != nil {
			return err
		}
		defer c.Close()
		e, err := findEvaluation(ctx, c, args[0])
		if err != nil {
			return err
		}
		if dataset != "" {
			d, err := findDataset(ctx, c, dataset)
			if err != nil {
				return err
			}
			s.DatasetID = &d.ID
		}
		run, err := c.Evals.StartRun(ctx, e.ID, s)
		if err != nil {
			return err
		}
		if run, err = p.follow(ctx, c, run); err != nil {
			return err
		}
		return p.judge(ctx, c, run, aim)
	})
	return cmd
}

// follow shows the progress of a run until it ends.
func (p *program) follow(ctx context.Context, c *client.Client, run eval.Run) (eval.Run, error) {
	bar := p.progress("evaluating")
	defer bar.end()
	if bar.Begin != nil {
		bar.Begin(run.Total)
	}
	for shown := 0; ; {
		for ; bar.Step != nil && shown < run.Done; shown++ {
			bar.Step()
		}
		if run.Status != eval.RunRunning {
			return run, nil
		}
		select {
		case <-ctx.Done():
			return run, p.giveUp(ctx, c, run)
		case <-time.After(runPause):
		}
		now, err := c.Evals.GetRun(ctx, run.EvaluationID, run.ID)
		switch {
		case ctx.Err() != nil:
			return run, p.giveUp(ctx, c, run)
		case err != nil:
			return run, err
		}
		run = now
	}
}

// giveUp cancels a run that nobody waits for any more, so that it costs nothing.
func (p *program) giveUp(ctx context.Context, c *client.Client, run eval.Run) error {
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTime)
	defer cancel()
	if _, err := c.Evals.CancelRun(late, run.EvaluationID, run.ID); err != nil {
		p.note("promptmetrics: run %d could not be cancelled and goes on: %s", run.ID, p.explain(err))
	}
	return ctx.Err()
}

// judge says how a run ended, and fails if it is not good enough.
func (p *program) judge(ctx context.Context, c *client.Client, run eval.Run, aim *float64) error {
	failed, err := failedRows(ctx, c, run)
	if err != nil {
		return err
	}
	if p.json {
		err = p.print(struct {
			eval.Run
			Failed []eval.RowResult `json:"failed_rows"`
		}{run, failed.Items})
	} else {
		err = p.summarize(run, failed)
	}
	if err != nil {
		return err
	}
	switch {
	case run.Status != eval.RunCompleted:
		reason := ""
		if run.Results != nil {
			reason = ": " + run.Results.Reason
		}
		return fmt.Errorf("run %d has %s%s", run.ID, strings.Replace(string(run.Status), "cancelled", "been cancelled", 1), reason)
	case run.Score == nil && aim != nil:
		return errors.New("there is no score: the evaluation has no rules")
	case aim != nil && *run.Score < *aim-1e-9: // up to the rounding of a sum
		return fmt.Errorf("the score %.4g is below %g", *run.Score, *aim)
	case aim == nil && run.Passed != nil && !*run.Passed:
		return errors.New("the evaluation's own aim was missed")
	}
	return nil
}

// failedRows reads the first rows that have not passed.
func failedRows(ctx context.Context, c *client.Client, run eval.Run) (failed list[eval.RowResult], err error) {
	failed.Items = []eval.RowResult{}
	if run.Results != nil {
		failed.Total = int64(run.Results.Rows - run.Results.Passed)
	}
	if run.Status == eval.RunCompleted && (run.Score == nil || failed.Total == 0) {
		return failed, nil
	}
	for request := (page.Request{Limit: page.MaxLimit}); ; {
		rows, err := c.Evals.RunRows(ctx, run.EvaluationID, run.ID, request)
		if err != nil {
			return failed, err
		}
		for _, row := range rows.Items {
			if !row.Passed && len(failed.Items) < shownRows {
				failed.Items = append(failed.Items, row)
			}
		}
		if request.Cursor = rows.NextCursor; request.Cursor == "" || len(failed.Items) == shownRows {
			return failed, nil
		}
	}
}

// summarize prints a run for people.
func (p *program) summarize(run eval.Run, failed list[eval.RowResult]) error {
	if len(failed.Items) > 0 {
		if err := tabulate(p, list[eval.RowResult]{Items: failed.Items}, "rows", "ROW SCORE OUTPUT WHY", func(r eval.RowResult) []string {
			return []string{strconv.FormatInt(r.RowID, 10), fmt.Sprintf("%.3g", r.Score), r.Output, why(r)}
		}); err != nil {
			return err
		}
		if more := failed.Total - int64(len(failed.Items)); more > 0 {
			p.note("and %d more", more)
		}
	}
	line := fmt.Sprintf("Run %d of evaluation %d %s: %d of %d rows", run.ID, run.EvaluationID, run.Status, run.Done, run.Total)
	if run.Score != nil {
		line += fmt.Sprintf(", score %.4g", *run.Score)
	}
	if r := run.Results; r != nil && r.PassRate != nil {
		line += fmt.Sprintf(", %d passed", r.Passed)
	}
	if run.CostUSD > 0 {
		line += ", " + money(run.CostUSD)
	}
	_, err := fmt.Fprintln(p.out, line)
	return err
}

// why joins what the rules that failed say of a row.
func why(r eval.RowResult) string {
	if r.Error != "" {
		return r.Error
	}
	var reasons []string
	for _, v := range r.Rules {
		if !v.Passed {
			reasons = append(reasons, v.Rule+": "+v.Reason)
		}
	}
	return strings.Join(reasons, "; ")
}
