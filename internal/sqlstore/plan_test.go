package sqlstore_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// sorted are the calls that may sort what an index has found: the spans of one
// trace, and the days of a bounded number of evaluations.
var sorted = map[string]bool{"a trace": true, "trends": true}

var (
	scan     = regexp.MustCompile(`^SCAN (\S+)`)
	subquery = regexp.MustCompile(`^(?:CO-ROUTINE|MATERIALIZE) (\S+)`)
)

// fullScan tells whether a step reads a table from end to end. What a subquery
// has found is read from end to end as well; how it finds it is a step of its
// own.
func fullScan(step string, all []string) bool {
	found := scan.FindStringSubmatch(step)
	if found == nil || strings.Contains(step, "VIRTUAL TABLE") || strings.HasPrefix(step, "SCAN CONSTANT ROW") || strings.HasSuffix(step, "VALUES CLAUSE") {
		return false
	}
	for _, other := range all {
		if of := subquery.FindStringSubmatch(other); of != nil && of[1] == found[1] {
			return false
		}
	}
	return true
}

// TestPlans checks that no call of a request reads a whole table, and that
// lists come in the order of an index. Tables grow to millions of rows; such a
// call would work in every other test.
func TestPlans(t *testing.T) {
	t.Parallel()
	tape := newTape(t)
	n := open(t, db.Config{Dialect: db.SQLite, Pool: tape.DB, Now: time.Now})
	s, index, audit, keys := n.telemetryOf(t, "a"), n.index(t, "a"), n.Audit(in(t, "a")), n.Keys()
	trace, span, runID, keyID := fill(t, n)
	second := timestamp.Of(time.Now())

	ctx := t.Context()
	calls := map[string]func() error{
		"a prompt's pointers": func() error { _, err := index.Pointers(ctx, "p"); return err },
		"a version":           func() error { _, err := index.Record(ctx, "p", "1.0.0"); return err },
		"the version names":   func() error { _, err := index.VersionNames(ctx, "p"); return err },
		"a label":             func() error { _, err := index.Label(ctx, "p", "l0"); return err },
		"publish":             func() error { _, _, err := index.Insert(ctx, version("p", "9.0.0", time.Now())); return err },
		"move a label":        func() error { _, err := index.SetLabel(ctx, "p", "l0", "1.1.0"); return err },
		"delete a label":      func() error { return index.DeleteLabel(ctx, "p", "l1") },
		"pin":                 func() error { return index.SetActive(ctx, "p", "1.0.0") },
		"delete a version": func() error {
			_, err := index.Remove(ctx, "gone", []string{"1.0.0"}, registry.Origin{}, false)
			return err
		},
		"protect":   func() error { return index.SetProtectedLabels(ctx, []string{"l0"}) },
		"a log":     func() error { _, err := s.Record(ctx, "key", call("p")); return err },
		"a batch":   func() error { _, err := s.LogBatch(ctx, callsOf(100)); return err },
		"a trace":   func() error { _, err := s.Trace(ctx, trace); return err },
		"a span":    func() error { _, err := s.Span(ctx, trace, span); return err },
		"add spans": func() error { _, err := s.AddSpans(ctx, trace, []telemetry.Span{{Name: "x"}}); return err },
		"end a span": func() error {
			_, err := s.UpdateSpan(ctx, trace, span, telemetry.SpanUpdate{Status: ptr(telemetry.SpanOK)})
			return err
		},
		"a run": func() error { _, err := s.Run(ctx, runID); return err },
		"open a run": func() error {
			_, err := s.CreateRun(ctx, telemetry.Run{WorkflowName: "w", TraceID: &trace})
			return err
		},
		"update a run": func() error {
			_, err := s.UpdateRun(ctx, runID, telemetry.RunUpdate{Status: ptr(telemetry.RunFailed)})
			return err
		},
		"export":             func() error { return export(ctx, s, telemetry.LogFilter{}) },
		"export of a filter": func() error { return export(ctx, s, telemetry.LogFilter{PromptName: "p", Status: telemetry.Failed}) },
		"find a key":         func() error { _, err := keys.KeyByHash(ctx, [32]byte{1}); return err },
		"touch a key":        func() error { return keys.TouchKeys(ctx, map[int64]time.Time{keyID: time.Now()}) },
		"is there a key":     func() error { _, err := keys.AnyKey(ctx); return err },
		"changes":            func() error { _, err := n.Changes(ctx); return err },
		"a beat":             func() error { _, err := n.Beat(ctx, "n", 1); return err },
		"bury a node":        func() error { return n.Bury(ctx, "n", 7) },
		"health":             func() error { return n.Check(ctx, 7) },
	}
	for name, list := range lists(s, index, audit, keys, second) {
		for way, r := range map[string]page.Request{"first page": {Limit: 2}, "tenth page": {Page: 10, Limit: 2}} {
			calls[name+", "+way] = func() error { _, err := list(ctx, r); return err }
		}
		calls[name+", by cursor"] = func() error {
			next, err := list(ctx, page.Request{Limit: 1})
			if err == nil && next == "" {
				err = fmt.Errorf("%s has only one page", name)
			}
			if err == nil {
				_, err = list(ctx, page.Request{Limit: 1, Cursor: next})
			}
			return err
		}
	}
	for name, do := range calls {
		checkPlans(t, tape, name, do)
	}
	for _, last := range []struct { // they take things away
		name string
		do   func() error
	}{
		{"delete a trace", func() error { return s.DeleteTrace(ctx, trace) }},
		{"delete a run", func() error { return s.DeleteRun(ctx, runID) }},
		{"delete a prompt", func() error {
			_, err := index.Remove(ctx, "r", []string{"1.1.0"}, registry.Origin{}, false)
			return err
		}},
		{"revoke a key", func() error { _, err := keys.DeleteKey(ctx, in(t, "a"), owner(), "a", keyID); return err }},
		{"expire", func() error { _, err := expire(ctx, n, time.Now().Add(time.Hour)); return err }},
	} {
		checkPlans(t, tape, last.name, last.do)
	}
}

