package compliancetest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func defaultPolicy() compliance.Policy {
	return compliance.Policy{
		Include: []detect.Entity{}, Exclude: []detect.Entity{}, Thresholds: map[detect.Entity]float64{},
		Severities: map[detect.Entity]detect.Severity{}, MinSeverity: detect.Medium,
		OnPromptCreate: compliance.Off, OnLogIngest: compliance.Off, OnPlayground: compliance.Off,
	}
}

func setPolicy(tb testing.TB, c Compliance, p compliance.Policy) compliance.Policy {
	tb.Helper()
	set, err := c.SetPolicy(tb.Context(), p)
	require.NoError(tb, err)
	return set
}

func policyCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"counts everything and guards nothing at first": func(t *testing.T, e Env) {
			p, err := e.Mine.Policy(t.Context())
			require.NoError(t, err)
			require.Equal(t, defaultPolicy(), p)
		},

		"comes back as it was set, and is replaced as a whole": func(t *testing.T, e Env) {
			in := compliance.Policy{
				Include: []detect.Entity{badge, "US_SSN"}, Exclude: []detect.Entity{"URL"}, MinConfidence: 0.25,
				Thresholds: map[detect.Entity]float64{badge: 0.5}, Severities: map[detect.Entity]detect.Severity{badge: detect.Info},
				KeepRaw: true, MinSeverity: detect.Low, OnPromptCreate: compliance.Block, OnLogIngest: compliance.Warn, OnPlayground: compliance.Block,
			}
			set := setPolicy(t, e.Mine, in)
			require.NotNil(t, set.UpdatedAt)
			require.WithinDuration(t, time.Now(), set.UpdatedAt.Time, time.Minute)
			in.UpdatedAt = set.UpdatedAt
			require.Equal(t, in, set)
			got, err := e.Guest.Policy(t.Context())
			require.NoError(t, err)
			require.Equal(t, in, got)

			set = setPolicy(t, e.Mine, compliance.Policy{})
			want := defaultPolicy()
			want.UpdatedAt = set.UpdatedAt
			require.Equal(t, want, set)
		},

		"is for admins to set": func(t *testing.T, e Env) {
			_, err := e.Guest.SetPolicy(t.Context(), compliance.Policy{KeepRaw: true})
			require.ErrorIs(t, err, pmerr.ErrForbidden)
			p, err := e.Mine.Policy(t.Context())
			require.NoError(t, err)
			require.Equal(t, defaultPolicy(), p)
		},

		"faults are named": func(t *testing.T, e Env) {
			for name, p := range map[string]compliance.Policy{
				"include_entities[1]":  {Include: []detect.Entity{badge, "x y"}},
				"include_entities":     {Include: make([]detect.Entity, 201)},
				"exclude_entities[0]":  {Exclude: []detect.Entity{""}},
				"exclude_entities[0] ": {Include: []detect.Entity{badge}, Exclude: []detect.Entity{badge}},
				"min_confidence":       {MinConfidence: 1.5},
				"thresholds.X":         {Thresholds: map[detect.Entity]float64{"X": -1}},
				"thresholds":           {Thresholds: map[detect.Entity]float64{"x": 0}},
				"severities.X":         {Severities: map[detect.Entity]detect.Severity{"X": "grave"}},
				"min_severity":         {MinSeverity: "grave"},
				"on_prompt_create":     {OnPromptCreate: "stop"},
				"on_log_ingest":        {OnLogIngest: "stop"},
				"on_playground":        {OnPlayground: "stop"},
			} {
				_, err := e.Mine.SetPolicy(t.Context(), p)
				require.ErrorIs(t, err, pmerr.ErrValidation, name)
				field(t, pmerr.From(err).Fields, strings.TrimSpace(name))
			}
		},

		"chooses what counts, and how much": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			addRule(t, e.Mine, compliance.Rule{Name: "plan", Entity: "PLAN", Pattern: "secret plan"})
			const text = "EMP-123456 has a secret plan"
			for name, c := range map[string]struct {
				policy compliance.Policy
				want   []string
				score  int
			}{
				"everything":     {compliance.Policy{}, []string{"EMP-123456", "secret plan"}, 75},
				"include":        {compliance.Policy{Include: []detect.Entity{"PLAN"}}, []string{"secret plan"}, 90},
				"exclude":        {compliance.Policy{Exclude: []detect.Entity{"PLAN"}}, []string{"EMP-123456"}, 85},
				"a severity":     {compliance.Policy{Severities: map[detect.Entity]detect.Severity{badge: detect.Info}}, []string{"EMP-123456", "secret plan"}, 89},
				"thresholds met": {compliance.Policy{MinConfidence: 1, Thresholds: map[detect.Entity]float64{badge: 1}}, []string{"EMP-123456", "secret plan"}, 75},
			} {
				setPolicy(t, e.Mine, c.policy)
				r := scan(t, e.Mine, text)
				require.Equal(t, c.want, matches(r), name)
				require.Equal(t, c.score, r.Score, name)
			}
		},

		"may keep raw texts": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			setPolicy(t, e.Mine, compliance.Policy{KeepRaw: true})
			scan(t, e.Mine, "EMP-123456")
			require.Equal(t, "EMP-123456", newest(t, e.Mine).Findings[0].MatchedText)
		},
	}
}

