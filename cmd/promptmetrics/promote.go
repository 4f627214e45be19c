package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func (p *program) promote() *cobra.Command {
	var what client.Promotion
	var by registry.Signature
	var label string
	cmd := &cobra.Command{
		Use:   "promote NAME --from WORKSPACE --to WORKSPACE",
		Short: "Publish a version of one workspace in another",
		Long: "Publishes a version of one workspace in another, by a commit: the content stays the same.\n" +
			"Without --version and --label it is the pinned version, else the latest. Workspaces go by\n" +
			"their own names or by those of the branches that they follow: main is the workspace\n" +
			"default. It needs a master key, and may be repeated.",
		Example: "  promptmetrics promote welcome --from staging --to main\n" +
			"  promptmetrics promote welcome --label candidate --from staging --to main --set-label production",
		Args: cobra.ExactArgs(1),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			if what.Version != "" && what.Label != "" {
				return usage("--version and --label exclude each other")
			}
			what.Version = bare(what.Version)
			done, err := c.Registry.Promote(ctx, args[0], what, by)
			if err != nil {
				return err
			}
			if label != "" {
				to, err := c.Workspace(done.To)
				if err != nil {
					return err
				}
				if _, err := to.Registry.SetLabel(ctx, done.Name, label, done.Version.Version); err != nil {
					return err
				}
			}
			return p.print(done)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&what.From, "from", "", "the workspace, or its branch, that has the version")
	flags.StringVar(&what.To, "to", "", "the workspace, or its branch, that gets it")
	flags.StringVar(&what.Version, "version", "", "a version, or a range such as '^1.2'")
	flags.StringVar(&what.Label, "label", "", "the version that a label of --from points at")
	flags.StringVar(&label, "set-label", "", "a label of --to that is pointed at the version, such as production")
	_ = cmd.MarkFlagRequired("from") // the flags exist
	_ = cmd.MarkFlagRequired("to")
	signatureFlags(cmd, &by)
	return cmd
}
