package telemetrytest

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// calls makes n logs whose prompts are numbered.
func calls(n int) []telemetry.Log {
	logs := make([]telemetry.Log, n)
	for i := range logs {
		logs[i] = call(fmt.Sprint("p", i))
	}
	return logs
}

func batchCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"ids are consecutive and in order": func(t *testing.T, e Env) {
			record(t, e.Mine, call("before"))
			ids, err := e.Mine.LogBatch(t.Context(), calls(5))
			require.NoError(t, err)
			require.Equal(t, []int64{2, 3, 4, 5, 6}, ids)
			p, err := e.Mine.Logs(t.Context(), telemetry.LogFilter{}, page.Request{})
			require.NoError(t, err)
			require.Equal(t, "p4", p.Items[0].PromptName)
			require.Equal(t, "before", p.Items[5].PromptName)
		},

		"a thousand logs": func(t *testing.T, e Env) {
			ids, err := e.Mine.LogBatch(t.Context(), calls(1000))
			require.NoError(t, err)
			require.Len(t, ids, 1000)
			p, err := e.Mine.Logs(t.Context(), telemetry.LogFilter{}, page.Request{})
			require.NoError(t, err)
			require.EqualValues(t, 1000, p.Total)
		},

		"outcome and cost are derived for each": func(t *testing.T, e Env) {
			logs := calls(3)
			logs[1].HTTPStatus = ptr(500)
			logs[2].Model, logs[2].TokensIn = ptr("gpt-4o"), ptr(int64(10))
			_, err := e.Mine.LogBatch(t.Context(), logs)
			require.NoError(t, err)
			p, err := e.Mine.Logs(t.Context(), telemetry.LogFilter{}, page.Request{})
			require.NoError(t, err)
			require.Equal(t, telemetry.CostFromTable, *p.Items[0].CostSource)
			require.Equal(t, telemetry.Failed, p.Items[1].Status)
			require.Equal(t, telemetry.OK, p.Items[2].Status)
			require.Empty(t, logs[1].Status, "the caller's logs are not changed")
		},

		"one fault refuses all, each fault by its place": func(t *testing.T, e Env) {
			logs := calls(6)
			logs[3].TokensIn, logs[3].Status = ptr(int64(-1)), "great"
			logs[5].PromptName = ""
			_, err := e.Mine.LogBatch(t.Context(), logs)
			require.ErrorIs(t, err, pmerr.ErrValidation)
			fields := pmerr.From(err).Fields
			require.Len(t, fields, 3)
			for i, prefix := range []string{"logs[3].tokens_in ", "logs[3].status ", "logs[5].prompt_name "} {
				require.True(t, strings.HasPrefix(fields[i], prefix), "%q", fields[i])
			}
			p, err := e.Mine.Logs(t.Context(), telemetry.LogFilter{}, page.Request{})
			require.NoError(t, err)
			require.Zero(t, p.Total)
			require.EqualValues(t, 1, record(t, e.Mine, call("p")), "no id was used up")
		},

		"none and too many are refused": func(t *testing.T, e Env) {
			for _, n := range []int{0, 1001} {
				_, err := e.Mine.LogBatch(t.Context(), calls(n))
				require.ErrorIs(t, err, pmerr.ErrValidation)
				require.Contains(t, pmerr.From(err).Fields[0], "logs must have 1 to 1000 items")
			}
		},

		"batches at once do not mix": func(t *testing.T, e Env) {
			const many, size = 8, 50
			firsts := make([]int64, many)
			var callers sync.WaitGroup
			for i := range many {
				callers.Go(func() {
					ids, err := e.Mine.LogBatch(t.Context(), calls(size))
					if err != nil || len(ids) != size || ids[size-1] != ids[0]+size-1 {
						t.Errorf("ids %v, %v", ids, err)
						return
					}
					firsts[i] = ids[0]
				})
			}
			callers.Wait()
			seen := map[int64]bool{}
			for _, first := range firsts {
				require.EqualValues(t, 1, first%size)
				require.False(t, seen[first])
				seen[first] = true
			}
		},
	}
}
