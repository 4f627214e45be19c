package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// power needs no server.
func (p *program) power() *cobra.Command {
	var rate, lift, sd, delta, power, significance float64
	cmd := &cobra.Command{
		Use:   "power (--baseline-rate RATE --lift LIFT | --sd SD --delta DELTA)",
		Short: "Compute how many scores an A/B test needs",
		Long: "Computes how many scores of each version an A/B test needs, so that it finds a difference\n" +
			"with a probability of --power: between rates, such as wins, or between means, such as latencies.",
		Example: "  promptmetrics power --baseline-rate 0.10 --lift 0.02\n  promptmetrics power --sd 120 --delta 25 --power 0.9",
		Args:    cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.Float64Var(&rate, "baseline-rate", 0, "the rate of version a, from 0 to 1")
	flags.Float64Var(&lift, "lift", 0, "the difference of rates that is to be found, as in 0.02 or -0.02")
	flags.Float64Var(&sd, "sd", 0, "the standard deviation of the scores")
	flags.Float64Var(&delta, "delta", 0, "the difference of means that is to be found, in the unit of --sd")
	flags.Float64Var(&power, "power", 0.8, "the probability that it is found")
	flags.Float64Var(&significance, "significance", 0.05, "the two-sided significance")
	cmd.MarkFlagsRequiredTogether("baseline-rate", "lift")
	cmd.MarkFlagsRequiredTogether("sd", "delta")
	cmd.MarkFlagsOneRequired("baseline-rate", "sd")
	cmd.MarkFlagsMutuallyExclusive("baseline-rate", "sd")
	cmd.RunE = p.doing(func(context.Context, []string) error {
		var n int
		var err error
		if flags.Changed("sd") {
			n, err = stats.SampleSizeMeans(delta, sd, significance, power)
		} else {
			n, err = stats.SampleSizeProportions(rate, rate+lift, significance, power)
		}
		if e, ok := errors.AsType[*pmerr.Error](err); ok {
			return usage("%s", strings.NewReplacer("p1 and p2 are too close", "--lift is too small", "p1 and p2 must differ", "--lift must not be 0",
				"p1", "--baseline-rate", "p2", "--baseline-rate plus --lift").Replace(strings.Join(e.Fields, "; ")))
		}
		if err != nil {
			return err
		}
		if p.json {
			return p.print(struct {
				Each  int `json:"n_per_version"`
				Total int `json:"n_total"`
			}{n, 2 * n})
		}
		_, err = fmt.Fprintf(p.out, "%d scores of each version, %d in all\n", n, 2*n)
		return err
	})
	return cmd
}
