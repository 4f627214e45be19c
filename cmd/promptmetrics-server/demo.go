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
		Short: "Add prompts and telemetry to look at",
		Long: "Publishes a few prompts with several versions and labels, and records logs, traces and\n" +
			"runs as if they had just been used. What is there already is left alone, so it may be\n" +
			"run again.",
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
	added, err := withData(p, func(_ config, pm *promptmetrics.Client) (demo.Added, error) {
		ws := pm.In(id, workspace.Actor{Name: "seed-demo", Admin: true})
		return demo.Seed(ctx, ws.Registry, ws.Telemetry, time.Now())
	})
	if err != nil {
		return err
	}
	p.say("Added to the workspace %s: %d prompt versions, %d labels, %d logs, %d traces, %d runs",
		name, added.Versions, added.Labels, added.Logs, added.Traces, added.Runs)
	return nil
}
