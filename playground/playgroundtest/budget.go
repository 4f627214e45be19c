package playgroundtest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/budget"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func modelCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"are listed with their provider, in order": func(t *testing.T, e Env) {
			p, err := e.Mine.Models(t.Context(), page.Request{})
			require.NoError(t, err)
			require.NotEmpty(t, p.Items)
			require.EqualValues(t, len(p.Items), p.Total)
			ids := make([]string, len(p.Items))
			for i, m := range p.Items {
				require.Equal(t, e.Provider, m.Provider)
				require.NotEmpty(t, m.Name)
				ids[i] = m.ID
			}
			require.True(t, slices.IsSorted(ids))
			require.Contains(t, ids, "gpt-4o")

			second, err := e.Mine.Models(t.Context(), page.Request{Page: 2, Limit: 1})
			require.NoError(t, err)
			require.Equal(t, p.Items[1:2], second.Items)
			beyond, err := e.Mine.Models(t.Context(), page.Request{Page: 1000})
			require.NoError(t, err)
			require.Empty(t, beyond.Items)
		},
		"are turned over by cursor": func(t *testing.T, e Env) {
			all, err := e.Mine.Models(t.Context(), page.Request{})
			require.NoError(t, err)
			require.Greater(t, len(all.Items), 1)
			require.Empty(t, all.NextCursor)
			var seen []playground.Model
			for r := (page.Request{Limit: 1}); ; {
				p, err := e.Mine.Models(t.Context(), r)
				require.NoError(t, err)
				require.Equal(t, all.Total, p.Total)
				seen = append(seen, p.Items...)
				if r.Cursor = p.NextCursor; r.Cursor == "" {
					break
				}
			}
			require.Equal(t, all.Items, seen)
			_, err = e.Mine.Models(t.Context(), page.Request{Cursor: "nonsense"})
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
		},
		"can be asked for anew": func(t *testing.T, e Env) {
			done, err := e.Mine.RefreshModels(t.Context())
			require.NoError(t, err)
			require.Positive(t, done.Models)
			require.Empty(t, done.Errors)
			require.Equal(t, []string{"playground_models_refresh"}, e.actions(t))
		},
	}
}

func budgetCases() map[string]func(*testing.T, Env) {
	usd := func(v float64) *float64 { return &v }
	spend := func(t *testing.T, r telemetry.Recorder, cost float64) {
		t.Helper()
		_, err := r.Log(t.Context(), telemetry.Log{PromptName: "p", VersionTag: "1", CostUSD: &cost})
		require.NoError(t, err)
	}
	return map[string]func(*testing.T, Env){
		"counts what logs cost": func(t *testing.T, e Env) {
			b, err := e.Budget.Set(t.Context(), usd(10))
			require.NoError(t, err)
			require.Regexp(t, `^\d{4}-\d\d$`, b.Month)
			require.InDelta(t, 10, *b.BudgetUSD, 0)
			require.InDelta(t, 10, *b.RemainingUSD, 0)
			spend(t, e.Logs, 2.5)
			spend(t, e.Logs, 1.25)
			b, err = e.Budget.Get(t.Context())
			require.NoError(t, err)
			require.InDelta(t, 3.75, b.SpentUSD, 1e-9)
			require.InDelta(t, 6.25, *b.RemainingUSD, 1e-9)
		},
		"a spent one stops calls, never logs": func(t *testing.T, e Env) {
			e.play(providertest.Answer{Text: "ok"})
			_, err := e.Budget.Set(t.Context(), usd(1))
			require.NoError(t, err)
			spend(t, e.Logs, 0.9)
			_, err = e.Mine.Chat(t.Context(), e.request("x"))
			require.NoError(t, err, "it is not spent yet")
			spend(t, e.Logs, 0.1)
			spend(t, e.Logs, 5)
			for name, call := range map[string]func() error{
				"chat":   func() error { _, err := e.Mine.Chat(t.Context(), e.request("x")); return err },
				"stream": func() error { _, err := collect(t.Context(), e.Mine, e.request("x")); return err },
				"completion": func() error {
					_, err := e.Mine.Complete(t.Context(), playground.Completion{Prompt: "x", Request: playground.Request{Provider: e.Provider, Model: "gpt-4o"}})
					return err
				},
			} {
				err := call()
				require.ErrorIs(t, err, pmerr.ErrBadRequest, name)
				details := pmerr.From(err).Details
				require.Equal(t, budget.Exceeded, details["code"], name)
				require.InDelta(t, 1.0, details["budget"], 0, name)
				require.Greater(t, details["spend"], 5.9, name)
			}
			require.Len(t, e.asked(), 1)
			b, err := e.Budget.Get(t.Context())
			require.NoError(t, err)
			require.InDelta(t, 0, *b.RemainingUSD, 0)
		},
		"none is no limit": func(t *testing.T, e Env) {
			e.play(providertest.Answer{Text: "ok"})
			b, err := e.Budget.Set(t.Context(), nil)
			require.NoError(t, err)
			require.Nil(t, b.BudgetUSD)
			require.Nil(t, b.RemainingUSD)
			spend(t, e.Logs, 1e6)
			_, err = e.Mine.Chat(t.Context(), e.request("x"))
			require.NoError(t, err)
		},
		"zero stops every call": func(t *testing.T, e Env) {
			_, err := e.Budget.Set(t.Context(), usd(0))
			require.NoError(t, err)
			_, err = e.Mine.Chat(t.Context(), e.request("x"))
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
		},
		"less than nothing is refused": func(t *testing.T, e Env) {
			_, err := e.Budget.Set(t.Context(), usd(-1))
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.Empty(t, e.actions(t))
		},
		"setting it is in the audit log": func(t *testing.T, e Env) {
			_, err := e.Budget.Set(t.Context(), usd(5))
			require.NoError(t, err)
			require.Equal(t, []string{"budget:set"}, e.actions(t))
		},
	}
}

