package secret

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// invent makes a token of a template. It is random, from a fixed seed, and so
// never one that opens anything; that it is made here keeps it out of the file.
func invent(t testing.TB, template string, seed uint64) string {
	t.Helper()
	shape, err := parseShape(template)
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(seed, 7))
	members := newSets()
	var b strings.Builder
	for _, p := range shape.parts {
		if p.literal != "" {
			b.WriteString(p.literal)
			continue
		}
		var alphabet []byte
		for c := range 128 {
			if members.has(byte(c), p.set&alnum|p.set&base32Digit) {
				alphabet = append(alphabet, byte(c))
			}
		}
		for range (p.min + p.max) / 2 {
			b.WriteByte(alphabet[random.IntN(len(alphabet))])
		}
	}
	return b.String()
}

// find runs the detector and returns what it reports, checked for its bounds.
func find(t testing.TB, text string) []detect.Finding {
	t.Helper()
	var all []detect.Finding
	norm := detect.NewText(text)
	shared().Find(norm, func(f detect.Finding) {
		require.True(t, 0 <= f.Start && f.Start < f.End && f.End <= len(norm.Norm), "%+v", f)
		all = append(all, f)
	})
	return all
}
