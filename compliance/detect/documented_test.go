package detect_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance/builtin"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// TestEveryEntityIsDocumented holds docs/compliance.md to what is found in the
// corpus.
func TestEveryEntityIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "compliance.md"))
	require.NoError(t, err)
	scanner := detect.NewScanner(detect.Options{Detectors: builtin.Detectors(builtin.Options{})})
	for _, s := range loadCorpus(t) {
		for _, f := range scanner.Scan(s.Text).Findings {
			require.Contains(t, string(text), "`"+string(f.Entity)+"`", "docs/compliance.md must name it")
		}
	}
}