func checkPlans(t *testing.T, tape *tape, name string, do func() error) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		var err error
		statements := tape.during(func() { err = do() })
		require.NoError(t, err)
		require.NotEmpty(t, statements)
		for _, statement := range statements {
			steps := tape.plan(t, statement)
			for _, step := range steps {
				require.False(t, fullScan(step, steps) && !mayScan(statement), "%s\nin %s", step, statement)
				require.False(t, strings.Contains(step, "TEMP B-TREE FOR ORDER BY") && !sorted[name], "%s\nin %s", step, statement)
				require.NotContains(t, step, "AUTOMATIC", "an index is missing\nin %s", statement)
			}
		}
	})
}

// mayScan are statements that follow a whole table by design: the keys of all
// workspaces, of which a page takes the first few, and the counters, of which
// each workspace has a handful; the facts about the database, and its nodes, of
// which there are a handful in all. Of the evaluation runs of all workspaces only
// those that are under way are followed, which an index of their own holds.
func mayScan(statement string) bool {
	return strings.Contains(statement, "pm_evaluation_runs") && strings.Contains(statement, "status = 'running' AND") ||
		strings.Contains(statement, `FROM "pm_api_keys" AS "k"`) && !strings.Contains(statement, "workspace_id = ") ||
		strings.Contains(statement, "FROM pm_counters AS c") ||
		strings.HasPrefix(statement, "SELECT name, value FROM pm_state WHERE name LIKE") ||
		statement == "SELECT id, beat FROM pm_nodes"
}

func callsOf(n int) []telemetry.Log { return calls("p", n) }

func export(ctx context.Context, s *telemetry.Service, f telemetry.LogFilter) error {
	for _, err := range s.ExportLogs(ctx, f) {
		if err != nil {
			return err
		}
	}
	return nil
}

