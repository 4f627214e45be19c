package main_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

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
			v := &crashWriter{send: with(s, key), book: book, name: fmt.Sprintf("r%dw%d", round, w)}
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
	// faults are answers that should not have come.
	faults []string
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

// accuse notes an answer that should not have come.
func (l *ledger) accuse(format string, values ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, fmt.Sprintf(format, values...))
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
