package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Reconciled says what a reconciliation did.
type Reconciled struct {
	// Indexed versions were found in the prompt store and are now served;
	// Removed ones were deleted there.
	Indexed, Removed int
	// Problems name files that were left out, and why.
	Problems []string
}

// ReconcilerName is the author of deletions that people made in the prompt store.
const ReconcilerName = "reconciler"

// reconcileActor does what no caller did.
var reconcileActor = workspace.Actor{Name: ReconcilerName, Admin: true}

// reconcileWorkers write side by side, so that they share commits.
const reconcileWorkers = 32

// Reconcile brings the index to the state of the prompt store: it indexes what
// people committed and what a crash left unindexed, and forgets what people
// deleted. A broken file is a problem to report and hides nothing else.
//
// full compares everything instead of what changed since the last time. Only
// then does the index forget what the store does not have although the store
// does not know the state that was indexed last: that looks the same as a store
// that was mistaken for another, whose prompts must not be lost for it.
func (r *Registry) Reconcile(ctx context.Context, full bool) (Reconciled, error) {
	select {
	case r.reconciling <- struct{}{}:
		defer func() { <-r.reconciling }()
	case <-ctx.Done():
		return Reconciled{}, ctx.Err()
	}
	since, err := r.index.ContentHead(ctx)
	if err != nil {
		return Reconciled{}, err
	}
	if full {
		since = ""
	}
	return r.reconcile(ctx, since, full)
}

func (r *Registry) reconcile(ctx context.Context, since string, prune bool) (Reconciled, error) {
	run := &reconciliation{registry: r, prune: prune}
	// Both are read before the store is. What is published in between must not
	// look as if its file were missing; what is deleted in between must not come
	// back.
	var err error
	if run.marks, err = r.index.Marks(ctx); err != nil {
		return Reconciled{}, err
	}
	if since == "" {
		if err := r.index.Files(ctx, func(f File) error {
			run.indexed = append(run.indexed, f)
			return nil
		}); err != nil {
			return Reconciled{}, err
		}
	}
	diff, err := r.content.Diff(ctx, since)
	switch {
	case err != nil:
		return Reconciled{}, err
	case diff.Full && since != "": // the history was rewritten, or is another one
		return r.reconcile(ctx, "", false)
	case diff.Head == since && !diff.Full:
		return Reconciled{}, nil
	}
	run.diff = diff
	for _, path := range diff.Strange {
		run.problem(Change{Path: path}, errors.New("is not named like a prompt version, prompts/{name}/{version}.json, or not on the branch that its workspace follows"))
	}
	if err := run.all(ctx); err != nil {
		return Reconciled{}, err
	}
	if err := r.index.EditProblems(ctx, run.problems); err != nil {
		return Reconciled{}, err
	}
	return run.done, r.index.SetContentHead(ctx, diff.Head)
}

// reconciliation is one run.
type reconciliation struct {
	registry *Registry
	diff     Diff
	// indexed is what the index had before the store was read; for a full
	// diff only.
	indexed []File
	// marks say how far each history had come before the store was read.
	marks map[workspace.ID]int64
	// prune lets a full diff remove what has no file.
	prune bool

	mu   sync.Mutex
	done Reconciled
	// found are the problems in the form that anybody may see.
	found []Problem
}

func (c *reconciliation) problem(change Change, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done.Problems = append(c.done.Problems, fmt.Sprintf("%s: %v", change.Path, err))
	p := Problem{Path: change.Path, Reason: reason(err)}
	if change.Name != "" {
		p.Of = change.key()
	}
	c.found = append(c.found, p)
	c.registry.log.Warn("prompt file left out", "path", change.Path, "reason", err)
}

// Problems lists the files of the prompt store that are not served, as of the
// last reconciliation, also of one before a restart. ErrUnavailable.
func (r *Registry) Problems(ctx context.Context) ([]Problem, error) { return r.index.Problems(ctx) }

