package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Config is what a registry stands on.
type Config struct {
	Index   IndexStore
	Content ContentStore
	Logger  *slog.Logger
	Limits  Limits
	// CacheSize is how many prompt versions stay parsed in memory; default
	// 10,000.
	CacheSize int
	// Guard is asked before a caller's prompt is published; nil asks nobody.
	// What people commit to the prompt store does not pass it.
	Guard Guard
}

// Guard decides which prompts may be published.
type Guard interface {
	// CheckPrompt gives the error with which a prompt is refused.
	CheckPrompt(ctx context.Context, in workspace.ID, p Prompt) error
}

// Registry holds what all workspaces share: the stores and the caches.
type Registry struct {
	index    IndexStore
	content  ContentStore
	log      *slog.Logger
	limits   Limits
	guard    Guard
	resolver *resolver
	// reconciling holds a token while a reconciliation runs.
	reconciling chan struct{}
}

// New makes a registry on an index and a prompt store.
func New(c Config) *Registry {
	if c.CacheSize <= 0 {
		c.CacheSize = 10_000
	}
	return &Registry{
		index: c.Index, content: c.Content, log: c.Logger, limits: c.Limits, guard: c.Guard,
		resolver: newResolver(c.CacheSize), reconciling: make(chan struct{}, 1),
	}
}

// Workspace binds the registry to a workspace and to who acts.
func (r *Registry) Workspace(id workspace.ID, actor workspace.Actor) *Service {
	return &Service{
		registry: r, workspace: id, id: id.String(), actor: actor,
		index: r.index.Workspace(id, actor), content: r.content.Workspace(id),
	}
}

// ForgetAll drops what the caches know about pointers and labels, because
// another process has changed the index.
func (r *Registry) ForgetAll() { r.resolver.forgetAll() }

// Forget drops what the caches know about the pointers and labels of a prompt,
// because something else in this process has moved them.
func (r *Registry) Forget(id workspace.ID, name string) { r.resolver.forget(id, name) }

// Service is the registry of one workspace.
type Service struct {
	registry  *Registry
	workspace workspace.ID
	id        string
	actor     workspace.Actor
	index     Index
	content   Content
}

var (
	_ Prompts   = (*Service)(nil)
	_ Lifecycle = (*Service)(nil)
	_ Labels    = (*Service)(nil)
)

// Create publishes a version; see [Prompts].
func (s *Service) Create(ctx context.Context, p Prompt, by Signature) (Version, error) {
	if err := Validate(p); err != nil {
		return Version{}, err
	}
	by, err := s.sign(by, "Create "+p.Name+" "+p.Version)
	if err != nil {
		return Version{}, err
	}
	data, err := FormatFile(p)
	if err != nil {
		return Version{}, pmerr.New(pmerr.BadRequest, "the prompt cannot be written as JSON").Because(err)
	}
	// What is served from memory is the file, which shares nothing with p.
	template, err := s.registry.compile("json", data)
	if err != nil {
		return Version{}, err
	}
	// Most duplicates end here, before anything is committed.
	earlier, err := s.index.Record(ctx, p.Name, p.Version)
	switch {
	case err == nil && earlier.Acknowledged:
		return Version{}, exists(p)
	case err != nil && !errors.Is(err, pmerr.ErrNotFound):
		return Version{}, err
	}
	if g := s.registry.guard; g != nil {
		if err := g.CheckPrompt(ctx, s.workspace, p); err != nil {
			return Version{}, err
		}
	}
	stored, err := s.content.Put(ctx, Key{Name: p.Name, Version: p.Version}, data, by)
	if err != nil {
		if errors.Is(err, pmerr.ErrConflict) {
			return Version{}, exists(p)
		}
		return Version{}, err
	}
	record, inserted, err := s.index.Insert(ctx, Record{
		Version: Version{
			Name: p.Name, Version: p.Version, CreatedAt: timestamp.Of(stored.At),
			Commit: stored.Commit, Author: by.Author, Message: by.Message,
		},
		Ref: stored.Ref, Format: "json", Tags: p.Tags, Acknowledged: true,
	})
	if err != nil {
		return Version{}, err
	}
	if !inserted {
		return Version{}, exists(p)
	}
	s.registry.resolver.templates.Set(stored.Ref, template)
	s.registry.resolver.forget(s.workspace, p.Name)
	return record.Version, nil
}

