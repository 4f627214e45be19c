package automaton

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPatternsWithinPatternsAreAllFound(t *testing.T) {
	t.Parallel()
	a := New([]string{"he", "she", "hers", "his", "ее", "e"})
	type found struct{ pattern, end int }
	var got []found
	a.Scan([]byte("ushers, её"), func(p, end int) { got = append(got, found{p, end}) })
	require.Equal(t, []found{{1, 4}, {0, 4}, {5, 4}, {2, 6}}, got)
}

func TestTextWithoutPatternsHasNoHits(t *testing.T) {
	t.Parallel()
	a := New([]string{"abc"})
	a.Scan([]byte("ab ab abd \xff"), func(int, int) { t.Fatal("hit") })
	New(nil).Scan([]byte("abc"), func(int, int) { t.Fatal("hit") })
}

func TestTooManyPatternsPanic(t *testing.T) {
	t.Parallel()
	require.Panics(t, func() { New([]string{strings.Repeat("a", 1<<16)}) })
}

func FuzzScan(f *testing.F) {
	patterns := []string{"a", "aa", "ab", "ba", "abcab", "\x00", "\xff"}
	a := New(patterns)
	f.Add("abcabcab")
	f.Fuzz(func(t *testing.T, text string) {
		count := make([]int, len(patterns))
		a.Scan([]byte(text), func(p, end int) {
			require.Equal(t, patterns[p], text[end-len(patterns[p]):end])
			count[p]++
		})
		for i, p := range patterns {
			want := 0
			for at := range len(text) {
				if strings.HasPrefix(text[at:], p) {
					want++
				}
			}
			require.Equal(t, want, count[i], p)
		}
	})
}
