package detect

// RiskLevel sums up a score.
type RiskLevel string

// The levels, each with the least score that reaches it.
const (
	RiskLow      RiskLevel = "low"      // 90
	RiskMedium   RiskLevel = "medium"   // 70
	RiskHigh     RiskLevel = "high"     // 40
	RiskCritical RiskLevel = "critical" // 0
)

// FlagBelow is the score under which a text is flagged.
const FlagBelow = 90

// Weight is what one finding of this severity takes from the score; 0 for a
// severity that does not exist.
func (s Severity) Weight() int {
	switch s {
	case Critical:
		return 25
	case High:
		return 15
	case Medium:
		return 10
	case Low:
		return 5
	case Info:
		return 1
	}
	return 0
}

// Score is 100 minus the weights of the findings, not less than 0, and its
// level. Findings of the category [Injection] do not count: they are a
// heuristic about intent, not data that leaked.
func Score(findings []Finding) (int, RiskLevel) {
	score := 100
	for _, f := range findings {
		if f.Category == Injection {
			continue
		}
		score = max(0, score-f.Severity.Weight())
	}
	return score, LevelOf(score)
}

// LevelOf is the risk level of a score from 0 to 100.
func LevelOf(score int) RiskLevel {
	switch {
	case score >= 90:
		return RiskLow
	case score >= 70:
		return RiskMedium
	case score >= 40:
		return RiskHigh
	}
	return RiskCritical
}

// Flagged says whether a score is low enough to be looked at.
func Flagged(score int) bool { return score < FlagBelow }
