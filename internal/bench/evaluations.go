package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/openai"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// evaluations measures runs that render a prompt, ask a played model, score its
// answer and store the row, each durably.
func (b *bench) evaluations(ctx context.Context) error {
	model, err := play(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = model.stop() }()
	provider, err := openai.New(openai.Options{APIKey: "played", BaseURL: model.url})
	if err != nil {
		return err
	}
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: b.dir("evaluations"), Providers: []playground.Provider{provider}})
	if err != nil {
		return err
	}
	defer func() { _ = pm.Close() }()
	if _, err := pm.Registry.Create(ctx, welcome("welcome"), registry.Signature{}); err != nil {
		return err
	}
	e, err := pm.Evals.Create(ctx, eval.Evaluation{Name: "capital", PromptName: "welcome", Criteria: &eval.Criteria{Rules: []eval.Rule{
		{Type: "contains", Config: []byte(`{"keywords":["Paris"]}`)},
		{Type: "regex", Config: []byte(`{"pattern":"capital of [A-Z]"}`)},
	}}})
	if err != nil {
		return err
	}
	rows := make([]eval.Row, 2000)
	for i := range rows {
		rows[i].Input = fmt.Appendf(nil, `{"name":"Alice","question":"What is the capital of France, %d?","company":"ACME","language":"English"}`, i)
	}
	dataset, err := pm.Evals.CreateDataset(ctx, "capitals", rows)
	if err != nil {
		return err
	}
	for _, concurrency := range []int{4, 16, 64} {
		start, before := time.Now(), spent(os.Getpid())
		run, err := pm.Evals.StartRun(ctx, e.ID, eval.RunSpec{DatasetID: &dataset.ID, Provider: "openai", Model: "gpt-4o", Concurrency: concurrency})
		if err != nil {
			return err
		}
		run, err = pm.Evals.WaitRun(ctx, e.ID, run.ID, 5*time.Millisecond)
		if err != nil {
			return err
		}
		if run.Status != eval.RunCompleted || run.Score == nil || *run.Score != 1 || run.Results.Errors != 0 {
			return fmt.Errorf("the run is %s: %+v", run.Status, run.Results)
		}
		b.row(fmt.Sprintf("evaluation run of %s rows, %d at a time", thousands(float64(len(rows))), concurrency),
			fmt.Sprintf("%s rows/s, %s CPU each, with the played model", thousands(float64(len(rows))/time.Since(start).Seconds()),
				short((spent(os.Getpid())-before)/time.Duration(len(rows)))), "")
	}
	return nil
}
