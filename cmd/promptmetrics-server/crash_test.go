package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

const (
	crashWriters = 12
	batchSize    = 5
)

// TestKill ends the server with kill -9 again and again, in the middle of the
// writes of many callers. Afterwards everything that was acknowledged is there,
// nothing is there by half, and the audit log tells exactly what happened.
func TestKill(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		killAgainAndAgain(t, 10)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		killAgainAndAgain(t, 3, "DATABASE_URL="+postgres(t))
	})
}

// killAgainAndAgain is TestKill on one kind of database.
func killAgainAndAgain(t *testing.T, crashes int, env ...string) {
	t.Helper()
	dir := t.TempDir()
	book := newLedger()
	first := programs.Start(t, dir, env...)
	key := first.Key(t, "--scopes", "read,write,admin")
	first.Kill() // with nothing to do
	for round := range crashes {
		s := programs.Start(t, dir, env...)
		awaitSync(t, s)
		book.check(t, s, key)
		write(t, s, key, book, round)
	}
	s := programs.Start(t, dir, env...)
	awaitSync(t, s)
	book.check(t, s, key)
	book.checkAudit(t, s, key)
	fsck := programs.Run(t, servertest.Call{Dir: dir}, "git", "--git-dir=data/prompts.git", "fsck", "--full", "--strict")
	require.Zero(t, fsck.Code, fsck.Err)
	s.Stop(t)
	t.Logf("acknowledged: %s", book)
}

// awaitSync waits until the server has looked for what a crash left behind.
func awaitSync(t *testing.T, s *servertest.Server) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, answer := s.Ask(t, "", "GET", "/health/deep", "")
		return strings.Contains(answer, `"status":"ok"`) && !strings.Contains(answer, `"gitSyncLastRun":null`)
	}, 20*time.Second, 20*time.Millisecond)
}

// write lets the writers work for a moment and kills the server meanwhile.
func write(t *testing.T, s *servertest.Server, key string, book *ledger, round int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var writers sync.WaitGroup
	for w := range crashWriters {
		writers.Go(func() {
			v := &crashWriter{server: s, key: key, book: book, name: fmt.Sprintf("r%dw%d", round, w)}
			for n := w; ctx.Err() == nil; n++ {
				if !v.step(ctx, n) {
					return
				}
			}
		})
	}
	before := book.acknowledged()
	moment := 50 + rand.IntN(400) //nolint:gosec // any moment will do.
	require.Eventually(t, func() bool { return book.acknowledged() >= before+moment }, 20*time.Second, time.Millisecond,
		"the writers get nothing done")
	s.Kill()
	stop()
	writers.Wait()
}

// ledger is what was attempted, and what of it was acknowledged.
type ledger struct {
	mu     sync.Mutex
	things map[string]map[string]*thing // by kind, then by a name of ours
	count  int
	// batches is how many batches of logs check has found.
	batches int
}

// thing is one mutation.
type thing struct {
	acknowledged bool
	// id that the server gave; 0 if it never answered.
	id int64
}

// The kinds of mutations.
const (
	aPrompt, aLabel   = "prompt", "label"
	aLog, aBatch      = "log", "batch"
	aTrace, someSpans = "trace", "spans"
	aRun, aRunEnd     = "run", "run's end"
)

func newLedger() *ledger {
	l := &ledger{things: map[string]map[string]*thing{}}
	for _, kind := range []string{aPrompt, aLabel, aLog, aBatch, aTrace, someSpans, aRun, aRunEnd} {
		l.things[kind] = map[string]*thing{}
	}
	return l
}

func (l *ledger) attempt(kind, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.things[kind][name] = &thing{}
}

func (l *ledger) acknowledge(kind, name string, id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*l.things[kind][name] = thing{acknowledged: true, id: id}
	l.count++
}

func (l *ledger) acknowledged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// String counts what was acknowledged, and what was left in doubt.
func (l *ledger) String() string {
	var parts []string
	for _, kind := range []string{aPrompt, aLabel, aLog, aBatch, aTrace, someSpans, aRun, aRunEnd} {
		sure := 0
		for _, one := range l.things[kind] {
			if one.acknowledged {
				sure++
			}
		}
		parts = append(parts, fmt.Sprintf("%s %d of %d", kind, sure, len(l.things[kind])))
	}
	return strings.Join(parts, ", ")
}

// crashWriter is one caller. What it adds to, it has seen acknowledged.
type crashWriter struct {
	server             *servertest.Server
	key, name          string
	book               *ledger
	prompt, trace, run string
}

// step makes one mutation, and reports false when the server is gone.
func (w *crashWriter) step(ctx context.Context, n int) bool {
	op := fmt.Sprintf("%s-%d", w.name, n)
	log := func(i int) string {
		return fmt.Sprintf(`{"prompt_name":"p","version_tag":"1.0.0","tokens_in":%d,"metadata":{"op":%q}}`, i, op)
	}
	switch n % 8 {
	case 0:
		w.prompt = ""
		return w.do(ctx, aPrompt, op+" 1.0.0", 201, "POST", "/v1/prompts",
			fmt.Sprintf(`{"name":%q,"version":"1.0.0","messages":[{"role":"user","content":"Hello {{name}}, this is %s"}]}`, op, op),
			func() { w.prompt = op })
	case 1:
		if w.prompt == "" {
			return true
		}
		return w.do(ctx, aLabel, w.prompt, 201, "POST", "/v1/prompts/"+w.prompt+"/labels", `{"name":"production","version_tag":"1.0.0"}`, nil)
	case 2:
		return w.do(ctx, aLog, op, 202, "POST", "/v1/logs", log(0), nil)
	case 3:
		var logs []string
		for i := range batchSize {
			logs = append(logs, log(i))
		}
		return w.do(ctx, aBatch, op, 202, "POST", "/v1/logs/batch", `{"logs":[`+strings.Join(logs, ",")+`]}`, nil)
	case 4:
		w.trace = ""
		id := uuid.NewString()
		return w.do(ctx, aTrace, id, 201, "POST", "/v1/traces", fmt.Sprintf(`{"trace_id":%q}`, id), func() { w.trace = id })
	case 5:
		if w.trace == "" {
			return true
		}
		var spans []string
		for i := range batchSize {
			spans = append(spans, fmt.Sprintf(`{"name":"step %d"}`, i))
		}
		return w.do(ctx, someSpans, w.trace, 201, "POST", "/v1/traces/"+w.trace+"/spans/batch", `{"spans":[`+strings.Join(spans, ",")+`]}`, nil)
	case 6:
		w.run = ""
		id := uuid.NewString()
		return w.do(ctx, aRun, id, 201, "POST", "/v1/runs", fmt.Sprintf(`{"run_id":%q,"workflow_name":"crash"}`, id), func() { w.run = id })
	}
	if w.run == "" {
		return true
	}
	return w.do(ctx, aRunEnd, w.run, 200, "PATCH", "/v1/runs/"+w.run, `{"status":"completed","output":{"done":true}}`, nil)
}

// do sends one mutation; an answer to it acknowledges it.
func (w *crashWriter) do(ctx context.Context, kind, name string, want int, method, path, body string, then func()) bool {
	w.book.attempt(kind, name)
	status, answer, err := w.server.Try(ctx, w.key, method, path, body)
	if err != nil || status != want {
		return false // killed, or about to be
	}
	var made struct {
		ID int64 `json:"id"`
	}
	if json.Unmarshal([]byte(answer), &made) != nil {
		return false
	}
	w.book.acknowledge(kind, name, made.ID)
	if then != nil {
		then()
	}
	return true
}
