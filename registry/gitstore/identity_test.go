package gitstore

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAuthorsAreMadeFitForGit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]identity{
		"Ada":                       {"Ada", "ada" + neutralDomain},
		"Ada Lovelace":              {"Ada Lovelace", "ada.lovelace" + neutralDomain},
		"Ada <ada@example.org>":     {"Ada", "ada@example.org"},
		"<ada@example.org>":         {"ada", "ada@example.org"},
		"Ada <ada@example.org":      {"Ada", "ada@example.org"},
		"Ada <<a>> <b>":             {"Ada", "a"},
		"Ada <a\nb@c d>":            {"Ada", "ab@cd"},
		"Ada\nauthor Eve <e@x> 0":   {"Ada author Eve", "e@x"},
		"王":                         {"王", "unknown" + neutralDomain},
		"":                          committer(),
		"<>":                        committer(),
		" . , ; ":                   committer(),
		"<@x>":                      {"unknown", "@x"},
		"\xff\x00Ada\x1b":           {"Ada", "ada" + neutralDomain},
		"Ada <>":                    {"Ada", "ada" + neutralDomain},
		strings.Repeat("a ", 1_000): {strings.TrimSpace(strings.Repeat("a ", maxName/2)), strings.TrimSuffix(strings.Repeat("a.", 33), ".") + neutralDomain},
	} {
		require.Equal(t, want, parseAuthor(text), "%.40q", text)
	}
}

func TestAuthorsComeBackAsTheyWereGiven(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Ada", "Ada <ada@example.org>", "Zoë Müller", "a.b-c_d"} {
		id, at := parseLine(parseAuthor(text).line(time.Unix(1_700_000_000, 5)))
		require.Equal(t, text, id.String())
		require.Equal(t, time.Unix(1_700_000_000, 0).UTC(), at)
	}
}

func TestLinesOfOtherProgramsAreRead(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]struct {
		author string
		at     int64
	}{
		"Ada <ada@example.org> 1700000000 +0200": {"Ada <ada@example.org>", 1_700_000_000},
		"Ada <ada@example.org> -5 +0000":         {"Ada <ada@example.org>", 0},
		"Ada <ada@example.org> 999999999999999":  {"Ada <ada@example.org>", 0},
		"Ada <ada@example.org>":                  {"Ada <ada@example.org>", 0},
		" <ada@example.org> 7 +0000":             {"ada@example.org <ada@example.org>", 7},
		"Ada":                                    {"Ada", 0},
		"":                                       {"", 0},
		"<<>>\x00\xff 3":                         {"", 0},
	} {
		id, at := parseLine(line)
		require.Equal(t, want.author, id.String(), "%q", line)
		require.Equal(t, want.at, at.Unix(), "%q", line)
	}
}

func FuzzAuthor(f *testing.F) {
	f.Add("Ada <ada@example.org>")
	f.Add("\x00<\n>\u202e.")
	f.Fuzz(func(t *testing.T, text string) {
		id := parseAuthor(text)
		require.NotEmpty(t, id.name)
		require.NotEmpty(t, id.address)
		require.False(t, strings.ContainsAny(id.name+id.address, "<>\n\x00"))
		require.Equal(t, strings.TrimSpace(id.name), id.name)
		require.NotContains(t, id.address, " ")
		again, _ := parseLine(id.line(time.Unix(1, 0)))
		require.Equal(t, id, again)
	})
}

func FuzzCommit(f *testing.F) {
	f.Add([]byte("tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nx\n"))
	f.Add([]byte("tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nparent x\ngpgsig -----\n \n -----\n\n\xff"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parseCommit(raw)
		if err != nil {
			require.ErrorIs(t, err, errDamaged)
			return
		}
		if c.author.name == "" || c.author.address == "" {
			return // not of this program
		}
		again, err := parseCommit(c.encode())
		require.NoError(t, err)
		require.Equal(t, c.tree, again.tree)
		require.Equal(t, c.parents, again.parents)
		require.Equal(t, c.author, again.author)
		require.Equal(t, c.message, again.message)
		require.True(t, again.at.Equal(c.at))
	})
}
