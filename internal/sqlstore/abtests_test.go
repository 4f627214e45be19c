package sqlstore_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func (n *node) abtests(tb testing.TB, name string) *abtest.Service {
	tb.Helper()
	return abtest.NewService(n.ABTests().Workspace(in(tb, name), owner()), nil, func(string) {})
}

// arms are scores of 30 trials each whose means differ.
func arms(by float64) abtest.Scores {
	var s abtest.Scores
	for i := range 30 {
		s.A, s.B = append(s.A, float64(i%7)), append(s.B, float64(i%7)+by)
	}
	return s
}

// TestTwoProcessesOnOneABTest checks that looks, promotions and deletions of
// two processes leave no half of one.
func TestTwoProcessesOnOneABTest(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		both := func(t *testing.T) []*node {
			t.Helper()
			c := e.Config(t)
			return []*node{open(t, c), open(t, c)}
		}
		sequential := abtest.Spec{PromptName: "p", VersionA: "1.0.0", VersionB: "1.1.0", Metric: abtest.Score, Mode: abtest.Sequential}

		t.Run("looks at the same time keep the least p", func(t *testing.T) {
			t.Parallel()
			nodes := both(t)
			test, err := nodes[0].abtests(t, "a").Create(t.Context(), sequential)
			require.NoError(t, err)
			const looks = 24
			var all sync.WaitGroup
			for i := range looks {
				s := nodes[i%2].abtests(t, "a")
				all.Go(func() {
					if _, err := s.Run(context.Background(), test.ID, arms(float64(i)/8)); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			results, err := nodes[0].abtests(t, "a").Results(t.Context(), test.ID, page.Request{Limit: page.MaxLimit})
			require.NoError(t, err)
			require.Len(t, results.Items, looks)
			own, err := stats.Compare(arms(0).A, arms(float64(looks-1)/8).B, stats.Options{Kind: stats.Mean})
			require.NoError(t, err)
			require.InDelta(t, *own.Sequential.P, *results.Items[0].Sequential.P, 0)
			require.Equal(t, stats.B, results.Items[0].Winner)
			slices.Reverse(results.Items)
			for i, r := range results.Items {
				require.EqualValues(t, i+1, r.ID, "no gap")
				if i > 0 {
					require.LessOrEqual(t, *r.Sequential.P, *results.Items[i-1].Sequential.P)
				}
			}
			require.Equal(t, looks, ask[int](t, nodes[0], "SELECT alive FROM pm_counters WHERE kind = 'ab-test-results'"))
		})

		t.Run("what is deleted meanwhile is neither run nor promoted", func(t *testing.T) {
			t.Parallel()
			nodes := both(t)
			one, two := nodes[0].abtests(t, "a"), nodes[1].abtests(t, "a")
			for _, v := range []string{"1.0.0", "1.1.0"} {
				_, _, err := nodes[0].index(t, "a").Insert(t.Context(), version("p", v, time.Now()))
				require.NoError(t, err)
			}
			var promoted, tried int64
			for range 40 {
				test, err := one.Create(t.Context(), sequential)
				require.NoError(t, err)
				_, err = one.Run(t.Context(), test.ID, arms(5))
				require.NoError(t, err)
				var all sync.WaitGroup
				fine := func(err error) {
					if err != nil && !errors.Is(err, pmerr.ErrNotFound) {
						t.Error(err)
					}
				}
				all.Go(func() { fine(one.Delete(context.Background(), test.ID)) })
				all.Go(func() {
					_, err := two.Promote(context.Background(), test.ID)
					fine(err)
					tried++
					if err == nil {
						promoted++
					}
				})
				all.Go(func() {
					_, err := two.Run(context.Background(), test.ID, arms(4))
					fine(err)
				})
				all.Wait()
			}
			require.EqualValues(t, 40, tried)
			require.Zero(t, ask[int](t, nodes[0], "SELECT count(*) FROM pm_ab_tests"))
			require.Zero(t, ask[int](t, nodes[0], "SELECT count(*) FROM pm_ab_test_results"), "no result without its test")
			require.Zero(t, ask[int](t, nodes[0], "SELECT sum(alive) FROM pm_counters WHERE kind IN ('ab-tests', 'ab-test-results')"))
			require.Zero(t, ask[int](t, nodes[0], `SELECT count(*) FROM pm_audit AS late JOIN pm_audit AS gone ON gone.target_id = late.target_id
WHERE gone.action = 'delete_ab_test' AND late.action IN ('run_ab_test', 'promote_ab_test') AND late.id > gone.id`), "nothing happens to what is gone")
			require.Equal(t, promoted, ask[int64](t, nodes[0], "SELECT count(*) FROM pm_audit WHERE action = 'promote_ab_test'"))
		})

		t.Run("promotions of two tests agree on pin and label", func(t *testing.T) {
			t.Parallel()
			nodes := both(t)
			one, two := nodes[0].abtests(t, "a"), nodes[1].abtests(t, "a")
			for _, v := range []string{"1.0.0", "1.1.0"} {
				_, _, err := nodes[0].index(t, "a").Insert(t.Context(), version("p", v, time.Now()))
				require.NoError(t, err)
			}
			var ids [2]int64
			for i, by := range []float64{5, -5} {
				test, err := one.Create(t.Context(), sequential)
				require.NoError(t, err)
				_, err = one.Run(t.Context(), test.ID, arms(by))
				require.NoError(t, err)
				ids[i] = test.ID
			}
			for range 10 {
				var all sync.WaitGroup
				for i, s := range []*abtest.Service{one, two} {
					all.Go(func() {
						if _, err := s.Promote(context.Background(), ids[i]); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				pointers, err := nodes[0].index(t, "a").Pointers(t.Context(), "p")
				require.NoError(t, err)
				label, err := nodes[1].index(t, "a").Label(t.Context(), "p", abtest.ProductionLabel)
				require.NoError(t, err)
				require.Equal(t, pointers.Active, label.Version)
			}
		})
	})
}

// TestPlansOfABTests checks that no call reads a whole table; see TestPlans.
func TestPlansOfABTests(t *testing.T) {
	t.Parallel()
	tape := newTape(t)
	n := open(t, db.Config{Dialect: db.SQLite, Pool: tape.DB, Now: time.Now})
	s, ctx := n.abtests(t, "a"), t.Context()
	_, _, err := n.index(t, "a").Insert(ctx, version("p", "1.1.0", time.Now()))
	require.NoError(t, err)
	spec := abtest.Spec{PromptName: "p", VersionA: "1.0.0", VersionB: "1.1.0", Metric: abtest.WinRate}
	var ids []int64
	for range 3 {
		test, err := s.Create(ctx, spec)
		require.NoError(t, err)
		ids = append(ids, test.ID)
	}
	for _, v := range []string{"1.0.0", "1.1.0"} {
		logs := calls("p", 3)
		for i := range logs {
			logs[i].VersionTag, logs[i].Metadata = v, telemetry.Metadata{"win": []byte(`1`)}
		}
		_, err := n.telemetryOf(t, "a").LogBatch(ctx, logs)
		require.NoError(t, err)
	}
	for name, do := range map[string]func() error{
		"create": func() error { _, err := s.Create(ctx, spec); return err },
		"list":   func() error { _, err := s.List(ctx, page.Request{Limit: 2}); return err },
		"get":    func() error { _, err := s.Get(ctx, ids[0]); return err },
		"assign": func() error { _, err := s.Assign(ctx, ids[0], "u"); return err },
		"run": func() error {
			_, err := s.Run(ctx, ids[0], abtest.Scores{A: []float64{0, 0, 0, 0, 0}, B: []float64{1, 1, 1, 1, 1}})
			return err
		},
		"logs":    func() error { _, err := s.Run(ctx, ids[1], abtest.Scores{}); return err },
		"results": func() error { _, err := s.Results(ctx, ids[0], page.Request{Limit: 2}); return err },
	} {
		checkPlans(t, tape, name, do)
	}
	_, err = s.Run(ctx, ids[0], abtest.Scores{A: []float64{0, 0, 0, 0, 0}, B: []float64{1, 1, 1, 1, 1}})
	require.NoError(t, err)
	checkPlans(t, tape, "promote", func() error { _, err := s.Promote(ctx, ids[0]); return err })
	checkPlans(t, tape, "delete", func() error { return s.Delete(ctx, ids[0]) })
}
