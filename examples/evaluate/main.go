// Command evaluate measures two versions of a prompt on a dataset, inside one
// program, and compares them row by row. The model is a played one, so that no
// network and no key are needed; model.go says what it answers.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func main() {
	model, stop, err := play()
	if err != nil {
		log.Fatal(err)
	}
	defer stop()
	if err := run(context.Background(), os.Stdout, "data", model); err != nil {
		log.Fatal(err)
	}
}

// questions are a JSONL file, as `promptmetrics dataset import` reads it, too.
const questions = `{"input":{"land":"France"},"expectedOutput":{"answer":"Paris"}}
{"input":{"land":"Norway"},"expectedOutput":{"answer":"Oslo"}}
{"input":{"land":"Kenya"},"expectedOutput":{"answer":"Nairobi"}}
{"input":{"land":"Australia"},"expectedOutput":{"answer":"Canberra"}}
`

// criteria say what a good answer is; a row of 0.8 has passed.
const criteria = `{"min_score":0.8,"rules":[
	{"type":"exact","weight":2},
	{"type":"contains"},
	{"type":"regex","config":{"pattern":"^\\w+$"}},
	{"type":"levenshtein"},
	{"type":"llm_judge","weight":2,"config":{"provider":"played","model":"judge","rubric":"Is the answer right?"}}
]}`

func run(ctx context.Context, out io.Writer, folder string, model playground.Provider) (err error) {
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: folder, Providers: []playground.Provider{model}})
	if err != nil {
		return err
	}
	defer func() { _ = pm.Close() }()

	// Two versions: the second one says how to answer.
	for version, more := range map[string]string{"1.0.0": "", "1.1.0": " Answer with the name of the city and nothing else."} {
		_, err := pm.Registry.Create(ctx, registry.Prompt{
			Name: "capital-of", Version: version,
			Messages: []registry.Message{{Role: registry.User, Content: "What is the capital of {{land}}?" + more}},
		}, registry.Signature{})
		if err != nil {
			return err
		}
	}
	dataset, err := pm.Evals.ImportDataset(ctx, "capitals", eval.JSONL, strings.NewReader(questions))
	if err != nil {
		return err
	}
	rules := &eval.Criteria{}
	if err := json.Unmarshal([]byte(criteria), rules); err != nil {
		return err
	}
	evaluation, err := pm.Evals.Create(ctx, eval.Evaluation{Name: "capitals", PromptName: "capital-of", Criteria: rules})
	if err != nil {
		return err
	}

	// Each run goes through the queue, as it would on a server.
	var runs []eval.Run
	for _, version := range []string{"1.0.0", "1.1.0"} {
		started, err := pm.Evals.StartRun(ctx, evaluation.ID, eval.RunSpec{
			DatasetID: &dataset.ID, VersionTag: version, Provider: "played", Model: "small",
		})
		if err != nil {
			return err
		}
		ended, err := pm.Evals.WaitRun(ctx, evaluation.ID, started.ID, 50*time.Millisecond)
		if err != nil {
			return err
		}
		if ended.Status != eval.RunCompleted {
			return fmt.Errorf("the run of %s has %s: %s", version, ended.Status, ended.Results.Reason)
		}
		fmt.Fprintf(out, "%s: score %.2f, %d of %d rows passed\n", version, *ended.Score, ended.Results.Passed, ended.Total)
		for _, name := range rules.Names() {
			fmt.Fprintf(out, "  %-12s %.2f\n", name, ended.Results.RuleMeans[name])
		}
		runs = append(runs, ended)
	}
	return compare(ctx, out, pm.Evals, evaluation.ID, runs[0].ID, runs[1].ID)
}

// compare takes the interface, so it works with a remote server just as well.
func compare(ctx context.Context, out io.Writer, runs eval.Runs, evaluation, before, after int64) error {
	c, err := runs.CompareRuns(ctx, evaluation, before, after, page.Request{})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "better %d, worse %d, same %d; mean difference %+.2f, p = %.3f\n", c.Better, c.Worse, c.Same, c.MeanDifference, *c.PValue)
	for _, row := range c.Rows.Items {
		fmt.Fprintf(out, "  %-6s %.2f -> %.2f  %q -> %q\n", row.Change, row.A.Score, row.B.Score, row.A.Output, row.B.Output)
	}
	return nil
}
