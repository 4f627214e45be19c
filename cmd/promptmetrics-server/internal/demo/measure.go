package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/eval/scorer"
	"github.com/promptmetrics-go/promptmetrics/page"
)

// find gives the newest thing of a list that fits, or nothing.
func find[T any](ctx context.Context, list func(context.Context, page.Request) (page.Of[T], error), fits func(T) bool) (*T, error) {
	for r := (page.Request{Limit: page.MaxLimit}); ; {
		some, err := list(ctx, r)
		if err != nil {
			return nil, err
		}
		for _, item := range some.Items {
			if fits(item) {
				return &item, nil
			}
		}
		if r.Cursor = some.NextCursor; r.Cursor == "" {
			return nil, nil //nolint:nilnil // there is none.
		}
	}
}

// evaluate makes the dataset and the evaluation, and records how two versions
// did: what their replies really score under the criteria.
func (s *seeder) evaluate(ctx context.Context) error {
	dataset, err := find(ctx, s.evals.Datasets, func(d eval.Dataset) bool { return d.Name == supportQuestions })
	if err != nil {
		return err
	}
	if dataset == nil {
		made, err := s.evals.CreateDataset(ctx, supportQuestions, rows())
		if err != nil {
			return fmt.Errorf("make the dataset: %w", err)
		}
		dataset = &made
		s.added.Datasets++
	}
	evaluation, err := find(ctx, s.evals.List, func(e eval.Evaluation) bool { return e.Name == supportQuality })
	if err != nil {
		return err
	}
	if evaluation == nil {
		rules, about := quality(), "Greets, is short, and promises no refund"
		made, err := s.evals.Create(ctx, eval.Evaluation{
			Name: supportQuality, PromptName: supportReply, Description: &about, Criteria: &rules,
		})
		if err != nil {
			return fmt.Errorf("make the evaluation: %w", err)
		}
		evaluation = &made
		s.added.Evaluations++
	}
	stored, err := s.evals.DatasetRows(ctx, dataset.ID, page.Request{Limit: page.MaxLimit})
	if err != nil {
		return err
	}
	if len(stored.Items) != len(replies()) || evaluation.Criteria == nil {
		return nil // somebody has made one of the same name
	}
	s.evaluation = evaluation.ID
	rubric, err := scorer.New(scorer.Options{}).Compile(quality())
	if err != nil {
		return fmt.Errorf("compile the criteria: %w", err)
	}
	for _, version := range []string{versionA, versionB} {
		if err := s.results(ctx, rubric, version, stored.Items); err != nil {
			return err
		}
	}
	return nil
}

// results records the scores of a version, row by row, that are not there yet.
func (s *seeder) results(ctx context.Context, rubric *eval.Rubric, version string, stored []eval.Row) error {
	there, err := s.evals.Results(ctx, s.evaluation, eval.ResultFilter{VersionTag: version}, page.Request{Limit: page.MaxLimit})
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, r := range there.Items {
		known[string(r.Metadata[eval.RowIDMember])] = true
	}
	answered := make([]eval.Row, len(stored))
	for i, r := range replies() {
		text := r.b
		if version == versionA {
			text = r.a
		}
		answered[i] = stored[i]
		answered[i].Output = &text
	}
	m := eval.Measurement{Rubric: rubric, Now: func() time.Time { return s.now }}
	report, err := m.Measure(ctx, answered)
	if err != nil {
		return fmt.Errorf("score the replies of %s: %w", version, err)
	}
	for _, row := range report.Rows {
		id := strconv.FormatInt(row.RowID, 10)
		if known[id] {
			continue
		}
		metadata := map[string]json.RawMessage{eval.RowIDMember: json.RawMessage(id), mark: raw(marked)}
		if _, err := s.evals.AddResult(ctx, s.evaluation, eval.Result{Score: row.Score, VersionTag: &version, Metadata: metadata}); err != nil {
			return fmt.Errorf("record a result: %w", err)
		}
		s.added.Results++
	}
	return nil
}

// compare makes the A/B test of the two versions, and runs it once.
func (s *seeder) compare(ctx context.Context) error {
	if s.evaluation == 0 {
		return nil
	}
	test, err := find(ctx, s.tests.List, func(t abtest.Test) bool {
		return t.EvaluationID != nil && *t.EvaluationID == s.evaluation && t.VersionA == versionA && t.VersionB == versionB
	})
	if err != nil {
		return err
	}
	if test == nil {
		made, err := s.tests.Create(ctx, abtest.Spec{
			PromptName: supportReply, VersionA: versionA, VersionB: versionB, Metric: abtest.Score, EvaluationID: &s.evaluation,
		})
		if err != nil {
			return fmt.Errorf("make the A/B test: %w", err)
		}
		test = &made
		s.added.ABTests++
	}
	full, err := s.tests.Get(ctx, test.ID)
	if err != nil || full.LatestResult != nil {
		return err
	}
	if _, err := s.tests.Run(ctx, test.ID, abtest.Scores{}); err != nil {
		return fmt.Errorf("run the A/B test: %w", err)
	}
	return nil
}
