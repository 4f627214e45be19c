package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/compliance"
)

func (p *program) compliance() *cobra.Command {
	return parent("compliance", "Say what counts as sensitive, and look at what was found", "promptmetrics compliance scores",
		p.listScores(),
		parent("rule", "Keep detectors of one's own", "promptmetrics compliance rule list",
			p.addRule(), p.listRules(), p.deleteRule()),
		parent("allow", "Keep what is never a finding", "promptmetrics compliance allow list",
			p.addAllowance(), p.listAllowances(), p.deleteAllowance()),
		parent("policy", "Say what counts, and what guards do about it", "promptmetrics compliance policy get",
			p.getPolicy(), p.setPolicy()),
	)
}

// parent is a command that only has others below it.
func parent(use, short, example string, below ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return usage("say what to do, for example: %s", example) },
	}
	cmd.AddCommand(below...)
	return cmd
}

func (p *program) listScores() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "scores",
		Short:   "List what scans and guards found, newest first",
		Example: "  promptmetrics compliance scores --limit 10",
		Args:    cobra.NoArgs,
		RunE: p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
			if err := checkLimit(limit); err != nil {
				return err
			}
			all, err := collect(ctx, limit, c.Compliance.Scores)
			if err != nil {
				return err
			}
			return tabulate(p, all, "scores", "ID WHEN STAGE PROMPT VERSION SCORE RISK BLOCKED FOUND", func(s compliance.Score) []string {
				blocked := ""
				if s.Blocked {
					blocked = "yes"
				}
				return []string{
					strconv.FormatInt(s.ID, 10), when(s.CreatedAt), string(s.Stage), s.PromptName, s.VersionTag,
					strconv.Itoa(s.Score), string(s.RiskLevel), blocked, found(s.Findings),
				}
			})
		}),
	}
	limitFlag(cmd, &limit)
	return cmd
}

// found names what was found, each entity once, in the order of the text.
func found(findings []compliance.Finding) string {
	var names []string
	seen := map[string]bool{}
	for _, f := range findings {
		if name := string(f.Entity); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// numberOf reads the id that a list shows.
func numberOf(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, usage("%q is no id: take one from the list", oneLine(text))
	}
	return id, nil
}

// deleting removes one thing by its id.
func (p *program) deleting(short, thing, example string, remove func(context.Context, *client.Client, int64) error) *cobra.Command {
	return &cobra.Command{
		Use:     "delete ID",
		Short:   short,
		Example: "  " + example,
		Args:    cobra.ExactArgs(1),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			id, err := numberOf(args[0])
			if err != nil {
				return err
			}
			if err := remove(ctx, c, id); err != nil {
				return err
			}
			p.note("Deleted the %s %d.", thing, id)
			return nil
		}),
	}
}
