package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
	"github.com/promptmetrics-go/promptmetrics/client"
)

func (p *program) abTests() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ab-test",
		Short: "Compare two versions of a prompt",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usage("say what to do, for example: promptmetrics ab-test list")
		},
	}
	cmd.AddCommand(p.createABTest(), p.listABTests(), p.getABTest(), p.runABTest(), p.promoteABTest(), p.assignABTest(), p.deleteABTest())
	return cmd
}

// testID reads the id that a command was given.
func testID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, usage("the id of an A/B test is a positive number, not %q; see: promptmetrics ab-test list", text)
	}
	return id, nil
}

// onTest is asking about the test whose id comes first.
func (p *program) onTest(do func(ctx context.Context, c *client.Client, id int64, args []string) error) func(*cobra.Command, []string) error {
	return p.doing(func(ctx context.Context, args []string) error {
		id, err := testID(args[0])
		if err != nil {
			return err
		}
		c, err := p.connect(hasty)
		if err != nil {
			return err
		}
		defer c.Close()
		return do(ctx, c, id, args[1:])
	})
}

func (p *program) createABTest() *cobra.Command {
	var s abtest.Spec
	var evaluation, dataset string
	var guardrails []string
	cmd := &cobra.Command{
		Use:   "create --prompt PROMPT --a VERSION --b VERSION",
		Short: "Make an A/B test, and print it",
		Example: "  promptmetrics ab-test create --prompt welcome --a 1.0.0 --b 1.1.0 --metric win_rate --guardrail latency=50\n" +
			"  promptmetrics ab-test create --prompt capital-of --a 1.0.0 --b 1.1.0 --metric score --evaluation capitals",
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&s.PromptName, "prompt", "", "the prompt")
	flags.StringVar(&s.VersionA, "a", "", "the version that is served today")
	flags.StringVar(&s.VersionB, "b", "", "the version that challenges it")
	flags.StringVar((*string)(&s.Metric), "metric", "", "latency, cost, win_rate or score (default latency)")
	flags.StringVar((*string)(&s.Mode), "mode", "", "fixed, or sequential to look at any time (default fixed)")
	flags.IntVar(&s.PlannedN, "planned-n", 0, "planned scores a version, for the sequential interval (default 500)")
	flags.Float64Var(&s.ShareB, "share-b", 0, "part of the units that get version b (default 0.5)")
	flags.StringVar(&evaluation, "evaluation", "", "compare the results of this evaluation, a name or an id")
	flags.StringVar(&dataset, "dataset", "", "the dataset that it is about, a name or an id")
	flags.StringArrayVar(&guardrails, "guardrail", nil, "what version b may not make worse by a margin, as in cost=0.001; may be repeated")
	for _, name := range []string{"prompt", "a", "b"} {
		_ = cmd.MarkFlagRequired(name) // the flag exists
	}
	cmd.RunE = p.doing(func(ctx context.Context, _ []string) error {
		s.VersionA, s.VersionB = bare(s.VersionA), bare(s.VersionB)
		if flags.Changed("share-b") && s.ShareB == 0 || flags.Changed("planned-n") && s.PlannedN == 0 {
			return usage("--share-b and --planned-n must be above 0")
		}
		for _, text := range guardrails {
			metric, margin, _ := strings.Cut(text, "=")
			number, err := strconv.ParseFloat(margin, 64)
			if err != nil {
				return usage("--guardrail must be a metric with a margin, as in latency=50, not %q", text)
			}
			s.Guardrails = append(s.Guardrails, abtest.Guardrail{Metric: abtest.Metric(metric), Margin: number})
		}
		c, err := p.connect(hasty)
		if err != nil {
			return err
		}
		defer c.Close()
		if evaluation != "" {
			e, err := findEvaluation(ctx, c, evaluation)
			if err != nil {
				return err
			}
			s.EvaluationID = &e.ID
		}
		if dataset != "" {
			d, err := findDataset(ctx, c, dataset)
			if err != nil {
				return err
			}
			s.DatasetID = &d.ID
		}
		made, err := c.ABTests.Create(ctx, s)
		if err != nil {
			return err
		}
		return p.print(made)
	})
	return cmd
}

func (p *program) listABTests() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List A/B tests, newest first",
		Args:  cobra.NoArgs,
		RunE: p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
			if err := checkLimit(limit); err != nil {
				return err
			}
			all, err := collect(ctx, limit, c.ABTests.List)
			if err != nil {
				return err
			}
			return tabulate(p, all, "A/B tests", "ID PROMPT A B METRIC MODE STATUS PROMOTED CREATED", func(t abtest.Test) []string {
				return []string{
					strconv.FormatInt(t.ID, 10), t.PromptName, t.VersionA, t.VersionB, string(t.Metric), string(t.Mode),
					string(t.Status), optional(t.PromotedVersion), when(t.CreatedAt),
				}
			})
		}),
	}
	limitFlag(cmd, &limit)
	return cmd
}

