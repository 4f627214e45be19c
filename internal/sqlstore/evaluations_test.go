package sqlstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// evals is the whole of the evaluations of a workspace, rules included.
func (n *node) evals(tb testing.TB, name string) *eval.Service {
	tb.Helper()
	return eval.NewService(eval.Config{Store: n.Evaluations().Workspace(in(tb, name), owner())})
}

func evaluation(tb testing.TB, s *eval.Service) int64 {
	tb.Helper()
	e, err := s.Create(tb.Context(), eval.Evaluation{Name: "e", PromptName: "p", VersionTag: ptr("1.0.0")})
	require.NoError(tb, err)
	return e.ID
}

func score(tb testing.TB, s *eval.Service, id int64, r eval.Result) {
	tb.Helper()
	_, err := s.AddResult(tb.Context(), id, r)
	require.NoError(tb, err)
}

func TestResultsAreSummedUpByDay(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		n, clock := fresh(t, e)
		s, other := n.evals(t, "a"), n.evals(t, "b")
		first, second, foreign := evaluation(t, s), evaluation(t, s), evaluation(t, other)
		random := rand.New(rand.NewPCG(1, 2))
		type sum struct {
			results       int64
			sum, low, top float64
		}
		want := map[string]*sum{}
		for range 200 {
			clock.move(time.Duration(random.IntN(90)) * time.Minute)
			id := []int64{first, second}[random.IntN(2)]
			points := float64(random.IntN(5)) / 4 // adds up exactly
			score(t, s, id, eval.Result{Score: points, VersionTag: ptr(fmt.Sprint(random.IntN(3)))})
			score(t, other, foreign, eval.Result{Score: 1000})
			key := fmt.Sprint(id, " ", clock.now().Unix()/86_400)
			day := want[key]
			if day == nil {
				day = &sum{low: points, top: points}
				want[key] = day
			}
			day.results++
			day.sum += points
			day.low, day.top = min(day.low, points), max(day.top, points)
		}
		require.Greater(t, len(want), 6)
		got := map[string]*sum{}
		var totals [2]int64
		require.NoError(t, n.db.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			var rows []struct {
				EvaluationID, Day, Results   int64
				ScoreSum, ScoreMin, ScoreMax float64
			}
			err := tx.NewRaw("SELECT evaluation_id, day, results, score_sum, score_min, score_max FROM pm_evaluation_days WHERE workspace_id = 'a'").Scan(ctx, &rows)
			for _, r := range rows {
				got[fmt.Sprint(r.EvaluationID, " ", r.Day)] = &sum{r.Results, r.ScoreSum, r.ScoreMin, r.ScoreMax}
				totals[r.EvaluationID-1] += r.Results
			}
			return err
		}))
		require.Equal(t, want, got)
		for i, id := range []int64{first, second} {
			p, err := s.Results(t.Context(), id, eval.ResultFilter{}, page.Request{Limit: 1})
			require.NoError(t, err)
			require.Equal(t, totals[i], p.Total)
			for version := range 3 {
				p, err := s.Results(t.Context(), id, eval.ResultFilter{VersionTag: fmt.Sprint(version)}, page.Request{Limit: 1})
				require.NoError(t, err)
				require.Equal(t, ask[int64](t, n, "SELECT count(*) FROM pm_evaluation_results WHERE workspace_id = 'a' AND evaluation_id = ? AND version_tag = ?",
					id, fmt.Sprint(version)), p.Total)
			}
		}
		require.NoError(t, s.Delete(t.Context(), first))
		require.Zero(t, ask[int](t, n, "SELECT count(*) FROM pm_evaluation_days WHERE workspace_id = 'a' AND evaluation_id = 1"))
		require.Zero(t, ask[int](t, n, "SELECT count(*) FROM pm_evaluation_versions WHERE workspace_id = 'a' AND evaluation_id = 1"))
		require.Zero(t, ask[int](t, n, "SELECT count(*) FROM pm_evaluation_results WHERE workspace_id = 'a' AND evaluation_id = 1"))
		require.EqualValues(t, totals[1], ask[int](t, n, "SELECT alive FROM pm_counters WHERE workspace_id = 'a' AND kind = 'evaluation_results'"))
		require.Equal(t, 200, ask[int](t, n, "SELECT alive FROM pm_counters WHERE workspace_id = 'b' AND kind = 'evaluation_results'"))
	})
}

