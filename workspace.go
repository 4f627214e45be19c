package promptmetrics

import (
	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/budget"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/metrics"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/retention"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Handles do everything that can be done in one workspace.
type Handles struct {
	// Registry keeps the prompts.
	Registry *registry.Service
	// Telemetry records logs, traces and runs.
	Telemetry *telemetry.Service
	// Metrics sums up what happened.
	Metrics *metrics.Service
	// Evals keeps evaluations and datasets, and runs them.
	Evals *eval.Service
	// ABTests compares versions of prompts.
	ABTests *abtest.Service
	// Playground calls models.
	Playground *playground.Service
	// Budget bounds what model calls may cost in a month.
	Budget *budget.Service
	// Retention says how long the workspace keeps its telemetry.
	Retention *retention.Service
	// Compliance finds sensitive data in texts and guards the workspace.
	Compliance *compliance.Service
	// Keys manages API keys, with the power of the program's owner.
	Keys access.Keys
	// Audit reads who changed what.
	Audit access.AuditLog
}

// Workspace is an island of prompts and telemetry. Its handles work on nothing
// else.
type Workspace struct {
	Handles

	client *Client
	id     workspace.ID
}

// Workspace gives the workspace of a name: 1 to 128 letters, digits, "_" or
// "-", else ErrBadRequest. A workspace needs no creation.
func (c *Client) Workspace(name string) (*Workspace, error) {
	id, err := workspace.Parse(name)
	if err != nil {
		return nil, err
	}
	return c.In(id, owner), nil
}

// Named finds a workspace by its name or by that of the branch that it follows:
// "main", or however the repository's own branch is called, is the workspace
// "default". A branch goes before a workspace of that name. What can be neither
// is ErrBadRequest.
func (c *Client) Named(name string) (workspace.ID, error) {
	if c.git != nil {
		if id, ok := c.git.Follower(name); ok {
			return id, nil
		}
	}
	return workspace.Parse(name)
}

// owner acts when nobody was named: the program itself, which may do anything.
var owner = workspace.Actor{Admin: true}

// maxInUse is how many workspaces with their actors are kept ready.
const maxInUse = 4096

// use is a workspace in which an actor acts.
type use struct {
	id    workspace.ID
	actor workspace.Actor
}

// In gives a workspace in which an actor acts.
func (c *Client) In(id workspace.ID, actor workspace.Actor) *Workspace {
	if w, ok := c.inUse.GetIfPresent(use{id, actor}); ok {
		c.counts.handles.Hit()
		return w
	}
	c.counts.handles.Miss()
	w := c.bind(id, actor)
	c.inUse.Set(use{id, actor}, w)
	return w
}

// bind makes the handles of a workspace.
func (c *Client) bind(id workspace.ID, actor workspace.Actor) *Workspace {
	w := &Workspace{client: c, id: id}
	w.Registry = c.registry.Workspace(id, actor)
	w.Compliance = c.compliance.Workspace(id, actor, w.Registry)
	w.Telemetry = telemetry.NewService(c.telemetry.Workspace(id, actor), c.prices).Guarded(logGuard{w.Compliance})
	w.Metrics = metrics.NewService(c.store.Metrics(id), w.Telemetry, c.now)
	w.Evals = c.evals(id, actor, w.Telemetry)
	w.ABTests = abtest.NewService(c.experiments.Workspace(id, actor), w.Evals, func(prompt string) { c.registry.Forget(id, prompt) })
	w.Budget = budget.NewService(c.store.Budget(id, actor), c.monthly, c.now)
	w.Retention = retention.NewService(c.store.Retention(id, actor), c.keep)
	w.Playground = c.playground.Workspace(playground.Scope{
		Recorder: w.Telemetry, Budget: w.Budget, Auditor: c.store.Auditor(id, actor),
		Guard: callGuard{w.Compliance},
	})
	w.Keys = c.KeysOf(id, actor, access.Operator())
	w.Audit = c.store.Audit(id)
	return w
}

// As gives the same workspace with another actor: what is changed through it
// is in the audit log under the actor's name.
func (w *Workspace) As(actor workspace.Actor) *Workspace { return w.client.In(w.id, actor) }

// KeysOf manages API keys with no more power than an identity has.
func (c *Client) KeysOf(id workspace.ID, actor workspace.Actor, who access.Identity) access.Keys {
	return access.NewKeyService(c.keys, c.keyring, c.now, id, actor, who)
}
