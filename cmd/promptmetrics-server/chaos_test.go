package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest/pgserver"
	"github.com/promptmetrics-go/promptmetrics/internal/redisserver"
	"github.com/promptmetrics-go/promptmetrics/internal/s3server"
	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
)

// What happens to the service: so many kills, one a second, and with which of
// them PostgreSQL and Redis are restarted.
const (
	chaosKills      = 30
	chaosKillEvery  = time.Second
	chaosAtPostgres = 10
	chaosAtRedis    = 18
	chaosRedisAway  = 3 * time.Second

	chaosLimit  = 300
	chaosWindow = 3 * time.Second
	// chaosPace keeps a writer below the limit of its key.
	chaosPace = 20 * time.Millisecond
	chaosRows = 60
	// evals is the workspace of the run, so that the others is the ledger's alone.
	evals = "evals"
)

// TestChaos runs two nodes on PostgreSQL, S3 and Redis, under load. Every second
// one of the nodes is killed; PostgreSQL is restarted once; Redis stops once, and
// comes back empty. Nothing acknowledged is lost, nothing is there twice, every
// sum is that of its rows, and limits hold.
func TestChaos(t *testing.T) {
	t.Parallel()
	pg, database := durablePostgres(t)
	redis := redisserver.Start(t)
	store := s3server.Start(t)
	model := newDoubler()
	close(model.killed) // it never falls silent
	provider := httptest.NewServer(providertest.NewOpenAI(func(q providertest.Question) providertest.Answer {
		select {
		case <-time.After(300 * time.Millisecond): // so that the run goes on while nodes die
		case <-q.Gone():
		}
		return model.answer(q)
	}))
	t.Cleanup(provider.Close)
	env := inBucket(store, store.Bucket(t), "PROMPT_RECONCILE_INTERVAL_MS=5000",
		"DATABASE_URL="+database, "API_KEY_SALT=one salt for all of the nodes",
		"OPENAI_API_KEY=sk-of-a-test", "OPENAI_BASE_URL="+provider.URL+"/v1")

	first := programs.Start(t, t.TempDir(), env...)
	key := first.Key(t, "--scopes", "read,write,admin")
	runner := first.Key(t, "--workspace", evals)
	h := &hammer{key: anotherKey(t, first, key), limit: chaosLimit, window: chaosWindow, pace: 8 * time.Millisecond}
	var keys []string
	for range crashWriters {
		keys = append(keys, anotherKey(t, first, key))
	}
	evaluation, dataset := prepareDoubling(t, first, runner, chaosRows)
	first.Stop(t)

	nodes := startFleet(t, 2, append(env, "REDIS_URL="+redis.URL(),
		fmt.Sprint("RATE_LIMIT_MAX_REQUESTS=", chaosLimit), fmt.Sprint("RATE_LIMIT_WINDOW_MS=", chaosWindow.Milliseconds()))...)
	answer, err := nodes.send(t.Context(), servertest.Request{
		Key: runner, Method: "POST", Path: fmt.Sprintf("/v1/evaluations/%d/run", evaluation),
		Body: fmt.Sprintf(`{"dataset_id":%d,"concurrency":%d}`, dataset, doubledAtOnce),
	})
	require.NoError(t, err)
	require.Equal(t, 201, answer.Status, answer.Body)
	run := idIn(t, answer.Body)

	book := newLedger()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var load sync.WaitGroup
	load.Go(func() { h.work(ctx, nodes) })
	for i := range crashWriters {
		load.Go(func() { writeOn(ctx, nodes, book, fmt.Sprint("w", i), keys[i], i) })
	}
	began := time.Now()
	killOn(t, nodes, pg, redis)
	lasted := time.Since(began)
	h.quietWindow()
	end()
	load.Wait()
	nodes.stop(t)
	t.Logf("%d kills in %s, %d starts refused; acknowledged: %s", chaosKills, lasted.Round(time.Millisecond), nodes.refused, book)

	last := programs.Start(t, t.TempDir(), env...)
	awaitSync(t, last)
	book.checkHeard(t)
	book.check(t, last, key)
	book.checkAudit(t, last, key)
	book.checkMetrics(t, last, key)
	h.check(t, nodes.whole)
	checkRun(t, last, runner, model, evaluation, run)
	last.Stop(t)
	checkSums(t, database)
}

