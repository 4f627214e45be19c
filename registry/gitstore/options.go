package gitstore

import (
	"log/slog"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Options configure a [Store].
type Options struct {
	// Path of the bare repository. It is created when it does not exist or is
	// an empty folder. An existing repository keeps its branch, the one that
	// its HEAD names. Required.
	Path string
	// Logger hears of what goes wrong in the background, and of broken locks.
	// Default: nothing is logged.
	Logger *slog.Logger
	// Now gives the time of commits. Default: time.Now.
	Now func() time.Time
	// LockWait is how long a write waits for other processes that hold the
	// repository or its branch before it fails as unavailable. Default: 5s.
	LockWait time.Duration
	// RepackAt is the number of packs, or of hundreds of loose objects, at
	// which the store merges them in the background. Default: 50. Negative:
	// never, for repositories that something else maintains.
	RepackAt int
	// Remote is the repository of a git host that has the last word; the one at
	// Path is its mirror. Default: none.
	Remote *Remote
	// Branches lets workspaces follow a branch of their own, by its name without
	// refs/heads/. Their prompts lie at the top of it, where those of the
	// workspace "default" lie on the repository's own branch, so that a merge
	// moves versions between them. Each needs another branch; at most 16. A
	// branch that does not exist is made from the repository's own, but for one
	// of a remote that has prompts already: there it must exist. Default: none.
	Branches map[workspace.ID]string
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.LockWait == 0 {
		o.LockWait = 5 * time.Second
	}
	if o.RepackAt == 0 {
		o.RepackAt = 50
	}
	if o.Remote != nil {
		remote := o.Remote.withDefaults()
		o.Remote = &remote
	}
	return o
}

func (o Options) validate() error {
	var faults []string
	if o.Path == "" {
		faults = append(faults, "Path is empty: name the folder of the bare git repository that keeps the prompts")
	}
	if o.LockWait < 0 {
		faults = append(faults, "LockWait is negative: give how long a write may wait, or 0 for 5s")
	}
	if o.Remote != nil {
		if err := o.Remote.validate(); err != nil {
			faults = append(faults, pmerr.From(err).Fields...)
		}
	}
	faults = append(faults, o.branchFaults()...)
	if len(faults) > 0 {
		return pmerr.Invalid(faults...)
	}
	return nil
}
