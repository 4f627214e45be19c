package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func welcome(name string) registry.Prompt {
	return registry.Prompt{
		Name: name, Version: "1.0.0",
		Messages: []registry.Message{
			{Role: registry.System, Content: "You are a helpful assistant of {{company}}. Answer in {{language}}."},
			{Role: registry.User, Content: "Hello, my name is {{name}}. {{question}}"},
		},
		Variables: map[string]registry.Variable{
			"name":     {Type: registry.String, Required: true},
			"question": {Type: registry.String, Required: true},
		},
	}
}

func variables() map[string]any {
	return map[string]any{"name": "Alice", "question": "What is a monad?", "company": "ACME", "language": "English"}
}

func call(n int) telemetry.Log {
	model, provider := "gpt-4o", "openai"
	in, out, latency := int64(100+n%50), int64(200), int64(300+n%700)
	return telemetry.Log{
		PromptName: "welcome", VersionTag: "1.0.0", Provider: &provider, Model: &model,
		TokensIn: &in, TokensOut: &out, LatencyMS: &latency,
		Metadata: telemetry.Metadata{"user": []byte(`"u-17"`), "feature": []byte(`"search"`)},
	}
}

// inProcess measures the library without HTTP.
func (b *bench) inProcess(ctx context.Context) error {
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: b.dir("library")})
	if err != nil {
		return err
	}
	defer func() { _ = pm.Close() }()
	if err := b.lookups(ctx, pm); err != nil {
		return err
	}
	for _, n := range []int{16, 512} {
		goal := map[int]string{16: "≥ 20,000/s", 512: "≥ 50,000/s"}[n]
		l, err := callers(ctx, n, b.during, func(ctx context.Context, i int) error {
			_, err := pm.Telemetry.Log(ctx, call(i))
			return err
		})
		if err != nil {
			return err
		}
		b.row(fmt.Sprintf("in-process durable log, %d callers", n), l.rate(), goal)
	}
	batch := make([]telemetry.Log, 100)
	for i := range batch {
		batch[i] = call(i)
	}
	l, err := callers(ctx, 8, b.during, func(ctx context.Context, _ int) error {
		_, err := pm.Telemetry.LogBatch(ctx, batch)
		return err
	})
	if err != nil {
		return err
	}
	b.row("in-process batch of 100 logs, 8 callers", fmt.Sprintf("%s rows/s", thousands(l.perSecond*100)), "")
	return b.publishing(ctx, pm)
}

// lookups measures a Get with two templates and four variables from the cache.
func (b *bench) lookups(ctx context.Context, pm *promptmetrics.Client) error {
	if _, err := pm.Registry.Create(ctx, welcome("welcome"), registry.Signature{}); err != nil {
		return err
	}
	const rounds = 200_000
	values := variables()
	get := func() error {
		_, err := pm.Registry.Get(ctx, "welcome", registry.Query{Variables: values})
		return err
	}
	if err := get(); err != nil {
		return err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	for range rounds {
		if err := get(); err != nil {
			return err
		}
	}
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	b.row("in-process lookup + render",
		fmt.Sprintf("%d ns, %.1f allocations", took.Nanoseconds()/rounds, float64(after.Mallocs-before.Mallocs)/rounds),
		"≤ 1 µs, ≤ 4 allocations")
	return nil
}

// publishing measures commits into a workspace that has 10,000 prompts.
func (b *bench) publishing(ctx context.Context, pm *promptmetrics.Client) error {
	crowd, err := pm.Workspace("crowd")
	if err != nil {
		return err
	}
	const prompts = 10_000
	start := time.Now()
	if err := spread(ctx, 256, prompts, func(ctx context.Context, n int) error {
		_, err := crowd.Registry.Create(ctx, welcome(fmt.Sprintf("prompt-%05d", n)), registry.Signature{})
		return err
	}); err != nil {
		return err
	}
	b.row("publish 10,000 prompts, 256 callers", fmt.Sprintf("%s/s", thousands(prompts/time.Since(start).Seconds())), "")
	l, err := callers(ctx, 16, b.during, func(ctx context.Context, n int) error {
		_, err := crowd.Registry.Create(ctx, welcome(fmt.Sprintf("more-%06d", n)), registry.Signature{})
		return err
	})
	if err != nil {
		return err
	}
	b.row("publish, 10k prompts, 16 callers", l.rate(), "≥ 1,000/s")
	first, err := callers(ctx, 1, b.during/4, func(ctx context.Context, _ int) error {
		_, err := crowd.Registry.List(ctx, registry.Filter{}, page.Request{})
		return err
	})
	b.row("list prompts, first page, 10k prompts", first.latency(), "p99 ≤ 5 ms")
	return err
}
