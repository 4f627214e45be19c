package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheDocumentNamesEveryVariable reads the code for what it asks of the
// environment, and docs/configuration.md for what it says of it.
func TestTheDocumentNamesEveryVariable(t *testing.T) {
	t.Parallel()
	read := variablesOfTheCode(t)
	require.Greater(t, len(read), 30, "the search finds them")
	documented := variablesOfTheDocument(t)
	for name, otherwise := range read {
		require.Contains(t, documented, name, "docs/configuration.md must say what %s does", name)
		if otherwise != "" {
			require.Equal(t, otherwise, strings.Trim(documented[name], "`"), "the default of %s", name)
		}
	}
	for name := range documented {
		require.Contains(t, read, name, "docs/configuration.md has %s, which nothing reads", name)
	}
}

// variablesOfTheCode finds the calls of environment's methods, with the default
// where it is a number or a word.
func variablesOfTheCode(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := map[string]string{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			name, ok := literal(call.Args[0])
			if !ok {
				return true
			}
			switch method.Sel.Name {
			case "text", "integer", "oneOf":
				otherwise := ""
				if len(call.Args) > 1 {
					otherwise, _ = literal(call.Args[1])
				}
				if found[name] == "" {
					found[name] = otherwise
				}
			case "boolean":
				found[name] = "false"
			case "list", "raw":
				found[name] += ""
			}
			return true
		})
	}
	return found
}

// literal is a text or a whole number that stands in the code.
func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok {
		return "", false
	}
	if l.Kind == token.INT {
		return strings.ReplaceAll(l.Value, "_", ""), true
	}
	text, err := strconv.Unquote(l.Value)
	return text, err == nil
}

// variablesOfTheDocument reads the tables that are of the server, with their
// column of defaults.
func variablesOfTheDocument(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	require.NoError(t, err)
	server, _, ok := strings.Cut(string(text), "\n## Command line\n")
	require.True(t, ok)
	found := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z0-9_]+)` \\| (.*?) ?\\| (.+) \\|$").FindAllStringSubmatch(server, -1) {
		require.NotContains(t, found, row[1], "twice")
		found[row[1]] = row[2]
	}
	return found
}
