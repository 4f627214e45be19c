package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func (p *program) migrate() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the schema of the database up to date",
		Long: "Brings the schema of the database up to date, and makes the database if there is\n" +
			"none. The server does the same when it starts.",
		Args: cobra.NoArgs,
		RunE: p.doing(func(ctx context.Context, _ []string) error {
			c, err := withData(ctx, p, func(c config, _ *promptmetrics.Client) (config, error) { return c, nil })
			if err != nil {
				return err
			}
			p.say("The schema is up to date; %s", c.places())
			return nil
		}),
	}
}

func (p *program) reindex() *cobra.Command {
	return &cobra.Command{
		Use:   "reindex",
		Short: "Rebuild the index from the prompt store",
		Long: "Compares every file of the prompt store with the index: what is missing there is\n" +
			"indexed, what was deleted is forgotten, and what cannot be served is listed. So the\n" +
			"prompts of a lost database come back; labels and pins, which are not in the prompt\n" +
			"store, do not. Exits with 1 if files were left out.",
		Args: cobra.NoArgs,
		RunE: p.doing(func(ctx context.Context, _ []string) error { return p.rebuild(ctx) }),
	}
}

func (p *program) rebuild(ctx context.Context) error {
	done, err := withData(ctx, p, func(c config, pm *promptmetrics.Client) (registry.Reconciled, error) {
		p.note("Comparing the prompt store with the index …")
		forgot := forgetCached(ctx, c, p.logger(c))
		done, err := pm.Reindex(ctx)
		return done, errors.Join(err, forgot)
	})
	if err != nil {
		return err
	}
	p.say("Indexed %d versions, removed %d", done.Indexed, done.Removed)
	return leftOut(done.Problems)
}

// leftOut lists what could not be indexed.
func leftOut(problems []string) error {
	if len(problems) == 0 {
		return nil
	}
	var list []error
	for _, problem := range problems {
		list = append(list, errors.New(problem))
	}
	return errors.Join(append(list, fmt.Errorf("%d files of the prompt store were left out", len(problems)))...)
}
