// Command basic keeps prompts and telemetry inside one program: no server, no
// network, a SQLite file and a git repository in a folder.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func main() {
	if err := run(context.Background(), os.Stdout, "data"); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, folder string) (err error) {
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: folder})
	if err != nil {
		return err
	}
	defer func() { _ = pm.Close() }()

	// Publish a version. It is a commit in data/prompts.git.
	_, err = pm.Registry.Create(ctx, registry.Prompt{
		Name:    "welcome",
		Version: "1.0.0",
		Messages: []registry.Message{
			{Role: registry.System, Content: "You are a helpful assistant."},
			{Role: registry.User, Content: "Hello {{name}}!"},
		},
		Variables: map[string]registry.Variable{"name": {Type: registry.String, Required: true}},
	}, registry.Signature{Author: "Ada", Message: "Greet people by name"})
	if err != nil {
		return err
	}
	if _, err := pm.Registry.SetLabel(ctx, "welcome", "production", "1.0.0"); err != nil {
		return err
	}

	// Fetch it rendered, as the rest of the program would.
	messages, version, err := prompt(ctx, pm.Registry)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "welcome %s: %s\n", version, messages[1].Content)

	// Call the model here; then log what the call cost.
	start := time.Now()
	answer := "Hello! How can I help you?"
	if err := record(ctx, pm.Telemetry, version, time.Since(start)); err != nil {
		return err
	}
	logs, err := pm.Telemetry.Logs(ctx, telemetry.LogFilter{PromptName: "welcome"}, page.Request{})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "answer: %s\nlogged: %d call, $%.4f\n", answer, logs.Total, *logs.Items[0].CostUSD)
	return nil
}

// prompt takes the interface, so it works with a remote server just as well.
func prompt(ctx context.Context, prompts registry.Prompts) ([]registry.Message, string, error) {
	entry, err := prompts.Get(ctx, "welcome", registry.Query{
		Label:     "production",
		Variables: map[string]any{"name": "Alice"},
	})
	return entry.Content.Messages, entry.Version.Version, err
}

func record(ctx context.Context, recorder telemetry.Recorder, version string, took time.Duration) error {
	provider, model := "openai", "gpt-4o"
	in, out, latency := int64(1200), int64(300), took.Milliseconds()
	_, err := recorder.Log(ctx, telemetry.Log{
		PromptName: "welcome", VersionTag: version, Provider: &provider, Model: &model,
		TokensIn: &in, TokensOut: &out, LatencyMS: &latency,
	})
	return err
}
