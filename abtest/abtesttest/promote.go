package abtesttest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// decided is a test of p with a winner, or a tie with by 0.
func decided(tb testing.TB, e Env, by float64) abtest.Test {
	tb.Helper()
	made := create(tb, e.Mine, spec(abtest.Score))
	run(tb, e.Mine, made.ID, shifted(by))
	return made
}

// unmoved checks that p is served as it was published, and that nothing was
// entered into the audit log since.
func unmoved(tb testing.TB, e Env, entries int64) {
	tb.Helper()
	require.Equal(tb, "1.1.0", served(tb, e, ""), "the latest")
	_, err := e.Registry.Label(tb.Context(), "p", abtest.ProductionLabel)
	missing(tb, err, "Label")
	require.Equal(tb, entries, audited(tb, e))
}

func promoteCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"the winner is pinned and labelled at once": func(t *testing.T, e Env) {
			publish(t, e)
			_, err := e.Registry.SetLabel(t.Context(), "p", abtest.ProductionLabel, "1.1.0")
			require.NoError(t, err)
			test := decided(t, e, -5) // the older version wins
			require.Equal(t, []string{"1.1.0", "1.1.0"}, []string{served(t, e, ""), served(t, e, abtest.ProductionLabel)}, "caches know it")
			before := audited(t, e)
			got, err := e.Mine.Promote(t.Context(), test.ID)
			require.NoError(t, err)
			require.Equal(t, abtest.Promotion{Winner: stats.A, Version: of("1.0.0")}, got)
			require.Equal(t, []string{"1.0.0", "1.0.0"}, []string{served(t, e, ""), served(t, e, abtest.ProductionLabel)})
			after, err := e.Mine.Get(t.Context(), test.ID)
			require.NoError(t, err)
			require.Equal(t, abtest.Promoted, after.Status)
			require.Equal(t, of("1.0.0"), after.PromotedVersion)
			require.Equal(t, stats.A, after.LatestResult.Winner)
			entries, err := e.Audit.Entries(t.Context(), access.AuditFilter{}, first)
			require.NoError(t, err)
			require.Equal(t, before+1, entries.Total, "one entry for all of it")
			require.Equal(t, "promote_ab_test", entries.Items[0].Action)
			require.Equal(t, []string{"p", "1.0.0"}, []string{*entries.Items[0].PromptName, *entries.Items[0].VersionTag})
		},
		"after a tie nothing moves": func(t *testing.T, e Env) {
			publish(t, e)
			test := decided(t, e, 0)
			before := audited(t, e)
			got, err := e.Mine.Promote(t.Context(), test.ID)
			require.NoError(t, err)
			require.Equal(t, abtest.Promotion{Winner: stats.Tie}, got)
			unmoved(t, e, before)
			after, err := e.Mine.Get(t.Context(), test.ID)
			require.NoError(t, err)
			require.Equal(t, abtest.Completed, after.Status)
			require.Nil(t, after.PromotedVersion)
		},
		"a test that never ran": func(t *testing.T, e Env) {
			publish(t, e)
			test := create(t, e.Mine, spec(abtest.Score))
			before := audited(t, e)
			_, err := e.Mine.Promote(t.Context(), test.ID)
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			require.Contains(t, pmerr.From(err).Message, "run it first")
			unmoved(t, e, before)
		},
		"a version that does not exist": func(t *testing.T, e Env) {
			publish(t, e)
			s := spec(abtest.Score)
			s.VersionB = "9.9.9"
			test := create(t, e.Mine, s)
			run(t, e.Mine, test.ID, shifted(5))
			before := audited(t, e)
			_, err := e.Mine.Promote(t.Context(), test.ID)
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			require.Contains(t, err.Error(), "9.9.9")
			unmoved(t, e, before)
			after, err := e.Mine.Get(t.Context(), test.ID)
			require.NoError(t, err)
			require.Equal(t, abtest.Completed, after.Status)
			require.Nil(t, after.PromotedVersion)
		},
		"a prompt that does not exist": func(t *testing.T, e Env) {
			test := decided(t, e, 5)
			_, err := e.Mine.Promote(t.Context(), test.ID)
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
		},
		"a protected label is moved by admins only": func(t *testing.T, e Env) {
			publish(t, e)
			require.NoError(t, e.Protect(t.Context(), abtest.ProductionLabel))
			test := decided(t, e, -5)
			before := audited(t, e)
			_, err := e.Guest.Promote(t.Context(), test.ID)
			require.ErrorIs(t, err, pmerr.ErrForbidden)
			unmoved(t, e, before)
			_, err = e.Mine.Promote(t.Context(), test.ID)
			require.NoError(t, err)
			require.Equal(t, "1.0.0", served(t, e, abtest.ProductionLabel))
		},
		"anybody else may do everything": func(t *testing.T, e Env) {
			publish(t, e)
			made := create(t, e.Guest, spec(abtest.Score))
			run(t, e.Guest, made.ID, shifted(5))
			_, err := e.Guest.Promote(t.Context(), made.ID)
			require.NoError(t, err)
			require.NoError(t, e.Guest.Delete(t.Context(), made.ID))
			require.Equal(t, "1.1.0", served(t, e, abtest.ProductionLabel), "what was promoted stays")
		},
		"the latest result counts, also after a promotion": func(t *testing.T, e Env) {
			publish(t, e)
			test := decided(t, e, 5)
			promote := func(want string) {
				t.Helper()
				got, err := e.Mine.Promote(t.Context(), test.ID)
				require.NoError(t, err)
				require.Equal(t, want, *got.Version)
				require.Equal(t, want, served(t, e, ""))
			}
			promote("1.1.0")
			promote("1.1.0")
			run(t, e.Mine, test.ID, shifted(-5))
			after, err := e.Mine.Get(t.Context(), test.ID)
			require.NoError(t, err)
			require.Equal(t, abtest.Promoted, after.Status, "a run does not take it back")
			require.Equal(t, of("1.1.0"), after.PromotedVersion)
			promote("1.0.0")
		},
	}
}

