package gitstore

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file below testdata.
func golden(tb testing.TB, name, text string) {
	tb.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(tb, os.WriteFile(path, []byte(text), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(tb, err)
	require.Equal(tb, string(want), text)
}

func TestMessageOfOneChangeIsTheCallers(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Create welcome 1.0.0", "Soften the tone\n\nIt was cold.", "Publish 3 prompts"} {
		message := formatMessage([]change{{paths: []string{"prompts/welcome/1.0.0.json"}, message: text}})
		require.Equal(t, text, message)
		require.Equal(t, text, messageFor(message, "prompts/welcome/1.0.0.json"))
	}
}

func TestMessagesOfSeveralChanges(t *testing.T) {
	t.Parallel()
	many := make([]string, 53)
	for i := range many {
		many[i] = fmt.Sprintf("prompts/old/1.%d.0.json", i)
	}
	cases := map[string][]change{
		"publish.txt": {
			{paths: []string{"prompts/welcome/1.0.0.json"}, message: "Create welcome 1.0.0"},
			{paths: []string{"workspaces/team/prompts/farewell/2.1.0.json"}, message: "Soften the tone\n\nCustomers found it cold:\n    \"Bye.\"\n\n\nprompts/welcome/1.0.0.json"},
		},
		"publish-and-delete.txt": {
			{paths: []string{"prompts/welcome/1.0.0.json"}, message: "Create welcome 1.0.0"},
			{paths: []string{"prompts/old/1.0.0.json", "prompts/old/1.0.1.yaml"}, message: "Delete old", deletes: true},
		},
		"delete.txt": {
			{paths: []string{"prompts/a/1.0.0.json"}, message: "Delete a 1.0.0", deletes: true},
			{paths: many, message: "Delete old", deletes: true},
		},
		"pretender.txt": {
			{paths: []string{"prompts/a/1.0.0.json"}, message: "Publish 2 prompts\n\nworkspaces/b/prompts/x/1.0.0.json\n    invented"},
		},
	}
	for name, changes := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := formatMessage(changes)
			golden(t, name, message+"\n")
			for _, c := range changes {
				require.Equal(t, c.message, messageFor(message, c.paths[0]))
			}
			require.Empty(t, messageFor(message, "prompts/not-in-it/1.0.0.json"))
		})
	}
}

func TestListsThatPeopleHaveEditedStillLeakNothing(t *testing.T) {
	t.Parallel()
	message := formatMessage([]change{
		{paths: []string{"prompts/a/1.0.0.json"}, message: "of a"},
		{paths: []string{"workspaces/b/prompts/b/1.0.0.json"}, message: "of b"},
	})
	edited := message + "\n\nSigned-off-by: Ada <ada@example.org>\n(cherry picked from commit 1234)"
	require.Equal(t, "of a", messageFor(edited, "prompts/a/1.0.0.json"))
	require.Equal(t, "of b", messageFor(edited, "workspaces/b/prompts/b/1.0.0.json"))
	require.Empty(t, messageFor(edited, "prompts/c/1.0.0.json"))
}

func TestMessagesAreCleaned(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                          "fallback",
		" \n\t\r\n ":                "fallback",
		"\x00\x07":                  "fallback",
		"a\r\nb\rc":                 "a\nb\nc",
		"  a\n\n  b  \n\n":          "a\n\n  b",
		"red \x1b[31mtext\x7f":      "red [31mtext",
		"bad \xff byte":             "bad \uFFFD byte",
		strings.Repeat("\x80", 1e4): "fallback",
	} {
		require.Equal(t, want, cleanMessage(text, "fallback"), "%.40q", text)
	}
	long := cleanMessage(strings.Repeat("ä", 10_000), "")
	require.LessOrEqual(t, len(long), maxMessage)
	require.True(t, utf8.ValidString(long))
	require.True(t, strings.HasSuffix(long, "ä…"))
}

func FuzzMessageRoundTrip(f *testing.F) {
	f.Add("Create a", "Create b\n\nprompts/a/1.0.0.json\n    x", uint8(0))
	f.Add("Publish 2 prompts\n\nprompts/b/1.0.0.json\n    x", "\n\n  y\n\n\nz ", uint8(1))
	f.Add("    ", "and 3 more", uint8(3))
	f.Fuzz(func(t *testing.T, a, b string, shape uint8) {
		a, b = cleanMessage(a, "Create a 1.0.0"), cleanMessage(b, "Delete b 1.0.0")
		paths := []string{"prompts/a/1.0.0.json", "workspaces/team/prompts/b/1.0.0-rc.1+x.yaml", "prompts/c/2.0.0.json"}
		one := change{paths: paths[:1], message: a}
		two := change{paths: paths[1:2], message: b, deletes: shape&1 != 0}
		if shape&2 != 0 {
			two.paths = paths[1:]
		}
		require.Equal(t, a, messageFor(formatMessage([]change{one}), paths[0]))
		both := formatMessage([]change{one, two})
		require.True(t, isList(both))
		require.Equal(t, a, messageFor(both, paths[0]))
		for _, path := range two.paths {
			require.Equal(t, b, messageFor(both, path))
		}
		require.Empty(t, messageFor(both, "prompts/d/1.0.0.json"))
		require.Equal(t, strings.TrimSpace(both), both)
	})
}
