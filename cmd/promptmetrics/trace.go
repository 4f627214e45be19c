package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func (p *program) createTrace() *cobra.Command {
	var t telemetry.Trace
	var prompt, version string
	var metadata *values
	cmd := &cobra.Command{
		Use:     "create-trace",
		Short:   "Open a trace, and print its id",
		Example: "  TRACE=$(promptmetrics create-trace --prompt-name welcome | jq -r .trace_id)",
		Args:    cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&t.ID, "trace-id", "", "a UUID (default: one is made)")
	flags.StringVar(&prompt, "prompt-name", "", "the prompt that the agent works with")
	flags.StringVar(&version, "version", "", "its version")
	metadata = valueFlags(flags, "metadata", "free data")
	cmd.RunE = p.asking(func(ctx context.Context, c *client.Client, _ []string) (err error) {
		if t.Metadata, err = metadata.metadata(); err != nil {
			return err
		}
		t.PromptName, t.VersionTag = given(flags, "prompt-name", prompt), given(flags, "version", bare(version))
		made, err := c.Telemetry.CreateTrace(ctx, t)
		if err != nil {
			return err
		}
		return p.print(struct {
			ID         string  `json:"trace_id"`
			PromptName *string `json:"prompt_name"`
			VersionTag *string `json:"version_tag"`
			Status     string  `json:"status"`
		}{made.ID, made.PromptName, made.VersionTag, "created"})
	})
	return cmd
}

func (p *program) getTrace() *cobra.Command {
	var tree bool
	cmd := &cobra.Command{
		Use:     "get-trace TRACE",
		Short:   "Show a trace with its spans",
		Long:    "Show a trace with its spans. TRACE is a UUID, or the 32 digits that OpenTelemetry writes.",
		Example: "  promptmetrics get-trace 0af7651916cd43dd8448eb211c80319c --tree",
		Args:    cobra.ExactArgs(1),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			t, err := c.Telemetry.Trace(ctx, uuidOf(args[0]))
			if err != nil {
				return err
			}
			if t.Spans == nil {
				t.Spans = []telemetry.Span{}
			}
			if tree && !p.json {
				return p.tree(t)
			}
			return p.print(t)
		}),
	}
	cmd.Flags().BoolVar(&tree, "tree", false, "print the spans as a tree, with models, tokens and costs")
	return cmd
}

func (p *program) listTraces() *cobra.Command {
	var f telemetry.TraceFilter
	var limit int
	cmd := &cobra.Command{
		Use:   "list-traces",
		Short: "List traces, newest first",
		Args:  cobra.NoArgs,
		RunE: p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
			if err := checkLimit(limit); err != nil {
				return err
			}
			all, err := collect(ctx, limit, func(ctx context.Context, r page.Request) (page.Of[telemetry.Trace], error) {
				return c.Telemetry.Traces(ctx, f, r)
			})
			if err != nil {
				return err
			}
			return tabulate(p, all, "traces", "TRACE WHEN PROMPT VERSION", func(t telemetry.Trace) []string {
				return []string{t.ID, when(t.CreatedAt), optional(t.PromptName), optional(t.VersionTag)}
			})
		}),
	}
	cmd.Flags().StringVar(&f.PromptName, "prompt-name", "", "only of this prompt")
	limitFlag(cmd, &limit)
	return cmd
}

func (p *program) addSpan() *cobra.Command {
	var s telemetry.Span
	var parent string
	var start, end int64
	var metadata *values
	cmd := &cobra.Command{
		Use:     "add-span TRACE --name NAME",
		Short:   "Add a span to a trace",
		Example: "  promptmetrics add-span \"$TRACE\" --name fetch-prompt --status ok --start-time 1000 --end-time 2000",
		Args:    cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&s.Name, "name", "", "what the step is")
	flags.StringVar((*string)(&s.Status), "status", "", "unset, ok, error or running (default unset)")
	flags.StringVar(&s.ID, "span-id", "", "a UUID (default: one is made)")
	flags.StringVar(&parent, "parent-id", "", "the span that this one is part of")
	flags.Int64Var(&start, "start-time", 0, "when it began, in Unix milliseconds")
	flags.Int64Var(&end, "end-time", 0, "when it ended, in Unix milliseconds")
	metadata = valueFlags(flags, "metadata", "free data")
	_ = cmd.MarkFlagRequired("name") // the flag exists
	cmd.RunE = p.asking(func(ctx context.Context, c *client.Client, args []string) (err error) {
		if s.Metadata, err = metadata.metadata(); err != nil {
			return err
		}
		s.ParentID = given(flags, "parent-id", parent)
		s.StartTime, s.EndTime = given(flags, "start-time", start), given(flags, "end-time", end)
		added, err := c.Telemetry.AddSpans(ctx, args[0], []telemetry.Span{s})
		if err != nil {
			return ofOne(err)
		}
		for _, a := range added {
			err = p.print(struct {
				TraceID string               `json:"trace_id"`
				ID      string               `json:"span_id"`
				Name    string               `json:"name"`
				Status  telemetry.SpanStatus `json:"status"`
			}{a.TraceID, a.ID, a.Name, a.Status})
		}
		return err
	})
	return cmd
}

// ofOne speaks of the one span that was sent, not of a list with one.
func ofOne(err error) error {
	if e, ok := errors.AsType[*pmerr.Error](err); ok {
		for i, fault := range e.Fields {
			e.Fields[i] = strings.TrimPrefix(fault, "spans[0].")
		}
	}
	return err
}
