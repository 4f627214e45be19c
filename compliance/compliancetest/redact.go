package compliancetest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func redact(tb testing.TB, c Compliance, r compliance.RedactRequest) compliance.Redacted {
	tb.Helper()
	out, err := c.Redact(tb.Context(), r)
	require.NoError(tb, err)
	return out
}

func redactCases() map[string]func(*testing.T, Env) {
	const text = "Grüße EMP-123456, EMP-654321 und EMP-123456"
	return map[string]func(*testing.T, Env){
		"every action does what it says": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			for action, want := range map[compliance.Action]string{
				"":                 "Grüße <EMPLOYEE_1>, <EMPLOYEE_2> und <EMPLOYEE_1>",
				compliance.Replace: "Grüße <EMPLOYEE_1>, <EMPLOYEE_2> und <EMPLOYEE_1>",
				compliance.Mask:    "Grüße ******3456, ******4321 und ******3456",
				compliance.Remove:  "Grüße ,  und ",
				compliance.Keep:    text,
			} {
				out := redact(t, e.Mine, compliance.RedactRequest{Text: text, Default: action})
				require.Equal(t, want, out.Text, action)
				require.Len(t, out.Findings, 3)
				require.Equal(t, []int{6, 16}, []int{out.Findings[0].Start, out.Findings[0].End})
				require.Equal(t, badge, out.Findings[0].Entity)
				require.Nil(t, out.Map)
				require.Equal(t, "builtin", out.Provider)
			}
		},

		"an action for an entity goes before the default": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			out := redact(t, e.Mine, compliance.RedactRequest{
				Text: text, Default: compliance.Keep, Actions: map[detect.Entity]compliance.Action{badge: compliance.Remove},
			})
			require.Equal(t, "Grüße ,  und ", out.Text)
		},

		"a hash is the same for a value, and another elsewhere": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			furnish(t, e.Theirs)
			r := compliance.RedactRequest{Text: "EMP-123456", Default: compliance.Hash}
			one := redact(t, e.Mine, r)
			require.Regexp(t, `^[0-9a-f]{64}$`, one.Text)
			require.Equal(t, one.Text, redact(t, e.Mine, r).Text)
			require.NotEqual(t, one.Text, redact(t, e.Theirs, r).Text)
		},

		"it can be turned back by whoever has the map": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			const tricky = "<EMPLOYEE_1> is no token of ours, EMP-123456 and EMP-654321 are"
			out := redact(t, e.Mine, compliance.RedactRequest{Text: tricky, Reversible: true})
			require.Len(t, out.Map, 2)
			require.NotContains(t, out.Map, "<EMPLOYEE_1>")
			back := out.Text
			for token, value := range out.Map {
				back = strings.ReplaceAll(back, token, value)
			}
			require.Equal(t, tricky, back)
			require.NotContains(t, out.Text, "123456")

			none := redact(t, e.Mine, compliance.RedactRequest{Text: "nothing", Reversible: true})
			require.Equal(t, map[string]string{}, none.Map)
		},

		"nothing is kept": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			before := audited(t, e)
			redact(t, e.Mine, compliance.RedactRequest{Text: text, Reversible: true})
			require.Empty(t, pagetest.Keys(t, scoresOf(e.Mine), scoreID))
			require.Equal(t, before, audited(t, e))
		},

		"faults are named": func(t *testing.T, e Env) {
			for name, r := range map[string]compliance.RedactRequest{
				"text":      {},
				"text ":     {Text: strings.Repeat("x", compliance.MaxText+1)},
				"default":   {Text: "x", Default: "burn"},
				"actions.X": {Text: "x", Actions: map[detect.Entity]compliance.Action{"X": "burn"}},
				"actions":   {Text: "x", Actions: map[detect.Entity]compliance.Action{"x": compliance.Keep}},
			} {
				_, err := e.Mine.Redact(t.Context(), r)
				require.ErrorIs(t, err, pmerr.ErrValidation, name)
				field(t, pmerr.From(err).Fields, strings.TrimSpace(name))
			}
		},
	}
}