// lists are all lists in all the ways that an index is meant for; they return
// the cursor of the next page.
func lists(
	s *telemetry.Service, index registry.Index, audit access.AuditLog, keys access.KeyStore, second timestamp.Time,
) map[string]func(context.Context, page.Request) (string, error) {
	type list = func(context.Context, page.Request) (string, error)
	hour := timestamp.Of(second.Add(time.Hour))
	ago := timestamp.Of(second.Add(-time.Hour))
	logs := func(f telemetry.LogFilter) list {
		return func(ctx context.Context, r page.Request) (string, error) {
			p, err := s.Logs(ctx, f, r)
			return p.NextCursor, err
		}
	}
	traces := func(f telemetry.TraceFilter) list {
		return func(ctx context.Context, r page.Request) (string, error) {
			p, err := s.Traces(ctx, f, r)
			return p.NextCursor, err
		}
	}
	runs := func(f telemetry.RunFilter) list {
		return func(ctx context.Context, r page.Request) (string, error) {
			p, err := s.Runs(ctx, f, r)
			return p.NextCursor, err
		}
	}
	entries := func(f access.AuditFilter) list {
		return func(ctx context.Context, r page.Request) (string, error) {
			p, err := audit.Entries(ctx, f, r)
			return p.NextCursor, err
		}
	}
	prompts := func(f registry.Filter) list {
		return func(ctx context.Context, r page.Request) (string, error) {
			p, err := index.List(ctx, f, r)
			return p.NextCursor, err
		}
	}
	return map[string]list{
		"logs":                    logs(telemetry.LogFilter{}),
		"logs of a prompt":        logs(telemetry.LogFilter{PromptName: "p"}),
		"logs of a version":       logs(telemetry.LogFilter{PromptName: "p", VersionTag: "1.0.0"}),
		"logs of a model":         logs(telemetry.LogFilter{Model: "m", Provider: "o"}),
		"logs that failed":        logs(telemetry.LogFilter{Status: telemetry.Failed}),
		"logs that went well":     logs(telemetry.LogFilter{Status: telemetry.OK}),
		"logs of a trace":         logs(telemetry.LogFilter{TraceID: "t"}),
		"logs of a time":          logs(telemetry.LogFilter{From: ago, To: hour}),
		"logs of a prompt's time": logs(telemetry.LogFilter{PromptName: "p", From: ago, To: hour}),
		"logs by metadata":        logs(telemetry.LogFilter{Metadata: map[string]string{"user": "ada"}}),
		"traces":                  traces(telemetry.TraceFilter{}),
		"traces of a prompt":      traces(telemetry.TraceFilter{PromptName: "p"}),
		"traces of a time":        traces(telemetry.TraceFilter{From: ago, To: hour}),
		"runs":                    runs(telemetry.RunFilter{}),
		"runs of a status":        runs(telemetry.RunFilter{Status: telemetry.RunRunning}),
		"runs of a workflow":      runs(telemetry.RunFilter{WorkflowName: "w"}),
		"runs of both":            runs(telemetry.RunFilter{WorkflowName: "w", Status: telemetry.RunRunning}),
		"audit":                   entries(access.AuditFilter{}),
		"audit of an action":      entries(access.AuditFilter{Action: "label:create"}),
		"audit of a mass action":  entries(access.AuditFilter{Action: "log:create"}),
		"audit of a time":         entries(access.AuditFilter{From: ago, To: hour}),
		"prompts":                 prompts(registry.Filter{}),
		"prompts by name":         prompts(registry.Filter{Query: "p"}),
		"prompts by tag":          prompts(registry.Filter{Tag: "tag-1.1.0"}),
		"prompts by label":        prompts(registry.Filter{Label: "l0"}),
		"versions": func(ctx context.Context, r page.Request) (string, error) {
			p, err := index.Versions(ctx, "p", r)
			return p.NextCursor, err
		},
		"history": func(ctx context.Context, r page.Request) (string, error) {
			p, err := index.History(ctx, "p", r)
			return p.NextCursor, err
		},
		"labels": func(ctx context.Context, r page.Request) (string, error) {
			p, err := index.Labels(ctx, "p", r)
			return p.NextCursor, err
		},
		"keys": func(ctx context.Context, r page.Request) (string, error) {
			p, err := keys.ListKeys(ctx, "a", r)
			return p.NextCursor, err
		},
		"keys of all": func(ctx context.Context, r page.Request) (string, error) {
			p, err := keys.ListKeys(ctx, access.Master, r)
			return p.NextCursor, err
		},
	}
}

// fill makes at least three of everything, so that every list has pages.
func fill(t *testing.T, n *node) (trace, span, runID string, keyID int64) {
	t.Helper()
	s, index := n.telemetryOf(t, "a"), n.index(t, "a")
	for i := range 3 {
		for _, name := range []string{"p", "q", "p2"} {
			_, _, err := index.Insert(t.Context(), version(name, fmt.Sprintf("1.%d.0", i), time.Now()))
			require.NoError(t, err)
		}
		for _, name := range []string{"p", "q", "p2"} {
			_, err := index.SetLabel(t.Context(), name, fmt.Sprint("l", i), "")
			require.NoError(t, err)
		}
		for _, status := range []telemetry.Status{telemetry.OK, telemetry.Failed} {
			l := call("p")
			l.Status, l.Model, l.Provider, l.TraceID = status, ptr("m"), ptr("o"), ptr("t")
			l.Metadata = telemetry.Metadata{"user": []byte(`"ada"`)}
			_, err := s.Log(t.Context(), l)
			require.NoError(t, err)
		}
		made, err := s.CreateTrace(t.Context(), telemetry.Trace{PromptName: ptr("p")})
		require.NoError(t, err)
		spans, err := s.AddSpans(t.Context(), made.ID, []telemetry.Span{{Name: "x"}, {Name: "y"}})
		require.NoError(t, err)
		r, err := s.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w", TraceID: &made.ID})
		require.NoError(t, err)
		key, err := n.Keys().InsertKey(t.Context(), in(t, "a"), owner(), access.StoredKey{
			Key: access.Key{Name: "k", Workspace: "a", Scopes: access.Scopes{access.Read}}, Hash: [32]byte{byte(i)},
		})
		require.NoError(t, err)
		trace, span, runID, keyID = made.ID, spans[0].ID, r.ID, key.ID
	}
	// "tag-1.1.0" is found on prompts whose latest version carries it.
	for _, name := range []string{"r", "s", "t", "gone"} {
		_, _, err := index.Insert(t.Context(), version(name, "1.1.0", time.Now()))
		require.NoError(t, err)
	}
	_, _, err := n.index(t, "a").Insert(t.Context(), version("gone", "1.0.0", time.Now()))
	require.NoError(t, err)
	return trace, span, runID, keyID
}
