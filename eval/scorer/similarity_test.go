package scorer

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// The examples of the papers and of the documentation of NLTK.
const (
	guide1  = "It is a guide to action that ensures that the military will forever heed Party commands"
	guide2  = "It is the guiding principle which guarantees the military forces always being under the command of the Party"
	guide3  = "It is the practical guide for the army always to heed the directions of the party"
	action1 = "It is a guide to action which ensures that the military always obeys the commands of the party"
	action2 = "It is to insure the troops forever hearing the activity guidebook that party direct"
)

func TestBLEUIsThatOfNLTK(t *testing.T) {
	t.Parallel()
	// sentence_bleu(references, hypothesis, smoothing_function=SmoothingFunction().method1).
	// The first two are in NLTK's documentation (0.4118…, 0.5045…); all were
	// computed to all digits with a transcription of its formulas in Python.
	tests := []struct {
		name       string
		references []string
		hypothesis string
		want       float64
	}{
		{"documented, one reference", []string{guide1}, action1, 0.41180376356915777},
		{"documented, three references", []string{guide1, guide2, guide3}, action1, 0.5045666840058485},
		{"no common four words, three references", []string{guide1, guide2, guide3}, action2, 0.03703131191121491},
		{"no common three words", []string{guide1}, action2, 0.03446151880350207},
		{"one word again and again", []string{"the cat is on the mat", "there is a cat on the mat"}, "the the the the the the the", 0.039281465090051315},
		{"shorter than four words", []string{"the cat sat on the mat"}, "the cat", 0.04279677428117006},
		{"two words, the same", []string{"the cat"}, "the cat", 0.316227766016838},
		{"the same", []string{"the cat sat on the mat"}, "the cat sat on the mat", 1},
		{"another order", []string{"he was interested in world history because he read the book"}, "he read the book because he was interested in world history", 0.7400828044922853},
		{"nothing in common", []string{"a b c d"}, "e f g h", 0},
		{"an empty hypothesis", []string{"a b c d"}, "", 0},
		{"an empty reference", []string{""}, "a b", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var references [][]string
			for _, reference := range test.references {
				references = append(references, strings.Fields(reference))
			}
			require.InDelta(t, test.want, bleu(references, strings.Fields(test.hypothesis)), 1e-12)
		})
	}
}

func TestBrevityPenaltyIsThatOfNLTK(t *testing.T) {
	t.Parallel()
	of := func(lengths ...int) (references [][]string) {
		for _, n := range lengths {
			references = append(references, make([]string, n))
		}
		return references
	}
	// brevity_penalty(closest_ref_length(references, n), n), from NLTK's documentation.
	require.Equal(t, 1.0, brevity(of(12, 15, 17), 12))
	require.InDelta(t, 0.2635971381157267, brevity(of(28, 28), 12), 1e-15)
	require.InDelta(t, 0.9200444146293233, brevity(of(13, 2), 12), 1e-15)
	require.Equal(t, 1.0, brevity(of(13, 11), 12))
	require.Equal(t, 1.0, brevity(of(11, 13), 12))
	require.InDelta(t, 0.8668778997501817, brevity(of(11, 8), 7), 1e-15)
	require.Equal(t, 1.0, brevity(of(11, 8, 6, 7), 7))
}

