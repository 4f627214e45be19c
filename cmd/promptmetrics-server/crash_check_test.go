package main_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

// everything pages through a list.
func everything[T any](t *testing.T, s *servertest.Server, key, path string) []T {
	t.Helper()
	var all []T
	for cursor := ""; ; {
		status, answer := s.Ask(t, key, "GET", path+"?limit=100&cursor="+url.QueryEscape(cursor), "")
		require.Equal(t, 200, status, answer)
		var list struct {
			Items []T    `json:"items"`
			Next  string `json:"nextCursor"`
			Total int    `json:"total"`
		}
		require.NoError(t, json.Unmarshal([]byte(answer), &list))
		all = append(all, list.Items...)
		if cursor = list.Next; cursor == "" {
			require.Len(t, all, list.Total, "the total of %s", path)
			return all
		}
	}
}

// found counts what a list holds, by the names of the ledger.
type found map[string]int

// check compares the server with the ledger: what was acknowledged is there,
// what is there was attempted, and nothing is there by half.
func (l *ledger) check(t *testing.T, s *servertest.Server, key string) {
	t.Helper()
	require.Empty(t, l.faults)
	l.checkPrompts(t, s, key)
	l.checkLogs(t, s, key)
	l.checkTraces(t, s, key)
	l.checkRuns(t, s, key)
}

// compare wants each thing whole, or not at all if it was not acknowledged.
func (l *ledger) compare(t *testing.T, kind string, have found, whole int) {
	t.Helper()
	for name, one := range l.things[kind] {
		switch n := have[name]; {
		case n == whole:
		case n == 0 && !one.acknowledged:
		case n == 0:
			t.Errorf("%s %s was acknowledged and is lost", kind, name)
		default:
			t.Errorf("%s %s is there %d times of %d", kind, name, n, whole)
		}
	}
	for name := range have {
		require.Contains(t, l.things[kind], name, "nobody asked for this %s", kind)
	}
}

// parallel asks for many things side by side.
func parallel[T any](t *testing.T, things []T, ask func(T) error) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(8)
	for _, one := range things {
		group.Go(func() error { return ask(one) })
	}
	require.NoError(t, group.Wait())
}

func (l *ledger) checkPrompts(t *testing.T, s *servertest.Server, key string) {
	t.Helper()
	type summary struct {
		Name   string   `json:"name"`
		Latest string   `json:"latest_version"`
		Labels []string `json:"labels"`
	}
	prompts, labels := found{}, found{}
	all := everything[summary](t, s, key, "/v1/prompts")
	for _, p := range all {
		prompts[p.Name+" "+p.Latest]++
		for range p.Labels {
			labels[p.Name]++
		}
	}
	l.compare(t, aPrompt, prompts, 1)
	l.compare(t, aLabel, labels, 1)
	parallel(t, all, func(p summary) error {
		path := "/v1/prompts/" + p.Name + "?variables[name]=Ada"
		if len(p.Labels) > 0 {
			path += "&label=" + p.Labels[0]
		}
		status, answer, err := s.Try(t.Context(), key, "GET", path, "")
		if err == nil && (status != 200 || !strings.Contains(answer, "Hello Ada, this is "+p.Name)) {
			err = fmt.Errorf("%s is listed and answers %d: %s", p.Name, status, answer)
		}
		return err
	})
}

func (l *ledger) checkLogs(t *testing.T, s *servertest.Server, key string) {
	t.Helper()
	status, answer := s.Ask(t, key, "GET", "/v1/logs/export", "")
	require.Equal(t, 200, status, answer)
	singles, batches := found{}, found{}
	for line := range strings.Lines(answer) {
		var log struct {
			ID       int64             `json:"id"`
			Metadata map[string]string `json:"metadata"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &log))
		op := log.Metadata["op"]
		if one, single := l.things[aLog][op]; single {
			singles[op]++
			if one.acknowledged {
				require.Equal(t, one.id, log.ID, "the id that was answered")
			}
			one.id = log.ID
		} else {
			batches[op]++
		}
	}
	l.compare(t, aLog, singles, 1)
	l.compare(t, aBatch, batches, batchSize)
	l.batches = len(batches)
}

func (l *ledger) checkTraces(t *testing.T, s *servertest.Server, key string) {
	t.Helper()
	type trace struct {
		ID    string `json:"trace_id"`
		Spans []any  `json:"spans"`
	}
	var mu sync.Mutex
	traces, spans := found{}, found{}
	parallel(t, everything[trace](t, s, key, "/v1/traces"), func(one trace) error {
		status, answer, err := s.Try(t.Context(), key, "GET", "/v1/traces/"+one.ID, "")
		if err == nil && status != 200 {
			err = fmt.Errorf("trace %s is listed and answers %d", one.ID, status)
		}
		if err == nil {
			err = json.Unmarshal([]byte(answer), &one)
		}
		mu.Lock()
		defer mu.Unlock()
		traces[one.ID]++
		if len(one.Spans) > 0 {
			spans[one.ID] = len(one.Spans)
		}
		return err
	})
	l.compare(t, aTrace, traces, 1)
	l.compare(t, someSpans, spans, batchSize)
}

func (l *ledger) checkRuns(t *testing.T, s *servertest.Server, key string) {
	t.Helper()
	runs, ends := found{}, found{}
	for _, run := range everything[struct {
		ID     string          `json:"run_id"`
		Status string          `json:"status"`
		Output map[string]bool `json:"output"`
	}](t, s, key, "/v1/runs") {
		runs[run.ID]++
		if run.Status == "completed" {
			ends[run.ID]++
		}
		require.Equal(t, run.Status == "completed", run.Output["done"], "half of an update")
	}
	l.compare(t, aRun, runs, 1)
	l.compare(t, aRunEnd, ends, 1)
}

// checkAudit wants exactly one entry for each mutation that was acknowledged,
// at most one for those in doubt, and none for anything else. It comes after
// check, which knows what is there.
func (l *ledger) checkAudit(t *testing.T, s *servertest.Server, key string) {
	t.Helper()
	names := map[string]string{} // of the log with an id
	for op, one := range l.things[aLog] {
		if one.id != 0 {
			names[strconv.FormatInt(one.id, 10)] = op
		}
	}
	entries := map[string]found{}
	for kind := range l.things {
		entries[kind] = found{}
	}
	batches := 0
	for _, e := range everything[struct {
		Action  string `json:"action"`
		Prompt  string `json:"prompt_name"`
		Version string `json:"version_tag"`
		Target  string `json:"target_id"`
		Key     string `json:"api_key_name"`
	}](t, s, key, "/v1/audit-logs") {
		switch e.Action {
		case "create_prompt":
			entries[aPrompt][e.Prompt+" "+e.Version]++
		case "label:create":
			entries[aLabel][e.Target]++
		case "log:create":
			require.Contains(t, names, e.Target, "an entry of a log that does not exist")
			entries[aLog][names[e.Target]]++
		case "create_log":
			batches++
		case "trace:create":
			entries[aTrace][e.Target]++
		case "create_span":
			entries[someSpans][e.Target]++
		case "run:create":
			entries[aRun][e.Target]++
		case "run:update":
			entries[aRunEnd][e.Target]++
		case "api_key:create":
			continue
		default:
			t.Errorf("nobody did %s", e.Action)
		}
		require.Equal(t, "test", e.Key)
	}
	delete(entries, aBatch) // their entries name no batch, so they are counted
	for kind, have := range entries {
		l.compare(t, kind, have, 1)
	}
	require.Equal(t, l.batches, batches, "one entry for each batch that is there")
}