func exists(p Prompt) error {
	return pmerr.New(pmerr.BadRequest, "Prompt already exists").With("name", p.Name).With("version", p.Version)
}

// Bounds of a signature, in characters.
const (
	maxAuthor  = 256
	maxMessage = 10_000
)

// sign fills what a caller left open and checks the rest.
func (s *Service) sign(by Signature, message string) (Signature, error) {
	if strings.TrimSpace(by.Author) == "" {
		by.Author = s.actor.Name
	}
	if strings.TrimSpace(by.Author) == "" {
		by.Author = "PromptMetrics"
	}
	if strings.TrimSpace(by.Message) == "" {
		by.Message = message
	}
	var f faults
	f.check(utf8.RuneCountInString(by.Author) <= maxAuthor && plainText(by.Author, 1, maxAuthor), "author must be at most 256 characters")
	f.check(plainText(by.Message, 1, maxMessage), "commit_message must be at most 10000 characters")
	if f != nil {
		return by, pmerr.Invalid(f...)
	}
	return by, nil
}

// Get finds a version and renders it; see [Prompts].
func (s *Service) Get(ctx context.Context, name string, q Query) (Entry, error) {
	a, err := s.resolve(ctx, name, q)
	if err != nil {
		return Entry{}, err
	}
	entry := Entry{Version: a.version, Source: Fresh}
	if q.Raw {
		entry.Content = a.template.prompt
		entry.Content.Messages = slices.Clone(entry.Content.Messages)
		return entry, nil
	}
	entry.Content, err = a.template.Render(q.Variables)
	return entry, err
}

// List gives prompts by name; see [Prompts].
func (s *Service) List(ctx context.Context, f Filter, r page.Request) (page.Of[Summary], error) {
	var bad faults
	bad.check(plainText(f.Query, 0, maxFilter), "q must be at most 256 characters of UTF-8 without NUL")
	bad.check(plainText(f.Tag, 0, maxFilter), "tag must be at most 256 characters of UTF-8 without NUL")
	bad.check(plainText(f.Label, 0, maxFilter), "label must be at most 256 characters of UTF-8 without NUL")
	if bad != nil {
		return page.Of[Summary]{}, pmerr.Invalid(bad...)
	}
	return s.index.List(ctx, f, r)
}

// maxFilter bounds what a list is filtered by, in characters.
const maxFilter = 256

// nothing is the page of a list about a prompt that cannot exist.
func nothing[T any](r page.Request) (page.Of[T], error) {
	r, err := r.Normal()
	if err != nil {
		return page.Of[T]{}, err
	}
	return page.New[T](r, nil, 0, ""), nil
}

// Versions gives the versions of a prompt, newest first; see [Prompts].
func (s *Service) Versions(ctx context.Context, name string, r page.Request) (page.Of[VersionItem], error) {
	if !ValidName(name) {
		return nothing[VersionItem](r)
	}
	return s.index.Versions(ctx, name, r)
}

// History gives what was published and deleted under a name; see [Prompts].
func (s *Service) History(ctx context.Context, name string, r page.Request) (page.Of[HistoryItem], error) {
	if !ValidName(name) {
		return nothing[HistoryItem](r)
	}
	return s.index.History(ctx, name, r)
}

