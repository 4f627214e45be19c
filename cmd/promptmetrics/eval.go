package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
)

func (p *program) evaluations() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure prompts on datasets",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usage("say what to do, for example: promptmetrics eval list")
		},
	}
	cmd.AddCommand(p.createEvaluation(), p.listEvaluations(), p.deleteEvaluation(), p.listResults(),
		p.runEvaluation(), p.listEvaluationRuns(), p.compareRuns(), p.cancelRun())
	return cmd
}

func (p *program) createEvaluation() *cobra.Command {
	var e eval.Evaluation
	var version, description, criteria string
	cmd := &cobra.Command{
		Use:   "create NAME --prompt PROMPT",
		Short: "Make an evaluation, and print it",
		Example: "  echo '{\"min_score\":0.8,\"rules\":[{\"type\":\"exact\"}]}' |\n" +
			"    promptmetrics eval create capitals --prompt capital-of --criteria -",
		Args: cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&e.PromptName, "prompt", "", "the prompt that is measured")
	flags.StringVar(&version, "version", "", "the version that is measured unless a run says otherwise")
	flags.StringVar(&description, "description", "", "what it is for")
	flags.StringVar(&criteria, "criteria", "", "a JSON file with min_score and rules, - for standard input")
	_ = cmd.MarkFlagRequired("prompt") // the flag exists
	cmd.RunE = p.asking(func(ctx context.Context, c *client.Client, args []string) error {
		e.Name, e.VersionTag, e.Description = args[0], given(flags, "version", version), given(flags, "description", description)
		if criteria != "" {
			data, err := p.read(criteria)
			if err != nil {
				return err
			}
			if err := json.Unmarshal(data, &e.Criteria); err != nil {
				return fmt.Errorf("the criteria are no JSON object of min_score and rules: %w", err)
			}
		}
		made, err := c.Evals.Create(ctx, e)
		if err != nil {
			return err
		}
		return p.print(made)
	})
	return cmd
}

// maxInput bounds what is read of a file or of standard input.
const maxInput = 10 << 20

// read reads a small file, or standard input with "-".
func (p *program) read(path string) (data []byte, err error) {
	in := p.in
	if path != "-" {
		file, err := os.Open(path) //nolint:gosec // the user names it.
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	if data, err = io.ReadAll(io.LimitReader(in, maxInput+1)); err != nil {
		return nil, err
	}
	if len(data) > maxInput {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxInput)
	}
	return data, nil
}

func (p *program) listEvaluations() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List evaluations, newest first",
		Args:  cobra.NoArgs,
		RunE: p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
			if err := checkLimit(limit); err != nil {
				return err
			}
			all, err := collect(ctx, limit, c.Evals.List)
			if err != nil {
				return err
			}
			return tabulate(p, all, "evaluations", "ID NAME PROMPT VERSION CREATED", func(e eval.Evaluation) []string {
				return []string{strconv.FormatInt(e.ID, 10), e.Name, e.PromptName, optional(e.VersionTag), when(e.CreatedAt)}
			})
		}),
	}
	limitFlag(cmd, &limit)
	return cmd
}

func (p *program) listResults() *cobra.Command {
	var f eval.ResultFilter
	var limit int
	cmd := &cobra.Command{
		Use:   "results NAME",
		Short: "List the scores of an evaluation, newest first",
		Long:  "Lists the scores of an evaluation, newest first. NAME is its name or its id.",
		Args:  cobra.ExactArgs(1),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			if err := checkLimit(limit); err != nil {
				return err
			}
			e, err := findEvaluation(ctx, c, args[0])
			if err != nil {
				return err
			}
			all, err := collect(ctx, limit, func(ctx context.Context, r page.Request) (page.Of[eval.Result], error) {
				return c.Evals.Results(ctx, e.ID, f, r)
			})
			if err != nil {
				return err
			}
			return tabulate(p, all, "results", "ID SCORE VERSION RUN CREATED", func(r eval.Result) []string {
				return []string{strconv.FormatInt(r.ID, 10), fmt.Sprintf("%.4g", r.Score), optional(r.VersionTag), optional(r.RunID), when(r.CreatedAt)}
			})
		}),
	}
	cmd.Flags().StringVar(&f.VersionTag, "version", "", "only of this version")
	limitFlag(cmd, &limit)
	return cmd
}

// errNotInList ends the search for a name.
var errNotInList = errors.New("not found")

// search finds the newest thing of a list that fits.
func search[T any](ctx context.Context, list func(context.Context, page.Request) (page.Of[T], error), fits func(T) bool) (found T, err error) {
	for request := (page.Request{Limit: page.MaxLimit}); ; {
		some, err := list(ctx, request)
		if err != nil {
			return found, err
		}
		for _, item := range some.Items {
			if fits(item) {
				return item, nil
			}
		}
		if request.Cursor = some.NextCursor; request.Cursor == "" {
			return found, errNotInList
		}
	}
}

// findEvaluation finds the newest evaluation of a name, or one by its id.
func findEvaluation(ctx context.Context, c *client.Client, name string) (eval.Evaluation, error) {
	e, err := search(ctx, c.Evals.List, func(e eval.Evaluation) bool { return e.Name == name })
	if !errors.Is(err, errNotInList) {
		return e, err
	}
	if id, err := strconv.ParseInt(name, 10, 64); err == nil {
		return c.Evals.Get(ctx, id)
	}
	return e, fmt.Errorf("there is no evaluation %q; see: promptmetrics eval list", name)
}

// findDataset finds the newest dataset of a name, or one by its id.
func findDataset(ctx context.Context, c *client.Client, name string) (eval.Dataset, error) {
	d, err := search(ctx, c.Evals.Datasets, func(d eval.Dataset) bool { return d.Name == name })
	if !errors.Is(err, errNotInList) {
		return d, err
	}
	if id, err := strconv.ParseInt(name, 10, 64); err == nil {
		detail, err := c.Evals.Dataset(ctx, id)
		return detail.Dataset, err
	}
	return d, fmt.Errorf("there is no dataset %q; see: promptmetrics dataset list", name)
}
