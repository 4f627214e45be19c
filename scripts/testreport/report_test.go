package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// write lays a module of small packages.
func write(tb testing.TB, files map[string]string) string {
	tb.Helper()
	root := tb.TempDir()
	files["go.mod"] = "module play\n\ngo 1.26\n"
	for name, text := range files {
		path := filepath.Join(root, name)
		require.NoError(tb, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(tb, os.WriteFile(path, []byte(text), 0o600))
	}
	return root
}

// events runs the tests of a module and gives what go test tells of them.
func events(tb testing.TB, files map[string]string) []byte {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), "go", "test", "-json", "./...")
	cmd.Dir = write(tb, files)
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		require.NoError(tb, err)
	}
	return out
}

func TestReport(t *testing.T) {
	t.Parallel()
	const header = "package a\n\nimport \"testing\"\n\n"
	tests := []struct {
		name    string
		files   map[string]string
		noSkips bool
		ok      bool
		shows   []string
		hides   []string
	}{
		{
			name: "counts what passed and hides its output",
			files: map[string]string{
				"a/a_test.go": header + `func TestA(t *testing.T) { t.Run("one", func(t *testing.T) { t.Log("chatter") }); println("noise") }`,
				"b/b.go":      "package b\n",
			},
			ok:    true,
			shows: []string{"ok  \tplay/a", "\n2 passed, 0 failed, 0 skipped\n"},
			hides: []string{"chatter", "noise", "no test files"},
		},
		{
			name: "shows a failed test, and only that",
			files: map[string]string{
				"a/a_test.go": header + `func TestA(t *testing.T) { t.Error("the fault") }
func TestB(t *testing.T) { t.Log("chatter") }`,
			},
			shows: []string{"the fault", "FAIL\tplay/a", "Failed:\n  play/a TestA\n", "\n1 passed, 1 failed, 0 skipped\n"},
			hides: []string{"chatter"},
		},
		{
			name: "shows a panic",
			files: map[string]string{
				"a/a_test.go": header + `func TestA(t *testing.T) { panic("the end") }`,
			},
			shows: []string{"the end", "a_test.go:5", "Failed:\n  play/a TestA\n", "\n0 passed, 1 failed, 0 skipped\n"},
		},
		{
			name: "counts a test that the end of its process cut short",
			files: map[string]string{
				"a/a_test.go": "package a\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\n" + `func TestA(t *testing.T) { os.Exit(3) }`,
			},
			shows: []string{"play/a TestA", " 1 failed, 0 skipped\n"},
		},
		{
			name: "shows what fails outside the tests",
			files: map[string]string{
				"a/a_test.go": "package a\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\n" + `func TestMain(m *testing.M) { println("no ground to stand on"); os.Exit(1) }
func TestA(t *testing.T) {}`,
			},
			shows: []string{"no ground to stand on", "play/a failed outside its tests", "\n0 passed, 1 failed, 0 skipped\n"},
		},
		{
			name: "shows why a package does not build",
			files: map[string]string{
				"a/a_test.go": header + `func TestA(t *testing.T) { nothing() }`,
				"c/c_test.go": strings.Replace(header, "package a", "package c", 1) + `func TestC(t *testing.T) {}`,
			},
			shows: []string{"undefined: nothing", "does not build", "ok  \tplay/c", "\n1 passed, "},
			hides: []string{" 0 failed"},
		},
		{
			name: "tells why a test was skipped",
			files: map[string]string{
				"a/a_test.go": header + `func TestA(t *testing.T) {}
func TestB(t *testing.T) { t.Skip("no moon tonight") }`,
			},
			ok:    true,
			shows: []string{"Skipped:\n  no moon tonight: play/a TestB\n", "\n1 passed, 0 failed, 1 skipped\n"},
		},
		{
			name: "fails for a skip where none is allowed",
			files: map[string]string{
				"a/a_test.go": header + `func TestA(t *testing.T) {}
func TestB(t *testing.T) { t.SkipNow() }`,
			},
			noSkips: true,
			shows:   []string{"no reason given: play/a TestB\n", "may skip none"},
		},
		{
			name:  "fails when no test ran",
			files: map[string]string{"a/a_test.go": "package a\n"},
			shows: []string{"No test ran.\n", "\n0 passed, 0 failed, 0 skipped\n"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			r := newReport(&out, test.noSkips)
			require.NoError(t, r.read(bytes.NewReader(events(t, test.files))))
			require.Equal(t, test.ok, r.finish(), out.String())
			for _, text := range test.shows {
				require.Contains(t, out.String(), text)
			}
			for _, text := range test.hides {
				require.NotContains(t, out.String(), text)
			}
		})
	}
}

func TestManySkipsOfOneReason(t *testing.T) {
	t.Parallel()
	var events strings.Builder
	for _, name := range []string{"A", "B", "C", "D", "E"} {
		events.WriteString(`{"Action":"output","Package":"p","Test":"` + name + `","Output":"    p_test.go:1: no moon\n"}` + "\n")
		events.WriteString(`{"Action":"skip","Package":"p","Test":"` + name + `"}` + "\n")
	}
	t.Run("are cut short", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		r := newReport(&out, false)
		require.NoError(t, r.read(strings.NewReader(events.String())))
		r.finish()
		require.Contains(t, out.String(), "no moon: p C\n  no moon: and 2 tests more\n")
		require.Contains(t, out.String(), "\n0 passed, 0 failed, 5 skipped\n")
	})
	t.Run("are named where none is allowed", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		r := newReport(&out, true)
		require.NoError(t, r.read(strings.NewReader(events.String())))
		require.False(t, r.finish())
		require.Contains(t, out.String(), "no moon: p D\n  no moon: p E\n")
	})
}

func TestLinesThatAreNoEventsAreShown(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := newReport(&out, false)
	require.NoError(t, r.read(strings.NewReader("go: some message\n{\"x\":1}\n{\"Action\":\"pass\",\"Package\":\"a\",\"Test\":\"T\"}")))
	require.True(t, r.finish())
	require.Equal(t, "go: some message\n{\"x\":1}\n\n1 passed, 0 failed, 0 skipped\n", out.String())
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"Action":"output","Package":"a","Test":"T","Output":"x\n"}` + "\n" + `{"Action":"fail","Package":"a","Test":"T"}`))
	f.Add([]byte(`{"Action":"build-fail","ImportPath":"a"}` + "\n{"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var out bytes.Buffer
		r := newReport(&out, true)
		require.NoError(t, r.read(bytes.NewReader(stream)))
		if r.finish() {
			require.Positive(t, r.passes)
			require.Zero(t, r.fails+r.skipped+len(r.broken))
		}
	})
}
