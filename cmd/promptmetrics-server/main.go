// Command promptmetrics-server serves the /v1 API, and looks after what it
// serves from: API keys, the schema, the index, backups.
//
//	promptmetrics-server                                  serve
//	promptmetrics-server create-key --name me             print a new API key
//	promptmetrics-server migrate                          bring the schema up to date
//	promptmetrics-server reindex                          rebuild the index from the prompt store
//	promptmetrics-server backup FILE                      copy everything into one file
//	promptmetrics-server restore FILE                     make a data folder of such a file
//	promptmetrics-server seed-demo                        add prompts, telemetry and measurements to look at
//	promptmetrics-server health                           ask the server how it is
//
// Everything is configured by the environment and by a file .env in the working
// folder. Every command works while a server runs on the same data.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(start()) }

// start runs the program until it has finished or a signal asks it to. A
// second signal ends it at once.
func start() int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		// Deaf before anybody knows of the first: a second signal that came
		// when the program says that it stops must not be swallowed.
		signal.Stop(signals)
		cancel()
	}()
	p := &program{lookup: os.LookupEnv, in: os.Stdin, out: os.Stdout, err: os.Stderr, called: os.Args[0]}
	return p.run(ctx, os.Args[1:])
}
