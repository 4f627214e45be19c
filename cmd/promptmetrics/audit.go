package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/page"
)

func (p *program) auditLogs() *cobra.Command {
	var f access.AuditFilter
	var from, to string
	var limit int
	cmd := &cobra.Command{
		Use:     "audit-logs",
		Short:   "List who changed what, newest first",
		Long:    "Lists who changed what in the workspace, newest first. The API key needs the scope admin.",
		Example: "  promptmetrics audit-logs --action create_prompt --from 2026-11-01",
		Args:    cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Action, "action", "", "only this action, such as create_prompt")
	flags.StringVar(&f.APIKeyName, "key-name", "", "only what was done with the API key of this name")
	flags.StringVar(&from, "from", "", "only from this day (UTC) or time on, such as 2026-11-01")
	flags.StringVar(&to, "to", "", "only before this day (UTC) or time")
	limitFlag(cmd, &limit)
	cmd.RunE = p.asking(func(ctx context.Context, c *client.Client, _ []string) (err error) {
		if err := checkLimit(limit); err != nil {
			return err
		}
		if f.From, err = dayOf("from", from); err != nil {
			return err
		}
		if f.To, err = dayOf("to", to); err != nil {
			return err
		}
		all, err := collect(ctx, limit, func(ctx context.Context, r page.Request) (page.Of[access.AuditEntry], error) {
			return c.Audit.Entries(ctx, f, r)
		})
		if err != nil {
			return err
		}
		return tabulate(p, all, "entries", "ID WHEN ACTION PROMPT VERSION TARGET KEY ADDRESS", func(e access.AuditEntry) []string {
			return []string{
				optional(&e.ID), when(e.Timestamp), e.Action, optional(e.PromptName), optional(e.VersionTag),
				optional(e.TargetID), optional(e.APIKeyName), optional(e.IPAddress),
			}
		})
	})
	return cmd
}
