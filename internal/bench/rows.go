package main

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// few is beside how many logs the big table is measured.
const few = 10_000

// overRows measures lists and metrics over few logs and over many: they should
// take the same time.
func (b *bench) overRows(ctx context.Context) error {
	if err := b.build(ctx); err != nil {
		return err
	}
	sizes := []int{few, b.rows}
	found := make([]map[string]load, len(sizes))
	for i, rows := range sizes {
		folder := b.dir(fmt.Sprintf("rows-%d", i))
		start := time.Now()
		if err := fill(ctx, folder, rows); err != nil {
			return err
		}
		b.row(fmt.Sprintf("%s logs of 30 days stored, one caller", thousands(float64(rows))),
			thousands(float64(rows)/time.Since(start).Seconds())+" rows/s", "")
		var err error
		if found[i], err = b.firstPages(ctx, folder); err != nil {
			return err
		}
	}
	for _, path := range paths() {
		for i, rows := range sizes {
			b.row(fmt.Sprintf("GET %s, %s logs", path, thousands(float64(rows))), found[i][path].latency(), "p99 ≤ 5 ms")
		}
	}
	return nil
}

// paths are the metrics, and first pages of lists.
func paths() []string {
	return []string{
		"/v1/metrics/time-series?window=30d", "/v1/metrics/prompts?window=30d", "/v1/metrics/evaluations?window=30d", "/v1/metrics/activity?window=30d",
		"/v1/logs", "/v1/logs?prompt_name=prompt-7", "/v1/logs?model=gpt-4o&status=ok", "/v1/logs?status=error", "/v1/runs", "/v1/traces", "/v1/audit-logs",
	}
}

func (b *bench) firstPages(ctx context.Context, folder string) (map[string]load, error) {
	p, err := launch(ctx, b.binary, folder, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.stop() }()
	key, err := createKey(ctx, b.binary, folder)
	if err != nil {
		return nil, err
	}
	found := map[string]load{}
	for _, path := range paths() {
		get := request(http.MethodGet, path, key, "")
		if found[path], err = drive(ctx, p.address, 1, b.during/2, http.StatusOK, func(int) []byte { return get }); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Of what fill makes.
const (
	span        = 30 * 24 * time.Hour
	prompts     = 20
	versions    = 5
	evaluations = 20
)

// fill stores logs of the last 30 days, with a run and a trace to about a
// hundred of them, and scores of evaluations on each day. The clock is moved through the
// days, as the server dates what it is sent.
func fill(ctx context.Context, folder string, rows int) (err error) {
	var now atomic.Int64
	begin := time.Now().Add(-span)
	now.Store(begin.UnixMicro())
	pm, err := promptmetrics.New(promptmetrics.Options{
		DataDir: folder, Idle: true, Now: func() time.Time { return time.UnixMicro(now.Load()) },
	})
	if err != nil {
		return err
	}
	defer func() { _ = pm.Close() }()
	ids, err := fillEvaluations(ctx, pm)
	if err != nil {
		return err
	}
	// Few logs are on as many days as many are.
	step := max(1, min(1000, rows/60))
	batch := make([]telemetry.Log, step)
	for done, day := 0, -1; done < rows; done += step {
		past := time.Duration(float64(span) * float64(done) / float64(rows))
		now.Store(begin.Add(past).UnixMicro())
		for i := range batch {
			batch[i] = varied(done + i)
		}
		if _, err := pm.Telemetry.LogBatch(ctx, batch); err != nil {
			return err
		}
		for n := range max(1, step/100) {
			if err := fillRun(ctx, pm, done+n); err != nil {
				return err
			}
		}
		if today := int(past / (24 * time.Hour)); today != day {
			day = today
			if err := fillScores(ctx, pm, ids, day); err != nil {
				return err
			}
		}
	}
	return nil
}

// varied is a call of one of many prompts to one of several models, of which
// one in fifty fails.
func varied(n int) telemetry.Log {
	l := call(n)
	model := []string{"gpt-4o", "gpt-4o-mini", "gpt-4.1", "o3"}[n%4]
	l.Model, l.PromptName, l.VersionTag = &model, fmt.Sprintf("prompt-%d", n%prompts), fmt.Sprintf("1.%d.0", n/prompts%versions)
	if n%50 == 0 {
		l.Status = telemetry.Failed
	}
	return l
}

func fillRun(ctx context.Context, pm *promptmetrics.Client, n int) error {
	trace, err := pm.Telemetry.CreateTrace(ctx, telemetry.Trace{})
	if err != nil {
		return err
	}
	status := []telemetry.RunStatus{telemetry.RunCompleted, telemetry.RunFailed}[n%10/9]
	_, err = pm.Telemetry.CreateRun(ctx, telemetry.Run{
		WorkflowName: fmt.Sprintf("flow-%d", n%7), Status: status, TraceID: &trace.ID, Input: []byte(`{"question":"why?"}`),
	})
	return err
}

func fillEvaluations(ctx context.Context, pm *promptmetrics.Client) (ids []int64, err error) {
	for n := range evaluations {
		e, err := pm.Evals.Create(ctx, eval.Evaluation{Name: fmt.Sprintf("evaluation-%d", n), PromptName: fmt.Sprintf("prompt-%d", n%prompts)})
		if err != nil {
			return nil, err
		}
		ids = append(ids, e.ID)
	}
	return ids, nil
}

func fillScores(ctx context.Context, pm *promptmetrics.Client, ids []int64, day int) error {
	version := "1.0.0"
	for _, id := range ids {
		for n := range 3 {
			if _, err := pm.Evals.AddResult(ctx, id, eval.Result{Score: float64((day+n)%11) / 10, VersionTag: &version}); err != nil {
				return err
			}
		}
	}
	return nil
}
