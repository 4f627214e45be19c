package registry

import (
	"context"
	"errors"
	"hash/maphash"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"github.com/promptmetrics-go/promptmetrics/census"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// resolver remembers which version a query means and the parsed templates of
// every version in use.
//
// Templates are kept by ref: a ref never changes its bytes, so nothing ever
// has to be invalidated. Which version a query means does change. Each answer
// carries the generation of its prompt, read before the database was asked; a
// write moves the generation on, and an answer of an older one is not used.
// A slow reader can therefore never put back what a write has made old.
type resolver struct {
	answers   *otter.Cache[question, answer]
	templates *otter.Cache[string, *Template]
	// generations are shared by prompts whose names collide, which costs a
	// needless lookup now and then, and no memory that grows.
	generations [4096]atomic.Uint64
	seed        maphash.Seed

	answered, parsed census.Cache
}

// question is a query without its variables.
type question struct {
	workspace, name, version, label string
}

type answer struct {
	generation uint64
	version    Version
	template   *Template
}

func newResolver(size int) *resolver {
	return &resolver{
		answers:   otter.Must(&otter.Options[question, answer]{MaximumSize: size}),
		templates: otter.Must(&otter.Options[string, *Template]{MaximumSize: size}),
		seed:      maphash.MakeSeed(),
	}
}

func (r *resolver) generation(id, name string) *atomic.Uint64 {
	var h maphash.Hash
	h.SetSeed(r.seed)
	_, _ = h.WriteString(id)
	_ = h.WriteByte('/')
	_, _ = h.WriteString(name)
	return &r.generations[h.Sum64()%uint64(len(r.generations))]
}

// forget makes every answer about a prompt old.
func (r *resolver) forget(id workspace.ID, name string) {
	r.generation(id.String(), name).Add(1)
}

// forgetAll makes every answer old: another process has written.
func (r *resolver) forgetAll() {
	for i := range r.generations {
		r.generations[i].Add(1)
	}
}

// resolve finds the version that a query means, with its parsed templates.
func (s *Service) resolve(ctx context.Context, name string, q Query) (answer, error) {
	r := s.registry.resolver
	ask := question{workspace: s.id, name: name, version: q.Version, label: q.Label}
	generation := r.generation(s.id, name)
	if a, ok := r.answers.GetIfPresent(ask); ok && a.generation == generation.Load() {
		r.answered.Hit()
		return a, nil
	}
	r.answered.Miss()
	a := answer{generation: generation.Load()}
	record, err := s.find(ctx, name, q)
	if err != nil {
		return answer{}, err
	}
	if a.template, err = s.template(ctx, record); err != nil {
		return answer{}, err
	}
	a.version = record.Version
	r.answers.Set(ask, a)
	return a, nil
}

// find asks the index.
func (s *Service) find(ctx context.Context, name string, q Query) (Record, error) {
	switch {
	case !ValidName(name):
		return Record{}, pmerr.Missing("Prompt")
	case q.Version != "" && q.Label != "":
		return Record{}, pmerr.New(pmerr.BadRequest, "Give either version or label, not both")
	case q.Label != "":
		label, err := s.Label(ctx, name, q.Label)
		if err != nil {
			return Record{}, err
		}
		return s.index.Record(ctx, name, label.Version)
	case q.Version != "":
		return s.findVersion(ctx, name, q.Version)
	}
	pointers, err := s.index.Pointers(ctx, name)
	if err != nil {
		return Record{}, err
	}
	return s.index.Record(ctx, name, pointers.Choice())
}

func (s *Service) findVersion(ctx context.Context, name, selector string) (Record, error) {
	if ValidVersion(selector) {
		return s.index.Record(ctx, name, selector)
	}
	if _, err := parseRange(selector); err != nil {
		return Record{}, err
	}
	versions, err := s.index.VersionNames(ctx, name)
	if err != nil {
		return Record{}, err
	}
	version, ok, err := Pick(versions, selector)
	if err != nil {
		return Record{}, err
	}
	if !ok {
		return Record{}, pmerr.Missing("Prompt")
	}
	return s.index.Record(ctx, name, version)
}

// template reads and parses the file of a record, once for all who ask.
func (s *Service) template(ctx context.Context, record Record) (*Template, error) {
	r := s.registry.resolver
	if t, ok := r.templates.GetIfPresent(record.Ref); ok {
		r.parsed.Hit()
		return t, nil
	}
	r.parsed.Miss()
	data, err := s.bytes(ctx, record)
	if err != nil {
		return nil, err
	}
	t, err := s.registry.compile(record.Format, data)
	if err != nil {
		return nil, pmerr.New(pmerr.Internal, "the stored prompt cannot be read").Because(err)
	}
	r.templates.Set(record.Ref, t)
	return t, nil
}

// bytes reads the file of a record.
func (s *Service) bytes(ctx context.Context, record Record) ([]byte, error) {
	data, err := s.content.Read(ctx, record.Ref)
	if errors.Is(err, pmerr.ErrNotFound) {
		// The index says that it exists: the store has lost it, or cannot be
		// read. That is an outage, not an answer.
		return nil, pmerr.Down(err, "the prompt store has no file for %s %s", record.Name, record.Version.Version)
	}
	return data, err
}

// compile reads a prompt file and parses its templates.
func (r *Registry) compile(format string, data []byte) (*Template, error) {
	p, err := ParseFile("prompt."+format, data)
	if err != nil {
		return nil, err
	}
	return Compile(p, r.limits)
}
