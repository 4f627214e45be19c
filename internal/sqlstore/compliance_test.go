package sqlstore_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func (n *node) complianceOf(tb testing.TB, name string) compliance.Store {
	tb.Helper()
	return n.Compliance().Workspace(in(tb, name), owner())
}

func filed(stage compliance.Stage) compliance.Score {
	return compliance.Score{
		PromptName: "p", VersionTag: "1", Score: 85, Categories: []detect.Category{detect.PII}, Provider: "builtin", Stage: stage,
		Findings: []compliance.Finding{{Rule: "Email Detection", MatchedText: "\x00\u2028<*>", Severity: detect.High, End: 3}},
	}
}

func TestManyScoresAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		n, _ := fresh(t, e)
		const callers, each = 16, 20
		var mu sync.Mutex
		ids := map[string][]int64{}
		var group sync.WaitGroup
		for c := range callers {
			group.Go(func() {
				name := []string{"a", "b"}[c%2]
				s := n.complianceOf(t, name)
				for i := range each {
					stage := compliance.StageScan
					if i%2 == 1 {
						stage = compliance.StageLog
					}
					got, err := s.InsertScore(t.Context(), filed(stage))
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					ids[name] = append(ids[name], got.ID)
					mu.Unlock()
				}
			})
		}
		group.Wait()
		for _, name := range []string{"a", "b"} {
			slices.Sort(ids[name])
			for i, id := range ids[name] {
				require.EqualValues(t, i+1, id, "each id once, without gaps")
			}
			p, err := n.complianceOf(t, name).Scores(t.Context(), page.Request{Page: 1, Limit: 200})
			require.NoError(t, err)
			require.EqualValues(t, callers*each/2, p.Total)
			want := filed(p.Items[0].Stage)
			want.ID, want.CreatedAt, want.Workspace = p.Items[0].ID, p.Items[0].CreatedAt, name
			want.RiskLevel, want.Flagged = detect.RiskMedium, true
			require.Equal(t, want, p.Items[0])
			entries, err := n.Audit(in(t, name)).Entries(t.Context(), access.AuditFilter{Action: "compliance_scan"}, page.Request{})
			require.NoError(t, err)
			require.EqualValues(t, callers*each/4, entries.Total, "guards leave no entry")
		}
	})
}

func TestScoresExpire(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		n, clock := fresh(t, e)
		s := n.complianceOf(t, "a")
		for range 3 {
			_, err := s.InsertScore(t.Context(), filed(compliance.StageScan))
			require.NoError(t, err)
		}
		clock.move(time.Hour)
		young, err := s.InsertScore(t.Context(), filed(compliance.StageScan))
		require.NoError(t, err)
		removed, err := expire(t.Context(), n, clock.now().Add(-time.Minute))
		require.NoError(t, err)
		require.EqualValues(t, 3, removed)
		p, err := s.Scores(t.Context(), page.Request{Page: 1, Limit: 10})
		require.NoError(t, err)
		require.EqualValues(t, 1, p.Total)
		require.Len(t, p.Items, 1)
		require.Equal(t, young.ID, p.Items[0].ID)
		removed, err = expire(t.Context(), n, clock.now().Add(-time.Minute))
		require.NoError(t, err)
		require.Zero(t, removed)
	})
}

func TestARefusedRuleLeavesNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		n, _ := fresh(t, e)
		s := n.complianceOf(t, "a")
		made, err := s.InsertRule(t.Context(), compliance.Rule{Name: "r", Pattern: "x"})
		require.NoError(t, err)
		before, err := n.Changes(t.Context())
		require.NoError(t, err)
		_, err = s.InsertRule(t.Context(), compliance.Rule{Name: "r", Pattern: "y"})
		require.ErrorIs(t, err, pmerr.ErrConflict)
		after, err := n.Changes(t.Context())
		require.NoError(t, err)
		require.Equal(t, before, after)
		p, err := s.Rules(t.Context(), page.Request{Page: 1, Limit: 10})
		require.NoError(t, err)
		require.EqualValues(t, 1, p.Total)
		require.Equal(t, []compliance.Rule{made}, p.Items)

		require.NoError(t, s.DeleteRule(t.Context(), made.ID))
		again, err := s.InsertRule(t.Context(), compliance.Rule{Name: "r", Pattern: "x"})
		require.NoError(t, err)
		require.Greater(t, again.ID, made.ID, "ids are not given twice")
	})
}

func TestDamagedRowsAreNamed(t *testing.T) {
	t.Parallel()
	n, _ := fresh(t, dbtest.Engine{Dialect: db.SQLite})
	s := n.complianceOf(t, "a")
	_, err := s.InsertRule(t.Context(), compliance.Rule{Name: "r", Pattern: "x"})
	require.NoError(t, err)
	run(t, n, "UPDATE pm_compliance_rules SET definition = '{'")
	_, err = s.Settings(t.Context())
	require.ErrorContains(t, err, "the stored compliance rule 1 is damaged")
	item, err := s.InsertScore(t.Context(), filed(compliance.StageScan))
	require.NoError(t, err)
	run(t, n, "UPDATE pm_compliance_scores SET findings = '{'")
	_, err = s.Score(t.Context(), item.ID)
	require.ErrorContains(t, err, fmt.Sprintf("the stored compliance score %d is damaged", item.ID))
}

// TestCompliancePlans checks that no call reads a whole table of a request.
func TestCompliancePlans(t *testing.T) {
	t.Parallel()
	tape := newTape(t)
	n := open(t, db.Config{Dialect: db.SQLite, Pool: tape.DB, Now: time.Now})
	s := n.complianceOf(t, "a")
	ctx := t.Context()
	for i := range 3 {
		_, err := s.InsertScore(ctx, filed(compliance.StageScan))
		require.NoError(t, err)
		_, err = s.InsertRule(ctx, compliance.Rule{Name: fmt.Sprint("r", i), Pattern: "x"})
		require.NoError(t, err)
		_, err = s.InsertAllowance(ctx, compliance.Allowance{Kind: compliance.AllowExact, Value: "x"})
		require.NoError(t, err)
	}
	first := page.Request{Page: 1, Limit: 1}
	p, err := s.Scores(ctx, first)
	require.NoError(t, err)
	for name, do := range map[string]func() error{
		"file":    func() error { _, err := s.InsertScore(ctx, filed(compliance.StageScan)); return err },
		"a score": func() error { _, err := s.Score(ctx, 1); return err },
		"scores":  func() error { _, err := s.Scores(ctx, first); return err },
		"next": func() error {
			_, err := s.Scores(ctx, page.Request{Page: 1, Limit: 1, Cursor: p.NextCursor})
			return err
		},
		"rules":      func() error { _, err := s.Rules(ctx, first); return err },
		"allow-list": func() error { _, err := s.Allowances(ctx, first); return err },
		"a rule":     func() error { _, err := s.InsertRule(ctx, compliance.Rule{Name: "s", Pattern: "x"}); return err },
		"its end":    func() error { return s.DeleteRule(ctx, 1) },
		"policy":     func() error { _, err := s.SetPolicy(ctx, compliance.Policy{}); return err },
		"settings":   func() error { _, err := s.Settings(ctx); return err },
		"expire":     func() error { _, err := expire(ctx, n, time.Unix(1, 0)); return err },
	} {
		checkPlans(t, tape, name, do)
	}
}
