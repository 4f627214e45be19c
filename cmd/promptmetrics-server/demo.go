package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/internal/demo"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func (p *program) seedDemo() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "seed-demo",
		Short: "Add prompts, telemetry and measurements to look at",
		Long: "Publishes a few prompts with several versions and labels, records logs, traces and runs as if\n" +
			"they had just been used, and adds a dataset, an evaluation, an A/B test, and scans for\n" +
			"sensitive data. What is there already is left alone, so it may be run again.",
		Args: cobra.NoArgs,
		RunE: p.doing(func(ctx context.Context, _ []string) error { return p.seed(ctx, name) }),
	}
	cmd.Flags().StringVar(&name, "workspace", workspace.Default().String(), "where to add it")
	return cmd
}

func (p *program) seed(ctx context.Context, name string) error {
	id, err := workspace.Parse(name)
	if err != nil {
		return usageError{err}
	}
	added, err := withData(ctx, p, func(_ config, pm *promptmetrics.Client) (demo.Added, error) {
		ws := pm.In(id, workspace.Actor{Name: "seed-demo", Admin: true})
		return demo.Seed(ctx, demo.Workspace{
			Registry: ws.Registry, Telemetry: ws.Telemetry, Evals: ws.Evals, ABTests: ws.ABTests, Compliance: ws.Compliance,
		}, time.Now())
	})
	if err != nil {
		return err
	}
	if added == (demo.Added{}) {
		p.say("Added nothing to the workspace %s: all of the demo is there", name)
		return nil
	}
	p.say("Added to the workspace %s: %s", name, added)
	return nil
}
