package evalsuite

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// everyField has a value in every field that a caller sets.
func everyField() eval.Evaluation {
	return eval.Evaluation{
		Name: "tone & <style>", PromptName: "greet", VersionTag: ptr("1.0.0"), Description: ptr("Grüße\n'quoted'"),
		Criteria: &eval.Criteria{
			MinScore: ptr(0.8),
			Rules: []eval.Rule{
				{Type: "keyword", Config: raw(`{"keywords":["hello"],"mode":"all"}`), Weight: ptr(2.5)},
				{Type: "regex", Name: "polite", Config: raw(`{"pattern":"please","flags":"i"}`)},
			},
			Extra: meta(`{"note":"<b>","nested":{"n":9007199254740993}}`),
		},
	}
}

func evaluationCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"an evaluation comes back as it was created": func(t *testing.T, e Env) {
			in := everyField()
			made := create(t, e.Mine, in)
			require.Positive(t, made.ID)
			require.NotEmpty(t, made.Workspace)
			recent(t, made.CreatedAt)
			in.ID, in.Workspace, in.CreatedAt = made.ID, made.Workspace, made.CreatedAt
			require.JSONEq(t, asJSON(t, in), asJSON(t, made))
			got, err := e.Mine.Get(t.Context(), made.ID)
			require.NoError(t, err)
			require.JSONEq(t, asJSON(t, in), asJSON(t, got))
			require.Contains(t, asJSON(t, got), "9007199254740993", "numbers keep their digits")
		},

		"what was not given is null": func(t *testing.T, e Env) {
			in := plain("e")
			in.VersionTag, in.Description = ptr(""), ptr("")
			got, err := e.Mine.Get(t.Context(), create(t, e.Mine, in).ID)
			require.NoError(t, err)
			require.Nil(t, got.VersionTag)
			require.Nil(t, got.Description)
			require.Nil(t, got.Criteria)
		},

		"criteria may be without rules or score": func(t *testing.T, e Env) {
			for _, c := range []eval.Criteria{{}, {MinScore: ptr(0.0)}, {MinScore: ptr(1.0)}, {Extra: meta(`{"x":1}`)}} {
				in := plain("e")
				in.Criteria = &c
				got, err := e.Mine.Get(t.Context(), create(t, e.Mine, in).ID)
				require.NoError(t, err)
				require.NotNil(t, got.Criteria)
				require.JSONEq(t, asJSON(t, c), asJSON(t, got.Criteria))
			}
		},

		"the bounds are inside": func(t *testing.T, e Env) {
			in := eval.Evaluation{
				Name: strings.Repeat("ü", 128), PromptName: strings.Repeat("p", 128),
				VersionTag: ptr(strings.Repeat("v", 64)), Description: ptr(strings.Repeat("d", 1024)),
			}
			got := create(t, e.Mine, in)
			require.Equal(t, in.Name, got.Name)
		},

		"faults are named, all at once": func(t *testing.T, e Env) {
			rule := func(r eval.Rule) *eval.Criteria { return &eval.Criteria{Rules: []eval.Rule{r}} }
			good := eval.Rule{Type: "length", Config: raw(`{"min":1}`)}
			for field, change := range map[string]func(*eval.Evaluation){
				"name":                      func(e *eval.Evaluation) { e.Name = "" },
				"name must":                 func(e *eval.Evaluation) { e.Name = "a\x00" },
				"name is required and must": func(e *eval.Evaluation) { e.Name = strings.Repeat("x", 129) },
				"prompt_name":               func(e *eval.Evaluation) { e.PromptName = "" },
				"prompt_name is":            func(e *eval.Evaluation) { e.PromptName = strings.Repeat("x", 129) },
				"version_tag":               func(e *eval.Evaluation) { e.VersionTag = ptr(strings.Repeat("x", 65)) },
				"description":               func(e *eval.Evaluation) { e.Description = ptr(strings.Repeat("x", 1025)) },
				"criteria.min_score":        func(e *eval.Evaluation) { e.Criteria = &eval.Criteria{MinScore: ptr(1.5)} },
				"criteria.min_score must":   func(e *eval.Evaluation) { e.Criteria = &eval.Criteria{MinScore: ptr(-0.1)} },
				"criteria.rules must be":    func(e *eval.Evaluation) { e.Criteria = &eval.Criteria{Rules: slices.Repeat([]eval.Rule{good}, 101)} },
				"criteria.rules[0].type":    func(e *eval.Evaluation) { e.Criteria = rule(eval.Rule{Config: good.Config}) },
				"criteria.rules[0].weight": func(e *eval.Evaluation) {
					e.Criteria = rule(eval.Rule{Type: "length", Config: good.Config, Weight: ptr(0.0)})
				},
				"criteria.rules[0].weight must": func(e *eval.Evaluation) {
					e.Criteria = rule(eval.Rule{Type: "length", Config: good.Config, Weight: ptr(-1.0)})
				},
				"criteria.rules[0].name": func(e *eval.Evaluation) {
					e.Criteria = rule(eval.Rule{Type: "length", Name: strings.Repeat("x", 129), Config: good.Config})
				},
				"criteria.rules[0].config":         func(e *eval.Evaluation) { e.Criteria = rule(eval.Rule{Type: "length", Config: raw(`[]`)}) },
				"criteria.rules[0].type \"vibes\"": func(e *eval.Evaluation) { e.Criteria = rule(eval.Rule{Type: "vibes"}) },
				"criteria.rules[0].config.pattern": func(e *eval.Evaluation) { e.Criteria = rule(eval.Rule{Type: "regex", Config: raw(`{"pattern":"("}`)}) },
				"criteria.rules[0].config.pattern:": func(e *eval.Evaluation) {
					e.Criteria = rule(eval.Rule{Type: "regex", Config: raw(`{"pattern":"a(?=b)"}`)})
				},
				"criteria.rules[0].config.schema": func(e *eval.Evaluation) {
					e.Criteria = rule(eval.Rule{Type: "json_schema", Config: raw(`{"schema":{"type":"fish"}}`)})
				},
				"criteria.x": func(e *eval.Evaluation) { e.Criteria = &eval.Criteria{Extra: meta(`{"x":"\u0000"}`)} },
				"criteria must be at most": func(e *eval.Evaluation) {
					e.Criteria = &eval.Criteria{Extra: meta(`{"x":"` + strings.Repeat("x", 300<<10) + `"}`)}
				},
			} {
				in := plain("e")
				change(&in)
				_, err := e.Mine.Create(t.Context(), in)
				fault(t, err, field)
			}
			_, err := e.Mine.Create(t.Context(), eval.Evaluation{
				VersionTag: ptr(strings.Repeat("x", 65)), Criteria: &eval.Criteria{MinScore: ptr(2.0), Rules: []eval.Rule{good, {Type: "regex", Config: raw(`{"pattern":"("}`)}, {}}},
			})
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.Len(t, pmerr.From(err).Fields, 6, "%v", err)
			require.Empty(t, pagetest.Keys(t, evaluationsOf(e.Mine), evaluationKey), "nothing was created")
		},

		"evaluations page newest first": func(t *testing.T, e Env) {
			var want []string
			for range 7 {
				want = append(want, evaluationKey(create(t, e.Mine, plain("e"))))
			}
			slices.Reverse(want)
			pagetest.Check(t, evaluationsOf(e.Mine), evaluationKey, want)
		},

		"a deleted evaluation is gone with its results": func(t *testing.T, e Env) {
			gone, stays := create(t, e.Mine, plain("gone")), create(t, e.Mine, plain("stays"))
			for range 3 {
				addResult(t, e.Mine, gone.ID, eval.Result{Score: 1})
				addResult(t, e.Mine, stays.ID, eval.Result{Score: 1})
			}
			require.NoError(t, e.Mine.Delete(t.Context(), gone.ID))
			_, err := e.Mine.Get(t.Context(), gone.ID)
			missing(t, err, "Evaluation")
			_, err = resultsOf(e.Mine, gone.ID, eval.ResultFilter{})(t.Context(), first)
			missing(t, err, "Evaluation")
			_, err = e.Mine.AddResult(t.Context(), gone.ID, eval.Result{Score: 1})
			missing(t, err, "Evaluation")
			missing(t, e.Mine.Delete(t.Context(), gone.ID), "Evaluation")
			require.Equal(t, []string{evaluationKey(stays)}, pagetest.Keys(t, evaluationsOf(e.Mine), evaluationKey))
			left, err := e.Mine.Results(t.Context(), stays.ID, eval.ResultFilter{}, first)
			require.NoError(t, err)
			require.EqualValues(t, 3, left.Total)
			require.Greater(t, create(t, e.Mine, plain("new")).ID, stays.ID, "ids are never given twice")
		},

		"an unknown evaluation is not found": func(t *testing.T, e Env) {
			for _, id := range noIDs() {
				_, err := e.Mine.Get(t.Context(), id)
				missing(t, err, "Evaluation")
				missing(t, e.Mine.Delete(t.Context(), id), "Evaluation")
				_, err = e.Mine.AddResult(t.Context(), id, eval.Result{Score: 1})
				missing(t, err, "Evaluation")
				_, err = e.Mine.Results(t.Context(), id, eval.ResultFilter{}, first)
				missing(t, err, "Evaluation")
			}
		},
	}
}
