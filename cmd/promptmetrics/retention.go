package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/retention"
)

func (p *program) retention() *cobra.Command {
	var set string
	cmd := &cobra.Command{
		Use:   "retention",
		Short: "Show or set how long telemetry is kept",
		Long: "Shows how long the workspace keeps logs, traces, workflow runs, compliance scores and\n" +
			"ended evaluation runs. Daily sums and the audit log stay. --set takes a number of days,\n" +
			"forever, or default for what the server does (scope admin). What is older by then is\n" +
			"deleted for good, within minutes.",
		Example: "  promptmetrics retention --set 30",
		Args:    cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&set, "set", "", "the new time in days, forever, or default")
	cmd.RunE = p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
		var now retention.Retention
		var err error
		if flags.Changed("set") {
			days, bad := daysOf(set)
			if bad != nil {
				return bad
			}
			now, err = c.Retention.Set(ctx, days)
		} else {
			now, err = c.Retention.Get(ctx)
		}
		switch {
		case err != nil:
			return err
		case p.json:
			return p.print(now)
		}
		_, err = fmt.Fprintln(p.out, keptFor(now))
		return err
	})
	return cmd
}

// daysOf reads a time; nil is the server's default.
func daysOf(text string) (*int64, error) {
	var days int64
	switch text {
	case "default":
		return nil, nil
	case "forever":
		return &days, nil
	}
	days, err := strconv.ParseInt(text, 10, 64)
	if err != nil || days < 1 || days > retention.MaxDays {
		return nil, usage("--set must be a number of days from 1 to %d, forever, or default", retention.MaxDays)
	}
	return &days, nil
}

func keptFor(r retention.Retention) string {
	if r.Days != nil {
		return "kept " + inDays(float64(*r.Days)) + ", by the workspace's own setting"
	}
	return "kept " + inDays(r.DefaultDays) + ", as the server does by default"
}

func inDays(days float64) string {
	switch days {
	case 0:
		return "for ever"
	case 1:
		return "for 1 day"
	}
	return "for " + strconv.FormatFloat(days, 'f', -1, 64) + " days"
}
