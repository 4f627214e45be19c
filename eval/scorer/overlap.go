package scorer

import (
	"context"
	"strings"
	"unicode"
)

// words are the runs of letters and digits of a text in lower case, as in
// Google's rouge_score without stemming, but of every script. Scripts that put
// no spaces between words give a word for each character.
func words(text string) []string {
	var list []string
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			list = append(list, word.String())
			word.Reset()
		}
	}
	for _, r := range text {
		switch {
		case unspaced(r):
			flush()
			list = append(list, string(r))
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.Is(unicode.M, r):
			word.WriteRune(unicode.ToLower(r))
		default:
			flush()
		}
	}
	flush()
	return list
}

// f1 is the harmonic mean of precision and recall of so many matches.
func f1(matches, output, expected int) float64 {
	if output+expected == 0 {
		return 0
	}
	return 2 * float64(matches) / float64(output+expected)
}

// buildROUGE: the F1 of the words, the pairs of words, or the longest common
// subsequence (Lin, 2004), as rouge_score computes rouge1, rouge2 and rougeL.
func buildROUGE(_ *Compiler, r *rule) judge {
	var config struct {
		passing
		Expected *string `json:"expected"`
		Variant  string  `json:"variant"`
	}
	if !r.decode(&config) {
		return nil
	}
	threshold := r.threshold(config.passing, 0.5)
	variant := strings.TrimPrefix(strings.ToUpper(config.Variant), "ROUGE")
	variant = r.oneOf("variant", strings.TrimPrefix(variant, "-"), "L", "1", "2")
	expected := r.expectation("expected", config.Expected)
	return func(ctx context.Context, c *subject) (outcome, error) {
		want, got, err := texts(expected, c)
		if err != nil {
			return outcome{}, err
		}
		score, err := rouge(ctx, variant, words(want), words(got))
		if err != nil {
			return outcome{}, err
		}
		return graded(score, threshold, "ROUGE-%s %.4g", variant, score), nil
	}
}

// rouge is the F1 of a variant: "1", "2" or "L". It is 0 if either side has no
// n-gram.
func rouge(ctx context.Context, variant string, expected, output []string) (float64, error) {
	if variant == "L" {
		common, err := commonSubsequence(ctx, expected, output)
		return f1(common, len(output), len(expected)), err
	}
	n := 1
	if variant == "2" {
		n = 2
	}
	matches, _ := precision([][]string{expected}, output, n)
	return f1(matches, max(len(output)-n+1, 0), max(len(expected)-n+1, 0)), nil
}

// buildTokenF1: the F1 of the words of output and expected text as bags, after
// the normalisation of SQuAD (Rajpurkar et al., 2016): lower case, no
// punctuation, no English articles. Two texts without words score 1.
func buildTokenF1(_ *Compiler, r *rule) judge {
	var config struct {
		passing
		Expected *string `json:"expected"`
	}
	if !r.decode(&config) {
		return nil
	}
	threshold := r.threshold(config.passing, 0.5)
	expected := r.expectation("expected", config.Expected)
	return func(_ context.Context, c *subject) (outcome, error) {
		want, got, err := texts(expected, c)
		if err != nil {
			return outcome{}, err
		}
		score := tokenF1(want, got)
		return graded(score, threshold, "token F1 %.4g", score), nil
	}
}

func tokenF1(expected, output string) float64 {
	want, got := answerTokens(expected), answerTokens(output)
	if len(want) == 0 && len(got) == 0 {
		return 1
	}
	matches, _ := precision([][]string{want}, got, 1)
	return f1(matches, len(got), len(want))
}

// answerTokens normalises as SQuAD's evaluation does: punctuation vanishes
// inside words too ("don't" is "dont"), articles go.
func answerTokens(text string) []string {
	bare := strings.Map(func(r rune) rune {
		if unicode.IsPunct(r) || (r < unicode.MaxASCII && unicode.IsSymbol(r)) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
	var tokens []string
	for _, field := range strings.Fields(bare) {
		switch field {
		case "a", "an", "the":
			continue
		}
		if strings.IndexFunc(field, unspaced) < 0 {
			tokens = append(tokens, field)
			continue
		}
		tokens = append(tokens, words(field)...)
	}
	return tokens
}

// unspaced tells characters of scripts without spaces between words.
func unspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
}
