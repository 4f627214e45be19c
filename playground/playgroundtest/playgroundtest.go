// Package playgroundtest is the behaviour of the interfaces of packages
// playground and budget, as a suite that every implementation passes:
// in-process and over HTTP. The models are played by a server that speaks the
// wire format of a provider.
package playgroundtest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/budget"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// Playground is everything that callers do with models.
type Playground interface {
	playground.Chat
	playground.Refresher
}

// Env is what a test works with. Its workspaces are empty when it begins.
type Env struct {
	// Mine and Theirs are two workspaces of one deployment.
	Mine, Theirs Playground
	// Budget, Logs and Audit are of the workspace of Mine; TheirBudget and
	// TheirLogs of that of Theirs.
	Budget, TheirBudget budget.Budgets
	Logs, TheirLogs     interface {
		telemetry.Recorder
		telemetry.Reader
	}
	Audit access.AuditLog
	// Provider is the name of the played provider; gpt-4o has its list price.
	Provider string
	// Stage answers for it.
	Stage *Stage
	// Scene marks what is asked in this test.
	Scene string
}

// Stage is a played provider that many tests share: each marks what it asks
// with a scene of its own.
type Stage struct {
	providertest.OpenAI
	mu     sync.Mutex
	scenes map[string]func(providertest.Question) providertest.Answer
}

// NewStage makes a provider that answers nothing yet.
func NewStage() *Stage {
	s := &Stage{scenes: map[string]func(providertest.Question) providertest.Answer{}}
	s.Answer = func(q providertest.Question) providertest.Answer {
		s.mu.Lock()
		answer := s.scenes[sceneOf(q)]
		s.mu.Unlock()
		if answer == nil {
			return providertest.Answer{Text: "nobody plays this scene"}
		}
		return answer(q)
	}
	return s
}

// Play sets what is answered in a scene.
func (s *Stage) Play(scene string, answer func(providertest.Question) providertest.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scenes[scene] = answer
}

// sceneOf is the first word of the first message.
func sceneOf(q providertest.Question) string {
	if len(q.Messages) == 0 {
		return ""
	}
	scene, _, _ := strings.Cut(q.Messages[0].Content, " ")
	return scene
}

// asked gives what reached the provider in this test.
func (e Env) asked() (questions []providertest.Question) {
	for _, q := range e.Stage.Chats() {
		if sceneOf(q) == e.Scene {
			questions = append(questions, q)
		}
	}
	return questions
}

// play answers every question of this test alike.
func (e Env) play(a providertest.Answer) {
	e.Stage.Play(e.Scene, func(providertest.Question) providertest.Answer { return a })
}

// request asks in this test's scene.
func (e Env) request(content string) playground.Request {
	return playground.Request{
		Provider: e.Provider, Model: "gpt-4o",
		Messages: []playground.Message{{Role: playground.User, Content: e.Scene + " " + content}},
	}
}

// onlyLog gives the one log that the workspace has.
func onlyLog(t *testing.T, logs telemetry.Reader) telemetry.Log {
	t.Helper()
	p, err := logs.Logs(t.Context(), telemetry.LogFilter{}, page.Request{})
	require.NoError(t, err)
	require.Len(t, p.Items, 1)
	return p.Items[0]
}

// actions gives what the audit log says, oldest first.
func (e Env) actions(t *testing.T) (all []string) {
	t.Helper()
	p, err := e.Audit.Entries(t.Context(), access.AuditFilter{}, page.Request{})
	require.NoError(t, err)
	for _, entry := range p.Items {
		all = append([]string{entry.Action}, all...)
	}
	return all
}

// collect reads a stream to its end.
func collect(ctx context.Context, c playground.Chat, q playground.Request) (events []playground.Event, err error) {
	for event, err := range c.Stream(ctx, q) {
		if err != nil {
			return events, err
		}
		events = append(events, event)
	}
	return events, nil
}

// Run checks an implementation. open gives an Env that nothing else uses.
func Run(t *testing.T, open func(testing.TB) Env) {
	t.Helper()
	for _, group := range []struct {
		name  string
		cases map[string]func(*testing.T, Env)
	}{
		{"Chat", chatCases()},
		{"Refusals", refusalCases()},
		{"Stream", streamCases()},
		{"Models", modelCases()},
		{"Budget", budgetCases()},
		{"WorkspacesAreIslands", islandCases()},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for name, run := range group.cases {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					run(t, open(t))
				})
			}
		})
	}
}