func assignCases() map[string]func(*testing.T, Env) {
	assign := func(tb testing.TB, e abtest.Tests, id int64, unit string) abtest.Assignment {
		tb.Helper()
		a, err := e.Assign(tb.Context(), id, unit)
		require.NoError(tb, err)
		return a
	}
	return map[string]func(*testing.T, Env){
		"a unit keeps its version, and each version gets its share": func(t *testing.T, e Env) {
			id := create(t, e.Mine, spec(abtest.Score)).ID
			got := map[stats.Winner]int{}
			for i := range 200 {
				unit := fmt.Sprint("user-", i)
				a := assign(t, e.Mine, id, unit)
				require.Equal(t, "p", a.PromptName)
				require.Equal(t, map[stats.Winner]string{stats.A: "1.0.0", stats.B: "1.1.0"}[a.Variant], a.Version)
				if i%20 == 0 {
					require.Equal(t, a, assign(t, e.Guest, id, unit))
				}
				got[a.Variant]++
			}
			require.InDelta(t, 100, got[stats.B], 35, "five standard deviations")
			require.Len(t, got, 2)
		},
		"another test mixes units anew": func(t *testing.T, e Env) {
			one, two := create(t, e.Mine, spec(abtest.Score)).ID, create(t, e.Mine, spec(abtest.Score)).ID
			same := 0
			for i := range 100 {
				unit := fmt.Sprint(i)
				if assign(t, e.Mine, one, unit) == assign(t, e.Mine, two, unit) {
					same++
				}
			}
			require.InDelta(t, 50, same, 25, "five standard deviations")
		},
		"a share of almost nothing": func(t *testing.T, e Env) {
			s := spec(abtest.Score)
			s.ShareB = 1e-12
			id := create(t, e.Mine, s).ID
			for i := range 50 {
				require.Equal(t, stats.A, assign(t, e.Mine, id, fmt.Sprint(i)).Variant)
			}
		},
		"after a promotion everybody gets the winner": func(t *testing.T, e Env) {
			publish(t, e)
			for by, want := range map[float64]abtest.Assignment{
				5:  {Variant: stats.B, Version: "1.1.0", PromptName: "p"},
				-5: {Variant: stats.A, Version: "1.0.0", PromptName: "p"},
			} {
				test := decided(t, e, by)
				_, err := e.Mine.Promote(t.Context(), test.ID)
				require.NoError(t, err)
				for i := range 20 {
					require.Equal(t, want, assign(t, e.Mine, test.ID, fmt.Sprint(i)))
				}
			}
		},
		"a unit is any text of 1 to 256 characters": func(t *testing.T, e Env) {
			publish(t, e)
			id := create(t, e.Mine, spec(abtest.Score)).ID
			for _, unit := range []string{"a b&c=d/../%2e", strings.Repeat("ü", 256)} {
				require.NotEmpty(t, assign(t, e.Mine, id, unit).Version)
			}
			for _, unit := range []string{"", strings.Repeat("ü", 257)} {
				_, err := e.Mine.Assign(t.Context(), id, unit)
				require.ErrorIs(t, err, pmerr.ErrValidation)
				require.Contains(t, pmerr.From(err).Fields[0], "unit")
			}
		},
		"the version that is assigned can be fetched": func(t *testing.T, e Env) {
			publish(t, e)
			id := create(t, e.Mine, spec(abtest.Score)).ID
			a := assign(t, e.Mine, id, "ada")
			got, err := e.Registry.Get(t.Context(), a.PromptName, registry.Query{Version: a.Version})
			require.NoError(t, err)
			require.Equal(t, a.Version, got.Version.Version)
		},
	}
}
