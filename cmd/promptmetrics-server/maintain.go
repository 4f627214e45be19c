package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

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
		RunE: p.doing(func(context.Context, []string) error {
			c, err := withData(p, func(c config, _ *promptmetrics.Client) (config, error) { return c, nil })
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
	tally := &syncTally{}
	done, err := withData(p, func(_ config, pm *promptmetrics.Client) (registry.Reconciled, error) {
		p.note("Comparing the prompt store with the index …")
		return pm.Reindex(ctx)
	}, tally.listen)
	if err != nil {
		return err
	}
	p.say("Indexed %d versions, removed %d", int64(done.Indexed)+tally.indexed.Load(), int64(done.Removed)+tally.removed.Load())
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

// syncTally counts what the library has indexed by itself: it looks for changes
// as soon as it is opened, and then Reindex finds nothing left to do. Of the
// rest it passes on failures only; problems are listed in the end.
type syncTally struct {
	slog.Handler
	indexed, removed atomic.Int64
}

func (t *syncTally) listen(h slog.Handler) slog.Handler {
	t.Handler = h
	return t
}

// Enabled reports true: what is not shown may count.
func (t *syncTally) Enabled(context.Context, slog.Level) bool { return true }

// Handle counts, and passes failures on.
func (t *syncTally) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "prompts changed in the prompt store" {
		r.Attrs(func(a slog.Attr) bool {
			switch a.Key {
			case "indexed":
				t.indexed.Add(a.Value.Int64())
			case "removed":
				t.removed.Add(a.Value.Int64())
			}
			return true
		})
	}
	if r.Level < slog.LevelError {
		return nil
	}
	return t.Handler.Handle(ctx, r)
}
