package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the module's folder.
var root = filepath.Join("..", "..")

// document is a file of ours that people read.
type document struct {
	// path is relative to the module's folder.
	path, text string
}

func documents(t *testing.T) []document {
	t.Helper()
	var all []document
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			name, err := filepath.Rel(root, path)
			require.NoError(t, err)
			all = append(all, document{name, string(text)})
		}
	}
	require.Greater(t, len(all), 10)
	return all
}

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	links := 0
	for _, d := range documents(t) {
		for _, match := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(outsideFences(d.text), -1) {
			target := match[1]
			if strings.Contains(target, "://") {
				continue
			}
			links++
			file, anchor, _ := strings.Cut(target, "#")
			path := filepath.Join(root, d.path)
			if file != "" {
				path = filepath.Join(filepath.Dir(path), filepath.FromSlash(file))
			}
			text, err := os.ReadFile(path)
			if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
				err = nil
			}
			require.NoError(t, err, "%s links to %s", d.path, target)
			if anchor != "" {
				require.Contains(t, anchors(string(text)), anchor, "%s links to %s", d.path, target)
			}
		}
	}
	require.Greater(t, links, 40)
}

// outsideFences is a document without its code.
func outsideFences(text string) string {
	return regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(text, "")
}

// anchors are what headings are called in links.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	drop := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for _, heading := range regexp.MustCompile(`(?m)^#+ +(.+)$`).FindAllStringSubmatch(outsideFences(text), -1) {
		name := strings.ReplaceAll(drop.ReplaceAllString(strings.ToLower(heading[1]), ""), " ", "-")
		found[name] = true
	}
	return found
}

// TestOperationsNamesEveryMetric holds the table, the alerts and the dashboard
// to the metrics that there are.
func TestOperationsNamesEveryMetric(t *testing.T) {
	t.Parallel()
	read := func(path ...string) string {
		text, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
		require.NoError(t, err)
		return string(text)
	}
	kinds, labels := map[string]string{}, map[string][]string{}
	for _, line := range regexp.MustCompile(`(?m)^(promptmetrics_\w+) (\w+) \{(.*)\}$`).FindAllStringSubmatch(read("prom", "testdata", "metrics.golden"), -1) {
		kinds[line[1]], labels[line[1]] = line[2], strings.Split(line[3], ",")
	}
	require.Greater(t, len(kinds), 30)
	operations := read("docs", "operations.md")
	told := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(promptmetrics_\\w+)` \\| (\\w+) \\| (.+) \\|$").FindAllStringSubmatch(operations, -1) {
		require.Equal(t, kinds[row[1]], row[2], row[1])
		told[row[1]] = true
		for _, label := range labels[row[1]] {
			// A label is explained where it first appears.
			require.True(t, label == "" || strings.Contains(operations, "`"+label+"`"), "%s of %s", label, row[1])
		}
	}
	for name := range kinds {
		require.True(t, told[name], "docs/operations.md does not tell of %s", name)
	}
	known := func(where, text string) {
		for _, name := range regexp.MustCompile(`promptmetrics_\w+`).FindAllString(text, -1) {
			base := name
			for _, suffix := range []string{"_bucket", "_count", "_sum"} {
				if cut, ok := strings.CutSuffix(name, suffix); ok && kinds[cut] == "histogram" {
					base = cut
				}
			}
			require.Contains(t, kinds, base, "%s has %s, which is no metric", where, name)
			require.True(t, base != name || kinds[base] != "histogram" || where == "docs/operations.md", "%s has %s, which is no series of a histogram", where, name)
		}
	}
	alerts := read("docs", "prometheus", "alerts.yaml")
	known("docs/operations.md", operations)
	known("alerts.yaml", alerts)
	known("dashboard.json", read("docs", "prometheus", "dashboard.json"))
	found := regexp.MustCompile(`(?m)- alert: (\w+)$`).FindAllStringSubmatch(alerts, -1)
	require.NotEmpty(t, found)
	for _, alert := range found {
		require.Contains(t, operations, "| `"+alert[1]+"` |", "docs/operations.md says what to do")
	}
}
