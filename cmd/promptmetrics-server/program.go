package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// The statuses with which the program exits.
const (
	exitDone  = 0
	exitFault = 1
	exitUsage = 2
)

// program is one run of the command line.
type program struct {
	// lookup reads the environment.
	lookup   func(name string) (string, bool)
	out, err io.Writer
	// called is the name under which the program was started.
	called string

	// understood is set once a command begins: what fails before is usage.
	understood bool
}

// usageError is a call that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func (p *program) run(ctx context.Context, args []string) int {
	root := p.commands()
	root.SetArgs(args)
	root.SetOut(p.out)
	root.SetErr(p.err)
	failed, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	for fault := range strings.Lines(err.Error()) {
		fmt.Fprintf(p.err, "promptmetrics-server: %s\n", strings.TrimSpace(fault))
	}
	if _, usage := errors.AsType[usageError](err); usage || !p.understood {
		fmt.Fprintf(p.err, "See: %s --help\n", failed.CommandPath())
		return exitUsage
	}
	return exitFault
}

// commands is the table of contents.
func (p *program) commands() *cobra.Command {
	root := &cobra.Command{
		Use:   "promptmetrics-server",
		Short: "Serve prompts and record telemetry",
		Long: "Serves the /v1 API. Everything is configured by the environment and by a file .env\n" +
			"in the working folder; nothing is required. The commands below work while a server\n" +
			"runs on the same data.",
		Version:       version(),
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          p.doing(func(ctx context.Context, _ []string) error { return p.serve(ctx) }),
	}
	root.AddCommand(p.createKey(), p.migrate(), p.reindex(), p.backup(), p.seedDemo(), p.health())
	return root
}

// doing marks the border between understanding a call and carrying it out.
func (p *program) doing(do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		p.understood = true
		return do(cmd.Context(), args)
	}
}

func (p *program) say(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

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
