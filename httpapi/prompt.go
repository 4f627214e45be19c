package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/httpapi/internal/query"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

func (a *api) registerPrompts() {
	posted(a, operation{
		id: "createPrompt", method: http.MethodPost, path: "/v1/prompts", tag: "prompts",
		summary: "Publish a version of a prompt", status: http.StatusCreated,
	}, createPrompt)
	scoped(a, operation{
		id: "listPrompts", method: http.MethodGet, path: "/v1/prompts", tag: "prompts",
		summary: "List prompts by name",
	}, listPrompts)
	scoped(a, operation{
		id: "searchPrompts", method: http.MethodGet, path: "/v1/prompts/search", tag: "prompts",
		summary: "List prompts by name",
	}, listPrompts)
	scoped(a, operation{
		id: "getPrompt", method: http.MethodGet, path: "/v1/prompts/{name}", tag: "prompts",
		summary: "Get a version of a prompt, rendered over variables[key]=value",
		faults:  []int{http.StatusNotFound}, parameters: []*huma.Param{variablesParameter()},
		content: a.jsonOf(reflect.TypeFor[registry.Entry]()),
	}, getPrompt)
	a.huma.OpenAPI().Paths["/v1/prompts/{name}"].Get.Responses["304"] = &huma.Response{Description: "Not Modified"}
	posted(a, operation{
		id: "renderPrompt", method: http.MethodPost, path: "/v1/prompts/{name}/render", tag: "prompts",
		summary: "Get a version of a prompt, rendered over JSON values",
		faults:  []int{http.StatusNotFound},
	}, renderPrompt)
}

func variablesParameter() *huma.Param {
	explode := true
	return &huma.Param{
		Name: "variables", In: "query", Style: "deepObject", Explode: &explode,
		Description: "Values by name, variables[key]=value; nested ones as variables[user][name]=value.",
		Schema:      &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true},
	}
}

// promptBody is a prompt file with the signature of its commit.
type promptBody struct {
	registry.Prompt
	Author  string `json:"author,omitempty" maxLength:"256" doc:"Author of the commit. Default: the name of the API key."`
	Message string `json:"commit_message,omitempty" maxLength:"10000" doc:"Message of the commit."`
}

// UnmarshalJSON reads the file; the signature is no part of it.
func (b *promptBody) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &b.Prompt); err != nil {
		return err
	}
	for name, into := range map[string]*string{"author": &b.Author, "commit_message": &b.Message} {
		raw, given := b.Extra[name]
		if !given {
			continue
		}
		if err := json.Unmarshal(raw, into); err != nil {
			return err
		}
		delete(b.Extra, name)
	}
	return nil
}

// published is the answer to a new version.
type published struct {
	Name      string         `json:"name"`
	Version   string         `json:"version_tag"`
	CreatedAt timestamp.Time `json:"created_at"`
	Commit    string         `json:"commit_sha,omitempty"`
}

func createPrompt(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}, b promptBody) (published, error) {
	v, err := ws.Registry.Create(ctx, b.Prompt, registry.Signature{Author: b.Author, Message: b.Message})
	return published{Name: v.Name, Version: v.Version, CreatedAt: v.CreatedAt, Commit: v.Commit}, err
}

type promptFilter struct {
	query.Listing
	Query string `query:"q" maxLength:"128" doc:"Part of the name, in any case."`
	Tag   string `query:"tag" maxLength:"64" doc:"A tag of the latest version."`
	Label string `query:"label" maxLength:"128" doc:"A label of some version."`
}

func listPrompts(ctx context.Context, ws *promptmetrics.Workspace, in *promptFilter) (page.Of[registry.Summary], error) {
	return ws.Registry.List(ctx, registry.Filter{Query: in.Query, Tag: in.Tag, Label: in.Label}, in.Request())
}

type promptName struct {
	Name string `path:"name" doc:"Name of the prompt."`
}

type promptChoice struct {
	Name    string `path:"name" doc:"Name of the prompt."`
	Version string `query:"version" maxLength:"256" doc:"A version, or a SemVer range such as ^1.2, of which the highest match is taken."`
	Label   string `query:"label" maxLength:"128" doc:"A label such as production; not together with version."`
	Render  bool   `query:"render" default:"true" doc:"false gives the file as it is."`
	ABTest  int64  `query:"ab_test" minimum:"1" doc:"Id of an A/B test of this prompt: the version that the unit gets is served. Not together with version or label."`
	Unit    string `query:"unit" maxLength:"256" doc:"What an A/B test assigns a version to, such as the id of a user."`
}

func getPrompt(ctx context.Context, ws *promptmetrics.Workspace, in *promptChoice) (promptAnswer, error) {
	variables, err := query.Brackets(exchangeOf(ctx).request.URL.RawQuery, "variables")
	if err != nil {
		return promptAnswer{}, err
	}
	q := registry.Query{Version: in.Version, Label: in.Label, Variables: variables, Raw: !in.Render}
	if in.ABTest != 0 || in.Unit != "" {
		if q.Version, err = assigned(ctx, ws, in); err != nil {
			return promptAnswer{}, err
		}
	}
	e, err := ws.Registry.Get(ctx, in.Name, q)
	return promptAnswer{e}, err
}

// assigned is the version that an A/B test of the prompt has for a unit.
func assigned(ctx context.Context, ws *promptmetrics.Workspace, in *promptChoice) (string, error) {
	switch {
	case in.Version != "" || in.Label != "":
		return "", pmerr.New(pmerr.BadRequest, "ab_test chooses the version: send neither version nor label")
	case in.ABTest == 0:
		return "", pmerr.New(pmerr.BadRequest, "unit belongs to ab_test: send both")
	}
	a, err := ws.ABTests.Assign(ctx, in.ABTest, in.Unit)
	if err != nil {
		return "", err
	}
	if a.PromptName != in.Name {
		return "", pmerr.New(pmerr.BadRequest, "The A/B test is of another prompt").With("prompt_name", a.PromptName)
	}
	exchangeOf(ctx).set("X-Ab-Variant", string(a.Variant))
	return a.Version, nil
}

// promptAnswer is an entry that caches may keep, if they ask each time whether
// it still holds.
type promptAnswer struct{ registry.Entry }

func (p promptAnswer) answer(x *exchange) error {
	b := x.api.buffer()
	defer x.api.release(b)
	scratch := x.api.buffer()
	defer x.api.release(scratch)
	data, err := appendEntry(b.AvailableBuffer(), scratch, &p.Entry)
	if err != nil {
		return fmt.Errorf("encode the prompt: %w", err)
	}
	_, _ = b.Write(data) // keeps what was grown for the next request
	x.set("Cache-Control", "private, no-cache")
	x.sendTagged(b.Bytes())
	return nil
}

// renderBody asks for a rendered version with JSON values.
type renderBody struct {
	Version   string    `json:"version,omitempty" doc:"A version or a SemVer range."`
	Label     string    `json:"label,omitempty" doc:"A label; not together with version."`
	Variables variables `json:"variables,omitempty" doc:"Values by name."`
}

// variables are JSON values whose numbers keep their digits.
type variables map[string]any

// UnmarshalJSON reads an object.
func (v *variables) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var values map[string]any
	if err := dec.Decode(&values); err != nil {
		return pmerr.Invalid("variables must be an object")
	}
	*v = values
	return nil
}

func renderPrompt(ctx context.Context, ws *promptmetrics.Workspace, in *promptName, b renderBody) (registry.Entry, error) {
	return ws.Registry.Get(ctx, in.Name, registry.Query{Version: b.Version, Label: b.Label, Variables: b.Variables})
}
