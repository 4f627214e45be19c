package abtesttest

import (
	"context"
	"reflect"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
)

func audited(tb testing.TB, e Env) int64 {
	tb.Helper()
	p, err := e.Audit.Entries(tb.Context(), access.AuditFilter{}, first)
	require.NoError(tb, err)
	return p.Total
}

func auditCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"every change leaves exactly one entry": func(t *testing.T, e Env) {
			publish(t, e)
			var id int64
			for _, m := range []struct {
				action, version string
				do              func(context.Context) error
			}{
				{"create_ab_test", "", func(ctx context.Context) error {
					made, err := e.Mine.Create(ctx, spec(abtest.Score))
					id = made.ID
					return err
				}},
				{"run_ab_test", "", func(ctx context.Context) error {
					_, err := e.Mine.Run(ctx, id, shifted(5))
					return err
				}},
				{"promote_ab_test", "1.1.0", func(ctx context.Context) error {
					_, err := e.Mine.Promote(ctx, id)
					return err
				}},
				{"delete_ab_test", "", func(ctx context.Context) error { return e.Mine.Delete(ctx, id) }},
			} {
				before := audited(t, e)
				require.NoError(t, m.do(t.Context()), m.action)
				after, err := e.Audit.Entries(t.Context(), access.AuditFilter{}, first)
				require.NoError(t, err)
				require.Equal(t, before+1, after.Total, m.action)
				got := after.Items[0]
				require.Equal(t, m.action, got.Action)
				require.Equal(t, of("p"), got.PromptName, m.action)
				require.Equal(t, of(strconv.FormatInt(id, 10)), got.TargetID, m.action)
				require.Equal(t, of(e.Actor), got.APIKeyName, m.action)
				if m.version == "" {
					require.Nil(t, got.VersionTag, m.action)
				} else {
					require.Equal(t, &m.version, got.VersionTag, m.action)
				}
			}
		},
		"what is refused and what only reads leaves none": func(t *testing.T, e Env) {
			id := create(t, e.Mine, spec(abtest.Score)).ID
			before := audited(t, e)
			ctx := t.Context()
			for name, refused := range map[string]func() error{
				"a test":        func() error { _, err := e.Mine.Create(ctx, abtest.Spec{}); return err },
				"a run":         func() error { _, err := e.Mine.Run(ctx, id, abtest.Scores{A: []float64{}}); return err },
				"a run of logs": func() error { _, err := e.Mine.Run(ctx, id, abtest.Scores{}); return err },
				"a run of none": func() error { _, err := e.Mine.Run(ctx, 99, shifted(1)); return err },
				"a promotion":   func() error { _, err := e.Mine.Promote(ctx, id); return err },
				"of none":       func() error { _, err := e.Mine.Promote(ctx, 99); return err },
				"a deletion":    func() error { return e.Mine.Delete(ctx, 99) },
				"an assignment": func() error { _, err := e.Mine.Assign(ctx, id, ""); return err },
			} {
				require.Error(t, refused(), name)
				require.Equal(t, before, audited(t, e), name)
			}
			_, err := e.Mine.Get(ctx, id)
			require.NoError(t, err)
			_, err = e.Mine.Assign(ctx, id, "u")
			require.NoError(t, err)
			require.Equal(t, before, audited(t, e))
		},
	}
}

// islandCases has one case for every method: what it does through Mine must
// neither show nor change anything of Theirs, where a test with a result is.
func islandCases() map[string]func(*testing.T, Env, int64) {
	// both makes a test of mine that has the id of theirs.
	both := func(t *testing.T, e Env, theirs int64) {
		t.Helper()
		s := spec(abtest.Score)
		s.VersionB = "mine"
		require.Equal(t, theirs, create(t, e.Mine, s).ID, "ids are counted for each workspace")
	}
	cases := map[string]func(*testing.T, Env, int64){
		"Create": both,
		"List": func(t *testing.T, e Env, _ int64) {
			require.Empty(t, pagetest.Keys(t, e.Mine.List, testKey))
		},
	}
	after := map[string]func(*testing.T, Env, int64){
		"Get": func(t *testing.T, e Env, id int64) {
			got, err := e.Mine.Get(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, "mine", got.VersionB)
			require.Nil(t, got.LatestResult)
		},
		"Delete": func(t *testing.T, e Env, id int64) { require.NoError(t, e.Mine.Delete(t.Context(), id)) },
		"Run": func(t *testing.T, e Env, id int64) {
			_, err := e.Mine.Run(t.Context(), id, abtest.Scores{})
			tooFew(t, err, 0, 0, 0, 0) // they have logs
			run(t, e.Mine, id, shifted(0))
		},
		"Results": func(t *testing.T, e Env, id int64) {
			require.Empty(t, pagetest.Keys(t, resultsOf(e.Mine, id), resultKey))
		},
		"Promote": func(t *testing.T, e Env, id int64) {
			run(t, e.Mine, id, shifted(-5))
			publish(t, e)
			_, err := e.Mine.Promote(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, "1.0.0", served(t, e, ""))
		},
		"Assign": func(t *testing.T, e Env, id int64) {
			for _, unit := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
				got, err := e.Mine.Assign(t.Context(), id, unit)
				require.NoError(t, err)
				require.Contains(t, []string{"1.0.0", "mine"}, got.Version)
			}
		},
	}
	for name, own := range after {
		cases[name] = func(t *testing.T, e Env, theirs int64) {
			missing(t, onTests()[name](t.Context(), e.Mine, theirs), "A/B test")
			both(t, e, theirs)
			own(t, e, theirs)
		}
	}
	return cases
}

func islands(t *testing.T, open func(testing.TB) Env) {
	t.Helper()
	cases := islandCases()
	for method := range reflect.TypeFor[abtest.Tests]().Methods() {
		act, ok := cases[method.Name]
		require.True(t, ok, "%s has no case: how could it reach another workspace?", method.Name)
		delete(cases, method.Name)
		t.Run(method.Name, func(t *testing.T) {
			t.Parallel()
			e := open(t)
			theirs := create(t, e.Theirs, spec(abtest.Latency)).ID
			_, err := e.TheirRecorder.LogBatch(t.Context(), append(timed("1.0.0", 1, 2, 3), timed("1.1.0", 4, 5, 6)...))
			require.NoError(t, err)
			run(t, e.Theirs, theirs, abtest.Scores{})
			before := state(t, e.Theirs, theirs)
			act(t, e, theirs)
			require.Equal(t, before, state(t, e.Theirs, theirs), "their workspace has changed")
		})
	}
	require.Empty(t, cases, "cases of methods that are gone")
}

// state is all that can be seen of a workspace with one test.
func state(t *testing.T, e abtest.Tests, id int64) []string {
	t.Helper()
	test, err := e.Get(t.Context(), id)
	require.NoError(t, err)
	results, err := e.Results(t.Context(), id, first)
	require.NoError(t, err)
	assigned, err := e.Assign(t.Context(), id, "u")
	require.NoError(t, err)
	return []string{asJSON(t, test), asJSON(t, results), asJSON(t, assigned), asJSON(t, pagetest.Keys(t, e.List, testKey))}
}
