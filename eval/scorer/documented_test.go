package scorer

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryTypeIsDocumented holds the list of doc.go and the table of
// docs/evaluations.md to the types that exist.
func TestEveryTypeIsDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "evaluations.md"))
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(guide), "\n## Rule types\n")
	require.True(t, ok)
	section, _, ok = strings.Cut(section, "\n## ")
	require.True(t, ok)
	rows := regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|").FindAllStringSubmatch(section, -1)
	documented := map[string]bool{}
	for _, row := range rows {
		documented[row[1]] = true
		require.Contains(t, builders(), row[1], "the document has a type that does not exist")
	}
	for name := range builders() {
		require.True(t, documented[name], "docs/evaluations.md must say what %s does", name)
		require.Contains(t, string(doc), name, "doc.go must say what %s does", name)
	}
}
