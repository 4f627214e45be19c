package eval_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/eval/evalsuite"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/page"
)

// victim tells a process where to work until it is killed.
type victim struct {
	Dialect             db.Dialect
	Path, URL           string
	Prompts, ModelsHere string
}

const victimVariable = "PROMPTMETRICS_TEST_VICTIM"

// beVictim is the process that TestKill kills: it executes runs.
func beVictim(t *testing.T, text string) {
	t.Helper()
	var v victim
	require.NoError(t, json.Unmarshal([]byte(text), &v))
	s := openSite(t, db.Config{
		Dialect: v.Dialect, Path: v.Path, URL: v.URL, BusyTimeout: 20 * time.Second, Now: time.Now,
	}, v.Prompts, distant(v.ModelsHere))
	s.start(t)
	_, err := io.Copy(io.Discard, os.Stdin) // until the parent is gone
	require.NoError(t, err)
}

// distant is a provider in another process.
type distant string

func (d distant) Ask(ctx context.Context, q eval.Question) (eval.Reply, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, string(d)+"?"+url.Values{"q": {q.Messages[0].Content}}.Encode(), nil)
	if err != nil {
		return eval.Reply{}, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return eval.Reply{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return eval.Reply{}, errors.Join(err, errors.New(res.Status))
	}
	return evalsuite.Reply(string(text), 2), nil
}

func (distant) Embed(context.Context, string, string, []string) ([][]float64, error) {
	return nil, errors.New("no embeddings")
}

func (distant) Check(string) error { return nil }

// TestKill ends a process with kill -9 in the middle of a run of 200 rows. The
// next one goes on, and asks nothing again that has an answer.
func TestKill(t *testing.T) {
	t.Parallel()
	if call, called := os.LookupEnv(victimVariable); called {
		beVictim(t, call)
		return
	}
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		const rows, before, workers = 200, 80, 3
		var mu sync.Mutex
		asked := map[string]int{}
		killed := make(chan struct{})
		models := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			question := r.URL.Query().Get("q")
			mu.Lock()
			asked[question]++
			held := len(asked) > before && asked[question] == 1
			mu.Unlock()
			if held {
				select {
				case <-killed:
				case <-r.Context().Done():
					return
				}
			}
			var n int
			if _, err := fmt.Sscanf(question, "question %d", &n); err != nil {
				http.Error(w, "what?", http.StatusBadRequest)
				return
			}
			answer := "right"
			if n%5 == 0 {
				answer = "wrong"
			}
			_, _ = io.WriteString(w, answer) // a client that is dead does not mind
		}))
		t.Cleanup(models.Close)

		s, _ := newSite(t, e)
		s.model = distant(models.URL)
		home := s.start(t)
		evaluation, dataset := home.ask(t, "m", rows)
		home.stop() // from now on it only watches
		run := home.run(t, "m", evaluation, dataset)

		call, err := json.Marshal(victim{Dialect: s.config.Dialect, Path: s.config.Path, URL: s.config.URL, Prompts: s.folder, ModelsHere: models.URL})
		require.NoError(t, err)
		begin := func() (kill func()) {
			program := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill$", "-test.timeout=5m")
			program.Env = append(os.Environ(), victimVariable+"="+string(call))
			var said bytes.Buffer
			program.Stdout, program.Stderr = &said, &said
			_, err := program.StdinPipe() // it ends with us
			require.NoError(t, err)
			require.NoError(t, program.Start())
			var once sync.Once
			kill = func() {
				once.Do(func() {
					require.NoError(t, program.Process.Kill()) // SIGKILL
					require.Error(t, program.Wait(), "it was killed")
					if t.Failed() {
						t.Log(said.String())
					}
				})
			}
			t.Cleanup(kill)
			return kill
		}

		kill := begin()
		require.Eventually(t, func() bool {
			now, err := home.evals.GetRun(t.Context(), evaluation, run.ID)
			return err == nil && now.Done >= before
		}, time.Minute, 10*time.Millisecond)
		kill()
		finished, err := home.evals.GetRun(t.Context(), evaluation, run.ID)
		require.NoError(t, err)
		require.Equal(t, eval.RunRunning, finished.Status)
		require.Equal(t, before, finished.Done)
		close(killed)

		begin()
		ended := home.await(t, evaluation, run.ID)
		require.Equal(t, eval.RunCompleted, ended.Status, "%+v", ended.Results)
		require.Equal(t, rows, ended.Done)
		require.InDelta(t, 160.0/200, *ended.Score, 1e-12)
		require.InDelta(t, rows*2*evalsuite.USDPerToken, ended.CostUSD, 1e-9)

		mu.Lock()
		defer mu.Unlock()
		require.Len(t, asked, rows)
		twice := 0
		for _, times := range asked {
			require.LessOrEqual(t, times, 2)
			twice += times - 1
		}
		require.LessOrEqual(t, twice, workers, "at most the rows in flight repeat")
		results, err := home.evals.Results(t.Context(), evaluation, eval.ResultFilter{}, page.Request{})
		require.NoError(t, err)
		require.Equal(t, int64(rows), results.Total, "each row left one result")
	})
}
