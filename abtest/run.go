package abtest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// samples are what a run compares.
type samples struct {
	source Source
	a, b   []float64
	// pairedA and pairedB are of the same rows of a dataset.
	pairedA, pairedB []float64
}

// logs are what was logged of both versions.
type logs struct{ a, b Logged }

// Run compares the versions; see [Tests].
func (s *Service) Run(ctx context.Context, id int64, given Scores) (Result, error) {
	if id <= 0 {
		return Result{}, errNoTest()
	}
	t, err := s.store.Test(ctx, id)
	if err != nil {
		return Result{}, err
	}
	fromLogs := given.A == nil && given.B == nil && t.EvaluationID == nil
	var logged logs
	if fromLogs || len(t.Guardrails) > 0 {
		if logged.a, logged.b, err = s.store.Logged(ctx, t, t.metrics()); err != nil {
			return Result{}, err
		}
	}
	found, err := s.samples(ctx, t, given, logged)
	if err != nil {
		return Result{}, err
	}
	r, err := t.compare(found)
	if err != nil {
		return Result{}, err
	}
	if err := r.checkGuardrails(t, logged); err != nil {
		return Result{}, err
	}
	if found.source == FromLogs {
		r.checkTraffic(t, logged)
	}
	return s.store.InsertResult(ctx, r, settle)
}

// compare does the statistics.
func (t Test) compare(found samples) (Result, error) {
	kind := kindOf(t.Metric, found)
	compared, err := stats.Compare(found.a, found.b, stats.Options{
		Kind: kind, LowerWins: lowerWins(t.Metric), PlannedN: t.PlannedN, Seed: stats.SeedOf(t.ID, found.a, found.b),
	})
	if err != nil {
		return Result{}, err
	}
	r := Result{TestID: t.ID, Source: found.source, Metric: t.Metric, Mode: t.Mode, Result: compared, Guardrails: []GuardrailResult{}}
	if len(found.pairedA) >= 2 {
		paired, err := stats.ComparePaired(found.pairedA, found.pairedB, kind)
		if err != nil {
			return Result{}, err
		}
		r.Paired = &paired
	}
	switch {
	case found.source == FromEvaluation && lowerWins(t.Metric):
		r.warn("The metric is %s: the lower score of the evaluation wins. Where higher is better, make the test with the metric score.", t.Metric)
	case t.Metric == WinRate && kind == stats.Mean:
		r.warn("The scores are not all 0 or 1: their means were compared, not how often a version won.")
	}
	return r, nil
}

func (r *Result) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// settle makes a result the next look of the sequential test after before, nil
// for the first, and lets that test decide where the mode is sequential.
func settle(r Result, before *Result) Result {
	if r.Sequential != nil && before != nil && before.Sequential != nil {
		now, last := *r.Sequential, *before.Sequential
		if last.P != nil && (now.P == nil || *last.P < *now.P) {
			now.P = last.P
		}
		// The first look that finds a winner decides.
		if last.Winner != stats.Tie {
			if now.Winner != stats.Tie && now.Winner != last.Winner {
				r.Warnings = append(slices.Clone(r.Warnings),
					fmt.Sprintf("An earlier look decided for version %s; the scores of this one speak for version %s.", last.Winner, now.Winner))
			}
			now.Winner = last.Winner
		}
		r.Sequential = &now
	}
	if r.Mode == Sequential {
		r.Winner = stats.Tie
		if r.Sequential != nil {
			r.Winner = r.Sequential.Winner
		}
	}
	return r
}

func lowerWins(m Metric) bool { return m == Latency || m == Cost }

// kindOf compares rates where the metric is one. Who sends scores can be asked
// to send zeros and ones. What an evaluation or people gave may be any rating:
// where it is not all 0 or 1 the means are compared.
func kindOf(m Metric, s samples) stats.Kind {
	if m != WinRate || s.source != FromCaller && !(zerosAndOnes(s.a) && zerosAndOnes(s.b)) {
		return stats.Mean
	}
	return stats.Proportion
}

func zerosAndOnes(scores []float64) bool {
	for _, v := range scores {
		if v != 0 && v != 1 {
			return false
		}
	}
	return true
}

// samples finds the scores of both versions.
func (s *Service) samples(ctx context.Context, t Test, given Scores, logged logs) (samples, error) {
	if given.A != nil || given.B != nil {
		if t.EvaluationID != nil {
			return samples{}, pmerr.New(pmerr.BadRequest, "The A/B test compares the results of evaluation %d: send no scores", *t.EvaluationID)
		}
		return samples{source: FromCaller, a: given.A, b: given.B}, given.check()
	}
	if t.EvaluationID != nil {
		return s.evaluated(ctx, t)
	}
	out := samples{source: FromLogs, a: logged.a.Values[t.Metric], b: logged.b.Values[t.Metric]}
	return out, enough(out, logged)
}

func (s *Service) evaluated(ctx context.Context, t Test) (samples, error) {
	scoresA, err := s.scoresOf(ctx, *t.EvaluationID, t.VersionA)
	if err != nil {
		return samples{}, err
	}
	scoresB, err := s.scoresOf(ctx, *t.EvaluationID, t.VersionB)
	if err != nil {
		return samples{}, err
	}
	out := samples{source: FromEvaluation, a: valuesOf(scoresA), b: valuesOf(scoresB)}
	out.pairedA, out.pairedB = pairs(scoresA, scoresB)
	return out, enough(out, logs{})
}

// scoresOf gives the scores of a version. One whose name no result can have has
// none.
func (s *Service) scoresOf(ctx context.Context, evaluation int64, version string) ([]eval.Score, error) {
	scores, err := s.evaluations.Scores(ctx, evaluation, version, MaxScores)
	if errors.Is(err, pmerr.ErrValidation) {
		return nil, nil
	}
	return scores, err
}

// enough refuses to compare what nothing was recorded of.
func enough(s samples, l logs) error {
	if len(s.a) >= 2 && len(s.b) >= 2 {
		return nil
	}
	return pmerr.New(pmerr.BadRequest, "Too few scores: each version needs at least 2").
		With("version_a_log_count", l.a.Logs).With("version_b_log_count", l.b.Logs).
		With("scores_a_count", len(s.a)).With("scores_b_count", len(s.b))
}

func valuesOf(scores []eval.Score) []float64 {
	values := make([]float64, len(scores))
	for i, s := range scores {
		values[i] = s.Score
	}
	return values
}

// pairs finds the rows of a dataset that both versions were scored on; of
// several scores of a row the newest counts.
func pairs(a, b []eval.Score) (pairedA, pairedB []float64) {
	byRow := map[int64]float64{}
	for i := len(a) - 1; i >= 0; i-- { // the newest stand first
		if a[i].RowID != nil {
			byRow[*a[i].RowID] = a[i].Score
		}
	}
	for _, s := range b {
		if s.RowID == nil {
			continue
		}
		if other, both := byRow[*s.RowID]; both {
			pairedA, pairedB = append(pairedA, other), append(pairedB, s.Score)
			delete(byRow, *s.RowID)
		}
	}
	return pairedA, pairedB
}
