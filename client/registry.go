package client

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// Registry publishes, finds and renders the prompts of one workspace.
type Registry struct {
	link     link
	cache    *cache
	fallback *carried
	crew     *crew
	log      *slog.Logger
	limits   registry.Limits
	// patience is how long a Get waits while there is a fallback file.
	patience time.Duration
}

var (
	_ registry.Prompts   = (*Registry)(nil)
	_ registry.Lifecycle = (*Registry)(nil)
	_ registry.Labels    = (*Registry)(nil)
)

func promptPath(name string) string { return "/v1/prompts/" + segment(name) }

func missingPrompt() error { return pmerr.Missing("Prompt") }

// changed forgets what is cached of a prompt, and what is on its way to the
// cache: called after every write, also a failed one, that may have happened.
func (r *Registry) changed(name string) {
	r.cache.invalidate(subject{workspace: r.link.workspace, name: name})
}

// Create implements [registry.Prompts]. A prompt cannot have members of its
// own called author or commit_message: over HTTP these names sign the change.
func (r *Registry) Create(ctx context.Context, p registry.Prompt, by registry.Signature) (registry.Version, error) {
	defer r.changed(p.Name)
	body, err := signedPrompt(p, by)
	if err != nil {
		return registry.Version{}, err
	}
	q := request{method: http.MethodPost, path: "/v1/prompts", body: body}
	a, err := r.link.do(ctx, q)
	if err != nil {
		if a.doubt && errors.Is(err, pmerr.ErrBadRequest) {
			return r.published(ctx, p, err)
		}
		return registry.Version{}, err
	}
	var v registry.Version
	return v, decode(q, a, &v)
}

// published decides whether a version that exists is the one that an earlier
// attempt of ours made. refusal is the error that the last attempt got.
func (r *Registry) published(ctx context.Context, p registry.Prompt, refusal error) (registry.Version, error) {
	if p.Name == "" || p.Version == "" {
		return registry.Version{}, refusal
	}
	q := fileRequest(p.Name, p.Version, "", "")
	e, err := read[registry.Entry](ctx, r.link, q)
	if err != nil || !sameJSON(e.Content, p) {
		return registry.Version{}, refusal //nolint:nilerr // the refusal is what the caller has to know.
	}
	return e.Version, nil
}

// signedPrompt is a prompt with its signature, as POST /v1/prompts wants it.
func signedPrompt(p registry.Prompt, by registry.Signature) ([]byte, error) {
	const author, message = "author", "commit_message"
	for member := range p.Extra {
		if strings.EqualFold(member, author) || strings.EqualFold(member, message) {
			return nil, pmerr.Invalid(member + " cannot be a member of a prompt over HTTP, where it signs the change; use the Signature")
		}
	}
	file, err := encode(p)
	if err != nil {
		return nil, err
	}
	if by == (registry.Signature{}) {
		return file, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(file, &members); err != nil {
		return nil, pmerr.Invalid("prompt must be a JSON object").Because(err)
	}
	for name, text := range map[string]string{author: by.Author, message: by.Message} {
		if text == "" {
			continue
		}
		if members[name], err = encode(text); err != nil {
			return nil, err
		}
	}
	return encode(members)
}

// sameJSON reports whether two values are the same JSON, member order aside.
func sameJSON(a, b any) bool {
	x, err := generic(a)
	if err != nil {
		return false
	}
	y, err := generic(b)
	return err == nil && reflect.DeepEqual(x, y)
}

func generic(v any) (out any, err error) {
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	return out, err
}

// List implements [registry.Prompts].
func (r *Registry) List(ctx context.Context, f registry.Filter, p page.Request) (page.Of[registry.Summary], error) {
	q := parameters{}
	q.text("q", f.Query)
	q.text("tag", f.Tag)
	q.text("label", f.Label)
	return readPage[registry.Summary](ctx, r.link, "/v1/prompts", q, p)
}

// Versions implements [registry.Prompts].
func (r *Registry) Versions(ctx context.Context, name string, p page.Request) (page.Of[registry.VersionItem], error) {
	if name == "" {
		return none[registry.VersionItem](p)
	}
	return readPage[registry.VersionItem](ctx, r.link, promptPath(name)+"/versions", parameters{}, p)
}

// Diff implements [registry.Prompts].
func (r *Registry) Diff(ctx context.Context, name, from, to string) (registry.Comparison, error) {
	if name == "" {
		return registry.Comparison{}, missingPrompt()
	}
	return read[registry.Comparison](ctx, r.link, request{
		method: http.MethodGet, path: promptPath(name) + "/diff",
		query: url.Values{"from": {from}, "to": {to}},
	})
}

// History implements [registry.Prompts].
func (r *Registry) History(ctx context.Context, name string, p page.Request) (page.Of[registry.HistoryItem], error) {
	if name == "" {
		return none[registry.HistoryItem](p)
	}
	return readPage[registry.HistoryItem](ctx, r.link, promptPath(name)+"/history", parameters{}, p)
}
