package scorer_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/eval/scorer"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// compiled makes the scorer of one rule.
func compiled(tb testing.TB, o scorer.Options, kind, config string) eval.Scorer {
	tb.Helper()
	rubric, err := scorer.New(o).Compile(eval.Criteria{Rules: []eval.Rule{{Type: kind, Config: json.RawMessage(config)}}})
	require.NoError(tb, err)
	require.Len(tb, rubric.Rules, 1)
	return rubric.Rules[0].Scorer
}

// faults compiles one rule that cannot be.
func faults(tb testing.TB, o scorer.Options, kind, config string) []string {
	tb.Helper()
	_, err := scorer.New(o).Compile(eval.Criteria{Rules: []eval.Rule{{Type: kind, Config: json.RawMessage(config)}}})
	require.ErrorIs(tb, err, pmerr.ErrValidation)
	var e *pmerr.Error
	require.ErrorAs(tb, err, &e)
	return e.Fields
}

// verdict scores a case by one rule.
func verdict(tb testing.TB, kind, config string, c eval.Case) eval.Verdict {
	tb.Helper()
	v, err := compiled(tb, scorer.Options{}, kind, config).Score(tb.Context(), c)
	require.NoError(tb, err)
	require.GreaterOrEqual(tb, v.Score, 0.0)
	require.LessOrEqual(tb, v.Score, 1.0)
	require.LessOrEqual(tb, len([]rune(v.Reason)), 300)
	require.Equal(tb, kind, v.Type)
	return v
}

// failure is the error of a rule that cannot judge a case.
func failure(tb testing.TB, kind, config string, c eval.Case) error {
	tb.Helper()
	_, err := compiled(tb, scorer.Options{}, kind, config).Score(tb.Context(), c)
	require.Error(tb, err)
	return err
}

var noOptions = scorer.Options{}

// output is a case of an output alone.
func output(text string) eval.Case { return eval.Case{Output: text} }

// row is a case of an output and an expected output.
func row(text, expected string) eval.Case {
	c := eval.Case{Output: text, Row: eval.Row{Input: json.RawMessage(`{"question":"What is 6 times 7?","words":["a","b"]}`)}}
	if expected != "" {
		c.Row.ExpectedOutput = json.RawMessage(expected)
	}
	return c
}

func pointer[T any](v T) *T { return &v }

// played is a model that answers from a list and remembers the questions.
type played struct {
	mu        sync.Mutex
	answers   []string
	questions []eval.Question
	cost      *float64
	vectors   [][]float64
	err       error
}

func (p *played) Ask(_ context.Context, q eval.Question) (eval.Reply, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return eval.Reply{}, p.err
	}
	answer := p.answers[len(p.questions)%len(p.answers)]
	p.questions = append(p.questions, q)
	return eval.Reply{Output: answer, CostUSD: p.cost}, nil
}

func (p *played) Embed(_ context.Context, _, _ string, _ []string) ([][]float64, error) {
	return p.vectors, p.err
}

func (*played) Check(string) error { return nil }

// scan is a scanner that always finds the same.
type scan struct {
	entities []string
	err      error
}

func (s scan) Scan(context.Context, string) ([]string, error) { return s.entities, s.err }
