package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

// folder reads every file below a folder.
func folder(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path) //nolint:gosec // a test's folder.
		name, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(data)
		return err
	}))
	return files
}

func TestExportAndImport(t *testing.T) {
	t.Parallel()
	from, to := newUser(t), newUser(t)
	require.Zero(t, from.server.Run(t, "seed-demo").Code)
	from.write(t, "odd.json", `{"name":"odd_Name-1","version":"1.0.0-rc.1+build.7","zulu":{"b":1,"a":[1.50,1e3,12345678901234567890]},
		"messages":[{"role":"user","content":"<b> & ☃ \u2028 {{x}}","weight":3}],"variables":{"x":{"type":"number","default":1.0,"note":"n"}},
		"model_config":{"model":"m","logit_bias":{"50256":-100}},"tags":["a","b c"]}`)
	from.must(t, "create-prompt", "--file", "odd.json")
	for i := range 120 { // more than a page of versions
		from.write(t, fmt.Sprintf("many/%03d.json", i), strings.Replace(welcome, "1.0.0", fmt.Sprintf("1.%d.0", i), 1))
	}
	require.Equal(t, "Imported 120 versions, skipped 0 that were there, set 0 labels and 0 pins\n", from.must(t, "import", "--dir", "many"))
	from.must(t, "activate", "welcome", "1.7.0")

	require.Equal(t, "Exported 129 versions and 6 labels\n", from.must(t, "export", "--out", "backup"))
	first := folder(t, filepath.Join(from.Dir, "backup"))
	require.Len(t, first, 129+2)
	require.Equal(t, "welcome 1.7.0\n", first["pins.txt"])
	require.Contains(t, first["labels.json"], `"support-reply": {
    "production": "1.1.0",
    "staging": "2.0.0-beta.1"
  }`)

	r := to.run(t, "import", "--dir", filepath.Join(from.Dir, "backup"))
	require.Equal(t, servertest.Result{Out: "Imported 129 versions, skipped 0 that were there, set 6 labels and 1 pins\n"}, r)
	to.must(t, "export", "--out", "again")
	require.Equal(t, first, folder(t, filepath.Join(to.Dir, "again")), "nothing is lost on the way")
	require.Contains(t, to.must(t, "get-prompt", "welcome", "--raw"), `"version_tag": "1.7.0"`)
	require.Contains(t, to.must(t, "versions", "welcome", "--json")[:200], `"1.119.0"`, "published in the order of versions")

	t.Run("an import may be repeated", func(t *testing.T) {
		require.Equal(t, "Imported 0 versions, skipped 129 that were there, set 0 labels and 0 pins\n", to.must(t, "import", "--dir", "again"))
	})
	t.Run("what was moved meanwhile is moved back", func(t *testing.T) {
		to.must(t, "add-label", "support-reply", "production", "--version", "1.0.0")
		to.must(t, "activate", "welcome", "--unpin")
		require.Equal(t, "Imported 0 versions, skipped 129 that were there, set 1 labels and 1 pins\n", to.must(t, "import", "--dir", "again"))
	})
	t.Run("as JSON", func(t *testing.T) {
		require.JSONEq(t, `{"created":0,"skipped":129,"labels":0,"pins":0,"failures":[]}`, to.must(t, "import", "--dir", "again", "--json"))
		require.JSONEq(t, `{"versions":129,"labels":6,"failures":[]}`, to.must(t, "export", "--out", "again", "--json"))
	})
	t.Run("the folder is a fallback for programs, and a prompt repository can be imported", func(t *testing.T) {
		clone := programs.Run(t, to.Call, "git", "clone", "-q", filepath.Join(from.server.Call.Dir, "data", "prompts.git"), "clone")
		require.Zero(t, clone.Code, clone.Err)
		third := newUser(t)
		out := third.must(t, "import", "--dir", filepath.Join(to.Dir, "clone"))
		require.Equal(t, "Imported 129 versions, skipped 0 that were there, set 0 labels and 0 pins\n", out)
	})
}

