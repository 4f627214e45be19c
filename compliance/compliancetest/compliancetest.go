// Package compliancetest is the behaviour of the interfaces of package
// compliance, as a suite that every implementation passes: in-process and over
// HTTP. It brings its own rules, so it does not depend on what the detectors
// that are built in can do.
package compliancetest

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// Compliance is everything that callers do with compliance.
type Compliance interface {
	compliance.Scans
	compliance.Rules
	compliance.AllowList
	compliance.Policies
}

// Env is what a test works with. Its workspaces are empty when it begins.
type Env struct {
	// Mine and Theirs are two workspaces of one store, with admins.
	Mine, Theirs Compliance
	// Guest acts in the workspace of Mine and is no admin.
	Guest Compliance
	// Prompts and Logs are those of the workspace of Mine.
	Prompts registry.Prompts
	Logs    telemetry.Recorder
	// Actor is the name by which the audit log knows who acts through Mine.
	Actor string
	// Audit reads the audit log of the workspace of Mine.
	Audit access.AuditLog
}

// Run checks an implementation. open gives an Env that nothing else uses.
func Run(t *testing.T, open func(testing.TB) Env) {
	t.Helper()
	for _, group := range []struct {
		name  string
		cases map[string]func(*testing.T, Env)
	}{
		{"Scan", scanCases()},
		{"Scores", scoreCases()},
		{"Rules", ruleCases()},
		{"AllowList", allowCases()},
		{"Policy", policyCases()},
		{"Guards", guardCases()},
		{"Redact", redactCases()},
		{"Audit", auditCases()},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for name, run := range group.cases {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					run(t, open(t))
				})
			}
		})
	}
	t.Run("WorkspacesAreIslands", func(t *testing.T) {
		t.Parallel()
		islands(t, open)
	})
}

// badge is the entity that the suite's rule finds: EMP- and six digits.
const badge detect.Entity = "EMPLOYEE_NUMBER"

func badgeRule() compliance.Rule {
	return compliance.Rule{
		Name: "Badge", Entity: badge, Pattern: `\bEMP-\d{6}\b`, Severity: detect.High, Category: detect.PII,
		MustMatch: []string{"of EMP-123456"}, MustNotMatch: []string{"of EMP-12345", "TEMP-123456"},
	}
}

// furnish adds the suite's rule.
func furnish(tb testing.TB, c Compliance) compliance.Rule {
	tb.Helper()
	return addRule(tb, c, badgeRule())
}

func addRule(tb testing.TB, c Compliance, r compliance.Rule) compliance.Rule {
	tb.Helper()
	made, err := c.CreateRule(tb.Context(), r)
	require.NoError(tb, err)
	return made
}

func scan(tb testing.TB, c Compliance, text string) compliance.Report {
	tb.Helper()
	r, err := c.Scan(tb.Context(), compliance.ScanRequest{Text: text})
	require.NoError(tb, err)
	return r
}

// matches gives the texts of the findings.
func matches(r compliance.Report) []string {
	texts := []string{}
	for _, f := range r.Findings {
		texts = append(texts, f.MatchedText)
	}
	return texts
}

func scoresOf(c Compliance) pagetest.List[compliance.Score] {
	return func(ctx context.Context, r page.Request) (page.Of[compliance.Score], error) { return c.Scores(ctx, r) }
}

// newest gives the item that was filed last.
func newest(tb testing.TB, c Compliance) compliance.Score {
	tb.Helper()
	p, err := c.Scores(tb.Context(), page.Request{Limit: 1})
	require.NoError(tb, err)
	require.NotEmpty(tb, p.Items)
	return p.Items[0]
}

func publish(ctx context.Context, p registry.Prompts, version string, messages ...string) error {
	prompt := registry.Prompt{Name: "p", Version: version}
	for _, m := range messages {
		prompt.Messages = append(prompt.Messages, registry.Message{Role: registry.User, Content: m})
	}
	_, err := p.Create(ctx, prompt, registry.Signature{})
	return err
}

// field reports that a fault names a field.
func field(tb testing.TB, fields []string, name string) {
	tb.Helper()
	for _, f := range fields {
		if strings.HasPrefix(f, name) {
			return
		}
	}
	require.Failf(tb, "no fault names the field", "%s in %q", name, fields)
}

func ptr[T any](v T) *T { return &v }
