package compliancetest

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func scanCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"a clean text has the full score": func(t *testing.T, e Env) {
			r := scan(t, e.Mine, "Nothing to see here.")
			require.Positive(t, r.ID)
			require.Equal(t, 100, r.Score)
			require.Equal(t, detect.RiskLow, r.RiskLevel)
			require.False(t, r.Flagged)
			require.Equal(t, []detect.Category{}, r.Categories)
			require.Equal(t, []compliance.Finding{}, r.Findings)
			require.Equal(t, []compliance.Finding{}, r.Violations)
			require.Equal(t, "builtin", r.Provider)
			require.Equal(t, "Nothing to see here.", r.RedactedText)
			require.False(t, r.Truncated)
		},

		"findings take their weight off, and tell where they are": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			r := scan(t, e.Mine, "Grüße von EMP-123456 und EMP-654321 und EMP-123456")
			require.Equal(t, 55, r.Score, "three times high")
			require.Equal(t, detect.RiskHigh, r.RiskLevel)
			require.True(t, r.Flagged)
			require.Equal(t, []detect.Category{detect.PII}, r.Categories)
			require.Equal(t, r.Findings, r.Violations)
			require.Len(t, r.Findings, 3)
			require.Equal(t, compliance.Finding{
				Rule: "Badge", Severity: detect.High, Category: detect.PII, MatchedText: "EMP-123456", Entity: badge,
				Start: 10, End: 20, Confidence: 1,
			}, r.Findings[0])
			require.Equal(t, "Grüße von <EMPLOYEE_1> und <EMPLOYEE_2> und <EMPLOYEE_1>", r.RedactedText)
		},

		"the score does not fall below 0": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			r := scan(t, e.Mine, strings.Repeat("EMP-123456 ", 10))
			require.Zero(t, r.Score)
			require.Equal(t, detect.RiskCritical, r.RiskLevel)
		},

		"injection does not count for the score": func(t *testing.T, e Env) {
			rule := badgeRule()
			rule.Category, rule.Severity = detect.Injection, detect.Critical
			addRule(t, e.Mine, rule)
			r := scan(t, e.Mine, "EMP-123456")
			require.Equal(t, 100, r.Score)
			require.Equal(t, []detect.Category{detect.Injection}, r.Categories)
			require.Len(t, r.Findings, 1)
			require.Equal(t, "EMP-123456", r.RedactedText, "it is no data to be redacted")
		},

		"placeholders are no findings": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			require.Empty(t, scan(t, e.Mine, "Hello {{EMP-123456}}").Findings)
		},

		"a bare text is filed under direct-scan": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			r := scan(t, e.Mine, "EMP-123456")
			got, err := e.Mine.Score(t.Context(), r.ID)
			require.NoError(t, err)
			require.WithinDuration(t, time.Now(), got.CreatedAt.Time, time.Minute)
			require.NotEmpty(t, got.Workspace)
			require.Len(t, got.Findings, 1)
			require.Equal(t, "******3456", got.Findings[0].MatchedText, "filed texts are masked")
			got.Findings[0].MatchedText = "EMP-123456"
			require.Equal(t, compliance.Score{
				ID: r.ID, PromptName: compliance.DirectScan, VersionTag: compliance.Latest, Score: 85, RiskLevel: detect.RiskMedium,
				Flagged: true, Categories: r.Categories, Findings: r.Findings, Provider: "builtin", Stage: compliance.StageScan,
				CreatedAt: got.CreatedAt, Workspace: got.Workspace,
			}, got)
		},

		"a stored prompt is scanned as it was written": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			require.NoError(t, publish(t.Context(), e.Prompts, "1.0.0", "Hello {{name}} of EMP-123456", "and EMP-654321"))
			require.NoError(t, publish(t.Context(), e.Prompts, "2.0.0", "Hello {{name}}"))
			r, err := e.Mine.Scan(t.Context(), compliance.ScanRequest{PromptName: "p", VersionTag: "1.0.0"})
			require.NoError(t, err)
			require.Equal(t, []string{"EMP-123456", "EMP-654321"}, matches(r))
			item := newest(t, e.Mine)
			require.Equal(t, []string{"p", "1.0.0"}, []string{item.PromptName, item.VersionTag})

			r, err = e.Mine.Scan(t.Context(), compliance.ScanRequest{PromptName: "p"})
			require.NoError(t, err)
			require.Equal(t, 100, r.Score)
			item = newest(t, e.Mine)
			require.Equal(t, []string{"p", "2.0.0"}, []string{item.PromptName, item.VersionTag})
		},

		"a text goes before a prompt, and is filed under its name": func(t *testing.T, e Env) {
			_, err := e.Mine.Scan(t.Context(), compliance.ScanRequest{Text: "x", PromptName: "draft", VersionTag: "9"})
			require.NoError(t, err)
			item := newest(t, e.Mine)
			require.Equal(t, []string{"draft", "9"}, []string{item.PromptName, item.VersionTag})
		},

		"an unknown prompt or version is not found": func(t *testing.T, e Env) {
			require.NoError(t, publish(t.Context(), e.Prompts, "1.0.0", "x"))
			for _, r := range []compliance.ScanRequest{{PromptName: "q"}, {PromptName: "p", VersionTag: "2.0.0"}} {
				_, err := e.Mine.Scan(t.Context(), r)
				require.ErrorIs(t, err, pmerr.ErrNotFound)
				require.Equal(t, "Prompt not found", pmerr.From(err).Message)
			}
			require.Empty(t, pagetest.Keys(t, scoresOf(e.Mine), scoreID))
		},

		"faults are named": func(t *testing.T, e Env) {
			for name, r := range map[string]compliance.ScanRequest{
				"text or prompt_name": {},
				"text":                {Text: strings.Repeat("ü", compliance.MaxText+1)},
				"prompt_name":         {Text: "x", PromptName: strings.Repeat("x", 129)},
				"version_tag":         {Text: "x", VersionTag: strings.Repeat("x", 65)},
			} {
				_, err := e.Mine.Scan(t.Context(), r)
				require.ErrorIs(t, err, pmerr.ErrValidation, name)
				field(t, pmerr.From(err).Fields, name)
			}
			_, err := e.Mine.Scan(t.Context(), compliance.ScanRequest{Text: strings.Repeat("ü", compliance.MaxText)})
			require.NoError(t, err, "the limit is in characters")
		},

		"any characters can be scanned": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			setPolicy(t, e.Mine, compliance.Policy{Include: []detect.Entity{badge}})
			for _, text := range []string{"\x00EMP-123456\x00", "\u2028 EMP-123456 \U000E0041", "a\u0301 EMP-123456", "\ufffd EMP-123456"} {
				r := scan(t, e.Mine, text)
				require.Equal(t, []string{"EMP-123456"}, matches(r), "%q", text)
				f := r.Findings[0]
				require.Equal(t, "EMP-123456", string([]rune(text)[f.Start:f.End]), "%q", text)
			}
		},

		"a flood of findings is cut and says so": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			r := scan(t, e.Mine, strings.Repeat("EMP-123456 ", 9000))
			require.True(t, r.Truncated)
			require.Len(t, r.Findings, 1000)
			require.NotContains(t, r.RedactedText, "EMP-", "what is not listed is redacted, too")
			require.Zero(t, r.Score)
			out, err := e.Mine.Redact(t.Context(), compliance.RedactRequest{Text: strings.Repeat("EMP-123456 ", 9000)})
			require.NoError(t, err)
			require.Len(t, out.Findings, 9000)
			require.NotContains(t, out.Text, "EMP-")
			require.True(t, newest(t, e.Mine).Truncated)
		},
	}
}

func scoreID(s compliance.Score) string { return strconv.FormatInt(s.ID, 10) }

func scoreCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"are listed newest first": func(t *testing.T, e Env) {
			var want []string
			for range 5 {
				want = append([]string{strconv.FormatInt(scan(t, e.Mine, "x").ID, 10)}, want...)
			}
			pagetest.Check(t, scoresOf(e.Mine), scoreID, want)
		},
		"are an empty list at first": func(t *testing.T, e Env) {
			require.Empty(t, pagetest.Keys(t, scoresOf(e.Mine), scoreID))
			pagetest.Refuses(t, scoresOf(e.Mine))
		},
		"an unknown one is not found": func(t *testing.T, e Env) {
			for _, id := range []int64{-1, 0, 1, 1 << 62} {
				_, err := e.Mine.Score(t.Context(), id)
				require.ErrorIs(t, err, pmerr.ErrNotFound)
				require.Equal(t, "Compliance score not found", pmerr.From(err).Message)
			}
		},
	}
}
