package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// Activate implements [registry.Lifecycle].
func (r *Registry) Activate(ctx context.Context, name, version string) error {
	if name == "" {
		return missingPrompt()
	}
	defer r.changed(name)
	pin := struct {
		Version *string `json:"version_tag"`
	}{}
	if version != "" {
		pin.Version = &version
	}
	q, err := post(http.MethodPost, promptPath(name)+"/active", pin)
	if err != nil {
		return err
	}
	_, err = r.link.do(ctx, q)
	return err
}

// Delete implements [registry.Lifecycle].
func (r *Registry) Delete(ctx context.Context, name string, by registry.Signature) error {
	if name == "" {
		return missingPrompt()
	}
	defer r.changed(name)
	return r.link.remove(ctx, promptPath(name), signature(by))
}

// DeleteVersion implements [registry.Lifecycle].
func (r *Registry) DeleteVersion(ctx context.Context, name, version string, by registry.Signature) error {
	if name == "" || version == "" {
		return missingPrompt()
	}
	defer r.changed(name)
	return r.link.remove(ctx, promptPath(name)+"/versions/"+segment(version), signature(by))
}

// Promotion says which version is brought from one workspace to another. Both are
// named by themselves or by the branch that they follow.
type Promotion struct {
	// From has the version. To gets it; empty: the workspace of the registry.
	From, To string
	// Version or range, or Label in From; else the pinned version, else the
	// latest.
	Version, Label string
}

// Promote publishes a version of one workspace in another, as
// [registry.Service.Promote] does. The API key must be a master key:
// ErrForbidden.
func (r *Registry) Promote(ctx context.Context, name string, p Promotion, by registry.Signature) (registry.Promoted, error) {
	if name == "" {
		return registry.Promoted{}, missingPrompt()
	}
	defer r.changed(name)
	q, err := post(http.MethodPost, promptPath(name)+"/promote", struct {
		From    string `json:"from"`
		To      string `json:"to,omitempty"`
		Version string `json:"version,omitempty"`
		Label   string `json:"label,omitempty"`
		Author  string `json:"author,omitempty"`
		Message string `json:"commit_message,omitempty"`
	}{p.From, p.To, p.Version, p.Label, by.Author, by.Message})
	if err != nil {
		return registry.Promoted{}, err
	}
	done, err := read[registry.Promoted](ctx, r.link, q)
	r.cache.invalidate(subject{workspace: done.To, name: name})
	return done, err
}

func signature(by registry.Signature) url.Values {
	q := parameters{}
	q.text("author", by.Author)
	q.text("commit_message", by.Message)
	return url.Values(q)
}

// remove deletes something. When it is gone after an attempt whose answer was
// lost, that attempt has done it.
func (l link) remove(ctx context.Context, path string, query url.Values) error {
	a, err := l.do(ctx, request{method: http.MethodDelete, path: path, query: query})
	if a.doubt && errors.Is(err, pmerr.ErrNotFound) && !errors.Is(err, errForeign) {
		return nil
	}
	return err
}
