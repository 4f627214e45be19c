// Package stats compares two samples: fixed-horizon tests with their
// intervals, always-valid sequential inference, paired tests, power, guardrails
// and the check of the sample ratio. Everything in it is pure and repeatable.
//
// [Compare] decides by the p-value of one planned look. Who looks earlier reads
// Result.Sequential instead, whose p may be looked at after every score. Both
// work at a two-sided level of 5 %, and every interval has 95 %.
//
// The numbers are checked against R: testdata/reference.json holds each value
// beside its call.
package stats

// Kind says what the scores are.
type Kind string

// The kinds of scores.
const (
	// Mean compares means with Welch's test; lower is better for latency and
	// cost.
	Mean Kind = "mean"
	// Proportion compares rates of ones among zeros and ones.
	Proportion Kind = "proportion"
)

// Winner is the better arm.
type Winner string

// The winners.
const (
	A   Winner = "A"
	B   Winner = "B"
	Tie Winner = "tie"
)

// Options say how two samples are compared. Kind is required.
type Options struct {
	Kind Kind
	// LowerWins is set where less is better.
	LowerWins bool
	// Resamples of the bootstrap; default 10,000.
	Resamples int
	// Seed of the bootstrap; default, if 0, SeedOf of the scores with test 0.
	Seed uint64
	// PlannedN is the planned sample size an arm of the sequential test;
	// default 500.
	PlannedN int
	// PreviousSequentialP is the running minimum from earlier looks; nil at the
	// first.
	PreviousSequentialP *float64
	// Workers bound how many goroutines the bootstrap uses; default GOMAXPROCS.
	Workers int
}

// Result compares sample B with sample A. Pointers are nil where a number is
// undefined; no number is ever NaN or infinite.
type Result struct {
	NA    int      `json:"n_a"`
	NB    int      `json:"n_b"`
	MeanA float64  `json:"version_a_score"`
	MeanB float64  `json:"version_b_score"`
	SDA   *float64 `json:"stddev_a"`
	SDB   *float64 `json:"stddev_b"`

	// PValue is two-sided; it alone decides the winner, at 0.05.
	PValue *float64 `json:"p_value"`
	Winner Winner   `json:"winner"`
	// Method names the test: "welch" or "two_proportion_z".
	Method    string   `json:"method"`
	Statistic *float64 `json:"statistic"`
	DF        *float64 `json:"df"`

	// CILower and CIUpper bound mean(B)−mean(A) at 95 %; CIMethod says how:
	// "bootstrap_percentile", "newcombe" or "welch".
	CILower      *float64 `json:"ci_lower"`
	CIUpper      *float64 `json:"ci_upper"`
	CIMethod     string   `json:"ci_method,omitempty"`
	CIWelchLower *float64 `json:"ci_welch_lower"`
	CIWelchUpper *float64 `json:"ci_welch_upper"`
	Resamples    int      `json:"resamples,omitempty"`
	Seed         uint64   `json:"seed"`

	// RelativeLift is (B−A)/|A|.
	RelativeLift *float64 `json:"relative_lift"`
	// HedgesG is B−A in pooled standard deviations, corrected for small samples.
	HedgesG *float64 `json:"hedges_g"`
	// MannWhitneyP is the two-sided p of the rank-sum test.
	MannWhitneyP *float64 `json:"mann_whitney_p"`
	// ProbabilityB is the posterior probability that B is better than A, with
	// flat priors; for display only.
	ProbabilityB *float64 `json:"probability_b_beats_a"`

	// Sequential holds what stays valid however often one looks.
	Sequential *Sequential `json:"sequential,omitempty"`
	// Paired is set where both versions were scored on the same rows.
	Paired *Paired `json:"paired,omitempty"`
	// Warnings are sentences about what limits the result.
	Warnings []string `json:"warnings"`
}

// Sequential is always-valid inference on the difference of the means.
type Sequential struct {
	// P is the running minimum over all looks.
	P       *float64 `json:"sequential_p"`
	CILower *float64 `json:"sequential_ci_lower"`
	CIUpper *float64 `json:"sequential_ci_upper"`
	Winner  Winner   `json:"sequential_winner"`
	// PlannedN an arm, for which the width was tuned.
	PlannedN int `json:"planned_n"`
}

// Paired compares both versions row by row.
type Paired struct {
	// Method is "paired_t" or "mcnemar_mid_p".
	Method string `json:"method"`
	// N rows, on HigherB of which B scored higher and on LowerB lower than A.
	N       int `json:"n"`
	HigherB int `json:"b_higher"`
	LowerB  int `json:"b_lower"`
	// PValue is two-sided; nil for a single row and for rows that all differ by
	// the same amount.
	PValue *float64 `json:"p_value"`
	// MeanDifference is the mean of B−A.
	MeanDifference float64  `json:"mean_difference"`
	CILower        *float64 `json:"ci_lower"`
	CIUpper        *float64 `json:"ci_upper"`
	Statistic      *float64 `json:"statistic"`
	DF             *float64 `json:"df"`
}