func TestImportGoesOnAfterFaults(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.write(t, "in/prompts/welcome/1.0.0.json", welcome)
	u.write(t, "in/prompts/welcome/1.1.0.json", welcome) // another version inside
	u.write(t, "in/broken.json", "{")
	u.write(t, "in/faulty.yml", "name: a b\nversion: x\nmessages: []\n")
	u.write(t, "in/sub/deep/fine.yaml", "name: fine\nversion: 1.0.0\nmessages: [{role: user, content: Hi}]\n")
	u.write(t, "in/twin.json", strings.Replace(welcome, "Hello", "Ciao", 1)) // the same version, another content
	u.write(t, "in/.git/config.json", "{")
	u.write(t, "in/README.md", "not a prompt")
	u.write(t, "in/labels.json", `{"welcome":{"production":"1.0.0","bad name":"1.0.0","future":"9.0.0"},"nobody":{"x":"1.0.0"}}`)
	u.write(t, "in/pins.txt", "welcome 1.0.0\nnonsense\nnobody 1.0.0\n")
	require.NoError(t, os.Symlink("/etc/hostname", filepath.Join(u.Dir, "in", "leads-out.json")))
	require.NoError(t, os.Mkdir(filepath.Join(u.Dir, "in", "workspaces"), 0o700))

	r := u.run(t, "import", "--dir", "in")
	require.Equal(t, 1, r.Code)
	require.Equal(t, "Imported 2 versions, skipped 0 that were there, set 1 labels and 1 pins\n", r.Out)
	lines := strings.Split(strings.TrimSpace(r.Err), "\n")
	for i, want := range []string{
		`Left the folder "workspaces" alone; import its parts one by one with --workspace.`,
		"promptmetrics: broken.json: Invalid JSON body: unexpected end of JSON input",
		"promptmetrics: faulty.yml: name must be 1 to 128 letters, digits, '_' or '-'; version must be semantic (e.g. 1.0.0) and at most 64 characters; messages must have at least one message",
		"promptmetrics: leads-out.json: path escapes from parent",
		"promptmetrics: prompts/welcome/1.1.0.json: it holds welcome 1.0.0, its path says otherwise",
		"promptmetrics: twin.json: prompts/welcome/1.0.0.json holds welcome 1.0.0 already",
		"promptmetrics: pins.txt: line 2 must hold a name and a version",
		"promptmetrics: labels.json: nobody x: Prompt not found",
		"promptmetrics: labels.json: welcome bad name: name must be 1 to 128 letters, digits, '_', '.' or '-'",
		"promptmetrics: labels.json: welcome future: ",
		"promptmetrics: pins.txt: nobody: Prompt not found",
		"promptmetrics: 10 things were left out",
	} {
		require.True(t, strings.HasPrefix(lines[i], want), "%s\nis not\n%s", lines[i], want)
	}
	require.Len(t, lines, 12)
	require.Contains(t, u.must(t, "get-prompt", "welcome", "--label", "production", "--var", "name=x"), "Hello x!")

	t.Run("a version that exists with another content is left as it is", func(t *testing.T) {
		u.write(t, "other/welcome.json", strings.Replace(welcome, "Hello", "Ciao", 1))
		r := u.run(t, "import", "--dir", "other")
		require.Equal(t, 1, r.Code)
		require.Equal(t, "promptmetrics: welcome.json: welcome 1.0.0 exists with another content, and a version cannot be changed: give the file a new version\n"+
			"promptmetrics: 1 thing was left out\n", r.Err)
		require.Contains(t, u.must(t, "get-prompt", "welcome", "--var", "name=x"), "Hello x!")
	})
	t.Run("a folder without prompts is a mistake", func(t *testing.T) {
		u.write(t, "empty/README.md", "")
		require.Equal(t, servertest.Result{
			Code: 1, Out: "Imported 0 versions, skipped 0 that were there, set 0 labels and 0 pins\n",
			Err: "promptmetrics: empty holds no prompt files (.json, .yaml, .yml)\n",
		}, u.run(t, "import", "--dir", "empty"))
	})
	t.Run("the members of another order are the same prompt", func(t *testing.T) {
		var members map[string]any
		require.NoError(t, json.Unmarshal([]byte(welcome), &members))
		sorted, err := json.Marshal(members)
		require.NoError(t, err)
		u.write(t, "sorted/w.json", string(sorted))
		require.Equal(t, "Imported 0 versions, skipped 1 that were there, set 0 labels and 0 pins\n", u.must(t, "import", "--dir", "sorted"))
	})
}

func TestImportStopsWhereGoingOnIsHopeless(t *testing.T) {
	t.Parallel()
	s := programs.Start(t, t.TempDir())
	u := userOf(t, s, "--scopes", "read")
	for i := range 30 {
		u.write(t, fmt.Sprintf("in/p%02d.json", i), strings.Replace(welcome, "welcome", fmt.Sprintf("p%02d", i), 1))
	}
	r := u.run(t, "import", "--dir", "in")
	require.Equal(t, 1, r.Code)
	require.Equal(t, 1, strings.Count(r.Err, "\n"), "one reason, not thirty: %s", r.Err)
	require.Regexp(t, `^promptmetrics: p\d\d\.json: `, r.Err)
	u.Env = []string{"PROMPTMETRICS_URL=" + s.URL, "PROMPTMETRICS_API_KEY=pm_wrong"}
	r = u.run(t, "import", "--dir", "in")
	require.Equal(t, 1, r.Code)
	require.Regexp(t, `^promptmetrics: p\d\d\.json: API key is invalid; check`, r.Err)
	require.Equal(t, 1, strings.Count(r.Err, "\n"))
}

func TestImportSitsOutTheRateLimit(t *testing.T) {
	t.Parallel()
	u := newUser(t, "RATE_LIMIT_MAX_REQUESTS=10", "RATE_LIMIT_WINDOW_MS=1000")
	for i := range 25 {
		u.write(t, fmt.Sprintf("in/p%02d.json", i), strings.Replace(welcome, "welcome", fmt.Sprintf("p%02d", i), 1))
	}
	require.Equal(t, "Imported 25 versions, skipped 0 that were there, set 0 labels and 0 pins\n", u.must(t, "import", "--dir", "in"))
}
