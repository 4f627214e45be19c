package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

func TestComplianceRules(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	require.Equal(t, servertest.Result{Err: "No rules.\n"}, u.run(t, "compliance", "rule", "list"))
	var made struct {
		ID        int64
		MustMatch []string `json:"must_match"`
		Keywords  []string
		Severity  string
	}
	out := u.must(t, "compliance", "rule", "add", "Employee number", "--pattern", `\bEMP-(\d{6})\b`, "--entity", "EMPLOYEE",
		"--severity", "high", "--keyword", "employee", "--keyword", "staff, all", "--must-match", "employee EMP-123456, please")
	require.NoError(t, json.Unmarshal([]byte(out), &made))
	require.Equal(t, []string{"employee", "staff, all"}, made.Keywords, "a comma divides nothing")
	require.Equal(t, []string{"employee EMP-123456, please"}, made.MustMatch)
	require.Equal(t, "high", made.Severity)
	require.Regexp(t, `^ID +NAME .*\n1 +Employee number +EMPLOYEE +custom +high +\\bEMP-`, u.must(t, "compliance", "rule", "list"))
	require.Equal(t, "employee EMP-<EMPLOYEE_1>\n", u.must(t, "redact", "--text", "employee EMP-123456"), "it counts at once")

	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"rule", "add", "x"}, 2, "required flag(s) \"pattern\" not set"},
		{[]string{"rule", "add", "x", "--pattern", "("}, 1, "pattern must be a regular expression in the syntax of RE2"},
		{[]string{"rule", "add", "x", "--pattern", "a", "--must-match", "b"}, 1, "must_match[0] is not found by the rule"},
		{[]string{"rule", "add", "Employee number", "--pattern", "a"}, 1, "already exists"},
		{[]string{"rule", "add", "x", "--pattern", "a", "--severity", "huge"}, 1, "severity must be one of"},
		{[]string{"rule", "delete", "one"}, 2, `"one" is no id: take one from the list`},
		{[]string{"rule", "delete", "9"}, 1, "Compliance rule not found"},
		{[]string{"rule"}, 2, "say what to do, for example: promptmetrics compliance rule list"},
		{[]string{"nothing"}, 2, "unknown command"},
		{nil, 2, "say what to do, for example: promptmetrics compliance scores"},
	} {
		r := u.run(t, append([]string{"compliance"}, c.args...)...)
		require.Equal(t, c.code, r.Code, "%v: %s", c.args, r.Err)
		require.Contains(t, r.Err, c.want)
		require.Equal(t, c.code, strings.Count(r.Err, "\n"), r.Err)
	}
	require.Equal(t, servertest.Result{Err: "Deleted the rule 1.\n"}, u.run(t, "compliance", "rule", "delete", "1"))
	require.Equal(t, "employee EMP-123456\n", u.must(t, "redact", "--text", "employee EMP-123456"))
}

func TestComplianceAllowList(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	require.Equal(t, "<EMAIL_1>\n", u.must(t, "redact", "--text", "ann@corp.example.org"))
	require.Contains(t, u.must(t, "compliance", "allow", "add", "corp.example.org", "--kind", "domain", "--entity", "EMAIL_ADDRESS",
		"--reason", "our own", "--expires", "2099-01-31"), `"id": 1`)
	require.Equal(t, "ann@corp.example.org\n", u.must(t, "redact", "--text", "ann@corp.example.org"))
	require.Regexp(t, `\n1 +domain +corp\.example\.org +EMAIL_ADDRESS +2099-01-31 00:00:00 +our own\n`, u.must(t, "compliance", "allow", "list"))
	for want, args := range map[string][]string{
		"kind must be one of":              {"x", "--kind", "near"},
		"expires_at must be in the future": {"x", "--expires", "2001-01-01"},
	} {
		r := u.run(t, append([]string{"compliance", "allow", "add"}, args...)...)
		require.Equal(t, 1, r.Code)
		require.Contains(t, r.Err, want)
	}
	r := u.run(t, "compliance", "allow", "add", "x", "--expires", "soon")
	require.Equal(t, 2, r.Code)
	require.Contains(t, r.Err, "--expires must be a day such as")
	require.Equal(t, servertest.Result{Err: "Deleted the entry 1.\n"}, u.run(t, "compliance", "allow", "delete", "1"))
	require.Equal(t, "<EMAIL_1>\n", u.must(t, "redact", "--text", "ann@corp.example.org"))
}

