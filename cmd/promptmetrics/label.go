package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func (p *program) addLabel() *cobra.Command {
	var version string
	cmd := &cobra.Command{
		Use:     "add-label NAME LABEL",
		Short:   "Point a label at a version; a label that exists moves",
		Example: "  promptmetrics add-label welcome production --version 1.0.0",
		Args:    cobra.ExactArgs(2),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			l, err := c.Registry.SetLabel(ctx, args[0], args[1], bare(version))
			if err != nil {
				return err
			}
			return p.print(struct {
				PromptName string `json:"prompt_name"`
				Name       string `json:"name"`
				Version    string `json:"version_tag"`
			}{l.PromptName, l.Name, l.Version})
		}),
	}
	cmd.Flags().StringVar(&version, "version", "", "the version (default: the latest)")
	return cmd
}

func (p *program) getLabel() *cobra.Command {
	return &cobra.Command{
		Use:   "get-label NAME LABEL",
		Short: "Show where a label points",
		Args:  cobra.ExactArgs(2),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			l, err := c.Registry.Label(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			return p.print(l)
		}),
	}
}

func (p *program) listLabels() *cobra.Command {
	return &cobra.Command{
		Use:   "list-labels NAME",
		Short: "List the labels of a prompt",
		Args:  cobra.ExactArgs(1),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			all, err := collect(ctx, 0, func(ctx context.Context, r page.Request) (page.Of[registry.Label], error) {
				return c.Registry.Labels(ctx, args[0], r)
			})
			if err != nil {
				return err
			}
			return tabulate(p, all, "labels", "LABEL VERSION MOVED PROTECTED", func(l registry.Label) []string {
				protected := ""
				if l.Protected {
					protected = "yes"
				}
				return []string{l.Name, l.Version, when(l.UpdatedAt), protected}
			})
		}),
	}
}

func (p *program) deleteLabel() *cobra.Command {
	return &cobra.Command{
		Use:   "delete-label NAME LABEL",
		Short: "Remove a label; the version stays",
		Args:  cobra.ExactArgs(2),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			if err := c.Registry.DeleteLabel(ctx, args[0], args[1]); err != nil {
				return err
			}
			p.note("Deleted the label %s of %s.", oneLine(args[1]), oneLine(args[0]))
			return nil
		}),
	}
}
