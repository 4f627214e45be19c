package scorer

import (
	"context"
	"strings"
)

// buildLevenshtein: the score is 1 - d/max(lengths), where d is the Levenshtein
// distance in code points; two empty texts score 1.
func buildLevenshtein(_ *Compiler, r *rule) judge {
	var config struct {
		passing
		Expected   *string `json:"expected"`
		IgnoreCase bool    `json:"ignore_case"`
	}
	if !r.decode(&config) {
		return nil
	}
	threshold := r.threshold(config.passing, 0.8)
	expected := r.expectation("expected", config.Expected)
	return func(ctx context.Context, c *subject) (outcome, error) {
		want, got, err := texts(expected, c)
		if err != nil {
			return outcome{}, err
		}
		if config.IgnoreCase {
			want, got = strings.ToLower(want), strings.ToLower(got)
		}
		ratio, edits, err := similarity(ctx, want, got)
		if err != nil {
			return outcome{}, err
		}
		return graded(ratio, threshold, "similarity %.4g: %d edits", ratio, edits), nil
	}
}

// similarity is the Levenshtein ratio and the distance of two texts.
func similarity(ctx context.Context, a, b string) (ratio float64, edits int, err error) {
	left, right := []rune(a), []rune(b)
	longest := max(len(left), len(right))
	if longest == 0 {
		return 1, 0, nil
	}
	edits, err = distance(ctx, left, right)
	if err != nil {
		return 0, 0, err
	}
	// Divided last, so that 7 of 10 is exactly 0.7.
	return float64(longest-edits) / float64(longest), edits, nil
}

// texts are the expected text and the output, each at most MaxText bytes.
func texts(e expectation, c *subject) (want, got string, err error) {
	want, _, err = e.text(c)
	if err != nil {
		return "", "", err
	}
	if err := checkText("the expected text", want); err != nil {
		return "", "", err
	}
	if err := checkText("the output", c.Output); err != nil {
		return "", "", err
	}
	return want, c.Output, nil
}