func TestROUGEIsThatOfItsPaperAndOfRougeScore(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, expected, output string
		one, two, longest      float64
	}{
		// Lin (2004), section 3.1: ROUGE-L of S2 is 3/4, of S3 2/4.
		{"the paper's S2", "police killed the gunman", "police kill the gunman", 3.0 / 4, 1.0 / 3, 3.0 / 4},
		{"the paper's S3", "police killed the gunman", "the gunman kill police", 3.0 / 4, 1.0 / 3, 2.0 / 4},
		// The test cases of rouge_score: RougeScorer([...]).score(expected, output).
		{"one of three words", "testing one two", "testing", 1.0 / 2, 0, 1.0 / 2},
		{"words side by side", "testing one two", "testing one", 4.0 / 5, 2.0 / 3, 4.0 / 5},
		{"words apart", "testing one two", "testing two", 4.0 / 5, 0, 4.0 / 5},
		{"an empty output", "testing one two", "", 0, 0, 0},
		{"no words", "w1 w2 w3 w4 w5", "/", 0, 0, 0},
		{"both empty", "", "", 0, 0, 0},
		// Computed with a transcription of rouge_score's formulas in Python:
		// score("The quick …", "The quick …").
		{"a sentence", "The quick brown fox jumps over the lazy dog", "The quick brown dog jumps on the log.", 0.7058823529411765, 0.26666666666666666, 0.5882352941176471},
		{"punctuation parts words", "It's state-of-the-art, isn't it?", "state of the art it is", 0.6666666666666667, 0.4615384615384615, 0.6666666666666667},
		// Beyond rouge_score, which drops what is not ASCII.
		{"other scripts", "Übung macht den Meister", "übung MACHT Meister", 6.0 / 7, 2.0 / 5, 6.0 / 7},
		{"scripts without spaces", "今天天气很好", "今天很好", 8.0 / 10, 2 * 2.0 / 8, 8.0 / 10},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for variant, want := range map[string]float64{"1": test.one, "2": test.two, "L": test.longest} {
				got, err := rouge(t.Context(), variant, words(test.expected), words(test.output))
				require.NoError(t, err)
				require.InDelta(t, want, got, 1e-12, "ROUGE-%s", variant)
			}
		})
	}
}

func TestTokenF1IsThatOfSQuAD(t *testing.T) {
	t.Parallel()
	// compute_f1(expected, output) of SQuAD's evaluation, computed with a
	// transcription of it in Python.
	tests := []struct {
		expected, output string
		want             float64
	}{
		{"the Norman dynasty", "Norman", 2.0 / 3},
		{"Denver Broncos", "The Denver Broncos won!", 0.8},
		{"don't stop", "dont stop", 1},
		{"", "the", 1},
		{"10th and 11th centuries", "in the 10th century", 0.28571428571428575},
		{"42", "", 0},
		{"", "42", 0},
		{"a b b", "b b b", 0.8}, // the article goes: {b b} and {b b b}
	}
	for _, test := range tests {
		t.Run(test.expected+" | "+test.output, func(t *testing.T) {
			t.Parallel()
			require.InDelta(t, test.want, tokenF1(test.expected, test.output), 1e-12)
		})
	}
	require.InDelta(t, 1.0, tokenF1("東京都", "東京都。"), 1e-12)
	require.InDelta(t, 0.8, tokenF1("東京都", "東京"), 1e-12)
}

func TestLevenshteinRatio(t *testing.T) {
	t.Parallel()
	// Distances as in Levenshtein (1966) and its textbook examples; the ratio is
	// rapidfuzz.distance.Levenshtein.normalized_similarity(a, b).
	tests := []struct {
		a, b  string
		edits int
		ratio float64
	}{
		{"kitten", "sitting", 3, 4.0 / 7},
		{"Saturday", "Sunday", 3, 5.0 / 8},
		{"flaw", "lawn", 2, 2.0 / 4},
		{"intention", "execution", 5, 4.0 / 9},
		{"", "", 0, 1},
		{"", "abc", 3, 0},
		{"naïve", "naive", 1, 4.0 / 5},
		{"😀😀", "😀", 1, 1.0 / 2},
		{"same", "same", 0, 1},
	}
	for _, test := range tests {
		for _, pair := range [][2]string{{test.a, test.b}, {test.b, test.a}} {
			ratio, edits, err := similarity(t.Context(), pair[0], pair[1])
			require.NoError(t, err)
			require.Equal(t, test.edits, edits, pair)
			require.InDelta(t, test.ratio, ratio, 1e-15)
		}
	}
}

// table is the textbook's quadratic algorithm of both measures.
func table(a, b []rune) (edits, common int) {
	d, l := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range d {
		d[j] = j
	}
	for i := range a {
		diagonal, corner := d[0], 0
		d[0] = i + 1
		for j := range b {
			cost, length := 1, max(l[j], l[j+1])
			if a[i] == b[j] {
				cost, length = 0, corner+1
			}
			diagonal, d[j+1] = d[j+1], min(diagonal+cost, d[j]+1, d[j+1]+1)
			corner, l[j+1] = l[j+1], length
		}
	}
	return d[len(b)], l[len(b)]
}