func TestScoresOfAVersion(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		n, _ := fresh(t, e)
		s := n.evals(t, "a")
		id, another := evaluation(t, s), evaluation(t, s)
		score(t, s, another, eval.Result{Score: 9})
		score(t, s, id, eval.Result{Score: 0, RunID: ptr("r1"), Metadata: telemetry.Metadata{"row_id": []byte("7")}})
		score(t, s, id, eval.Result{Score: 2, VersionTag: ptr("2.0.0")})
		score(t, s, id, eval.Result{Score: 1, Metadata: telemetry.Metadata{"row_id": []byte(`"7"`)}})
		score(t, s, id, eval.Result{Score: 0.5, Metadata: telemetry.Metadata{"row_id": []byte("-7")}})
		for name, test := range map[string]struct {
			version string
			limit   int
			want    []eval.Score
		}{
			"newest first, zero kept":   {"1.0.0", 10, []eval.Score{{Score: 0.5}, {Score: 1}, {RunID: ptr("r1"), RowID: ptr(int64(7)), Score: 0}}},
			"no more than asked for":    {"1.0.0", 2, []eval.Score{{Score: 0.5}, {Score: 1}}},
			"another version":           {"2.0.0", eval.MaxScores, []eval.Score{{Score: 2}}},
			"a version without results": {"3.0.0", 10, []eval.Score{}},
			"no version":                {"", 10, []eval.Score{}},
		} {
			got, err := s.Scores(t.Context(), id, test.version, test.limit)
			require.NoError(t, err, name)
			require.Equal(t, test.want, got, name)
		}
		_, err := s.Scores(t.Context(), 99, "1.0.0", 1)
		require.ErrorIs(t, err, pmerr.ErrNotFound)
		_, err = n.evals(t, "b").Scores(t.Context(), id, "1.0.0", 1)
		require.ErrorIs(t, err, pmerr.ErrNotFound, "of another workspace")
		for _, limit := range []int{0, -1, eval.MaxScores + 1} {
			_, err = s.Scores(t.Context(), id, "1.0.0", limit)
			require.ErrorIs(t, err, pmerr.ErrValidation)
		}
	})
}