// blocked checks that a guard refused a text, and told no values.
func blocked(tb testing.TB, err error, at compliance.Stage) {
	tb.Helper()
	require.ErrorIs(tb, err, pmerr.ErrBadRequest)
	details := pmerr.From(err).Details
	require.Equal(tb, compliance.Blocked, details["code"])
	said, err := json.Marshal(pmerr.From(err))
	require.NoError(tb, err)
	require.Contains(tb, string(said), string(badge))
	require.Contains(tb, string(said), string(at))
	require.NotContains(tb, string(said), "123456")
}

func guardCases() map[string]func(*testing.T, Env) {
	filed := func(t *testing.T, e Env) []compliance.Score {
		t.Helper()
		p, err := e.Mine.Scores(t.Context(), page.Request{})
		require.NoError(t, err)
		return p.Items
	}
	dirty := telemetry.Log{PromptName: "p", VersionTag: "1.0.0", Metadata: telemetry.Metadata{
		"user": json.RawMessage(`{"badges":["\u0045MP-123456"]}`),
	}}
	clean := telemetry.Log{PromptName: "q", VersionTag: "2.0.0", Metadata: telemetry.Metadata{"user": json.RawMessage(`"Ann"`)}}
	return map[string]func(*testing.T, Env){
		"are off at first": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			require.NoError(t, publish(t.Context(), e.Prompts, "1.0.0", "EMP-123456"))
			_, err := e.Logs.Log(t.Context(), dirty)
			require.NoError(t, err)
			require.Empty(t, filed(t, e))
		},

		"block prompts": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			setPolicy(t, e.Mine, compliance.Policy{OnPromptCreate: compliance.Block})
			blocked(t, publish(t.Context(), e.Prompts, "1.0.0", "Hello", "I am EMP-123456"), compliance.StagePrompt)
			_, err := e.Prompts.Get(t.Context(), "p", registry.Query{})
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			items := filed(t, e)
			require.Len(t, items, 1)
			require.Equal(t, "p", items[0].PromptName)
			require.Equal(t, "1.0.0", items[0].VersionTag)
			require.Equal(t, compliance.StagePrompt, items[0].Stage)
			require.True(t, items[0].Blocked)
			require.Equal(t, "******3456", items[0].Findings[0].MatchedText)
			require.NoError(t, publish(t.Context(), e.Prompts, "1.0.0", "Hello {{EMP-name}}"))
			require.Len(t, filed(t, e), 1, "what is clean is not filed")
		},

		"warn about prompts": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			setPolicy(t, e.Mine, compliance.Policy{OnPromptCreate: compliance.Warn})
			require.NoError(t, publish(t.Context(), e.Prompts, "1.0.0", "I am EMP-123456"))
			items := filed(t, e)
			require.Len(t, items, 1)
			require.False(t, items[0].Blocked)
			require.Equal(t, 85, items[0].Score)
		},

		"leave what is less severe alone": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			setPolicy(t, e.Mine, compliance.Policy{OnPromptCreate: compliance.Block, MinSeverity: detect.Critical})
			require.NoError(t, publish(t.Context(), e.Prompts, "1.0.0", "I am EMP-123456"))
			require.Empty(t, filed(t, e))
		},

		"block logs, one and many": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			setPolicy(t, e.Mine, compliance.Policy{OnLogIngest: compliance.Block})
			_, err := e.Logs.Log(t.Context(), dirty)
			blocked(t, err, compliance.StageLog)
			require.Equal(t, "p", filed(t, e)[0].PromptName)
			_, err = e.Logs.LogBatch(t.Context(), []telemetry.Log{clean, dirty})
			blocked(t, err, compliance.StageLog)
			require.Equal(t, "log_ingest", filed(t, e)[0].PromptName)
			_, err = e.Logs.LogBatch(t.Context(), []telemetry.Log{clean, clean})
			require.NoError(t, err)
			require.Len(t, filed(t, e), 2)
		},

		"warn about logs": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			setPolicy(t, e.Mine, compliance.Policy{OnLogIngest: compliance.Warn})
			id, err := e.Logs.Log(t.Context(), dirty)
			require.NoError(t, err)
			require.EqualValues(t, 1, id)
			require.Len(t, filed(t, e), 1)
		},

		"take no notice of what is allowed": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			setPolicy(t, e.Mine, compliance.Policy{OnPromptCreate: compliance.Block})
			allowed(t, e.Mine, compliance.Allowance{Kind: compliance.AllowExact, Value: "EMP-123456"})
			require.NoError(t, publish(t.Context(), e.Prompts, "1.0.0", "I am EMP-123456"))
			require.Empty(t, pagetest.Keys(t, scoresOf(e.Mine), scoreID))
		},
	}
}
