package scorer

import (
	"context"
	"math"
	"strings"
)

// maxReferences is how many references a rule of type bleu may name.
const maxReferences = 16

// buildBLEU: sentence BLEU of up to four words, see [bleu].
func buildBLEU(_ *Compiler, r *rule) judge {
	var config struct {
		passing
		Expected   *string  `json:"expected"`
		References []string `json:"references"`
		IgnoreCase bool     `json:"ignore_case"`
	}
	if !r.decode(&config) {
		return nil
	}
	threshold := r.threshold(config.passing, 0.5)
	if len(config.References) > maxReferences {
		r.fault("references", " must be at most %d", maxReferences)
		return nil
	}
	var expected []expectation
	for i, text := range config.References {
		expected = append(expected, r.expectation("references"+index(i), &text))
	}
	if config.Expected != nil || len(expected) == 0 {
		expected = append(expected, r.expectation("expected", config.Expected))
	}
	return func(_ context.Context, c *subject) (outcome, error) {
		references := make([][]string, 0, len(expected))
		var output []string
		for _, e := range expected {
			want, got, err := texts(e, c)
			if err != nil {
				return outcome{}, err
			}
			if config.IgnoreCase {
				want, got = strings.ToLower(want), strings.ToLower(got)
			}
			references = append(references, strings.Fields(want))
			output = strings.Fields(got)
		}
		score := bleu(references, output)
		return graded(score, threshold, "BLEU %.4g", score), nil
	}
}

// bleuOrder is the longest n-gram of BLEU-4.
const bleuOrder = 4

// bleu is the sentence BLEU of Papineni et al. (2002) with uniform weights over
// n-grams of up to four words, smoothed as method 1 of Chen and Cherry (2014):
// a precision without a match counts 0.1 matches. It is what NLTK's
// sentence_bleu gives with SmoothingFunction().method1; words are split at white
// space. Without a single common word it is 0. The hypothesis may be shorter
// than four words; the missing orders then count as 0.1 of 1.
func bleu(references [][]string, hypothesis []string) float64 {
	if len(hypothesis) == 0 {
		return 0
	}
	var logs float64
	for n := 1; n <= bleuOrder; n++ {
		matches, total := precision(references, hypothesis, n)
		if n == 1 && matches == 0 {
			return 0
		}
		p := float64(matches)
		if matches == 0 {
			p = 0.1
		}
		logs += math.Log(p / float64(max(total, 1)))
	}
	return min(brevity(references, len(hypothesis))*math.Exp(logs/bleuOrder), 1)
}

// precision counts the n-grams of the hypothesis, and those of them that a
// reference has, each at most as often as in the reference that has it most.
func precision(references [][]string, hypothesis []string, n int) (matches, total int) {
	counts := grams(hypothesis, n)
	most := map[string]int{}
	for _, reference := range references {
		for gram, count := range grams(reference, n) {
			if _, ok := counts[gram]; ok {
				most[gram] = max(most[gram], count)
			}
		}
	}
	for gram, count := range counts {
		total += count
		matches += min(count, most[gram])
	}
	return matches, total
}

// grams counts the n-grams. Words hold no white space, so a space between them
// makes the joined text unique.
func grams(words []string, n int) map[string]int {
	counts := make(map[string]int, max(len(words)-n+1, 0))
	for i := 0; i+n <= len(words); i++ {
		counts[strings.Join(words[i:i+n], " ")]++
	}
	return counts
}

// brevity is the penalty for a hypothesis that is shorter than the reference
// whose length is closest to its own; the shorter of two at the same distance.
func brevity(references [][]string, length int) float64 {
	closest := -1
	for _, reference := range references {
		n := len(reference)
		near, best := abs(n-length), abs(closest-length)
		if closest < 0 || near < best || (near == best && n < closest) {
			closest = n
		}
	}
	if length > closest {
		return 1
	}
	return math.Exp(1 - float64(closest)/float64(length))
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
