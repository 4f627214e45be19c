package compliancetest

import (
	"context"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func audited(tb testing.TB, e Env) int64 {
	tb.Helper()
	p, err := e.Audit.Entries(tb.Context(), access.AuditFilter{}, page.Request{Limit: 1})
	require.NoError(tb, err)
	return p.Total
}

func auditCases() map[string]func(*testing.T, Env) {
	id := func(n int64) string { return strconv.FormatInt(n, 10) }
	return map[string]func(*testing.T, Env){
		"every change leaves exactly one entry": func(t *testing.T, e Env) {
			rule := furnish(t, e.Mine)
			entry := allowed(t, e.Mine, compliance.Allowance{Kind: compliance.AllowExact, Value: "x"})
			require.NoError(t, publish(t.Context(), e.Prompts, "1.0.0", "x"))
			for _, c := range []struct {
				action, prompt, version string
				do                      func(ctx context.Context) (target string, err error)
			}{
				{"compliance_scan", "direct-scan", "latest", func(ctx context.Context) (string, error) {
					_, err := e.Mine.Scan(ctx, compliance.ScanRequest{Text: "EMP-123456"})
					return "direct-scan", err
				}},
				{"compliance_scan", "p", "1.0.0", func(ctx context.Context) (string, error) {
					_, err := e.Mine.Scan(ctx, compliance.ScanRequest{PromptName: "p"})
					return "p", err
				}},
				{"compliance:rule:create", "", "", func(ctx context.Context) (string, error) {
					made, err := e.Mine.CreateRule(ctx, compliance.Rule{Name: "another", Pattern: "x"})
					return id(made.ID), err
				}},
				{"compliance:rule:delete", "", "", func(ctx context.Context) (string, error) {
					return id(rule.ID), e.Mine.DeleteRule(ctx, rule.ID)
				}},
				{"compliance:allow:create", "", "", func(ctx context.Context) (string, error) {
					made, err := e.Mine.Allow(ctx, compliance.Allowance{Kind: compliance.AllowExact, Value: "y"})
					return id(made.ID), err
				}},
				{"compliance:allow:delete", "", "", func(ctx context.Context) (string, error) {
					return id(entry.ID), e.Mine.Disallow(ctx, entry.ID)
				}},
				{"compliance:policy:update", "", "", func(ctx context.Context) (string, error) {
					_, err := e.Mine.SetPolicy(ctx, compliance.Policy{KeepRaw: true})
					return "compliance-policy", err
				}},
			} {
				before := audited(t, e)
				target, err := c.do(t.Context())
				require.NoError(t, err, c.action)
				p, err := e.Audit.Entries(t.Context(), access.AuditFilter{}, page.Request{Limit: 1})
				require.NoError(t, err)
				require.Equal(t, before+1, p.Total, c.action)
				got := p.Items[0]
				require.Equal(t, c.action, got.Action)
				require.Equal(t, &target, got.TargetID, c.action)
				require.Equal(t, nullable(c.prompt), got.PromptName, c.action)
				require.Equal(t, nullable(c.version), got.VersionTag, c.action)
				require.Equal(t, &e.Actor, got.APIKeyName, c.action)
			}
		},

		"what is refused and what only reads leaves none": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			before := audited(t, e)
			ctx := t.Context()
			for name, refused := range map[string]func() error{
				"a scan":           func() error { _, err := e.Mine.Scan(ctx, compliance.ScanRequest{}); return err },
				"an unknown one":   func() error { _, err := e.Mine.Scan(ctx, compliance.ScanRequest{PromptName: "q"}); return err },
				"a rule":           func() error { _, err := e.Mine.CreateRule(ctx, compliance.Rule{}); return err },
				"a rule again":     func() error { _, err := e.Mine.CreateRule(ctx, badgeRule()); return err },
				"an unknown rule":  func() error { return e.Mine.DeleteRule(ctx, 99) },
				"an entry":         func() error { _, err := e.Mine.Allow(ctx, compliance.Allowance{}); return err },
				"an unknown entry": func() error { return e.Mine.Disallow(ctx, 99) },
				"a policy":         func() error { _, err := e.Mine.SetPolicy(ctx, compliance.Policy{MinConfidence: 2}); return err },
				"a guest's policy": func() error { _, err := e.Guest.SetPolicy(ctx, compliance.Policy{}); return err },
			} {
				err := refused()
				require.Error(t, err, name)
				require.NotErrorIs(t, err, pmerr.ErrInternal, name)
				require.Equal(t, before, audited(t, e), name)
			}
			_, err := e.Mine.Policy(ctx)
			require.NoError(t, err)
			_, err = e.Mine.Scores(ctx, page.Request{})
			require.NoError(t, err)
			require.Equal(t, before, audited(t, e))
		},
	}
}

func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