func TestCompliancePolicy(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	admin := userOf(t, u.server, "--scopes", "read,write,admin")
	policy := func(args ...string) servertest.Result {
		return admin.run(t, append([]string{"compliance", "policy"}, args...)...)
	}
	require.Regexp(t, `when a prompt is published +off\n`, u.must(t, "compliance", "policy", "get"))
	r := u.run(t, "compliance", "policy", "set", "--on-prompt-create", "block")
	require.Equal(t, 1, r.Code)
	require.Contains(t, r.Err, "scope")

	r = policy("set", "--on-prompt-create", "block", "--exclude", "EMAIL_ADDRESS, IP_ADDRESS")
	require.Zero(t, r.Code, r.Err)
	require.Regexp(t, `when a prompt is published +block\n`, r.Out)
	r = policy("set", "--min-confidence", "0.5")
	require.Regexp(t, `when a prompt is published +block\n`, r.Out, "what is not named stays")
	require.Regexp(t, `entities that do not +EMAIL_ADDRESS, IP_ADDRESS\n`, r.Out)
	require.Regexp(t, `least confidence +0\.5\n`, r.Out)

	u.write(t, "card.json", `{"name":"card","version":"1.0.0","messages":[{"role":"user","content":"Pay with 4111 1111 1111 1111"}]}`)
	blocked := u.run(t, "create-prompt", "--file", "card.json")
	require.Equal(t, 1, blocked.Code, "the guard acts")
	require.Regexp(t, `\n\d+ +\S+ \S+ +prompt_create +card +1\.0\.0 +\d+ +\S+ +yes +CREDIT_CARD\n`, u.must(t, "compliance", "scores"))

	t.Run("goes out into a file and back", func(t *testing.T) {
		admin.write(t, "policy.json", admin.must(t, "compliance", "policy", "get", "--json"))
		require.Zero(t, policy("set", "--exclude", "", "--on-prompt-create", "off").Code)
		require.Regexp(t, `entities that do not +none\n`, policy("get").Out)
		require.Zero(t, policy("set", "--file", "policy.json").Code)
		require.Regexp(t, `entities that do not +EMAIL_ADDRESS, IP_ADDRESS\n`, policy("get").Out)
	})
	t.Run("faults", func(t *testing.T) {
		admin.write(t, "odd.json", `{"on_publish":"block"}`)
		admin.write(t, "two.json", `{} {}`)
		for _, c := range []struct {
			args []string
			code int
			want string
		}{
			{nil, 2, "say what to change, for example --on-prompt-create block, or give --file"},
			{[]string{"--json"}, 2, "say what to change"},
			{[]string{"--file", "policy.json", "--keep-raw"}, 2, "--file replaces the whole policy: give it alone"},
			{[]string{"--file", "odd.json"}, 1, `odd.json is no policy: json: unknown field "on_publish"`},
			{[]string{"--file", "two.json"}, 1, "two.json is no policy: more follows after the object"},
			{[]string{"--file", "none.json"}, 1, "no such file"},
			{[]string{"--on-log-ingest", "shout"}, 1, "on_log_ingest must be one of off, warn, block"},
			{[]string{"--min-confidence", "2"}, 1, "min_confidence must be"},
		} {
			r := policy(append([]string{"set"}, c.args...)...)
			require.Equal(t, c.code, r.Code, "%v: %s", c.args, r.Err)
			require.Contains(t, r.Err, c.want)
			require.Empty(t, r.Out)
		}
	})
}

func TestRedact(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	const text = "Write to ann.lee@example.com or to ann.lee@example.com, card 4111 1111 1111 1111.\n"
	const redacted = "Write to <EMAIL_1> or to <EMAIL_1>, card <CREDIT_CARD_1>.\n"
	u.write(t, "mail.txt", text)
	u.write(t, "keys.json", "old")
	require.NoError(t, os.Chmod(filepath.Join(u.Dir, "keys.json"), 0o644)) //nolint:gosec // to see that it does not stay so.

	require.Equal(t, redacted, u.must(t, "redact", "--file", "mail.txt"))
	call := u.Call
	call.In = text
	require.Equal(t, redacted, programs.Run(t, call, "promptmetrics", "redact").Out)
	require.Equal(t, "Write to ***************.com or to ***************.com, card <CREDIT_CARD_1>.\n",
		u.must(t, "redact", "-f", "mail.txt", "--entity", "EMAIL_ADDRESS=mask"))
	require.Contains(t, u.must(t, "redact", "-f", "mail.txt", "--action", "keep"), "ann.lee@example.com")
	require.Equal(t, servertest.Result{Err: "No scores.\n"}, u.run(t, "compliance", "scores"), "nothing is filed")

	out := u.must(t, "redact", "-f", "mail.txt", "--map", "keys.json", "--json")
	require.NotContains(t, out, "ann.lee", "what the tokens stand for is in the file only")
	var answer struct {
		Text     string `json:"redacted_text"`
		Findings []any
	}
	require.NoError(t, json.Unmarshal([]byte(out), &answer))
	require.Equal(t, redacted, answer.Text)
	require.Len(t, answer.Findings, 3)
	data, err := os.ReadFile(filepath.Join(u.Dir, "keys.json"))
	require.NoError(t, err)
	require.Equal(t, "{\n  \"<CREDIT_CARD_1>\": \"4111 1111 1111 1111\",\n  \"<EMAIL_1>\": \"ann.lee@example.com\"\n}\n", string(data))
	info, err := os.Stat(filepath.Join(u.Dir, "keys.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "the text is empty: give --text, --file or standard input"},
		{[]string{"--text", "x", "--file", "mail.txt"}, 2, "none of the others can be"},
		{[]string{"--text", "x", "--action", "eat"}, 1, "default must be one of replace, mask, hash, remove, keep"},
		{[]string{"--text", "x", "--entity", "EMAIL_ADDRESS=eat"}, 1, "actions.EMAIL_ADDRESS must be one of"},
		{[]string{"--text", "x", "--entity", "EMAIL_ADDRESS"}, 2, "--entity must be ENTITY=action, as in EMAIL_ADDRESS=keep"},
		{[]string{"--file", "none.txt"}, 1, "no such file"},
		{[]string{"--text", "x", "--map", "none/keys.json"}, 1, "no such file"},
	} {
		r := u.run(t, append([]string{"redact"}, c.args...)...)
		require.Equal(t, c.code, r.Code, "%v: %s", c.args, r.Err)
		require.Contains(t, r.Err, c.want)
		require.Empty(t, r.Out)
	}
}