func (c *reconciliation) all(ctx context.Context) error {
	unknown, err := c.unknown(ctx)
	if err != nil {
		return err
	}
	files := make([]File, 0, len(unknown))
	for _, change := range unknown {
		files = append(files, change.File)
	}
	var origins map[File]Origin
	if len(files) > 0 {
		if origins, err = c.registry.content.Explain(ctx, c.diff.Head, files); err != nil {
			return err
		}
	}
	if err := c.each(ctx, unknown, func(ctx context.Context, change Change) error {
		return c.index(ctx, change, origins[change.File])
	}); err != nil {
		return err
	}
	gone := c.gone()
	if c.diff.Full && !c.prune && len(gone) > 0 {
		c.problem(Change{Path: "prompt store"}, fmt.Errorf("has no file for %d indexed versions, and does not know the state that was indexed: "+
			"check that it is the right one; reindex makes the index forget them", len(gone)))
		return nil
	}
	return c.each(ctx, gone, c.remove)
}

func (c *reconciliation) each(ctx context.Context, changes []Change, do func(context.Context, Change) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(reconcileWorkers)
	for _, change := range changes {
		group.Go(func() error { return do(ctx, change) })
	}
	return group.Wait()
}

// unknown are the changed files that the index does not have. Most changes are
// our own publications, indexed long ago.
func (c *reconciliation) unknown(ctx context.Context) ([]Change, error) {
	var unknown []Change
	for _, change := range c.diff.Changes {
		if change.Ref == "" {
			continue
		}
		have, err := c.at(change.Workspace).Record(ctx, change.Name, change.Version)
		switch {
		case errors.Is(err, pmerr.ErrNotFound):
			unknown = append(unknown, change)
		case err != nil:
			return nil, err
		case have.Ref != change.Ref:
			c.problem(change, errors.New("was changed, but a version is immutable: the first content is still served; commit it as a new version"))
		}
	}
	return unknown, nil
}

func (c *reconciliation) index(ctx context.Context, change Change, origin Origin) error {
	r := c.registry
	data, err := r.content.Workspace(change.Workspace).Read(ctx, change.Ref)
	if errors.Is(err, pmerr.ErrUnavailable) {
		return err
	}
	if err != nil {
		c.problem(change, err)
		return nil
	}
	p, err := ParseFile(change.Path, data)
	if err == nil && (p.Name != change.Name || p.Version != change.Version) {
		err = fmt.Errorf("holds %s %s: %w", p.Name, p.Version, errMisplaced)
	}
	if err != nil {
		c.problem(change, err)
		return nil
	}
	_, inserted, err := c.at(change.Workspace).Insert(ctx, Record{
		Version: Version{
			Name: p.Name, Version: p.Version, CreatedAt: timestamp.Of(origin.At),
			Commit: origin.Commit, Author: origin.Author, Message: origin.Message,
		},
		Ref: change.Ref, Format: change.Format, Tags: p.Tags, After: c.marks[change.Workspace],
	})
	if err != nil {
		return err
	}
	r.resolver.forget(change.Workspace, p.Name)
	if inserted {
		c.mu.Lock()
		c.done.Indexed++
		c.mu.Unlock()
	}
	return nil
}

// gone are the indexed versions whose files no longer exist.
func (c *reconciliation) gone() []Change {
	var gone []Change
	if !c.diff.Full {
		for _, change := range c.diff.Changes {
			if change.Ref == "" {
				gone = append(gone, change)
			}
		}
		return gone
	}
	alive := make(map[File]bool, len(c.diff.Changes))
	for _, change := range c.diff.Changes {
		alive[change.File] = true
	}
	for _, f := range c.indexed {
		if !alive[f] {
			gone = append(gone, Change{File: f, Path: f.Name + "/" + f.Version})
		}
	}
	return gone
}

func (c *reconciliation) remove(ctx context.Context, change Change) error {
	kept, err := c.at(change.Workspace).Remove(ctx, change.Name, []string{change.Version},
		Origin{Commit: c.diff.commitOf(change.Workspace), Author: reconcileActor.Name, Message: "Deleted in the prompt store"}, true)
	switch {
	case errors.Is(err, pmerr.ErrNotFound):
		return nil
	case err != nil:
		return err
	case len(kept) > 0:
		c.problem(change, errors.New("was deleted, but a protected label points at it: it is still served"))
		return nil
	}
	c.registry.resolver.forget(change.Workspace, change.Name)
	c.mu.Lock()
	c.done.Removed++
	c.mu.Unlock()
	return nil
}

func (c *reconciliation) at(id workspace.ID) Index {
	return c.registry.index.Workspace(id, reconcileActor)
}
