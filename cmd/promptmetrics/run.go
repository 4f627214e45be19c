package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func (p *program) createRun() *cobra.Command {
	var r telemetry.Run
	var trace string
	var input, output, metadata *values
	cmd := &cobra.Command{
		Use:     "create-run --workflow NAME",
		Short:   "Open a workflow run, and print its id",
		Example: "  RUN=$(promptmetrics create-run --workflow headline-agent --input topic=AI | jq -r .run_id)",
		Args:    cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&r.WorkflowName, "workflow", "", "name of the workflow")
	flags.StringVar(&r.ID, "run-id", "", "a UUID (default: one is made)")
	flags.StringVar((*string)(&r.Status), "status", "", "running, completed or failed (default running)")
	flags.StringVar(&trace, "trace-id", "", "the trace of the run")
	input = valueFlags(flags, "input", "input of the run")
	output = valueFlags(flags, "output", "output of the run")
	metadata = valueFlags(flags, "metadata", "free data")
	_ = cmd.MarkFlagRequired("workflow") // the flag exists
	cmd.RunE = p.asking(func(ctx context.Context, c *client.Client, _ []string) (err error) {
		if r.Input, err = input.object(); err != nil {
			return err
		}
		if r.Output, err = output.object(); err != nil {
			return err
		}
		if r.Metadata, err = metadata.metadata(); err != nil {
			return err
		}
		r.TraceID = given(flags, "trace-id", trace)
		made, err := c.Telemetry.CreateRun(ctx, r)
		if err != nil {
			return err
		}
		return p.print(struct {
			ID           string              `json:"run_id"`
			WorkflowName string              `json:"workflow_name"`
			Status       telemetry.RunStatus `json:"status"`
		}{made.ID, made.WorkflowName, made.Status})
	})
	return cmd
}

func (p *program) updateRun() *cobra.Command {
	var u telemetry.RunUpdate
	var status string
	var output, metadata *values
	cmd := &cobra.Command{
		Use:     "update-run RUN",
		Short:   "Change a run, usually to end it",
		Example: "  promptmetrics update-run \"$RUN\" --status completed --output headline=\"AI Breakthrough\"",
		Args:    cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&status, "status", "", "running, completed or failed")
	output = valueFlags(flags, "output", "output of the run")
	metadata = valueFlags(flags, "metadata", "free data")
	cmd.RunE = p.asking(func(ctx context.Context, c *client.Client, args []string) (err error) {
		if u.Output, err = output.object(); err != nil {
			return err
		}
		if u.Metadata, err = metadata.metadata(); err != nil {
			return err
		}
		u.Status = given(flags, "status", telemetry.RunStatus(status))
		changed, err := c.Telemetry.UpdateRun(ctx, args[0], u)
		if err != nil {
			return err
		}
		outcome := "unchanged"
		if changed {
			outcome = "updated"
		}
		return p.print(struct {
			ID     string `json:"run_id"`
			Status string `json:"status"`
		}{args[0], outcome})
	})
	return cmd
}

func (p *program) getRun() *cobra.Command {
	return &cobra.Command{
		Use:   "get-run RUN",
		Short: "Show a run with its input and output",
		Args:  cobra.ExactArgs(1),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			r, err := c.Telemetry.Run(ctx, args[0])
			if err != nil {
				return err
			}
			return p.print(r)
		}),
	}
}

func (p *program) listRuns() *cobra.Command {
	var f telemetry.RunFilter
	var limit int
	cmd := &cobra.Command{
		Use:   "list-runs",
		Short: "List workflow runs, newest first",
		Args:  cobra.NoArgs,
		RunE: p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
			if err := checkLimit(limit); err != nil {
				return err
			}
			all, err := collect(ctx, limit, func(ctx context.Context, r page.Request) (page.Of[telemetry.Run], error) {
				return c.Telemetry.Runs(ctx, f, r)
			})
			if err != nil {
				return err
			}
			return tabulate(p, all, "runs", "RUN WORKFLOW STATUS BEGUN CHANGED", func(r telemetry.Run) []string {
				return []string{r.ID, r.WorkflowName, string(r.Status), when(r.CreatedAt), when(r.UpdatedAt)}
			})
		}),
	}
	cmd.Flags().StringVar(&f.WorkflowName, "workflow", "", "only of this workflow")
	cmd.Flags().StringVar((*string)(&f.Status), "status", "", "only running, completed or failed")
	limitFlag(cmd, &limit)
	return cmd
}