// killOn kills one node after the other, and starts it again.
func killOn(t *testing.T, nodes *fleet, pg *pgserver.Server, redis redisserver.Server) {
	t.Helper()
	var others sync.WaitGroup
	defer others.Wait()
	tick := time.NewTicker(chaosKillEvery)
	defer tick.Stop()
	for n := range chaosKills {
		<-tick.C
		switch n {
		case chaosAtPostgres:
			others.Go(func() {
				if err := pg.Restart(t.Context()); err != nil {
					t.Error(err)
				}
			})
		case chaosAtRedis:
			others.Go(func() {
				err := redis.Halt(t.Context())
				time.Sleep(chaosRedisAway) // the outage itself
				if err = errors.Join(err, redis.Resume(t.Context())); err != nil {
					t.Error(err)
				}
			})
		}
		nodes.kill(n % len(nodes.nodes))
		nodes.start(t, n%len(nodes.nodes))
	}
}

// writeOn lets a writer work until ctx ends. What it has begun it finishes.
func writeOn(ctx context.Context, nodes *fleet, book *ledger, name, key string, n int) {
	v := &crashWriter{name: name, book: book, stubborn: true}
	// A caller of the API waits for an answer, but not for ever.
	v.send = func(ctx context.Context, r servertest.Request) (answer servertest.Answer, err error) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		r.Key = key
		answer, err = nodes.send(ctx, r)
		for err == nil && answer.Status == 429 { // certainly not done
			time.Sleep(chaosPace)
			answer, err = nodes.send(ctx, r)
		}
		if err != nil {
			time.Sleep(chaosPace) // as the connection is refused at once
		} else if answer.Status > 299 && answer.Status != 503 {
			book.accuse("%s %s %s was answered %d: %s", r.Method, r.Path, r.Body, answer.Status, answer.Body)
		}
		return answer, err
	}
	tick := time.NewTicker(chaosPace)
	defer tick.Stop()
	for ; ; n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		v.step(context.WithoutCancel(ctx), n)
	}
}

// durablePostgres starts a PostgreSQL that keeps what it has acknowledged.
func durablePostgres(t *testing.T) (server *pgserver.Server, url string) {
	t.Helper()
	server, err := pgserver.Start(t.Context(), pgserver.Options{Settings: map[string]string{
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
	}})
	if errors.Is(err, pgserver.ErrNotInstalled) {
		testserver.Missing(t, "PostgreSQL")
	}
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	url, err = server.CreateDatabase(t.Context(), "")
	require.NoError(t, err)
	return server, url
}

// anotherKey makes a key called as the ledger expects it.
func anotherKey(t *testing.T, s *servertest.Server, key string) string {
	t.Helper()
	status, answer := s.Ask(t, key, "POST", "/v1/api-keys", `{"name":"test"}`)
	require.Equal(t, 201, status, answer)
	var made struct {
		Key string `json:"key"`
	}
	require.NoError(t, json.Unmarshal([]byte(answer), &made))
	return made.Key
}

// checkRun wants a run to complete with every row once.
func checkRun(t *testing.T, s *servertest.Server, key string, model *doubler, evaluation, run int64) {
	t.Helper()
	c, err := client.New(s.URL, client.Options{APIKey: key, Workspace: evals})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	done, err := c.Evals.WaitRun(t.Context(), evaluation, run, 200*time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, eval.RunCompleted, done.Status, "%+v", done.Results)
	require.Equal(t, []int{chaosRows, chaosRows}, []int{done.Done, done.Total})
	require.InDelta(t, 0.825, *done.Score, 1e-9, "as of any ten rows in turn")
	require.InDelta(t, chaosRows*2*0.00045, done.CostUSD, 1e-9, "what is paid is counted once a row")
	rows, err := c.Evals.RunRows(t.Context(), evaluation, run, page.Request{Limit: page.MaxLimit})
	require.NoError(t, err)
	require.Len(t, rows.Items, chaosRows)
	results, err := c.Evals.Results(t.Context(), evaluation, eval.ResultFilter{}, page.Request{})
	require.NoError(t, err)
	require.Equal(t, int64(chaosRows), results.Total, "each row left one result")
	asked, again := model.counts(), 0
	require.Len(t, asked, 2*chaosRows)
	for _, times := range asked {
		again += times - 1
	}
	t.Logf("of %d questions of the run %d were asked again", len(asked), again)
}