// TestEvaluationsAndDatasetsUnderTwoNodes makes, fills and deletes the same
// things from two processes at once: nothing may be left behind or miscounted,
// and nobody may wait for each other for ever.
func TestEvaluationsAndDatasetsUnderTwoNodes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		c := e.Config(t)
		nodes := []*node{open(t, c), open(t, c)}
		var all sync.WaitGroup
		for worker := range 8 {
			n := nodes[worker%2]
			s, store := n.evals(t, "a"), n.Evaluations().Workspace(in(t, "a"), owner())
			random := rand.New(rand.NewPCG(uint64(worker), 3))
			all.Go(func() {
				for range 25 {
					if err := disturb(t.Context(), random, s, store); err != nil && pmerr.From(err).Code != pmerr.NotFound {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		for kind, table := range map[string]string{
			"evaluations": "pm_evaluations", "evaluation_results": "pm_evaluation_results", "datasets": "pm_datasets", "dataset_rows": "pm_dataset_rows",
		} {
			require.Equal(t, ask[int64](t, nodes[0], "SELECT count(*) FROM "+table),
				ask[int64](t, nodes[1], "SELECT coalesce(sum(alive), 0) FROM pm_counters WHERE kind = ?", kind), kind)
		}
		require.Zero(t, ask[int](t, nodes[0], `SELECT count(*) FROM pm_evaluation_results AS r
LEFT JOIN pm_evaluations AS e ON e.workspace_id = r.workspace_id AND e.id = r.evaluation_id WHERE e.id IS NULL`))
		require.Zero(t, ask[int](t, nodes[0], `SELECT count(*) FROM pm_dataset_rows AS r
LEFT JOIN pm_datasets AS d ON d.workspace_id = r.workspace_id AND d.id = r.dataset_id WHERE d.id IS NULL`))
		require.Zero(t, ask[int](t, nodes[0], `SELECT count(*) FROM pm_datasets AS d WHERE row_count <>
(SELECT count(*) FROM pm_dataset_rows AS r WHERE r.workspace_id = d.workspace_id AND r.dataset_id = d.id)`))
		for _, sums := range []string{"pm_evaluation_days", "pm_evaluation_versions"} {
			require.Equal(t, ask[int64](t, nodes[0], "SELECT coalesce(sum(results), 0) FROM "+sums),
				ask[int64](t, nodes[0], "SELECT count(*) FROM pm_evaluation_results"))
		}
	})
}

// disturb does one random thing to the first few evaluations and datasets.
func disturb(ctx context.Context, random *rand.Rand, s *eval.Service, store eval.Store) (err error) {
	id := int64(1 + random.IntN(6))
	rows := []eval.Row{{Input: []byte(`{"a":1}`)}, {Input: []byte(`{"b":"x"}`)}}
	switch random.IntN(8) {
	case 0:
		_, err = s.Create(ctx, eval.Evaluation{Name: "e", PromptName: "p"})
	case 1, 2, 3:
		_, err = s.AddResult(ctx, id, eval.Result{Score: 1})
	case 4:
		err = s.Delete(ctx, id)
	case 5:
		_, err = s.CreateDataset(ctx, "d", rows)
	case 6:
		err = store.AppendRows(ctx, id, rows, 100)
	case 7:
		err = s.DeleteDataset(ctx, id)
	}
	return err
}

func TestADatasetGrowsNoLargerThanItsBounds(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		n, _ := fresh(t, e)
		s, store := n.evals(t, "a"), n.Evaluations().Workspace(in(t, "a"), owner())
		big := []byte(`{"a":"` + strings.Repeat("x", 6<<20) + `"}`)
		d, err := s.CreateDataset(t.Context(), "d", []eval.Row{{Input: big}})
		require.NoError(t, err)
		err = store.AppendRows(t.Context(), d.ID, []eval.Row{{Input: big}}, int64(len(big)))
		require.ErrorIs(t, err, pmerr.ErrBadRequest)
		_, err = s.CreateDataset(t.Context(), "d", []eval.Row{{Input: big}, {Input: big}})
		require.ErrorIs(t, err, pmerr.ErrBadRequest)
		again, err := s.Dataset(t.Context(), d.ID)
		require.NoError(t, err)
		require.Equal(t, 1, again.RowCount)
		require.Equal(t, 1, ask[int](t, n, "SELECT alive FROM pm_counters WHERE kind = 'dataset_rows'"), "no id was spent either")
		require.Equal(t, 1, ask[int](t, n, "SELECT alive FROM pm_counters WHERE kind = 'datasets'"))
	})
}

func TestAnExportOfADatasetThatIsDeletedMeanwhileFails(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		n, _ := fresh(t, e)
		s, store := n.evals(t, "a"), n.Evaluations().Workspace(in(t, "a"), owner())
		rows := make([]eval.Row, 1200)
		for i := range rows {
			rows[i].Input = []byte(`{}`)
		}
		d, err := s.CreateDataset(t.Context(), "d", rows)
		require.NoError(t, err)
		seen := 0
		var last error
		for _, last = range store.EachRow(t.Context(), d.ID) {
			if seen++; seen == 1 {
				require.NoError(t, s.DeleteDataset(t.Context(), d.ID))
			}
		}
		require.ErrorIs(t, last, pmerr.ErrNotFound)
		require.Less(t, seen, 1200, "what was read ahead, and the error")
	})
}

