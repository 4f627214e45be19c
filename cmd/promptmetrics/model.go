package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/playground"
)

func (p *program) models() *cobra.Command {
	var refresh bool
	var provider string
	cmd := &cobra.Command{
		Use:   "models",
		Short: "List the models that the server's providers offer",
		Long: "Lists the models that the server's providers offer. The server remembers them for an hour;\n" +
			"--refresh asks the providers anew (scope admin), and fails if one does not answer.",
		Example: "  promptmetrics models --provider openai",
		Args:    cobra.NoArgs,
		RunE: p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
			var silent map[string]string
			if refresh {
				done, err := c.Playground.RefreshModels(ctx)
				if err != nil {
					return err
				}
				silent = done.Errors
			}
			all, err := allModels(ctx, c, provider)
			if err != nil {
				return err
			}
			if err := tabulate(p, all, "models", "PROVIDER MODEL CONTEXT NAME", func(m playground.Model) []string {
				window, name := "", ""
				if m.ContextWindow > 0 {
					window = strconv.FormatInt(m.ContextWindow, 10)
				}
				if m.Name != m.ID {
					name = m.Name
				}
				return []string{m.Provider, m.ID, window, name}
			}); err != nil {
				return err
			}
			if all.Total == 0 && provider == "" && silent == nil {
				p.note("Providers are set up on the server, by OPENAI_API_KEY, ANTHROPIC_API_KEY or OLLAMA_BASE_URL for example.")
			}
			return p.unanswered(silent)
		}),
	}
	cmd.Flags().BoolVar(&refresh, "refresh", false, "ask the providers anew")
	cmd.Flags().StringVar(&provider, "provider", "", "only of this provider")
	return cmd
}

// allModels reads the whole list, which has pages and no cursors.
func allModels(ctx context.Context, c *client.Client, provider string) (list[playground.Model], error) {
	all := list[playground.Model]{Items: []playground.Model{}}
	for r := (page.Request{Page: 1, Limit: page.MaxLimit}); ; r.Page++ {
		found, err := c.Playground.Models(ctx, r)
		if err != nil {
			return all, err
		}
		for _, m := range found.Items {
			if provider == "" || m.Provider == provider {
				all.Items = append(all.Items, m)
			}
		}
		if len(found.Items) == 0 || int64(r.Page) >= found.TotalPages {
			all.Total = int64(len(all.Items))
			return all, nil
		}
	}
}

// unanswered fails if a provider did not answer.
func (p *program) unanswered(faults map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		p.note("promptmetrics: %s: %s", oneLine(name), oneLine(faults[name]))
	}
	switch len(faults) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("a provider did not answer; its models are those of its last answer")
	}
	return fmt.Errorf("%d providers did not answer; their models are those of their last answers", len(faults))
}
