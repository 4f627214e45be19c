package evalsuite

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// Runnable is what callers do with evaluations that run.
type Runnable interface {
	eval.Evaluations
	eval.Datasets
	eval.Runs
	WaitRun(ctx context.Context, evaluationID, runID int64, every time.Duration) (eval.Run, error)
}

// RunEnv is what a test of runs works with. Its workspaces are empty when it
// begins; their models are those of Model, and rules are those of package
// scorer.
type RunEnv struct {
	// Mine and Theirs are two workspaces of one store.
	Mine, Theirs Runnable
	// Prompts and Lifecycle are those of Mine.
	Prompts   registry.Prompts
	Lifecycle registry.Lifecycle
	// Model is shared by all tests.
	Model *Model
	// Audit reads the audit log of Mine, in which Actor acts.
	Audit access.AuditLog
	Actor string
}

// RunRuns checks an implementation. open gives an environment that nothing else
// uses.
func RunRuns(t *testing.T, open func(testing.TB) RunEnv) {
	t.Helper()
	for _, group := range []struct {
		name  string
		cases map[string]func(*testing.T, RunEnv)
	}{
		{"Run", runCases()},
		{"Source", runSourceCases()},
		{"Limits", runLimitCases()},
		{"Refused", runRefusalCases()},
		{"Compare", runCompareCases()},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for name, check := range group.cases {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					check(t, open(t))
				})
			}
		})
	}
}

// names makes names that no other test has.
var names atomic.Int64

func newName(kind string) string { return fmt.Sprintf("%s-%d", kind, names.Add(1)) }

// criteria reads criteria as a client sends them.
func criteria(tb testing.TB, text string) *eval.Criteria {
	tb.Helper()
	var c eval.Criteria
	require.NoError(tb, json.Unmarshal([]byte(text), &c))
	return &c
}

// bench is a prompt, an evaluation and a dataset that fit together, and a model
// of their own.
type bench struct {
	RunEnv
	evaluation, dataset int64
	prompt, model       string
	rows                []eval.Row
}

// capitals are rows with what is expected of them.
func capitals() []eval.Row {
	row := func(land, city string) eval.Row {
		return eval.Row{
			Input:          json.RawMessage(fmt.Sprintf(`{"land":%q}`, land)),
			ExpectedOutput: json.RawMessage(fmt.Sprintf(`{"answer":%q}`, city)),
		}
	}
	return []eval.Row{row("France", "Paris"), row("Norway", "Oslo"), row("Japan", "Tokyo"), row("Kenya", "Nairobi")}
}

// asks makes a bench whose rules are given.
func asks(tb testing.TB, e RunEnv, rules string, rows []eval.Row) *bench {
	tb.Helper()
	b := &bench{RunEnv: e, prompt: newName("capitals"), model: newName("model"), rows: rows}
	b.publish(tb, "1.0.0", "", "Capital of {{land}}?")
	made, err := e.Mine.Create(tb.Context(), eval.Evaluation{Name: "Capitals", PromptName: b.prompt, Criteria: criteria(tb, rules)})
	require.NoError(tb, err)
	b.evaluation = made.ID
	if rows != nil {
		set, err := e.Mine.CreateDataset(tb.Context(), "capitals", rows)
		require.NoError(tb, err)
		b.dataset = set.ID
	}
	return b
}

// publish makes a version of the prompt, whose model_config names the provider.
func (b *bench) publish(tb testing.TB, version, provider, text string) {
	tb.Helper()
	p := registry.Prompt{
		Name: b.prompt, Version: version,
		Messages:  []registry.Message{{Role: registry.System, Content: "Be brief."}, {Role: registry.User, Content: text}},
		Variables: map[string]registry.Variable{"land": {Type: registry.String, Default: json.RawMessage(`"Utopia"`)}},
	}
	if provider != "" {
		p.ModelConfig = &registry.ModelConfig{
			Model: b.model, Temperature: ptr(0.25), MaxTokens: ptr(int64(16)),
			Extra: map[string]json.RawMessage{"provider": json.RawMessage(fmt.Sprintf("%q", provider))},
		}
	}
	_, err := b.Prompts.Create(tb.Context(), p, registry.Signature{})
	require.NoError(tb, err)
}

// spec runs the dataset through the bench's own model.
func (b *bench) spec() eval.RunSpec {
	return eval.RunSpec{DatasetID: &b.dataset, Provider: Provider, Model: b.model}
}

func (b *bench) start(tb testing.TB, s eval.RunSpec) eval.Run {
	tb.Helper()
	run, err := b.Mine.StartRun(tb.Context(), b.evaluation, s)
	require.NoError(tb, err)
	require.Equal(tb, eval.RunRunning, run.Status)
	return run
}

// ended waits for the end of a run.
func (b *bench) ended(tb testing.TB, id int64) eval.Run {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	run, err := b.Mine.WaitRun(ctx, b.evaluation, id, 20*time.Millisecond)
	require.NoError(tb, err)
	return run
}

// finished starts a run and waits for its end.
func (b *bench) finished(tb testing.TB, s eval.RunSpec) eval.Run {
	tb.Helper()
	return b.ended(tb, b.start(tb, s).ID)
}

// says scripts a model that answers each question in one way.
func (b *bench) says(answers map[string]string) {
	b.Model.Script(b.model, func(_ context.Context, q eval.Question, _ int) (eval.Reply, error) {
		return Reply(answers[q.Messages[len(q.Messages)-1].Content], 2), nil
	})
}

// known answers of a model that is wrong about Kenya.
func known() map[string]string {
	return map[string]string{
		"Capital of France?": "Paris", "Capital of Norway?": "Oslo", "Capital of Japan?": "Tokyo", "Capital of Kenya?": "Mombasa",
	}
}

const exactRule = `{"min_score":0.75,"rules":[{"type":"exact"}]}`
