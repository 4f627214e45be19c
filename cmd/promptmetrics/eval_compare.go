package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
)

func (p *program) listEvaluationRuns() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "runs NAME",
		Short:   "List the runs of an evaluation, newest first",
		Example: "  promptmetrics eval runs capitals --limit 10",
		Args:    cobra.ExactArgs(1),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			if err := checkLimit(limit); err != nil {
				return err
			}
			e, err := findEvaluation(ctx, c, args[0])
			if err != nil {
				return err
			}
			all, err := collect(ctx, limit, func(ctx context.Context, r page.Request) (page.Of[eval.Run], error) {
				return c.Evals.Runs(ctx, e.ID, r)
			})
			if err != nil {
				return err
			}
			return tabulate(p, all, "runs", "ID STATUS VERSION MODEL DATASET ROWS SCORE PASSED COST CREATED", func(r eval.Run) []string {
				points, passed, cost := "", "", ""
				if r.Score != nil {
					points = score(*r.Score)
				}
				if r.Passed != nil {
					passed = map[bool]string{true: "yes", false: "no"}[*r.Passed]
				}
				if r.CostUSD > 0 {
					cost = money(r.CostUSD)
				}
				return []string{
					strconv.FormatInt(r.ID, 10), string(r.Status), optional(r.VersionTag), optional(r.Model), optional(r.DatasetID),
					fmt.Sprintf("%d/%d", r.Done, r.Total), points, passed, cost, when(r.CreatedAt),
				}
			})
		}),
	}
	limitFlag(cmd, &limit)
	return cmd
}

func (p *program) compareRuns() *cobra.Command {
	return &cobra.Command{
		Use:     "compare NAME RUN RUN",
		Short:   "Show what became better and worse from one run to another",
		Long:    "Compares the rows that two runs of an evaluation share, and lists those that differ.",
		Example: "  promptmetrics eval compare capitals 4 7",
		Args:    cobra.ExactArgs(3),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			a, err := numberOf(args[1])
			if err != nil {
				return err
			}
			b, err := numberOf(args[2])
			if err != nil {
				return err
			}
			e, err := findEvaluation(ctx, c, args[0])
			if err != nil {
				return err
			}
			whole, err := wholeComparison(ctx, c, e.ID, a, b)
			switch {
			case err != nil:
				return err
			case p.json:
				return p.print(whole)
			}
			return p.showComparison(whole)
		}),
	}
}

// comparison is a comparison with all its rows.
type comparison struct {
	eval.Comparison
	Rows []eval.RowComparison `json:"rows"`
}

func wholeComparison(ctx context.Context, c *client.Client, evaluation, a, b int64) (comparison, error) {
	whole := comparison{Rows: []eval.RowComparison{}}
	for r := (page.Request{Limit: page.MaxLimit}); ; {
		part, err := c.Evals.CompareRuns(ctx, evaluation, a, b, r)
		if err != nil {
			return whole, err
		}
		whole.Comparison = part
		whole.Rows = append(whole.Rows, part.Rows.Items...)
		if r.Cursor = part.Rows.NextCursor; r.Cursor == "" {
			return whole, nil
		}
	}
}

func (p *program) showComparison(c comparison) error {
	changed := list[eval.RowComparison]{}
	for _, row := range c.Rows {
		if row.Change != eval.Same {
			changed.Items = append(changed.Items, row)
		}
	}
	if len(changed.Items) > 0 {
		if err := tabulate(p, changed, "rows", "ROW CHANGE BEFORE AFTER OUTPUT WHY", func(r eval.RowComparison) []string {
			return []string{
				strconv.FormatInt(r.A.RowID, 10), string(r.Change), score(r.A.Score), score(r.B.Score), r.B.Output, why(r.B),
			}
		}); err != nil {
			return err
		}
	}
	line := fmt.Sprintf("Run %d (%s) against run %d (%s): %d better, %d worse, %d the same, mean difference %+.4g",
		c.B.ID, oneLine(optional(c.B.VersionTag)), c.A.ID, oneLine(optional(c.A.VersionTag)), c.Better, c.Worse, c.Same, c.MeanDifference)
	if c.PValue != nil {
		line += fmt.Sprintf(", p %.3g", *c.PValue)
	}
	_, err := fmt.Fprintln(p.out, line)
	return err
}

func (p *program) cancelRun() *cobra.Command {
	return &cobra.Command{
		Use:     "cancel NAME RUN",
		Short:   "End a run; rows that are done stay",
		Example: "  promptmetrics eval cancel capitals 7",
		Args:    cobra.ExactArgs(2),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			id, err := numberOf(args[1])
			if err != nil {
				return err
			}
			e, err := findEvaluation(ctx, c, args[0])
			if err != nil {
				return err
			}
			run, err := c.Evals.CancelRun(ctx, e.ID, id)
			if err != nil {
				return err
			}
			if p.json {
				return p.print(run)
			}
			_, err = fmt.Fprintf(p.out, "Run %d is %s: %d of %d rows\n", run.ID, run.Status, run.Done, run.Total)
			return err
		}),
	}
}

func (p *program) deleteEvaluation() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:     "delete NAME",
		Short:   "Delete an evaluation with its results and runs",
		Example: "  promptmetrics eval delete capitals --yes",
		Args:    cobra.ExactArgs(1),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			e, err := findEvaluation(ctx, c, args[0])
			if err != nil {
				return err
			}
			if err := p.confirm(ctx, yes, fmt.Sprintf("the evaluation %s (id %d)", e.Name, e.ID), "with its results and runs"); err != nil {
				return err
			}
			if err := c.Evals.Delete(ctx, e.ID); err != nil {
				return err
			}
			p.note("Deleted the evaluation %s.", oneLine(e.Name))
			return nil
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func (p *program) deleteDataset() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:     "delete NAME",
		Short:   "Delete a dataset with its rows",
		Example: "  promptmetrics dataset delete questions",
		Long:    "Deletes a dataset with its rows. A run that still uses it fails with that reason.",
		Args:    cobra.ExactArgs(1),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			d, err := findDataset(ctx, c, args[0])
			if err != nil {
				return err
			}
			if err := p.confirm(ctx, yes, fmt.Sprintf("the dataset %s (id %d)", d.Name, d.ID), fmt.Sprintf("with %d rows", d.RowCount)); err != nil {
				return err
			}
			if err := c.Evals.DeleteDataset(ctx, d.ID); err != nil {
				return err
			}
			p.note("Deleted the dataset %s.", oneLine(d.Name))
			return nil
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
