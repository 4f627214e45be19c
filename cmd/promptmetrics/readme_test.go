package main_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
)

// TestReadme runs the commands of the README's five minutes, by copy and paste,
// against a server with a played provider.
func TestReadme(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"curl", "git", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the README uses %s, which is not here", tool)
		}
	}
	models := httptest.NewServer(&providertest.OpenAI{Answer: func(q providertest.Question) providertest.Answer {
		return providertest.Answer{Text: "You said: " + q.LastUser()}
	}})
	defer models.Close()
	dir := t.TempDir()
	s := programs.Start(t, dir, "OPENAI_API_KEY=sk-played", "OPENAI_BASE_URL="+models.URL+"/v1")

	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	_, tour, found := strings.Cut(string(text), "\n## Five minutes\n")
	require.True(t, found)
	tour, _, found = strings.Cut(tour, "\n### Embed\n")
	require.True(t, found)
	script := []string{"set -e"}
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(tour, -1) {
		for _, line := range strings.Split(block[1], "\n") {
			if line == "go run ./cmd/promptmetrics-server" || line == "go build -o bin/ ./cmd/..." {
				continue // the server runs, and the programs are there
			}
			script = append(script, strings.ReplaceAll(line, "http://localhost:3000", s.URL))
		}
	}
	require.Greater(t, len(script), 50)
	r := programs.Run(t, servertest.Call{Dir: dir, Env: append(s.Call.Env, "PROMPTMETRICS_URL="+s.URL, "TZ=UTC")},
		"sh", "-c", strings.Join(script, "\n"))
	require.Zero(t, r.Code, "%s\n%s", r.Out, r.Err)
	for _, said := range []string{
		`"content": "Hello Alice!"`, "Greet people by name", `"name": "fetch-prompt"`,
		// What the README shows of the evaluation.
		"ROW  SCORE  OUTPUT        WHY\n2    0.5    Hello there!  contains: missing \"Bob\"\n" +
			"Run 1 of evaluation 1 completed: 2 of 2 rows, score 0.75, 1 passed\n",
		"B wins: version 1.1.0 of welcome, by latency from scores (p 0.003691).\n", `"winner": "B"`,
		"Write to <EMAIL_1>\n", "You said: Hello Ada!", "P95 MS",
	} {
		require.Contains(t, r.Out, said)
	}
	require.NotContains(t, r.Out, `"code":`, "no answer is an error")
}