func TestBitParallelMeasuresAreThoseOfTheTable(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	text := func() []rune {
		out := make([]rune, random.IntN(200))
		letters := 1 + random.IntN(30)
		for i := range out {
			out[i] = rune('a' + random.IntN(letters))
		}
		return out
	}
	for range 500 {
		a, b := text(), text()
		edits, common := table(a, b)
		got, err := distance(t.Context(), a, b)
		require.NoError(t, err)
		require.Equal(t, edits, got, "%q %q", string(a), string(b))
		got, err = commonSubsequence(t.Context(), a, b)
		require.NoError(t, err)
		require.Equal(t, common, got, "%q %q", string(a), string(b))
	}
}

func TestQuadraticMeasuresAreBounded(t *testing.T) {
	t.Parallel()
	a := []rune("x" + strings.Repeat("ab", 60_000) + "x")
	b := []rune("y" + strings.Repeat("ba", 60_000) + "y")
	_, err := distance(t.Context(), a, b)
	require.ErrorIs(t, err, pmerr.ErrBadRequest)
	require.ErrorContains(t, err, "too long to compare")
	_, err = commonSubsequence(t.Context(), a, b)
	require.ErrorIs(t, err, pmerr.ErrBadRequest)
	t.Run("what is shared costs nothing", func(t *testing.T) {
		t.Parallel()
		same := []rune(strings.Repeat("ab", 500_000))
		edits, err := distance(t.Context(), append([]rune("x"), same...), append([]rune("yz"), same...))
		require.NoError(t, err)
		require.Equal(t, 2, edits)
	})
	t.Run("a cancelled context ends it", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		<-ctx.Done()
		_, err := distance(ctx, a[:90_000], b[:90_000])
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestCosine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		a, b []float64
		want float64
		ok   bool
	}{
		{"the same direction", []float64{1, 2, 3}, []float64{2, 4, 6}, 1, true},
		{"a right angle", []float64{1, 0}, []float64{0, 5}, 0, true},
		{"the other way", []float64{1, 2}, []float64{-1, -2}, -1, true},
		{"half a right angle", []float64{1, 0}, []float64{1, 1}, math.Sqrt2 / 2, true},
		{"huge components", []float64{1e300, 1e300}, []float64{1e308, 0}, math.Sqrt2 / 2, true},
		{"tiny components", []float64{1e-300, 1e-300}, []float64{5e-324, 0}, math.Sqrt2 / 2, true},
		{"different lengths", []float64{1}, []float64{1, 2}, 0, false},
		{"no components", nil, nil, 0, false},
		{"zero", []float64{0, 0}, []float64{1, 2}, 0, false},
		{"not a number", []float64{math.NaN(), 1}, []float64{1, 2}, 0, false},
		{"infinite", []float64{math.Inf(-1), 1}, []float64{1, 2}, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, ok := cosine(test.a, test.b)
			require.Equal(t, test.ok, ok)
			require.InDelta(t, test.want, got, 1e-15)
		})
	}
}

func BenchmarkLevenshtein100kB(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	left, right := make([]rune, 100_000), make([]rune, 100_000)
	for i := range left {
		left[i], right[i] = rune('a'+random.IntN(26)), rune('a'+random.IntN(26))
	}
	for b.Loop() {
		if _, err := distance(b.Context(), left, right); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkROUGEL100kB(b *testing.B) {
	left, right := words(strings.Repeat("a ", 50_000)+"b"), words("c "+strings.Repeat("d a ", 25_000))
	for b.Loop() {
		if _, err := commonSubsequence(b.Context(), left, right); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBLEU100kB(b *testing.B) {
	left, right := strings.Fields(strings.Repeat("a b c d ", 12_500)), strings.Fields(strings.Repeat("a c b d ", 12_500))
	for b.Loop() {
		bleu([][]string{left}, right)
	}
}
