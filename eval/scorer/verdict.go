package scorer

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Bounds of what a verdict shows.
const (
	maxReason = 300 // characters
	maxQuoted = 60  // characters of a text inside a reason
)

// outcome is what a judge says of a case.
type outcome struct {
	score  float64
	passed bool
	reason string
	cost   *float64
}

// binary is the outcome of a rule that holds or does not.
func binary(passed bool, reason string, args ...any) outcome {
	o := outcome{passed: passed, reason: fmt.Sprintf(reason, args...)}
	if passed {
		o.score = 1
	}
	return o
}

// graded is the outcome of a rule that passes at a threshold.
func graded(score, threshold float64, reason string, args ...any) outcome {
	return outcome{score: score, passed: score >= threshold, reason: fmt.Sprintf(reason, args...)}
}

// scorer gives a judge the shape of [eval.Scorer].
type scorer struct {
	name, kind string
	judge      judge
}

// Score judges a case; see [eval.Scorer].
func (s scorer) Score(ctx context.Context, c eval.Case) (eval.Verdict, error) {
	if err := ctx.Err(); err != nil {
		return eval.Verdict{}, err
	}
	o, err := s.judge(ctx, &subject{Case: c})
	if err != nil {
		return eval.Verdict{}, err
	}
	if math.IsNaN(o.score) || o.score < 0 || o.score > 1 {
		return eval.Verdict{}, pmerr.New(pmerr.Internal, "the score must be a number from 0 to 1, not %v", o.score)
	}
	return eval.Verdict{
		Rule: s.name, Type: s.kind,
		Score: o.score, Passed: o.passed, Reason: clip(o.reason, maxReason), CostUSD: o.cost,
	}, nil
}

// clip shortens a text to so many characters and makes it storable: what is not
// UTF-8, and NUL, becomes U+FFFD.
func clip(s string, most int) string {
	n := 0
	for i := range s {
		if n == most-1 && utf8.RuneCountInString(s[i:min(len(s), i+2*utf8.UTFMax)]) > 1 {
			s = s[:i] + "…"
			break
		}
		n++
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// quote shows a short form of a text on one line.
func quote(s string) string { return strconv.Quote(clip(s, maxQuoted)) }

// tooLong is the error for a text over a scorer's bound.
func tooLong(what string, bound int) error {
	return pmerr.New(pmerr.BadRequest, "%s is longer than %d bytes", what, bound)
}

// MaxText is how many bytes of a text a scorer takes apart into words, numbers
// or JSON values.
const MaxText = 1 << 20

func checkText(what, s string) error {
	if len(s) > MaxText {
		return tooLong(what, MaxText)
	}
	return nil
}
