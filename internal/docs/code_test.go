package docs

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/promptmetrics-go/promptmetrics"

// TestGoCodeCompiles builds the Go code of all documents, as packages that exist
// for the go command alone.
func TestGoCodeCompiles(t *testing.T) {
	t.Parallel()
	base, err := filepath.Abs(root)
	require.NoError(t, err)
	folder := t.TempDir()
	replace := map[string]string{}
	for _, d := range documents(t) {
		for _, block := range regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(d.text, -1) {
			snippet := block[1]
			require.NotContains(t, snippet, "/internal/", "%s: nobody else can import it", d.path)
			number := strconv.Itoa(len(replace))
			real := filepath.Join(folder, number+".go")
			text := "// From " + d.path + ".\n" + program(snippet)
			require.NoError(t, os.WriteFile(real, []byte(text), 0o600))
			replace[filepath.Join(base, "internal", "docs", "snippets", number, "snippet.go")] = real
		}
	}
	require.Greater(t, len(replace), 15)
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	list := filepath.Join(folder, "overlay.json")
	require.NoError(t, os.WriteFile(list, overlay, 0o600))
	build := exec.CommandContext(t.Context(), "go", "build", "-gcflags=-e", "-overlay", list, "./internal/docs/snippets/...") //nolint:gosec // our own files.
	build.Dir = base
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// packages are what snippets use without importing it, by name.
func packages() map[string]string {
	all := map[string]string{
		"context": "context", "errors": "errors", "fmt": "fmt", "io": "io", "http": "net/http", "slog": "log/slog",
		"sql": "database/sql", "strings": "strings", "time": "time", "promptmetrics": module,
	}
	for _, path := range []string{
		"abtest", "access", "budget", "client", "compliance", "compliance/builtin", "compliance/detect", "compliance/detect/pii", "eval",
		"eval/scorer", "httpapi", "metrics", "playground", "playground/openai", "pmerr", "redisnode", "registry", "telemetry", "workspace",
	} {
		all[path[strings.LastIndex(path, "/")+1:]] = module + "/" + path
	}
	return all
}

// program makes a whole file of a snippet: declarations get their imports,
// statements also a function around them, with what the text around them has.
func program(snippet string) string {
	if strings.HasPrefix(snippet, "package ") {
		// A main would be linked, which takes longer than all else.
		return strings.Replace(snippet, "package main\n", "package snippet\n", 1)
	}
	code := snippet
	if !regexp.MustCompile(`(?m)^(func|type|var|const) `).MatchString(snippet) {
		code = `func snippet(ctx context.Context, pm *promptmetrics.Client, key string, frontPage http.HandlerFunc, provider, model string, in, out int64) error {
` + snippet + `
	return nil
}

var _ = snippet
`
	}
	var imports []string
	for name, path := range packages() {
		if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(code) {
			imports = append(imports, fmt.Sprintf("import %q\n", path))
		}
	}
	slices.Sort(imports)
	return "package snippet\n\n" + strings.Join(imports, "") + "\n" + code
}
