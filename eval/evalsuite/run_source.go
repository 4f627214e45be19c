package evalsuite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// only gives the rows of a run, which must have completed.
func (b *bench) only(tb testing.TB, s eval.RunSpec) (eval.Run, []eval.RowResult) {
	tb.Helper()
	run := b.finished(tb, s)
	require.Equal(tb, eval.RunCompleted, run.Status, "%+v", run.Results)
	rows, err := b.Mine.RunRows(tb.Context(), b.evaluation, run.ID, page.Request{})
	require.NoError(tb, err)
	return run, rows.Items
}

func runSourceCases() map[string]func(*testing.T, RunEnv) {
	return map[string]func(*testing.T, RunEnv){
		"a row's own output is scored, and no model is asked": func(t *testing.T, e RunEnv) {
			rows := capitals()
			rows[0].Output, rows[1].Output = ptr("Paris"), ptr("Bergen")
			b := asks(t, e, exactRule, rows)
			b.says(known())
			run, got := b.only(t, b.spec())
			require.Equal(t, []eval.Source{eval.Recorded, eval.Recorded, eval.FromModel, eval.FromModel},
				[]eval.Source{got[0].Source, got[1].Source, got[2].Source, got[3].Source})
			require.Equal(t, "Bergen", got[1].Output)
			require.Nil(t, got[0].LatencyMS)
			require.Nil(t, got[0].CostUSD)
			require.InDelta(t, 0.5, *run.Score, 1e-12)
			require.Len(t, b.Model.Asked(b.model), 2)
		},

		"without a provider the last user message is scored": func(t *testing.T, e RunEnv) {
			b := asks(t, e, `{"rules":[{"type":"contains","config":{"keywords":["{{input.land}}"]}}]}`, capitals())
			run, got := b.only(t, eval.RunSpec{DatasetID: &b.dataset})
			require.Nil(t, run.Provider)
			require.Equal(t, eval.Rendered, got[0].Source)
			require.Equal(t, "Capital of France?", got[0].Output)
			require.InDelta(t, 1, *run.Score, 1e-12)
			require.True(t, *run.Passed, "every row has passed")
			require.Zero(t, run.CostUSD)
		},

		"without a dataset there is one row, the prompt with its defaults": func(t *testing.T, e RunEnv) {
			b := asks(t, e, `{"rules":[{"type":"contains","config":{"keywords":["Utopia"]}}]}`, nil)
			run, got := b.only(t, eval.RunSpec{})
			require.Nil(t, run.DatasetID)
			require.Equal(t, 1, run.Total)
			require.Len(t, got, 1)
			require.Zero(t, got[0].RowID)
			require.Equal(t, "Capital of Utopia?", got[0].Output)
			require.InDelta(t, 1, *run.Score, 1e-12)
		},

		"recorded outputs need no prompt that exists": func(t *testing.T, e RunEnv) {
			rows := capitals()[:2]
			rows[0].Output, rows[1].Output = ptr("Paris"), ptr("Oslo")
			b := asks(t, e, exactRule, rows)
			require.NoError(t, e.Lifecycle.Delete(t.Context(), b.prompt, registry.Signature{}))
			run, _ := b.only(t, eval.RunSpec{DatasetID: &b.dataset, VersionTag: "my agent 7"})
			require.InDelta(t, 1, *run.Score, 1e-12)
			require.Equal(t, "my agent 7", *run.VersionTag)
		},

		"a version is asked for by the run, then the evaluation, then the registry": func(t *testing.T, e RunEnv) {
			b := asks(t, e, `{"rules":[{"type":"length","config":{"min":1}}]}`, nil)
			for _, version := range []string{"1.1.0", "2.0.0"} {
				b.publish(t, version, "", "Version "+version)
			}
			run, got := b.only(t, eval.RunSpec{})
			require.Equal(t, []string{"2.0.0", "Version 2.0.0"}, []string{*run.VersionTag, got[0].Output})
			run, got = b.only(t, eval.RunSpec{VersionTag: "^1.0"})
			require.Equal(t, []string{"1.1.0", "Version 1.1.0"}, []string{*run.VersionTag, got[0].Output}, "a range is resolved")
			tagged, err := e.Mine.Create(t.Context(), eval.Evaluation{
				Name: "tagged", PromptName: b.prompt, VersionTag: ptr("1.0.0"), Criteria: criteria(t, `{"rules":[{"type":"length","config":{"min":1}}]}`),
			})
			require.NoError(t, err)
			b.evaluation = tagged.ID
			run, _ = b.only(t, eval.RunSpec{})
			require.Equal(t, "1.0.0", *run.VersionTag)
			run, _ = b.only(t, eval.RunSpec{VersionTag: "2.0.0"})
			require.Equal(t, "2.0.0", *run.VersionTag)
		},

		"a row that cannot be answered scores 0 and says why": func(t *testing.T, e RunEnv) {
			b := asks(t, e, `{"min_score":0.5,"rules":[{"type":"exact"}]}`, capitals())
			b.Model.Script(b.model, func(_ context.Context, q eval.Question, _ int) (eval.Reply, error) {
				switch q.Messages[1].Content {
				case "Capital of France?":
					return eval.Reply{}, pmerr.New(pmerr.ContentPolicy, "the provider refused the content").Because(errors.New("secret cause"))
				case "Capital of Norway?":
					return eval.Reply{Output: strings.Repeat("x", eval.MaxOutput+1)}, nil
				}
				return eval.Reply{Output: known()[q.Messages[1].Content]}, nil
			})
			run, got := b.only(t, b.spec())
			require.Equal(t, "the provider refused the content", got[0].Error)
			require.Contains(t, got[1].Error, fmt.Sprint(eval.MaxOutput))
			require.Empty(t, got[1].Output)
			require.Zero(t, got[0].Score)
			require.Empty(t, got[0].Rules)
			require.Equal(t, 2, run.Results.Errors)
			require.InDelta(t, 0.25, *run.Score, 1e-12, "Tokyo alone is right")
			require.False(t, *run.Passed)
		},

		"a required variable that a row lacks is the row's error": func(t *testing.T, e RunEnv) {
			b := asks(t, e, `{"rules":[{"type":"length","config":{"min":1}}]}`, capitals()[:1])
			_, err := e.Prompts.Create(t.Context(), registry.Prompt{
				Name: b.prompt, Version: "3.0.0", Messages: []registry.Message{{Role: registry.User, Content: "{{river}} in {{land}}"}},
				Variables: map[string]registry.Variable{"river": {Type: registry.String, Required: true}, "land": {Type: registry.String}},
			}, registry.Signature{})
			require.NoError(t, err)
			set, err := e.Mine.CreateDataset(t.Context(), "mixed", []eval.Row{
				{Input: []byte(`{"land":"France"}`)}, {Input: []byte(`{"land":"France","river":"Seine"}`)},
			})
			require.NoError(t, err)
			run, got := b.only(t, eval.RunSpec{DatasetID: &set.ID})
			require.Contains(t, got[0].Error, "river")
			require.Empty(t, got[1].Error)
			require.InDelta(t, 0.5, *run.Score, 1e-12)
		},

		"odd characters of a model do not break the store": func(t *testing.T, e RunEnv) {
			b := asks(t, e, exactRule, capitals()[:1])
			b.Model.Script(b.model, func(context.Context, eval.Question, int) (eval.Reply, error) {
				return eval.Reply{Output: "a\x00b\xffc ü"}, nil
			})
			_, got := b.only(t, b.spec())
			require.Equal(t, "a\uFFFDb\uFFFDc ü", got[0].Output)
		},

		"without rules the outputs are kept and nothing is scored": func(t *testing.T, e RunEnv) {
			b := asks(t, e, `{"min_score":0.5}`, capitals()[:2])
			b.says(known())
			run, got := b.only(t, b.spec())
			require.Nil(t, run.Score)
			require.Nil(t, run.Passed)
			require.Contains(t, run.Results.Reason, "criteria.rules")
			require.Equal(t, "Paris", got[0].Output)
			results, err := e.Mine.Results(t.Context(), b.evaluation, eval.ResultFilter{}, page.Request{})
			require.NoError(t, err)
			require.Empty(t, results.Items)
		},

		"a judge asks through the same model, and is compared with people": func(t *testing.T, e RunEnv) {
			rows := capitals()
			for i, text := range []string{"Paris", "Oslo", "Kyoto", "Nairobi"} {
				rows[i].Output = ptr(text)
			}
			b := asks(t, e, `{}`, rows)
			judged, err := e.Mine.Create(t.Context(), eval.Evaluation{
				Name: "judged", PromptName: b.prompt, VersionTag: ptr("1.0.0"), Criteria: criteria(t, fmt.Sprintf(
					`{"min_score":0.5,"rules":[{"type":"llm_judge","config":{"provider":%q,"model":%q,"rubric":"Is the capital right?"}}]}`, Provider, b.model)),
			})
			require.NoError(t, err)
			b.evaluation = judged.ID
			b.Model.Script(b.model, func(_ context.Context, q eval.Question, _ int) (eval.Reply, error) {
				score := 1
				for _, m := range q.Messages {
					if strings.Contains(m.Content, "Kyoto") || strings.Contains(m.Content, "Nairobi") {
						score = 0
					}
				}
				return Reply(fmt.Sprintf(`{"score":%d,"reason":"so it is"}`, score), 50), nil
			})
			set, err := e.Mine.DatasetRows(t.Context(), b.dataset, page.Request{})
			require.NoError(t, err)
			for i, score := range []float64{1, 1, 0, 1} { // people know better about Nairobi
				_, err := e.Mine.AddResult(t.Context(), b.evaluation, eval.Result{
					Score: score, Metadata: meta(fmt.Sprintf(`{"row_id":%d}`, set.Items[i].ID)),
				})
				require.NoError(t, err)
			}
			run, got := b.only(t, eval.RunSpec{DatasetID: &b.dataset})
			require.InDelta(t, 0.5, *run.Score, 1e-12)
			require.InDelta(t, 1, run.CostUSD, 1e-12, "judges cost too")
			require.Equal(t, "so it is", got[0].Rules[0].Reason)
			require.Nil(t, got[0].CostUSD, "the answer itself cost nothing")
			// Both agree on 3 of 4; by chance on 0.5·0.75 + 0.5·0.25.
			require.InDelta(t, 0.5, *run.Results.JudgeKappa, 1e-12)
		},
	}
}
