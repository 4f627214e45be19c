package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/eval"
)

func (p *program) datasets() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dataset",
		Short: "Keep rows to measure on",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usage("say what to do, for example: promptmetrics dataset list")
		},
	}
	cmd.AddCommand(p.importDataset(), p.exportDataset(), p.listDatasets(), p.deleteDataset())
	return cmd
}

// formatOf reads the format of a file off a flag, or else off its name.
func formatOf(flag, path string) eval.Format {
	return eval.Format(cmp.Or(flag, strings.ToLower(strings.TrimPrefix(filepath.Ext(path), "."))))
}

func (p *program) importDataset() *cobra.Command {
	var name, format string
	cmd := &cobra.Command{
		Use:     "import FILE",
		Short:   "Make a dataset of a JSONL or CSV file, and print it",
		Long:    "Makes a dataset of a file, all rows or none. FILE may be - for standard input.",
		Example: "  promptmetrics dataset import questions.jsonl --name questions",
		Args:    cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "name of the dataset (default: that of the file)")
	flags.StringVar(&format, "format", "", "jsonl or csv (default: as the file's name ends)")
	cmd.RunE = p.asking(func(ctx context.Context, c *client.Client, args []string) error {
		data, err := p.read(args[0])
		if err != nil {
			return err
		}
		base := filepath.Base(args[0])
		if name == "" {
			if args[0] == "-" {
				return usage("--name is required with standard input")
			}
			name = strings.TrimSuffix(base, filepath.Ext(base))
		}
		made, err := c.Evals.ImportDataset(ctx, name, formatOf(format, args[0]), bytes.NewReader(data))
		if err != nil {
			return err
		}
		return p.print(made)
	})
	return cmd
}

func (p *program) exportDataset() *cobra.Command {
	var format, out string
	cmd := &cobra.Command{
		Use:   "export NAME",
		Short: "Write a dataset as JSONL or CSV",
		Long:  "Writes the rows of a dataset. NAME is its name (the newest is taken) or its id.",
		Args:  cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&out, "out", "", "the file (default: standard output)")
	cmd.Flags().StringVar(&format, "format", "", "jsonl or csv (default: as the file's name ends, else jsonl)")
	cmd.RunE = p.asking(func(ctx context.Context, c *client.Client, args []string) (err error) {
		d, err := findDataset(ctx, c, args[0])
		if err != nil {
			return err
		}
		kind := cmp.Or(formatOf(format, out), eval.JSONL)
		if out == "" {
			return c.Evals.ExportDataset(ctx, d.ID, kind, p.out)
		}
		file, err := os.Create(out) //nolint:gosec // the user names it.
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		return c.Evals.ExportDataset(ctx, d.ID, kind, file)
	})
	return cmd
}

func (p *program) listDatasets() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List datasets, newest first",
		Args:  cobra.NoArgs,
		RunE: p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
			if err := checkLimit(limit); err != nil {
				return err
			}
			all, err := collect(ctx, limit, c.Evals.Datasets)
			if err != nil {
				return err
			}
			return tabulate(p, all, "datasets", "ID NAME ROWS CREATED", func(d eval.Dataset) []string {
				return []string{strconv.FormatInt(d.ID, 10), d.Name, strconv.Itoa(d.RowCount), when(d.CreatedAt)}
			})
		}),
	}
	limitFlag(cmd, &limit)
	return cmd
}
