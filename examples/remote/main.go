// Command remote uses a PromptMetrics server: the same interfaces as
// in-process, a prompt cache, prompts that the binary carries for the day the
// server is down, and a recorder that sends logs in batches.
package main

import (
	"context"
	"embed"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// fallback is what `promptmetrics export` wrote.
//
//go:embed prompts
var fallback embed.FS

func main() {
	if err := run(context.Background(), os.Stdout, "http://localhost:3000", os.Getenv("PROMPTMETRICS_API_KEY")); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, server, key string) (err error) {
	pm, err := client.New(server, client.Options{APIKey: key, Fallback: fallback})
	if err != nil {
		return err
	}
	defer pm.Close()

	entry, err := greet(ctx, pm.Registry)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s %s (%s): %s\n", entry.Content.Name, entry.Version.Version, entry.Source, entry.Content.Messages[0].Content)
	if entry.Source == registry.Fallback {
		return nil // the server is down: there is nobody to log to
	}

	logs, err := client.NewBatcher(pm.Telemetry, client.BatcherOptions{
		OnUndelivered: func(lost []telemetry.Log, err error) { log.Printf("%d logs were not delivered: %v", len(lost), err) },
	})
	if err != nil {
		return err
	}
	for range 3 {
		if err := logs.Log(telemetry.Log{PromptName: entry.Content.Name, VersionTag: entry.Version.Version}); err != nil {
			return err
		}
	}
	if err := logs.Close(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "logged %d calls\n", logs.Stats().Delivered)
	return nil
}

// greet does not know whether the prompts are in this process or far away.
func greet(ctx context.Context, prompts registry.Prompts) (registry.Entry, error) {
	return prompts.Get(ctx, "greeting", registry.Query{Variables: map[string]any{"name": "Alice"}})
}
