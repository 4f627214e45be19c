package evalsuite

import (
	"context"
	"sync"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Provider is the name of the played provider.
const Provider = "played"

// USDPerToken is what the played provider charges for a token of output.
const USDPerToken = 0.005

// Reply is an answer of so many tokens.
func Reply(text string, tokens int64) eval.Reply {
	in, usd := int64(7), float64(tokens)*USDPerToken
	return eval.Reply{Output: text, LatencyMS: 40, TokensIn: &in, TokensOut: &tokens, CostUSD: &usd}
}

// Answer plays a model: it gets the question and how often this very question
// has been asked, counting from 1.
type Answer func(ctx context.Context, q eval.Question, times int) (eval.Reply, error)

// Model is a provider that tests play. Each test scripts models of its own.
type Model struct {
	mu      sync.Mutex
	scripts map[string]Answer
	asked   map[string]map[string]int // by model, then by last message
	most    map[string]int            // questions at once, by model
	now     map[string]int
}

var _ eval.Model = (*Model)(nil)

// NewModel makes a provider without models.
func NewModel() *Model {
	return &Model{scripts: map[string]Answer{}, asked: map[string]map[string]int{}, most: map[string]int{}, now: map[string]int{}}
}

// Script says what a model answers.
func (m *Model) Script(model string, answer Answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.scripts[model] = answer
	m.asked[model] = map[string]int{}
}

// Asked tells how often a model was asked each question.
func (m *Model) Asked(model string) map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	copied := make(map[string]int, len(m.asked[model]))
	for question, times := range m.asked[model] {
		copied[question] = times
	}
	return copied
}

// Most is how many questions a model was asked at once.
func (m *Model) Most(model string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.most[model]
}

// Ask implements [eval.Model].
func (m *Model) Ask(ctx context.Context, q eval.Question) (eval.Reply, error) {
	question := ""
	if len(q.Messages) > 0 {
		question = q.Messages[len(q.Messages)-1].Content
	}
	m.mu.Lock()
	answer := m.scripts[q.Model]
	if answer == nil {
		m.mu.Unlock()
		return eval.Reply{}, pmerr.New(pmerr.BadRequest, "the model %s is not known", q.Model)
	}
	m.asked[q.Model][question]++
	times := m.asked[q.Model][question]
	m.now[q.Model]++
	m.most[q.Model] = max(m.most[q.Model], m.now[q.Model])
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.now[q.Model]--
	}()
	return answer(ctx, q, times)
}

// Embed implements [eval.Model].
func (m *Model) Embed(context.Context, string, string, []string) ([][]float64, error) {
	return nil, pmerr.New(pmerr.BadRequest, "the played provider has no embeddings")
}

// Check implements [eval.Model].
func (m *Model) Check(provider string) error {
	if provider != Provider {
		return pmerr.New(pmerr.BadRequest, "provider %s is not known: use %s", provider, Provider)
	}
	return nil
}
