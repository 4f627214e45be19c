// Package transfer copies prompts between a registry and a folder, without
// loss: every version with all its fields and tags, every label, every pin.
//
//	prompts/{name}/{version}.json   a version, as it lies in the prompt store
//	labels.json                     {"welcome": {"production": "1.0.0"}}
//	pins.txt                        a line "welcome 1.0.0" for each pinned version
//
// Such a folder may lie in version control, and a program that uses the client
// package may carry it along as its fallback.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// The parts of a folder.
const (
	promptsFolder    = "prompts"
	workspacesFolder = "workspaces"
	labelsFile       = "labels.json"
	pinsFile         = "pins.txt"
)

// workers is how many prompts are copied side by side. More would only wait for
// the rate limit.
const workers = 4

// Registry is one end of a copy.
type Registry interface {
	registry.Prompts
	registry.Lifecycle
	registry.Labels
}

// Progress hears how far a copy is. Its functions may be nil, and are called by
// one goroutine at a time.
type Progress struct {
	// Begin tells how many steps there will be.
	Begin func(total int)
	// Step tells that one is done.
	Step func()
}

// Failure is something that was left out.
type Failure struct {
	// What is the file, prompt or label.
	What string
	Err  error
}

func (f Failure) String() string {
	return f.What + ": " + strings.TrimPrefix(f.Err.Error(), "Validation failed: ")
}

// hopeless reports that an error will meet everything that follows too.
func hopeless(err error) bool {
	return errors.Is(err, pmerr.ErrUnauthorized) || errors.Is(err, pmerr.ErrUnavailable) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// crew works through tasks side by side, notes what fails, and begins nothing
// new once going on is hopeless. What is under way then ends by itself, so that
// what was done is known.
type crew struct {
	halted   context.Context //nolint:containedctx // of the one run that the crew is for.
	stop     context.CancelCauseFunc
	progress Progress

	mu       sync.Mutex
	failures []Failure
}

// run does every task and returns the failures, sorted, and the hopeless error
// that cut the work short, if any.
func run[T any](ctx context.Context, p Progress, tasks []T, do func(context.Context, *crew, T)) ([]Failure, error) {
	halted, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	c := &crew{halted: halted, stop: stop, progress: p}
	queue := make(chan T)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for task := range queue {
				do(ctx, c, task)
				c.step()
			}
		})
	}
	for _, task := range tasks {
		select {
		case queue <- task:
			continue
		case <-halted.Done():
		}
		break
	}
	close(queue)
	all.Wait()
	slices.SortStableFunc(c.failures, func(a, b Failure) int { return strings.Compare(a.What, b.What) })
	return c.failures, context.Cause(halted)
}

// over reports that nothing new is to be begun.
func (c *crew) over() bool { return c.halted.Err() != nil }

// fail notes a failure, or halts the work if it will meet all that follows.
func (c *crew) fail(what string, err error) {
	if hopeless(err) {
		c.halt(what, err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures = append(c.failures, Failure{what, err})
}

// halt begins nothing new, for the reason that comes first.
func (c *crew) halt(what string, err error) { c.stop(fmt.Errorf("%s: %w", what, err)) }

func (c *crew) step() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.progress.Step != nil {
		c.progress.Step()
	}
}

func (p Progress) begin(total int) {
	if p.Begin != nil {
		p.Begin(total)
	}
}

// every collects all pages of a list.
func every[T any](ctx context.Context, fetch func(context.Context, page.Request) (page.Of[T], error)) ([]T, error) {
	var all []T
	for request := (page.Request{Limit: page.MaxLimit}); ; {
		found, err := fetch(ctx, request)
		if err != nil {
			return nil, err
		}
		all = append(all, found.Items...)
		if found.NextCursor == "" || len(found.Items) == 0 {
			return all, nil
		}
		request.Cursor = found.NextCursor
	}
}
