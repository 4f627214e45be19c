package compliance

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Config is what compliance stands on.
type Config struct {
	Driver Driver
	Store  StoreOf
	Logger *slog.Logger
	Now    func() time.Time
	// Key is the secret under which values are hashed. It belongs to the
	// deployment and must stay the same.
	Key []byte
}

// Engine holds what all workspaces share: the scanner, the store, and the
// settings that are ready to be used.
//
// Settings carry the generation of their workspace, read before the database
// was asked; a write moves the generation on, and settings of an older one are
// not used. So a slow reader never puts back what a write has made old.
type Engine struct {
	c        Config
	settings *otter.Cache[string, *ready]
	// generations are shared by workspaces whose names collide, which costs a
	// needless look at the database now and then.
	generations [1024]atomic.Uint64
	seed        maphash.Seed
}

// maxReady is how many workspaces' settings stay in memory.
const maxReady = 10_000

// New makes an engine.
func New(c Config) *Engine {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Engine{
		c: c, seed: maphash.MakeSeed(),
		settings: otter.Must(&otter.Options[string, *ready]{MaximumSize: maxReady}),
	}
}

// Workspace binds the engine to a workspace, to who acts, and to the prompts
// that can be scanned there.
func (e *Engine) Workspace(id workspace.ID, actor workspace.Actor, prompts Prompts) *Service {
	return &Service{engine: e, id: id.String(), actor: actor, prompts: prompts, store: e.c.Store.Workspace(id, actor)}
}

// ForgetAll drops what is known about settings, because another process has
// changed some.
func (e *Engine) ForgetAll() {
	for i := range e.generations {
		e.generations[i].Add(1)
	}
}

func (e *Engine) generation(id string) *atomic.Uint64 {
	return &e.generations[maphash.String(e.seed, id)%uint64(len(e.generations))]
}

// ready gives the settings of a workspace.
func (s *Service) ready(ctx context.Context) (*ready, error) {
	e := s.engine
	generation := e.generation(s.id)
	if r, ok := e.settings.GetIfPresent(s.id); ok && r.generation == generation.Load() {
		return r, nil
	}
	before := generation.Load()
	stored, err := s.store.Settings(ctx)
	if err != nil {
		return nil, err
	}
	r, err := prepare(stored)
	if err != nil {
		return nil, pmerr.New(pmerr.Internal, "The stored rules cannot be used").Because(err)
	}
	r.generation = before
	e.settings.Set(s.id, r)
	return r, nil
}

// forget makes the settings of the workspace old.
func (s *Service) forget() { s.engine.generation(s.id).Add(1) }

// Format prints a configuration without the key, however it is printed.
func (c Config) Format(f fmt.State, verb rune) {
	type plain Config
	c.Key = nil
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(c))
}
