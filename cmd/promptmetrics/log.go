package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func (p *program) log() *cobra.Command {
	var l telemetry.Log
	var provider, model, status, errorCode, run, trace string
	var tokensIn, tokensOut, latency int64
	var cost float64
	var httpStatus int
	var metadata *values
	cmd := &cobra.Command{
		Use:   "log --prompt-name NAME --version VERSION",
		Short: "Record a model call",
		Long: "Records a model call. What is not given stays unknown; 0 is zero. Without --cost-usd the\n" +
			"server computes the cost if it knows the model's price.",
		Example: "  promptmetrics log --prompt-name welcome --version 1.0.0 --provider openai --model gpt-4o \\\n" +
			"    --tokens-in 10 --tokens-out 20 --latency-ms 500 --metadata user=42",
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&l.PromptName, "prompt-name", "", "the prompt")
	flags.StringVar(&l.VersionTag, "version", "", "its version")
	flags.StringVar(&provider, "provider", "", "such as openai")
	flags.StringVar(&model, "model", "", "such as gpt-4o")
	flags.Int64Var(&tokensIn, "tokens-in", 0, "tokens that were sent")
	flags.Int64Var(&tokensOut, "tokens-out", 0, "tokens that came back")
	flags.Int64Var(&latency, "latency-ms", 0, "how long it took, in milliseconds")
	flags.Float64Var(&cost, "cost-usd", 0, "what it cost, in US dollars")
	flags.StringVar(&status, "status", "", "ok or error")
	flags.StringVar(&errorCode, "error-code", "", "why it failed")
	flags.IntVar(&httpStatus, "http-status", 0, "the provider's HTTP status")
	flags.StringVar(&run, "run-id", "", "the run that it was part of")
	flags.StringVar(&trace, "trace-id", "", "the trace that it was part of")
	metadata = valueFlags(flags, "metadata", "free data")
	for _, name := range []string{"prompt-name", "version"} {
		_ = cmd.MarkFlagRequired(name) // the flag exists
	}
	cmd.RunE = p.asking(func(ctx context.Context, c *client.Client, _ []string) (err error) {
		if l.Metadata, err = metadata.metadata(); err != nil {
			return err
		}
		l.VersionTag = bare(l.VersionTag)
		l.Provider, l.Model = given(flags, "provider", provider), given(flags, "model", model)
		l.TokensIn, l.TokensOut = given(flags, "tokens-in", tokensIn), given(flags, "tokens-out", tokensOut)
		l.LatencyMS, l.CostUSD = given(flags, "latency-ms", latency), given(flags, "cost-usd", cost)
		l.Status, l.ErrorCode = telemetry.Status(status), given(flags, "error-code", errorCode)
		l.HTTPStatus = given(flags, "http-status", httpStatus)
		l.RunID, l.TraceID = given(flags, "run-id", run), given(flags, "trace-id", trace)
		id, err := c.Telemetry.Log(ctx, l)
		if err != nil {
			return err
		}
		return p.print(struct {
			ID     int64  `json:"id"`
			Status string `json:"status"`
		}{id, "accepted"})
	})
	return cmd
}

// defaultLimit is how many records a list shows.
const defaultLimit = 50

func limitFlag(cmd *cobra.Command, limit *int) {
	cmd.Flags().IntVar(limit, "limit", defaultLimit, "how many of the newest to show, 0 for all")
}

func checkLimit(limit int) error {
	if limit < 0 {
		return usage("--limit must be at least 0")
	}
	return nil
}

func (p *program) listLogs() *cobra.Command {
	var f telemetry.LogFilter
	var limit int
	cmd := &cobra.Command{
		Use:   "list-logs",
		Short: "List model calls, newest first",
		Args:  cobra.NoArgs,
		RunE: p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
			if err := checkLimit(limit); err != nil {
				return err
			}
			f.VersionTag = bare(f.VersionTag)
			all, err := collect(ctx, limit, func(ctx context.Context, r page.Request) (page.Of[telemetry.Log], error) {
				return c.Telemetry.Logs(ctx, f, r)
			})
			if err != nil {
				return err
			}
			return tabulate(p, all, "logs", "ID WHEN PROMPT VERSION MODEL STATUS IN OUT MS USD", func(l telemetry.Log) []string {
				return []string{
					optional(&l.ID), when(l.CreatedAt), l.PromptName, l.VersionTag, optional(l.Model), string(l.Status),
					optional(l.TokensIn), optional(l.TokensOut), optional(l.LatencyMS), dollars(l.CostUSD),
				}
			})
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.PromptName, "prompt-name", "", "only of this prompt")
	flags.StringVar(&f.VersionTag, "version", "", "only of this version")
	flags.StringVar(&f.Provider, "provider", "", "only of this provider")
	flags.StringVar(&f.Model, "model", "", "only of this model")
	flags.StringVar((*string)(&f.Status), "status", "", "only ok, or only error")
	flags.StringVar(&f.TraceID, "trace-id", "", "only of this trace")
	limitFlag(cmd, &limit)
	return cmd
}

// dollars rounds to what matters of a small price.
func dollars(cost *float64) string {
	if cost == nil {
		return ""
	}
	return strconv.FormatFloat(*cost, 'g', 4, 64)
}
