package main

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzDotenvNeverQuotesTheFile(f *testing.F) {
	for _, seed := range []string{
		"PORT=3000\n", "export A='b c'\n# d\n", "A=\"multi\nline\"\n", "secret value", "A-B=secret", "A=\"secret", "A='secret\nB=1",
		"A=${B}$C\\n\n", "\xff=\xff", "=", "A", "A:secret\n\r\n\r", "\x00",
	} {
		f.Add([]byte(seed))
	}
	allowed := regexp.MustCompile(`^is not understood( \(line \d+\))?: write one NAME=value a line$`)
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := parseDotenv(data); err != nil && !allowed.MatchString(err.Error()) {
			t.Fatalf("%q says %q", data, err)
		}
	})
}

func FuzzExcerpt(f *testing.F) {
	f.Add("\x1b[2J" + "long and longer and longer and longer")
	f.Fuzz(func(t *testing.T, text string) {
		shown := excerpt(text)
		require.LessOrEqual(t, len(shown), 200)
		for _, r := range shown {
			require.True(t, r >= ' ' && r != 0x7f, shown)
		}
	})
}

func TestQuotedValuesMeanTheSameToAShell(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"/a/b-c_1.2":   "/a/b-c_1.2",
		"":             "",
		"a b":          "'a b'",
		"it's":         `'it'\''s'`,
		"$(rm -rf /)`": "'$(rm -rf /)`'",
		"~/x":          "'~/x'",
		"ä":            "'ä'",
	} {
		require.Equal(t, want, quoted(value))
	}
}
