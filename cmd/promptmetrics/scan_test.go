package main_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScan(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.write(t, "welcome.json", welcome)
	u.write(t, "mail.txt", "Write to ann.lee@example.com, please.\n")
	u.write(t, "empty.txt", "")
	u.must(t, "create-prompt", "--file", "welcome.json")
	score := func(out string) (n int) {
		var report struct{ Score int }
		require.NoError(t, json.Unmarshal([]byte(out), &report), out)
		return report.Score
	}

	t.Run("a text, a file, a prompt", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, 100, score(u.must(t, "scan", "--text", "Nothing to see here.")))
		require.Equal(t, 85, score(u.must(t, "scan", "--file", "mail.txt")))
		require.Equal(t, 100, score(u.must(t, "scan", "--prompt-name", "welcome", "--version", "v1.0.0", "--min-score", "100")))
	})
	t.Run("only the redacted text", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, "Write to <EMAIL_1>, please.\n\n", u.must(t, "scan", "--file", "mail.txt", "--redact"))
	})
	t.Run("a low score is a failure, behind the report", func(t *testing.T) {
		t.Parallel()
		r := u.run(t, "scan", "--file", "mail.txt", "--min-score", "90")
		require.Equal(t, 1, r.Code)
		require.Equal(t, "promptmetrics: the score is 85, under 90\n", r.Err)
		require.Equal(t, 85, score(r.Out))
	})
	t.Run("faults", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			args []string
			code int
			want string
		}{
			{[]string{"scan"}, 2, "promptmetrics: give --text, --file or --prompt-name\nSee: promptmetrics scan --help\n"},
			{[]string{"scan", "--text", "x", "--file", "mail.txt"}, 2, "promptmetrics: --text and --file exclude each other\nSee: promptmetrics scan --help\n"},
			{[]string{"scan", "--text", "x", "--min-score", "101"}, 2, "promptmetrics: --min-score must be from 0 to 100\nSee: promptmetrics scan --help\n"},
			{[]string{"scan", "--file", "none.txt"}, 1, "promptmetrics: open none.txt: no such file or directory\n"},
			{[]string{"scan", "--file", "empty.txt"}, 1, "promptmetrics: empty.txt is empty\n"},
			{[]string{"scan", "--prompt-name", "none"}, 1, "promptmetrics: Prompt not found\n"},
		} {
			r := u.run(t, c.args...)
			require.Equal(t, c.code, r.Code, c.args)
			require.Equal(t, c.want, r.Err)
		}
	})
}
