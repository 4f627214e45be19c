package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics/internal/transfer"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func (p *program) importPrompts() *cobra.Command {
	var dir string
	var by registry.Signature
	cmd := &cobra.Command{
		Use:   "import --dir FOLDER",
		Short: "Publish every prompt file below a folder, with labels and pins",
		Long: "Publishes every .json, .yaml and .yml file below a folder, older versions first, then\n" +
			"points the labels that labels.json names and pins the versions of pins.txt. Versions\n" +
			"that are there already are skipped, so an import may be repeated. A bad file does not\n" +
			"stop the others: failures are listed at the end, and the exit status is 1.\n\n" +
			"A subfolder \"workspaces\", as in a prompt repository, is left alone: import its parts\n" +
			"one by one with --workspace.",
		Args: cobra.NoArgs,
		RunE: p.doing(func(ctx context.Context, _ []string) error {
			c, err := p.connect(patient)
			if err != nil {
				return err
			}
			defer c.Close()
			bar := p.progress("importing")
			done, err := transfer.Import(ctx, c.Registry, dir, by, bar.Progress)
			bar.end()
			if done.Workspaces {
				p.note("Left the folder \"workspaces\" alone; import its parts one by one with --workspace.")
			}
			return p.report(importSummary{done.Created, done.Skipped, done.Labels, done.Pins, failed(done.Failures)}, err)
		}),
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the folder")
	_ = cmd.MarkFlagRequired("dir") // the flag exists
	signatureFlags(cmd, &by)
	return cmd
}

func (p *program) exportPrompts() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "export --out FOLDER",
		Short: "Write every prompt into a folder, with labels and pins",
		Long: "Writes every version of every prompt to FOLDER/prompts/{name}/{version}.json, the labels\n" +
			"to labels.json and pinned versions to pins.txt. Files that are there are replaced, others\n" +
			"stay. Nothing is lost: import brings it back as it was. The folder may lie in version\n" +
			"control, and Go programs may carry it as the fallback of their client.",
		Args: cobra.NoArgs,
		RunE: p.doing(func(ctx context.Context, _ []string) error {
			c, err := p.connect(patient)
			if err != nil {
				return err
			}
			defer c.Close()
			bar := p.progress("exporting")
			done, err := transfer.Export(ctx, c.Registry, out, bar.Progress)
			bar.end()
			return p.report(exportSummary{done.Versions, done.Labels, failed(done.Failures)}, err)
		}),
	}
	cmd.Flags().StringVar(&out, "out", "", "the folder")
	_ = cmd.MarkFlagRequired("out") // the flag exists
	return cmd
}

// summary is what a copy did, for people and as JSON.
type summary interface {
	fmt.Stringer
	// left lists what was left out.
	left() []string
}

type importSummary struct {
	Created  int      `json:"created"`
	Skipped  int      `json:"skipped"`
	Labels   int      `json:"labels"`
	Pins     int      `json:"pins"`
	Failures []string `json:"failures"`
}

func (s importSummary) String() string {
	return fmt.Sprintf("Imported %d versions, skipped %d that were there, set %d labels and %d pins", s.Created, s.Skipped, s.Labels, s.Pins)
}

func (s importSummary) left() []string { return s.Failures }

type exportSummary struct {
	Versions int      `json:"versions"`
	Labels   int      `json:"labels"`
	Failures []string `json:"failures"`
}

func (s exportSummary) String() string {
	return fmt.Sprintf("Exported %d versions and %d labels", s.Versions, s.Labels)
}

func (s exportSummary) left() []string { return s.Failures }

func failed(all []transfer.Failure) []string {
	list := []string{}
	for _, f := range all {
		list = append(list, oneLine(f.String()))
	}
	return list
}

// report lists what was left out, says what was done, and fails if anything was
// left out or the work was cut short.
func (p *program) report(done summary, cut error) error {
	for _, failure := range done.left() {
		p.note("promptmetrics: %s", failure)
	}
	if p.json {
		if err := p.print(done); err != nil {
			return err
		}
	} else if _, err := fmt.Fprintln(p.out, done); err != nil {
		return err
	}
	switch n := len(done.left()); {
	case cut != nil:
		return cut
	case n == 1:
		return errors.New("1 thing was left out")
	case n > 1:
		return fmt.Errorf("%d things were left out", n)
	}
	return nil
}

// bar shows progress on a terminal, and nowhere else.
type bar struct {
	transfer.Progress
	end func()
}

func (p *program) progress(what string) bar {
	if !p.shows {
		return bar{end: func() {}}
	}
	var line *progressbar.ProgressBar
	end := func() {
		if line != nil {
			_ = line.Clear() // the terminal is only decorated
		}
	}
	return bar{transfer.Progress{
		Begin: func(total int) {
			line = progressbar.NewOptions(total,
				progressbar.OptionSetWriter(p.err),
				progressbar.OptionSetDescription(strings.ToUpper(what[:1])+what[1:]),
				progressbar.OptionShowCount(),
				progressbar.OptionSetPredictTime(true),
				progressbar.OptionSetWidth(30),
				progressbar.OptionThrottle(50*time.Millisecond),
			)
		},
		Step: func() { _ = line.Add(1) },
	}, end}
}