// Diff compares two versions; see [Prompts].
func (s *Service) Diff(ctx context.Context, name, from, to string) (Comparison, error) {
	var f faults
	f.check(from != "", "from must name a version")
	f.check(to != "", "to must name a version")
	if f != nil {
		return Comparison{}, pmerr.Invalid(f...)
	}
	a, err := s.resolve(ctx, name, Query{Version: from})
	if err != nil {
		return Comparison{}, err
	}
	b, err := s.resolve(ctx, name, Query{Version: to})
	if err != nil {
		return Comparison{}, err
	}
	return compare(a.template.prompt, b.template.prompt)
}

// Activate pins or unpins a version; see [Lifecycle].
func (s *Service) Activate(ctx context.Context, name, version string) error {
	if err := s.known(ctx, name, version); err != nil {
		return err
	}
	if err := s.index.SetActive(ctx, name, version); err != nil {
		return err
	}
	s.registry.resolver.forget(s.workspace, name)
	return nil
}

// known refuses names that no prompt and versions that no version can have;
// the others the index knows about.
func (s *Service) known(ctx context.Context, name, version string) error {
	if !ValidName(name) {
		return pmerr.Missing("Prompt")
	}
	if version == "" || ValidVersion(version) {
		return nil
	}
	if _, err := s.index.Pointers(ctx, name); err != nil {
		return err
	}
	return UnknownVersion(name, strings.ToValidUTF8(version, "\uFFFD"))
}

// UnknownVersion is the error for a change that names a version that does not
// exist.
func UnknownVersion(name, version string) error {
	return pmerr.New(pmerr.BadRequest, "Version %s of prompt %s does not exist", version, name).
		With("name", name).With("version_tag", version)
}

// Delete removes all versions of a prompt; see [Lifecycle].
func (s *Service) Delete(ctx context.Context, name string, by Signature) error {
	if !ValidName(name) {
		return pmerr.Missing("Prompt")
	}
	versions, err := s.index.VersionNames(ctx, name)
	if err != nil {
		return err
	}
	if len(versions) == 0 {
		return pmerr.Missing("Prompt")
	}
	return s.remove(ctx, name, versions, by, "Delete "+name)
}

// DeleteVersion removes one version; see [Lifecycle].
func (s *Service) DeleteVersion(ctx context.Context, name, version string, by Signature) error {
	if !ValidName(name) || !ValidVersion(version) {
		return pmerr.Missing("Prompt")
	}
	if _, err := s.index.Record(ctx, name, version); err != nil {
		return err
	}
	return s.remove(ctx, name, []string{version}, by, fmt.Sprintf("Delete %s %s", name, version))
}

// remove deletes content first, then the pointers. A process that dies in
// between leaves pointers to files that history still has; the reconciler
// then removes them.
func (s *Service) remove(ctx context.Context, name string, versions []string, by Signature, message string) error {
	by, err := s.sign(by, message)
	if err != nil {
		return err
	}
	if err := s.refuseProtected(ctx, name, versions); err != nil {
		return err
	}
	keys := make([]Key, len(versions))
	for i, version := range versions {
		keys[i] = Key{Name: name, Version: version}
	}
	commit, err := s.content.Remove(ctx, keys, by)
	if err != nil {
		return err
	}
	_, err = s.index.Remove(ctx, name, versions, Origin{Commit: commit, Author: by.Author, Message: by.Message}, false)
	s.registry.resolver.forget(s.workspace, name)
	return err
}

// refuseProtected asks before anything is committed; Index.Remove asks again
// inside its transaction.
func (s *Service) refuseProtected(ctx context.Context, name string, versions []string) error {
	protected, err := s.index.ProtectedLabels(ctx)
	if err != nil {
		return err
	}
	for _, label := range protected {
		at, err := s.index.Label(ctx, name, label)
		if errors.Is(err, pmerr.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		for _, version := range versions {
			if at.Version == version {
				return ProtectedVersion(name, version, label)
			}
		}
	}
	return nil
}

// ProtectedVersion is the error for deleting a version under a protected label.
func ProtectedVersion(name, version, label string) error {
	return pmerr.New(pmerr.Conflict, "The protected label %s points at %s %s: move it first", label, name, version).
		With("label", label).With("version_tag", version)
}
