package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/openai"
)

const question = `{"provider":"openai","model":"gpt-4o","messages":[{"role":"system","content":"You answer in one sentence."},{"role":"user","content":"What is the capital of France?"}]}`

// playground measures what we add to the call of a model: the same calls to a
// played provider straight, through the library, and through the server.
func (b *bench) playground(ctx context.Context) error {
	if err := b.build(ctx); err != nil {
		return err
	}
	model, err := play(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = model.stop() }()
	provider, err := openai.New(openai.Options{APIKey: "played", BaseURL: model.url})
	if err != nil {
		return err
	}
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: b.dir("playground"), Providers: []playground.Provider{provider}})
	if err != nil {
		return err
	}
	defer func() { _ = pm.Close() }()
	p, err := launch(ctx, b.binary, b.dir("playground-server"), []string{"OPENAI_API_KEY=played", "OPENAI_BASE_URL=" + model.url})
	if err != nil {
		return err
	}
	defer func() { _ = p.stop() }()
	key, err := createKey(ctx, b.binary, b.dir("playground-server"))
	if err != nil {
		return err
	}
	if err := b.calls(ctx, model, pm, p, key); err != nil {
		return err
	}
	return b.streams(ctx, model, pm, p, key)
}

// calls measures whole answers, each logged durably with its cost.
func (b *bench) calls(ctx context.Context, model *played, pm *promptmetrics.Client, p *program, key string) error {
	var q playground.Request
	if err := json.Unmarshal([]byte(question), &q); err != nil {
		return err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	straight, err := openai.New(openai.Options{APIKey: "played", BaseURL: model.url, HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		return err
	}
	call := playground.Call{Model: q.Model, Messages: q.Messages}
	reference, err := callers(ctx, 16, b.during, func(ctx context.Context, _ int) error {
		_, err := straight.Call(ctx, call)
		return err
	})
	if err != nil {
		return err
	}
	b.row("model calls, the provider's adapter alone, 16 callers", reference.rate(), "")
	library, err := callers(ctx, 16, b.during, func(ctx context.Context, _ int) error {
		_, err := pm.Playground.Chat(ctx, q)
		return err
	})
	if err != nil {
		return err
	}
	b.row("playground in-process, logged, 16 callers", library.rate(), "")
	served, err := b.hammer(ctx, p, 16, http.StatusOK, request(http.MethodPost, "/v1/playground/chat", key, question))
	if err != nil {
		return err
	}
	b.row("POST /v1/playground/chat, logged, 16 connections", served.rate(), "")
	b.row("resident memory of the server under these calls", fmt.Sprintf("%.0f MB", p.memory()), "≤ 80 MB")
	return nil
}

// streams measures how old tokens are when they arrive.
func (b *bench) streams(ctx context.Context, model *played, pm *promptmetrics.Client, p *program, key string) error {
	var q playground.Request
	if err := json.Unmarshal([]byte(question), &q); err != nil {
		return err
	}
	for _, way := range []struct {
		name   string
		stream func(context.Context) iter.Seq2[string, error]
	}{
		{"straight from the provider", model.direct},
		{"playground in-process", func(ctx context.Context) iter.Seq2[string, error] { return contents(pm.Playground.Stream(ctx, q)) }},
		{"through the server", func(ctx context.Context) iter.Seq2[string, error] { return served(ctx, p, key) }},
	} {
		var ages []time.Duration
		for end := time.Now().Add(b.during); time.Now().Before(end); {
			before := len(ages)
			for content, err := range way.stream(ctx) {
				if err != nil {
					return err
				}
				age, err := lag(content)
				if err != nil {
					return err
				}
				ages = append(ages, age)
			}
			if len(ages)-before != tokens {
				return fmt.Errorf("%d of %d tokens came", len(ages)-before, tokens)
			}
		}
		slices.Sort(ages)
		b.row("age of a streamed token, "+way.name, summary(ages, b.during).latency(), "")
	}
	return nil
}

// contents gives the texts of events.
func contents(events iter.Seq2[playground.Event, error]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for e, err := range events {
			if err == nil && e.Content == "" {
				continue
			}
			if !yield(e.Content, err) || err != nil {
				return
			}
		}
	}
}

// served streams an answer through the server.
func served(ctx context.Context, p *program, key string) iter.Seq2[string, error] {
	return contents(func(yield func(playground.Event, error) bool) {
		for line, err := range lines(ctx, "http://"+p.address+"/v1/playground/chat/stream", key, question) {
			var e playground.Event
			if err == nil {
				err = json.Unmarshal(line, &e)
			}
			if err == nil && e.Type == "error" {
				err = errors.New("the stream ended with an error: " + string(line))
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	})
}
