package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/compliance"
)

func (p *program) scan() *cobra.Command {
	var r compliance.ScanRequest
	var file string
	var least int
	var redact bool
	cmd := &cobra.Command{
		Use:   "scan (--text TEXT | --file FILE | --prompt-name NAME)",
		Short: "Scan a text or a stored prompt for sensitive data",
		Long: "Scans a text, a file (- is standard input) or a stored prompt for personal data, secrets\n" +
			"and prompt injection, and prints the report. 100 is a clean text. With --min-score the\n" +
			"exit status is 1 under that score, for use in a pipeline. With --redact only the text is\n" +
			"printed, with tokens such as <EMAIL_1> in place of what was found.",
		Example: "  promptmetrics scan --file answer.txt --min-score 90\n" +
			"  promptmetrics scan --prompt-name welcome --version 1.0.0",
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&r.Text, "text", "", "the text")
	flags.StringVarP(&file, "file", "f", "", "the file that holds the text")
	flags.StringVar(&r.PromptName, "prompt-name", "", "the stored prompt; with a text, what it is filed under")
	flags.StringVar(&r.VersionTag, "version", "", "its version (default: the one that the prompt answers with)")
	flags.IntVar(&least, "min-score", 0, "fail under this score, 1 to 100")
	flags.BoolVar(&redact, "redact", false, "print the redacted text only")
	call := p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
		if file != "" {
			data, _, err := p.readInput(ctx, file)
			if err != nil {
				return err
			}
			if r.Text = string(data); r.Text == "" {
				return fmt.Errorf("%s is empty", file)
			}
		}
		r.VersionTag = bare(r.VersionTag)
		report, err := c.Compliance.Scan(ctx, r)
		if err != nil {
			return err
		}
		if redact {
			_, err = io.WriteString(p.out, report.RedactedText+"\n")
		} else {
			err = p.print(report)
		}
		if err == nil && report.Score < least {
			err = fmt.Errorf("the score is %d, under %d", report.Score, least)
		}
		return err
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case r.Text != "" && file != "":
			return usage("--text and --file exclude each other")
		case r.Text == "" && file == "" && r.PromptName == "":
			return usage("give --text, --file or --prompt-name")
		case least < 0 || least > 100:
			return usage("--min-score must be from 0 to 100")
		}
		return call(cmd, args)
	}
	return cmd
}
