package compliance

import (
	"cmp"
	"slices"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// MaxText is how long a text to scan may be, in code points.
const MaxText = 100_000

// ScanRequest names what to scan.
type ScanRequest struct {
	// Text of at most [MaxText] code points. With a PromptName it is filed
	// under that name, which need not exist.
	Text string `json:"text,omitempty"`
	// PromptName is a stored prompt; without Text its raw messages are scanned.
	PromptName string `json:"prompt_name,omitempty"`
	// VersionTag chooses a version of the prompt; empty means the one that the
	// registry answers by itself.
	VersionTag string `json:"version_tag,omitempty"`
}

// The names under which a bare text is filed.
const (
	DirectScan = "direct-scan"
	Latest     = "latest"
)

// Finding is one span of a text that a detector, a rule or a foreign scanner
// has pointed at.
type Finding struct {
	// Rule is the name that clients know, such as "Email Detection".
	Rule     string          `json:"rule"`
	Severity detect.Severity `json:"severity"`
	Category detect.Category `json:"category"`
	// MatchedText is the text of the span; in filed items it is masked unless
	// the policy keeps raw texts.
	MatchedText string        `json:"matchedText"`
	Entity      detect.Entity `json:"entity"`
	// Start and End count code points of the scanned text, End exclusive. They
	// are both 0 where a foreign scanner judged the text as a whole.
	Start int `json:"start"`
	End   int `json:"end"`
	// Confidence is 0 to 1.
	Confidence float64 `json:"confidence"`
	// Vendor of a secret, such as "openai".
	Vendor string `json:"vendor,omitempty"`
}

// Report answers a scan.
type Report struct {
	// ID of the filed item.
	ID int64 `json:"id,omitempty"`
	// Score is 100 for a clean text, less the weight of each finding's
	// severity, at least 0. Injection does not count.
	Score     int              `json:"score"`
	RiskLevel detect.RiskLevel `json:"riskLevel"`
	// Flagged is set for a score under 90.
	Flagged bool `json:"flagged"`
	// Categories that the findings have, by name.
	Categories []detect.Category `json:"categories"`
	// Violations and Findings are the same list, by position.
	Violations []Finding `json:"violations"`
	Findings   []Finding `json:"findings"`
	// Provider is the scanner that was used, such as "builtin".
	Provider string `json:"provider"`
	// RedactedText is the text with stable tokens in place of the findings,
	// those that are not listed too. It is empty where there was more than could
	// be found at all, for it would hold the rest.
	RedactedText string `json:"redacted_text"`
	// Truncated says that there was more than is listed.
	Truncated bool `json:"truncated,omitempty"`
}

// Score is a filed scan.
type Score struct {
	ID         int64            `json:"id"`
	PromptName string           `json:"prompt_name"`
	VersionTag string           `json:"version_tag"`
	Score      int              `json:"score"`
	RiskLevel  detect.RiskLevel `json:"risk_level"`
	Flagged    bool             `json:"flagged"`
	// Categories that the findings have, by name.
	Categories []detect.Category `json:"categories"`
	Findings   []Finding         `json:"findings"`
	Provider   string            `json:"provider"`
	// Stage tells what was scanned and when.
	Stage Stage `json:"stage"`
	// Blocked is set where a guard refused the text.
	Blocked   bool           `json:"blocked"`
	Truncated bool           `json:"truncated"`
	CreatedAt timestamp.Time `json:"created_at"`
	Workspace string         `json:"workspace_id"`
}

// Limits of how much is told of one text.
const (
	maxFindings = 1000
	maxFiled    = 200
)

// gravest are the n gravest findings, by position.
func gravest(all []Finding, n int) (few []Finding, truncated bool) {
	if len(all) <= n {
		return all, false
	}
	few = slices.Clone(all)
	slices.SortStableFunc(few, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity.Weight(), a.Severity.Weight()), cmp.Compare(b.Confidence, a.Confidence))
	})
	few = few[:n]
	slices.SortStableFunc(few, func(a, b Finding) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End)) })
	return few, true
}

// score judges findings.
func score(all []Finding) int {
	sum := 100
	for _, f := range all {
		if f.Category != detect.Injection {
			sum -= f.Severity.Weight()
		}
	}
	return max(sum, 0)
}

// categories of findings, each once, by name.
func categories(all []Finding) []detect.Category {
	names := []detect.Category{}
	for _, f := range all {
		if !slices.Contains(names, f.Category) {
			names = append(names, f.Category)
		}
	}
	slices.Sort(names)
	return names
}
