package main_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
)

// The run that is killed: so many rows, as many of them at once, and the number
// of questions after which nobody gets an answer any more.
const (
	doubledRows    = 200
	doubledAtOnce  = 4
	doubledAnswers = 2 * 60
)

// TestKillDuringAnEvaluation ends the server with kill -9 in the middle of a
// run. The next server completes it, and asks no model again what was answered
// and kept.
func TestKillDuringAnEvaluation(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		killDuringAnEvaluation(t)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		killDuringAnEvaluation(t, "DATABASE_URL="+postgres(t))
	})
}

func killDuringAnEvaluation(t *testing.T, env ...string) {
	t.Helper()
	model := newDoubler()
	provider := httptest.NewServer(providertest.NewOpenAI(model.answer))
	t.Cleanup(provider.Close)
	dir := t.TempDir()
	env = append(env, "OPENAI_API_KEY=sk-of-a-test", "OPENAI_BASE_URL="+provider.URL+"/v1")
	first := programs.Start(t, dir, env...)
	key := first.Key(t)
	evaluation, dataset := prepareDoubling(t, first, key, doubledRows)

	status, answer := first.Ask(t, key, "POST", fmt.Sprintf("/v1/evaluations/%d/run", evaluation),
		fmt.Sprintf(`{"dataset_id":%d,"concurrency":%d}`, dataset, doubledAtOnce))
	require.Equal(t, 201, status, answer)
	run := idIn(t, answer)

	// Every worker waits for an answer: what is done is done.
	require.Eventually(t, func() bool { return model.waiting() == doubledAtOnce }, time.Minute, 10*time.Millisecond)
	before := rowsOf(t, first, key, evaluation, run)
	require.Eventually(t, func() bool {
		before = rowsOf(t, first, key, evaluation, run)
		return len(before) == model.begun()-doubledAtOnce
	}, time.Minute, 50*time.Millisecond, "what was answered is kept")
	require.InDelta(t, doubledAnswers/2, len(before), doubledAtOnce)
	first.Kill()
	close(model.killed)

	second := programs.Start(t, dir, env...)
	c := clientOf(t, second, key)
	done, err := c.Evals.WaitRun(t.Context(), evaluation, run, 200*time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, eval.RunCompleted, done.Status, "%+v", done.Results)
	require.Equal(t, []int{doubledRows, doubledRows}, []int{done.Done, done.Total})
	require.InDelta(t, doubledScore(), *done.Score, 1e-9)
	require.InDelta(t, 0.825, *done.Score, 1e-9, "worked out by hand")
	require.True(t, *done.Passed)
	// 1,000 tokens in and 500 out of gpt-4o-mini, twice a row.
	require.InDelta(t, doubledRows*2*0.00045, done.CostUSD, 1e-9, "what is paid is counted once a row")

	after := rowsOf(t, second, key, evaluation, run)
	require.Len(t, after, doubledRows)
	asked := model.counts()
	require.Len(t, asked, 2*doubledRows, "each row was answered and judged")
	again := 0
	for question, times := range asked {
		again += times - 1
		if before[question.n] {
			require.Equal(t, 1, times, "%v was finished before the kill", question)
		}
		require.LessOrEqual(t, times, 2, "%v", question)
	}
	require.LessOrEqual(t, again, 2*doubledAtOnce, "at most what was in flight is asked again")
	results, err := c.Evals.Results(t.Context(), evaluation, eval.ResultFilter{}, page.Request{})
	require.NoError(t, err)
	require.Equal(t, int64(doubledRows), results.Total, "each row left one result")
	t.Logf("%d rows were done at the kill, %d questions were asked twice", len(before), again)

	t.Run("the command line passes and fails on the same data", func(t *testing.T) {
		shell := servertest.Call{Dir: t.TempDir(), Env: []string{"PROMPTMETRICS_URL=" + second.URL, "PROMPTMETRICS_API_KEY=" + key}}
		run := func(least string) servertest.Result {
			return programs.Run(t, shell, "promptmetrics", "eval", "run", "doubling", "--dataset", "numbers", "--concurrency", "16", "--min-score", least)
		}
		good := run("0.8")
		require.Zero(t, good.Code, good.Err)
		require.Equal(t, "and 60 more\n", good.Err, "of 80 rows that are below the aim 20 are shown")
		require.Contains(t, good.Out, "completed: 200 of 200 rows, score 0.825, ")
		bad := run("0.83")
		require.Equal(t, 1, bad.Code)
		require.Equal(t, "promptmetrics: the score 0.825 is below 0.83\n", lastLineOf(bad.Err))
	})
	second.Stop(t)
}

