// Command promptmetrics works with a PromptMetrics server from the shell:
//
//	promptmetrics init                                            write promptmetrics.yaml
//	promptmetrics create-prompt --file welcome.json               publish a version
//	promptmetrics get-prompt welcome --var name=Alice             fetch it rendered
//	promptmetrics log --prompt-name welcome --version 1.0.0 …     record a model call
//	TRACE=$(promptmetrics create-trace --prompt-name welcome | jq -r .trace_id)
//	promptmetrics chat --provider openai --model gpt-4o -m Hi     ask a model
//	promptmetrics eval run capitals --dataset questions --min-score 0.8
//	promptmetrics ab-test run 7                                   compare two versions
//	promptmetrics metrics --window 7d                             sum up what happened
//	promptmetrics export --out backup && promptmetrics import --dir backup
//
// Where the server is, the API key and the workspace come from the flags
// --server, --api-key and --workspace, else from PROMPTMETRICS_URL,
// PROMPTMETRICS_API_KEY and PROMPTMETRICS_WORKSPACE, else from the file
// promptmetrics.yaml in the working folder.
//
// Answers go to standard output, as JSON or, for lists, as tables (--json makes
// them JSON). Errors go to standard error. The exit status is 1 if something
// failed, 2 if the call was not understood, 130 if it was interrupted.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

func main() { os.Exit(start()) }

// start runs the program until it has finished or is interrupted; a second
// interrupt ends it at once, since nobody listens any more.
func start() int {
	ctx, deaf := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer deaf()
	context.AfterFunc(ctx, deaf)
	p := &program{
		lookup: os.LookupEnv, in: os.Stdin, out: os.Stdout, err: os.Stderr,
		asks:  term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd())),
		shows: term.IsTerminal(int(os.Stderr.Fd())),
		draws: term.IsTerminal(int(os.Stdout.Fd())),
	}
	return p.run(ctx, os.Args[1:])
}