func (p *program) getABTest() *cobra.Command {
	return &cobra.Command{
		Use:   "get ID",
		Short: "Show an A/B test with its latest result",
		Args:  cobra.ExactArgs(1),
		RunE: p.onTest(func(ctx context.Context, c *client.Client, id int64, _ []string) error {
			t, err := c.ABTests.Get(ctx, id)
			if err != nil {
				return err
			}
			if p.json {
				return p.print(t)
			}
			if t.LatestResult == nil {
				p.note("A/B test %d of %s (%s against %s) has no result yet; see: promptmetrics ab-test run %d",
					id, oneLine(t.PromptName), oneLine(t.VersionA), oneLine(t.VersionB), id)
				return nil
			}
			return p.showResult(t, *t.LatestResult)
		}),
	}
}

func (p *program) runABTest() *cobra.Command {
	var fileA, fileB string
	cmd := &cobra.Command{
		Use:   "run ID",
		Short: "Compare the versions, and show what was found",
		Long: "Compares the versions on the scores of two files, one number a line (- is standard input).\n" +
			"Without files it compares the results of the test's evaluation, or what was logged.\n" +
			"Files hold all scores, also those of earlier runs.",
		Example: "  promptmetrics ab-test run 7\n  promptmetrics ab-test run 7 --scores-a old.txt --scores-b new.txt",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&fileA, "scores-a", "", "file with a number for each trial of version a")
	cmd.Flags().StringVar(&fileB, "scores-b", "", "file with a number for each trial of version b")
	cmd.MarkFlagsRequiredTogether("scores-a", "scores-b")
	cmd.RunE = p.onTest(func(ctx context.Context, c *client.Client, id int64, _ []string) error {
		var s abtest.Scores
		if fileA != "" {
			var err error
			if fileA == "-" && fileB == "-" {
				return usage("only one of --scores-a and --scores-b can be standard input")
			}
			if s.A, err = p.scores(fileA); err != nil {
				return err
			}
			if s.B, err = p.scores(fileB); err != nil {
				return err
			}
		}
		t, err := c.ABTests.Get(ctx, id)
		if err != nil {
			return err
		}
		r, err := c.ABTests.Run(ctx, id, s)
		if err != nil {
			return err
		}
		if p.json {
			return p.print(r)
		}
		return p.showResult(t, r)
	})
	return cmd
}

// scores reads one number a line; empty lines are none.
func (p *program) scores(path string) ([]float64, error) {
	data, err := p.read(path)
	if err != nil {
		return nil, err
	}
	scores := []float64{}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		number, err := strconv.ParseFloat(line, 64)
		if err != nil || math.IsNaN(number) || math.IsInf(number, 0) {
			return nil, fmt.Errorf("%s:%d: %q is no number", path, n, cell(line))
		}
		scores = append(scores, number)
	}
	return scores, nil
}

func (p *program) promoteABTest() *cobra.Command {
	return &cobra.Command{
		Use:   "promote ID",
		Short: "Pin the winner and point the label production at it",
		Args:  cobra.ExactArgs(1),
		RunE: p.onTest(func(ctx context.Context, c *client.Client, id int64, _ []string) error {
			promoted, err := c.ABTests.Promote(ctx, id)
			if err != nil {
				return err
			}
			if promoted.Winner == stats.Tie {
				p.note("A tie: nothing moved.")
			}
			return p.print(promoted)
		}),
	}
}

func (p *program) assignABTest() *cobra.Command {
	return &cobra.Command{
		Use:     "assign ID UNIT",
		Short:   "Show the version that a unit, such as a user, always gets",
		Example: "  promptmetrics ab-test assign 7 user-42 | jq -r .version",
		Args:    cobra.ExactArgs(2),
		RunE: p.onTest(func(ctx context.Context, c *client.Client, id int64, args []string) error {
			a, err := c.ABTests.Assign(ctx, id, args[0])
			if err != nil {
				return err
			}
			return p.print(a)
		}),
	}
}

func (p *program) deleteABTest() *cobra.Command {
	return &cobra.Command{
		Use:   "delete ID",
		Short: "Remove an A/B test with its results; what it promoted stays",
		Args:  cobra.ExactArgs(1),
		RunE: p.onTest(func(ctx context.Context, c *client.Client, id int64, _ []string) error {
			if err := c.ABTests.Delete(ctx, id); err != nil {
				return err
			}
			p.note("Deleted A/B test %d.", id)
			return nil
		}),
	}
}
