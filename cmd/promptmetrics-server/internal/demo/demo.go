// Package demo fills a workspace with prompts, telemetry, an evaluation, an A/B
// test and scans to look at. It writes through the same interfaces as everybody
// else, so everything carries the time at which it was really recorded, and
// every score was really computed.
package demo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// Registry is where prompts go.
type Registry interface {
	registry.Prompts
	registry.Labels
}

// Telemetry is where logs, traces and runs go.
type Telemetry interface {
	telemetry.Recorder
	telemetry.Reader
}

// Evals is where the dataset, the evaluation and its results go.
type Evals interface {
	eval.Evaluations
	eval.Datasets
}

// Compliance is where scans, a rule and an entry of the allow-list go.
type Compliance interface {
	compliance.Scans
	compliance.Rules
	compliance.AllowList
}

// Workspace is what the demo fills.
type Workspace struct {
	Registry   Registry
	Telemetry  Telemetry
	Evals      Evals
	ABTests    abtest.Tests
	Compliance Compliance
}

// Added counts what was not there before.
type Added struct {
	Versions, Labels, Logs, Traces, Runs    int
	Datasets, Evaluations, Results, ABTests int
	Scores, Rules, Allowances               int
}

// String lists what was added.
func (a Added) String() string {
	return strings.Join([]string{
		count(a.Versions, "prompt version"), count(a.Labels, "label"), count(a.Logs, "log"), count(a.Traces, "trace"), count(a.Runs, "run"),
		count(a.Datasets, "dataset"), count(a.Evaluations, "evaluation"), count(a.Results, "result"), count(a.ABTests, "A/B test"),
		count(a.Scores, "compliance score"), count(a.Rules, "compliance rule"), count(a.Allowances, "allow-list entry"),
	}, ", ")
}

// count writes a number of things.
func count(n int, thing string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(thing, "y"):
		thing = strings.TrimSuffix(thing, "y") + "ies"
	default:
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// Seed adds what is missing. The same call again adds nothing.
func Seed(ctx context.Context, w Workspace, now time.Time) (Added, error) {
	s := &seeder{
		prompts: w.Registry, records: w.Telemetry, evals: w.Evals, tests: w.ABTests, compliance: w.Compliance, now: now,
		random: rand.New(rand.NewPCG(7, 2026)), //nolint:gosec // the same demo every time.
	}
	for _, step := range []func(context.Context) error{s.publish, s.label, s.log, s.trace, s.run, s.evaluate, s.compare, s.guard} {
		if err := step(ctx); err != nil {
			return s.added, err
		}
	}
	return s.added, nil
}

type seeder struct {
	prompts    Registry
	records    Telemetry
	evals      Evals
	tests      abtest.Tests
	compliance Compliance
	now        time.Time
	random     *rand.Rand
	added      Added
	// evaluation is the id of the demo's evaluation; 0 if it is not there, or
	// not the demo's.
	evaluation int64
}

// publish adds the versions in order, so that histories read well.
func (s *seeder) publish(ctx context.Context) error {
	for _, p := range versions() {
		_, err := s.prompts.Get(ctx, p.prompt.Name, registry.Query{Version: p.prompt.Version, Raw: true})
		if err == nil {
			continue
		}
		if !errors.Is(err, pmerr.ErrNotFound) {
			return err
		}
		if _, err := s.prompts.Create(ctx, p.prompt, registry.Signature{Author: p.author, Message: p.message}); err != nil {
			return fmt.Errorf("publish %s %s: %w", p.prompt.Name, p.prompt.Version, err)
		}
		s.added.Versions++
	}
	return nil
}

// label adds labels and moves none: they may have been moved on purpose.
func (s *seeder) label(ctx context.Context) error {
	for _, l := range labels() {
		_, err := s.prompts.Label(ctx, l.prompt, l.name)
		if err == nil {
			continue
		}
		if !errors.Is(err, pmerr.ErrNotFound) {
			return err
		}
		if _, err := s.prompts.SetLabel(ctx, l.prompt, l.name, l.version); err != nil {
			return fmt.Errorf("label %s %s: %w", l.prompt, l.name, err)
		}
		s.added.Labels++
	}
	return nil
}

// mark is the member of metadata by which logs of the demo are known.
const mark, marked = "demo", "seed-demo"

// log records all calls in one batch: all are there, or none.
func (s *seeder) log(ctx context.Context) error {
	filter := telemetry.LogFilter{PromptName: supportReply, Metadata: map[string]string{mark: marked}}
	there, err := s.records.Logs(ctx, filter, page.Request{Limit: 1})
	if err != nil || len(there.Items) > 0 {
		return err
	}
	ids, err := s.records.LogBatch(ctx, s.calls(calls))
	s.added.Logs = len(ids)
	return err
}

// trace records the agents that are not there yet, by ids of their own.
func (s *seeder) trace(ctx context.Context) error {
	for _, t := range s.agents() {
		_, err := s.records.CreateTrace(ctx, t.trace)
		if errors.Is(err, pmerr.ErrConflict) {
			there, err := s.records.Trace(ctx, t.trace.ID)
			if err != nil {
				return err
			}
			if len(there.Spans) > 0 {
				continue
			} // else an earlier run ended between the two calls
		} else if err != nil {
			return err
		}
		if _, err := s.records.AddSpans(ctx, t.trace.ID, t.spans); err != nil {
			return err
		}
		s.added.Traces++
	}
	return nil
}

func (s *seeder) run(ctx context.Context) error {
	for _, r := range s.workflows() {
		_, err := s.records.CreateRun(ctx, r)
		if errors.Is(err, pmerr.ErrConflict) {
			continue
		}
		if err != nil {
			return err
		}
		s.added.Runs++
	}
	return nil
}
