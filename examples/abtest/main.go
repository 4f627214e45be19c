// Command abtest compares two versions of a prompt on what users say, inside
// one program: it assigns users to versions, logs their ratings, asks for the
// result and promotes the winner. No server, no network.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func main() {
	if err := run(context.Background(), os.Stdout, "data"); err != nil {
		log.Fatal(err)
	}
}

// users is how many take part.
const users = 2000

func run(ctx context.Context, out io.Writer, folder string) error {
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: folder})
	if err != nil {
		return err
	}
	defer func() { _ = pm.Close() }()
	for version, greeting := range map[string]string{"1.0.0": "Hello!", "1.1.0": "Hello! What can I do for you today?"} {
		_, err := pm.Registry.Create(ctx, registry.Prompt{
			Name: "greeting", Version: version,
			Messages: []registry.Message{{Role: registry.System, Content: greeting}},
		}, registry.Signature{})
		if err != nil {
			return err
		}
	}

	// How many users does it take to see 60 % turn into 67 %?
	need, err := stats.SampleSizeProportions(0.60, 0.67, 0.05, 0.8)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "users needed: %d for each version\n", need)

	test, err := pm.ABTests.Create(ctx, abtest.Spec{
		PromptName: "greeting", VersionA: "1.0.0", VersionB: "1.1.0", Metric: abtest.WinRate,
		Guardrails: []abtest.Guardrail{{Metric: abtest.Latency, Margin: 25}}, // milliseconds
	})
	if err != nil {
		return err
	}
	if err := serve(ctx, pm.ABTests, pm.Telemetry, test.ID); err != nil {
		return err
	}

	result, err := pm.ABTests.Run(ctx, test.ID, abtest.Scores{})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "happy users: A %.1f %% of %d, B %.1f %% of %d\n", 100*result.MeanA, result.NA, 100*result.MeanB, result.NB)
	fmt.Fprintf(out, "difference: %+.1f points, 95 %% between %+.1f and %+.1f, p = %.4f\n",
		100*(result.MeanB-result.MeanA), 100**result.CILower, 100**result.CIUpper, *result.PValue)
	for _, g := range result.Guardrails {
		fmt.Fprintf(out, "guardrail %s holds: %t\n", g.Metric, g.Holds)
	}

	promoted, err := pm.ABTests.Promote(ctx, test.ID)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "winner: %s\n", promoted.Winner)
	served, err := pm.Registry.Get(ctx, "greeting", registry.Query{Label: abtest.ProductionLabel})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "production: %s\n", served.Version.Version)
	return nil
}

// serve is what the rest of the program does: it asks which version a user
// gets, calls the model with it, and logs what the user said. It takes the
// interfaces, so it works with a remote server just as well.
func serve(ctx context.Context, tests abtest.Tests, recorder telemetry.Recorder, test int64) error {
	people := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // they are played.
	happy := map[stats.Winner]float64{stats.A: 0.60, stats.B: 0.67}
	for i := range users {
		assigned, err := tests.Assign(ctx, test, fmt.Sprint("user-", i))
		if err != nil {
			return err
		}
		// Call the model here.
		latency := 200 + people.Int64N(100)
		rating, err := json.Marshal(people.Float64() < happy[assigned.Variant])
		if err != nil {
			return err
		}
		_, err = recorder.Log(ctx, telemetry.Log{
			PromptName: assigned.PromptName, VersionTag: assigned.Version, LatencyMS: &latency,
			Metadata: telemetry.Metadata{"rating": rating},
		})
		if err != nil {
			return err
		}
	}
	return nil
}
