package compliancetest

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// islandCases has one case for every method: what it does through Mine must
// neither show nor change anything of Theirs, where one of everything is, with
// id 1.
func islandCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"Scan": func(t *testing.T, e Env) {
			r := scan(t, e.Mine, "EMP-123456")
			require.Empty(t, r.Findings, "their rule is none of mine")
			require.EqualValues(t, 1, r.ID, "ids are counted for each workspace")
		},
		"Scores": func(t *testing.T, e Env) {
			require.Empty(t, pagetest.Keys(t, scoresOf(e.Mine), scoreID))
		},
		"Score": func(t *testing.T, e Env) {
			_, err := e.Mine.Score(t.Context(), 1)
			require.ErrorIs(t, err, pmerr.ErrNotFound)
		},
		"Redact": func(t *testing.T, e Env) {
			require.Equal(t, "EMP-123456", redact(t, e.Mine, compliance.RedactRequest{Text: "EMP-123456"}).Text)
		},
		"CreateRule": func(t *testing.T, e Env) {
			require.EqualValues(t, 1, furnish(t, e.Mine).ID, "their name is free in mine")
		},
		"Rules": func(t *testing.T, e Env) {
			require.Empty(t, pagetest.Keys(t, rulesOf(e.Mine), ruleID))
		},
		"DeleteRule": func(t *testing.T, e Env) {
			require.ErrorIs(t, e.Mine.DeleteRule(t.Context(), 1), pmerr.ErrNotFound)
		},
		"Allow": func(t *testing.T, e Env) {
			require.EqualValues(t, 1, allowed(t, e.Mine, compliance.Allowance{Kind: compliance.AllowRegex, Value: "EMP-.*"}).ID)
		},
		"Allowed": func(t *testing.T, e Env) {
			require.Empty(t, pagetest.Keys(t, allowancesOf(e.Mine), allowanceID))
		},
		"Disallow": func(t *testing.T, e Env) {
			require.ErrorIs(t, e.Mine.Disallow(t.Context(), 1), pmerr.ErrNotFound)
		},
		"Policy": func(t *testing.T, e Env) {
			p, err := e.Mine.Policy(t.Context())
			require.NoError(t, err)
			require.Equal(t, defaultPolicy(), p)
		},
		"SetPolicy": func(t *testing.T, e Env) {
			setPolicy(t, e.Mine, compliance.Policy{OnPromptCreate: compliance.Block})
		},
	}
}

// estate is all that a workspace has.
type estate struct {
	Scores, Rules, Allowed []string
	Policy                 compliance.Policy
	Matches                []string
}

func estateOf(t *testing.T, c Compliance) estate {
	t.Helper()
	p, err := c.Policy(t.Context())
	require.NoError(t, err)
	return estate{
		Scores: pagetest.Keys(t, scoresOf(c), scoreID), Rules: pagetest.Keys(t, rulesOf(c), ruleID),
		Allowed: pagetest.Keys(t, allowancesOf(c), allowanceID), Policy: p,
		Matches: []string{redact(t, c, compliance.RedactRequest{Text: "EMP-123456 EMP-654321"}).Text},
	}
}

func islands(t *testing.T, open func(testing.TB) Env) {
	t.Helper()
	cases := islandCases()
	for method := range reflect.TypeFor[Compliance]().Methods() {
		run, ok := cases[method.Name]
		require.True(t, ok, "%s has no case: how could it reach another workspace?", method.Name)
		delete(cases, method.Name)
		t.Run(method.Name, func(t *testing.T) {
			t.Parallel()
			e := open(t)
			furnish(t, e.Theirs)
			allowed(t, e.Theirs, compliance.Allowance{Kind: compliance.AllowExact, Value: "EMP-654321"})
			setPolicy(t, e.Theirs, compliance.Policy{KeepRaw: true})
			scan(t, e.Theirs, "EMP-123456")
			before := estateOf(t, e.Theirs)
			run(t, e)
			require.Equal(t, before, estateOf(t, e.Theirs))
		})
	}
	require.Empty(t, cases, "cases of methods that are gone")
}