// prepareDoubling publishes a prompt that doubles a number, and makes what
// measures it with so many numbers.
func prepareDoubling(t *testing.T, s *servertest.Server, key string, n int) (evaluation, dataset int64) {
	t.Helper()
	make := func(path, body string) int64 {
		status, answer := s.Ask(t, key, "POST", path, body)
		require.Equal(t, 201, status, answer)
		return idIn(t, answer)
	}
	status, answer := s.Ask(t, key, "POST", "/v1/prompts", `{"name":"double","version":"1.0.0",
		"messages":[{"role":"user","content":"How much is {{n}} and {{n}}?"}],"model_config":{"provider":"openai","model":"gpt-4o-mini"}}`)
	require.Equal(t, 201, status, answer)
	var rows []string
	for n := range n {
		rows = append(rows, fmt.Sprintf(`{"input":{"n":"%d"},"expectedOutput":{"answer":"%d"}}`, n+1, 2*(n+1)))
	}
	dataset = make("/v1/datasets", `{"name":"numbers","rows":[`+strings.Join(rows, ",")+`]}`)
	evaluation = make("/v1/evaluations", `{"name":"doubling","prompt_name":"double","criteria":{"min_score":0.8,"rules":[
		{"type":"exact"},
		{"type":"regex","config":{"pattern":"^[0-9]+$"}},
		{"type":"llm_judge","weight":2,"config":{"provider":"openai","model":"gpt-4o-mini","rubric":"Is the sum right?"}}]}}`)
	return evaluation, dataset
}

// doubledScore is the mean over the rows of the weighted mean of the rules.
func doubledScore() float64 {
	sum := 0.0
	for n := 1; n <= doubledRows; n++ {
		exact, regex, judged := 1.0, 1.0, judgement(n)
		switch n % 5 {
		case 0: // "I guess …"
			exact, regex = 0, 0
		case 1: // one too many
			exact = 0
		}
		sum += (exact + regex + 2*judged) / 4
	}
	return sum / doubledRows
}

// judgement is what the judge thinks of a row.
func judgement(n int) float64 {
	if n%2 == 1 {
		return 0.9
	}
	return 1
}

// question is one that a row asks: its answer, or what the judge says of it.
type question struct {
	n     int
	judge bool
}

// doubler is a model that doubles, and judges. It falls silent after some
// questions, until the server that asks is dead.
type doubler struct {
	killed chan struct{}

	mu    sync.Mutex
	asked map[question]int
	held  int
}

func newDoubler() *doubler {
	return &doubler{killed: make(chan struct{}), asked: map[question]int{}}
}

var (
	toDouble = regexp.MustCompile(`^How much is (\d+) and`)
	toJudge  = regexp.MustCompile(`"n":\s*"(\d+)"`)
)

func (d *doubler) answer(q providertest.Question) providertest.Answer {
	ask := question{judge: q.System() != ""}
	pattern := toDouble
	if ask.judge {
		pattern = toJudge
	}
	found := pattern.FindStringSubmatch(q.LastUser())
	if found == nil {
		return providertest.Answer{Status: 400, Message: "not a question of this test"}
	}
	ask.n, _ = strconv.Atoi(found[1]) // digits
	d.mu.Lock()
	d.asked[ask]++
	hold := len(d.asked) > doubledAnswers && d.asked[ask] == 1
	if hold {
		d.held++
	}
	d.mu.Unlock()
	if hold {
		select {
		case <-d.killed:
		case <-q.Gone():
		}
	}
	a := providertest.Answer{Text: strconv.Itoa(2 * ask.n), TokensIn: 1000, TokensOut: 500}
	switch {
	case ask.judge:
		a.Text = fmt.Sprintf(`{"score":%g,"reason":"so it is"}`, judgement(ask.n))
	case ask.n%5 == 0:
		a.Text = "I guess " + a.Text
	case ask.n%5 == 1:
		a.Text = strconv.Itoa(2*ask.n + 1)
	}
	return a
}

// waiting is how many questions have got no answer.
func (d *doubler) waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.held
}

// begun is how many rows were asked.
func (d *doubler) begun() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for q := range d.asked {
		if !q.judge {
			n++
		}
	}
	return n
}

func (d *doubler) counts() map[question]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	asked := make(map[question]int, len(d.asked))
	for q, times := range d.asked {
		asked[q] = times
	}
	return asked
}

func clientOf(t *testing.T, s *servertest.Server, key string) *client.Client {
	t.Helper()
	c, err := client.New(s.URL, client.Options{APIKey: key})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// rowsOf gives the rows of a run that have a result, by the number to double.
func rowsOf(t *testing.T, s *servertest.Server, key string, evaluation, run int64) map[int]bool {
	t.Helper()
	c := clientOf(t, s, key)
	done := map[int]bool{}
	for r := (page.Request{Limit: page.MaxLimit}); ; {
		rows, err := c.Evals.RunRows(t.Context(), evaluation, run, r)
		require.NoError(t, err)
		for _, row := range rows.Items {
			require.Empty(t, row.Error)
			done[int(row.RowID)] = true // the first dataset of a server counts from 1
		}
		if r.Cursor = rows.NextCursor; r.Cursor == "" {
			return done
		}
	}
}

func lastLineOf(text string) string {
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	return lines[len(lines)-1] + "\n"
}

// idIn reads the id of what an answer is about.
func idIn(t *testing.T, answer string) int64 {
	t.Helper()
	var made struct {
		ID int64 `json:"id"`
	}
	require.NoError(t, json.Unmarshal([]byte(answer), &made), answer)
	require.Positive(t, made.ID, answer)
	return made.ID
}
