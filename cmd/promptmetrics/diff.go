package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func (p *program) diff() *cobra.Command {
	return &cobra.Command{
		Use:   "diff NAME FROM TO",
		Short: "Show what differs between two versions",
		Args:  cobra.ExactArgs(3),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			found, err := c.Registry.Diff(ctx, args[0], bare(args[1]), bare(args[2]))
			if err != nil {
				return err
			}
			if p.json {
				return p.print(found)
			}
			_, err = fmt.Fprint(p.out, describe(found))
			return err
		}),
	}
}

// describe writes a comparison for people.
func describe(c registry.Comparison) string {
	var b strings.Builder
	for _, m := range c.Messages {
		role := string(m.FromRole)
		if role != string(m.ToRole) {
			role = strings.Trim(role+" → "+string(m.ToRole), "→ ")
		}
		fmt.Fprintf(&b, "messages[%d] %s (%s)\n", m.Index, oneLine(m.Change), oneLine(role))
		for line := range strings.Lines(m.Unified) {
			fmt.Fprintf(&b, "  %s\n", visible(line))
		}
	}
	for _, s := range c.Settings {
		fmt.Fprintf(&b, "%s: %s → %s\n", oneLine(s.Path), side(s.From), side(s.To))
	}
	if b.Len() == 0 {
		return "No differences.\n"
	}
	return b.String()
}

// side shows one side of a setting; one that lacks it is a dash.
func side(v any) string {
	if v == nil {
		return "-"
	}
	data, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	return oneLine(string(data))
}

// visible keeps the spaces of a line, and nothing that moves the cursor.
func visible(line string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == ' ' {
			return r
		}
		if kept := oneLine(string(r)); kept != "" {
			return []rune(kept)[0]
		}
		return -1
	}, strings.TrimRight(line, "\r\n"))
}
