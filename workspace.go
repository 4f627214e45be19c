package promptmetrics

import (
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/budget"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/metrics"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Workspace is an island of prompts and telemetry. Its fields work on nothing
// else.
type Workspace struct {
	// Registry keeps the prompts.
	Registry *registry.Service
	// Telemetry records logs, traces and runs.
	Telemetry *telemetry.Service
	// Metrics sums up what happened.
	Metrics *metrics.Service
	// Playground calls models.
	Playground *playground.Service
	// Budget bounds what model calls may cost in a month.
	Budget *budget.Service
	// Compliance finds sensitive data in texts and guards the workspace.
	Compliance *compliance.Service
	// Keys manages API keys, with the power of the program's owner.
	Keys access.Keys
	// Audit reads who changed what.
	Audit access.AuditLog

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

// owner acts when nobody was named: the program itself, which may do anything.
var owner = workspace.Actor{Admin: true}

// In gives a workspace in which an actor acts.
func (c *Client) In(id workspace.ID, actor workspace.Actor) *Workspace {
	w := &Workspace{
		Registry:  c.registry.Workspace(id, actor),
		Telemetry: telemetry.NewService(c.telemetry.Workspace(id, actor), c.prices),
		Budget:    budget.NewService(c.store.Budget(id, actor), c.monthly, c.now),
		Keys:      c.KeysOf(id, actor, access.Operator()),
		Audit:     c.store.Audit(id),
		client:    c,
		id:        id,
	}
	w.Compliance = c.compliance.Workspace(id, actor, w.Registry)
	w.Telemetry = w.Telemetry.Guarded(logGuard{w.Compliance})
	w.Metrics = metrics.NewService(c.store.Metrics(id), w.Telemetry, c.now)
	w.Playground = c.playground.Workspace(playground.Scope{
		Recorder: w.Telemetry, Budget: w.Budget, Auditor: c.store.Auditor(id, actor),
	})
	return w
}

// As gives the same workspace with another actor: what is changed through it
// is in the audit log under the actor's name.
func (w *Workspace) As(actor workspace.Actor) *Workspace { return w.client.In(w.id, actor) }

// KeysOf manages API keys with no more power than an identity has.
func (c *Client) KeysOf(id workspace.ID, actor workspace.Actor, who access.Identity) access.Keys {
	return access.NewKeyService(c.keys, c.keyring, c.now, id, actor, who)
}