func TestPlansOfEvaluations(t *testing.T) {
	t.Parallel()
	tape := newTape(t)
	n := open(t, db.Config{Dialect: db.SQLite, Pool: tape.DB, Now: time.Now})
	s, store := n.evals(t, "a"), n.Evaluations().Workspace(in(t, "a"), owner())
	rows := []eval.Row{{Input: []byte(`{"a":1}`)}, {Input: []byte(`{"a":2}`)}, {Input: []byte(`{"a":3}`)}}
	for range 3 {
		evaluation(t, s)
		for range 3 {
			score(t, s, 1, eval.Result{Score: 1})
		}
		_, err := s.CreateDataset(t.Context(), "d", rows)
		require.NoError(t, err)
	}
	ctx := t.Context()
	recorded := n.telemetryOf(t, "a")
	trace, err := recorded.CreateTrace(ctx, telemetry.Trace{})
	require.NoError(t, err)
	lists := map[string]func(page.Request) (string, error){
		"evaluations": func(r page.Request) (string, error) { p, err := s.List(ctx, r); return p.NextCursor, err },
		"results": func(r page.Request) (string, error) {
			p, err := s.Results(ctx, 1, eval.ResultFilter{}, r)
			return p.NextCursor, err
		},
		"results of a version": func(r page.Request) (string, error) {
			p, err := s.Results(ctx, 1, eval.ResultFilter{VersionTag: "1.0.0"}, r)
			return p.NextCursor, err
		},
		"datasets": func(r page.Request) (string, error) { p, err := s.Datasets(ctx, r); return p.NextCursor, err },
		"rows":     func(r page.Request) (string, error) { p, err := s.DatasetRows(ctx, 1, r); return p.NextCursor, err },
	}
	for name, list := range lists {
		var next string
		checkPlans(t, tape, name+", first page", func() (err error) { next, err = list(page.Request{Limit: 1}); return err })
		require.NotEmpty(t, next, name)
		checkPlans(t, tape, name+", by cursor", func() error { _, err := list(page.Request{Limit: 1, Cursor: next}); return err })
		checkPlans(t, tape, name+", second page", func() error { _, err := list(page.Request{Limit: 1, Page: 2}); return err })
	}
	for _, call := range []struct {
		name string
		do   func() error
	}{
		{"an evaluation", func() error { _, err := s.Get(ctx, 1); return err }},
		{"add a result", func() error { _, err := s.AddResult(ctx, 1, eval.Result{Score: 1}); return err }},
		{"scores", func() error { _, err := s.Scores(ctx, 1, "1.0.0", 100); return err }},
		{"a dataset", func() error { _, err := s.Dataset(ctx, 1); return err }},
		{"create a dataset", func() error { _, err := s.CreateDataset(ctx, "d", rows); return err }},
		{"append rows", func() error { return store.AppendRows(ctx, 1, rows, 10) }},
		{"export", func() error { return s.ExportDataset(ctx, 1, eval.CSV, &strings.Builder{}) }},
		{"delete a dataset", func() error { return s.DeleteDataset(ctx, 1) }},
		{"delete an evaluation", func() error { return s.Delete(ctx, 1) }},
	} {
		checkPlans(t, tape, call.name, call.do)
	}
	sorted := tape.during(func() {
		_, err := recorded.Runs(ctx, telemetry.RunFilter{TraceID: trace.ID}, page.Request{})
		require.NoError(t, err)
	})
	for _, statement := range sorted {
		steps := tape.plan(t, statement)
		for _, step := range steps {
			require.False(t, fullScan(step, steps), "%s in %s", step, statement)
		}
	}
}
