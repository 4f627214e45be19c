package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/budget"
	"github.com/promptmetrics-go/promptmetrics/client"
)

func (p *program) budget() *cobra.Command {
	var set string
	cmd := &cobra.Command{
		Use:   "budget",
		Short: "Show or set what model calls may cost in a month",
		Long: "Shows what the workspace has spent in the running month (UTC) and what it may spend. Once\n" +
			"that is spent the server refuses to call models, for chats and for evaluations; logs are\n" +
			"never refused. --set takes US dollars a month, or none for no limit (scope admin).",
		Example: "  promptmetrics budget --set 50",
		Args:    cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&set, "set", "", "the new limit in US dollars a month, or none")
	cmd.RunE = p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
		var now budget.Budget
		var err error
		if flags.Changed("set") {
			usd, bad := limitOf(set)
			if bad != nil {
				return bad
			}
			now, err = c.Budget.Set(ctx, usd)
		} else {
			now, err = c.Budget.Get(ctx)
		}
		switch {
		case err != nil:
			return err
		case p.json:
			return p.print(now)
		}
		return p.showBudget(now)
	})
	return cmd
}

// limitOf reads a limit; nil is none.
func limitOf(text string) (*float64, error) {
	if strings.EqualFold(text, "none") {
		return nil, nil
	}
	usd, err := strconv.ParseFloat(strings.TrimPrefix(text, "$"), 64)
	if err != nil || !(usd >= 0 && usd <= budget.MaxUSD) {
		return nil, usage("--set must be a number of US dollars from 0, such as 50, or none")
	}
	return &usd, nil
}

func (p *program) showBudget(b budget.Budget) error {
	line := fmt.Sprintf("%s: %s spent, no limit", b.Month, money(b.SpentUSD))
	if b.BudgetUSD != nil {
		line = fmt.Sprintf("%s: %s of %s spent, %s left", b.Month, money(b.SpentUSD), money(*b.BudgetUSD), money(*b.RemainingUSD))
		if share := b.SpentUSD / *b.BudgetUSD; *b.BudgetUSD > 0 {
			line += fmt.Sprintf(" (%.0f %%)", 100*share)
			if p.draws {
				line += "\n" + gauge(share, 40)
			}
		}
	}
	_, err := fmt.Fprintln(p.out, line)
	return err
}

// money writes US dollars: cents, or what matters of less than a cent.
func money(usd float64) string {
	switch {
	case usd == 0:
		return "$0"
	case math.Abs(usd) < 0.01:
		// Two digits of what is left, without an exponent.
		digits := 1 - int(math.Floor(math.Log10(math.Abs(usd))))
		return "$" + strconv.FormatFloat(usd, 'f', min(digits, 12), 64)
	case math.Abs(usd) < 1:
		return "$" + strconv.FormatFloat(usd, 'f', 4, 64)
	}
	return "$" + strconv.FormatFloat(usd, 'f', 2, 64)
}