// islandCases: what happens in one workspace shows in no other.
func islandCases() map[string]func(*testing.T, Env) {
	empty := func(t *testing.T, e Env) {
		t.Helper()
		p, err := e.Logs.Logs(t.Context(), telemetry.LogFilter{}, page.Request{})
		require.NoError(t, err)
		require.Empty(t, p.Items)
		require.Empty(t, e.actions(t))
	}
	return map[string]func(*testing.T, Env){
		"Chat": func(t *testing.T, e Env) {
			e.play(providertest.Answer{Text: "ok"})
			_, err := e.Theirs.Chat(t.Context(), e.request("x"))
			require.NoError(t, err)
			onlyLog(t, e.TheirLogs)
			empty(t, e)
		},
		"Complete": func(t *testing.T, e Env) {
			e.play(providertest.Answer{Text: "ok"})
			_, err := e.Theirs.Complete(t.Context(), playground.Completion{Prompt: e.Scene, Request: playground.Request{Provider: e.Provider, Model: "gpt-4o"}})
			require.NoError(t, err)
			empty(t, e)
		},
		"Stream": func(t *testing.T, e Env) {
			e.play(providertest.Answer{Text: "ok"})
			_, err := collect(t.Context(), e.Theirs, e.request("x"))
			require.NoError(t, err)
			empty(t, e)
		},
		"RefreshModels": func(t *testing.T, e Env) {
			_, err := e.Theirs.RefreshModels(t.Context())
			require.NoError(t, err)
			empty(t, e)
		},
		"Models": func(t *testing.T, e Env) {
			// Providers belong to the deployment: both see the same.
			mine, err := e.Mine.Models(t.Context(), page.Request{})
			require.NoError(t, err)
			theirs, err := e.Theirs.Models(t.Context(), page.Request{})
			require.NoError(t, err)
			require.Equal(t, mine.Items, theirs.Items)
		},
		"Budget": func(t *testing.T, e Env) {
			zero := 0.0
			_, err := e.TheirBudget.Set(t.Context(), &zero)
			require.NoError(t, err)
			e.play(providertest.Answer{Text: "ok"})
			_, err = e.Mine.Chat(t.Context(), e.request("x"))
			require.NoError(t, err)
			b, err := e.TheirBudget.Get(t.Context())
			require.NoError(t, err)
			require.Zero(t, b.SpentUSD)
		},
	}
}
