package client

import (
	"context"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// SetLabel implements [registry.Labels].
func (r *Registry) SetLabel(ctx context.Context, name, label, version string) (registry.Label, error) {
	if name == "" {
		return registry.Label{}, missingPrompt()
	}
	defer r.changed(name)
	q, err := post(http.MethodPost, promptPath(name)+"/labels", struct {
		Name    string `json:"name"`
		Version string `json:"version_tag,omitempty"`
	}{label, version})
	if err != nil {
		return registry.Label{}, err
	}
	return read[registry.Label](ctx, r.link, q)
}

// Label implements [registry.Labels].
func (r *Registry) Label(ctx context.Context, name, label string) (registry.Label, error) {
	if name == "" || label == "" {
		return registry.Label{}, pmerr.Missing("Label")
	}
	return read[registry.Label](ctx, r.link, request{method: http.MethodGet, path: labelPath(name, label)})
}

// Labels implements [registry.Labels].
func (r *Registry) Labels(ctx context.Context, name string, p page.Request) (page.Of[registry.Label], error) {
	if name == "" {
		return none[registry.Label](p)
	}
	return readPage[registry.Label](ctx, r.link, promptPath(name)+"/labels", parameters{}, p)
}

// DeleteLabel implements [registry.Labels].
func (r *Registry) DeleteLabel(ctx context.Context, name, label string) error {
	if name == "" || label == "" {
		return pmerr.Missing("Label")
	}
	defer r.changed(name)
	return r.link.remove(ctx, labelPath(name, label), nil)
}

func labelPath(name, label string) string {
	return promptPath(name) + "/labels/" + segment(label)
}
