package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
)

// The statuses with which the program exits.
const (
	exitDone        = 0
	exitFault       = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// program is one run of the command line.
type program struct {
	// lookup reads the environment.
	lookup   func(name string) (string, bool)
	in       io.Reader
	out, err io.Writer
	// asks tells that somebody sits there to answer a question, shows that
	// standard error is a terminal.
	asks, shows bool
	// draws tells that standard output is a terminal.
	draws bool

	// The global flags.
	flags settings
	json  bool

	// understood is set once a command begins: what fails before is usage.
	understood bool
	// hasKey tells that an API key was sent.
	hasKey bool
}

// usageError is a call that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func (p *program) run(ctx context.Context, args []string) int {
	root := p.commands() //nolint:contextcheck // cobra hands the context to the command that is called.
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	failed, err := root.ExecuteContextC(ctx)
	switch _, wrong := errors.AsType[usageError](err); {
	case err == nil:
		return exitDone
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(p.err, "promptmetrics: interrupted")
		return exitInterrupted
	case wrong || !p.understood:
		fmt.Fprintf(p.err, "promptmetrics: %s\nSee: %s --help\n", oneLine(err.Error()), failed.CommandPath())
		return exitUsage
	}
	fmt.Fprintf(p.err, "promptmetrics: %s\n", p.explain(err))
	return exitFault
}

// commands is the table of contents.
func (p *program) commands() *cobra.Command {
	root := &cobra.Command{
		Use:   "promptmetrics",
		Short: "Work with a PromptMetrics server",
		Long: "Works with a PromptMetrics server. Start with: promptmetrics init\n\n" +
			"Server, API key and workspace come from flags, else from the environment\n" +
			"(PROMPTMETRICS_URL, PROMPTMETRICS_API_KEY, PROMPTMETRICS_WORKSPACE), else from\n" +
			"promptmetrics.yaml in the working folder. Other users of the machine can see flags:\n" +
			"give the API key in one of the other ways.",
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usage("say what to do, for example: promptmetrics list-prompts")
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&p.flags.server, "server", "", "address of the server (default "+defaultServer+")")
	flags.StringVar(&p.flags.apiKey, "api-key", "", "API key; better set PROMPTMETRICS_API_KEY")
	flags.StringVar(&p.flags.workspace, "workspace", "", "workspace to work in (default: that of the API key)")
	flags.BoolVar(&p.json, "json", false, "print lists and summaries as JSON")
	root.AddGroup(
		&cobra.Group{ID: "prompts", Title: "Prompts:"},
		&cobra.Group{ID: "telemetry", Title: "Telemetry:"},
		&cobra.Group{ID: "evaluations", Title: "Evaluations:"},
		&cobra.Group{ID: "playground", Title: "Models:"},
		&cobra.Group{ID: "compliance", Title: "Compliance:"},
		&cobra.Group{ID: "numbers", Title: "What happened:"},
	)
	group(root, "prompts",
		p.createPrompt(), p.listPrompts(), p.getPrompt(), p.listVersions(), p.history(), p.diff(),
		p.activate(), p.deletePrompt(), p.addLabel(), p.getLabel(), p.listLabels(), p.deleteLabel(), p.promote(),
		p.importPrompts(), p.exportPrompts())
	group(root, "telemetry",
		p.log(), p.listLogs(), p.createTrace(), p.getTrace(), p.listTraces(), p.addSpan(),
		p.createRun(), p.updateRun(), p.getRun(), p.listRuns())
	group(root, "evaluations", p.evaluations(), p.datasets(), p.abTests(), p.power())
	group(root, "playground", p.chat(), p.models(), p.budget())
	group(root, "compliance", p.scan(), p.redact(), p.compliance())
	group(root, "numbers", p.metrics(), p.auditLogs(), p.retention())
	root.AddCommand(p.initialize())
	return root
}

func group(root *cobra.Command, id string, commands ...*cobra.Command) {
	for _, cmd := range commands {
		cmd.GroupID = id
		root.AddCommand(cmd)
	}
}

// doing marks the border between understanding a call and carrying it out.
func (p *program) doing(do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		p.understood = true
		return do(cmd.Context(), args)
	}
}

// asking is doing with a client of the server.
func (p *program) asking(do func(ctx context.Context, c *client.Client, args []string) error) func(*cobra.Command, []string) error {
	return p.doing(func(ctx context.Context, args []string) error {
		c, err := p.connect(hasty)
		if err != nil {
			return err
		}
		defer c.Close()
		return do(ctx, c, args)
	})
}

// note is for people, beside an output that scripts read.
func (p *program) note(format string, args ...any) { fmt.Fprintf(p.err, format+"\n", args...) }

// version is the module's version, as the go command stamped it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
