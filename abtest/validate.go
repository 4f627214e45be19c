package abtest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Bounds of fields, in characters but for counts.
const (
	maxPromptName = 128
	maxVersion    = 255
	maxUnit       = 256
	maxPlannedN   = 10_000_000
	maxGuardrails = 10
	maxMargin     = 1e12

	// MaxScores is how many scores of a version one run reads.
	MaxScores = 100_000
)

func (s Spec) withDefaults() Spec {
	if s.Metric == "" {
		s.Metric = Latency
	}
	if s.Mode == "" {
		s.Mode = Fixed
	}
	if s.PlannedN == 0 {
		s.PlannedN = 500
	}
	if s.ShareB == 0 {
		s.ShareB = 0.5
	}
	if s.Guardrails == nil {
		s.Guardrails = []Guardrail{}
	}
	return s
}

// faults collects what is wrong with an input.
type faults struct{ list []string }

func (f *faults) check(ok bool, format string, args ...any) {
	if !ok {
		f.list = append(f.list, fmt.Sprintf(format, args...))
	}
}

func (f *faults) err() error {
	if f.list == nil {
		return nil
	}
	return pmerr.Invalid(f.list...)
}

func (f *faults) text(field, s string, high int) {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		f.check(false, "%s must be UTF-8 without NUL", field)
		return
	}
	f.check(s != "" && utf8.RuneCountInString(s) <= high, "%s is required and must be at most %d characters", field, high)
}

func (f *faults) id(field string, id *int64) {
	f.check(id == nil || *id > 0, "%s must be a positive integer", field)
}

func (s Spec) validate() error {
	var f faults
	f.text("prompt_name", s.PromptName, maxPromptName)
	f.text("version_a", s.VersionA, maxVersion)
	f.text("version_b", s.VersionB, maxVersion)
	f.check(s.VersionA == "" || s.VersionA != s.VersionB, "version_b must differ from version_a")
	f.id("dataset_id", s.DatasetID)
	f.id("evaluation_id", s.EvaluationID)
	f.check(slices.Contains([]Metric{Latency, Cost, WinRate, Score}, s.Metric), "metric must be latency, cost, win_rate or score")
	f.check(s.Mode == Fixed || s.Mode == Sequential, "mode must be fixed or sequential")
	f.check(s.PlannedN >= 2 && s.PlannedN <= maxPlannedN, "planned_n must be an integer from 2 to %d", maxPlannedN)
	f.check(s.ShareB > 0 && s.ShareB < 1, "share_b must be above 0 and below 1") // NaN fails too
	f.check(len(s.Guardrails) <= maxGuardrails, "guardrails must be at most %d", maxGuardrails)
	seen := map[Metric]bool{}
	for i, g := range s.Guardrails[:min(len(s.Guardrails), maxGuardrails)] {
		f.check(g.Metric == Latency || g.Metric == Cost || g.Metric == Score, "guardrails[%d].metric must be latency, cost or score", i)
		f.check(!seen[g.Metric], "guardrails[%d].metric must not come twice", i)
		f.check(g.Margin > 0 && g.Margin <= maxMargin && !math.IsNaN(g.Margin), "guardrails[%d].margin must be above 0 and at most 1e12", i)
		seen[g.Metric] = true
	}
	return f.err()
}

// check finds what is wrong with the scores of a caller before any statistics.
func (s Scores) check() error {
	if (s.A == nil) != (s.B == nil) {
		return pmerr.New(pmerr.BadRequest, "scoresA and scoresB belong together: send both or neither")
	}
	var f faults
	for _, side := range []struct {
		field  string
		scores []float64
	}{{"scoresA", s.A}, {"scoresB", s.B}} {
		f.check(len(side.scores) > 0, "%s must not be empty", side.field)
		f.check(len(side.scores) <= MaxScores, "%s must have at most %d numbers", side.field, MaxScores)
	}
	return f.err()
}
