package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/httpapi/internal/query"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func (a *api) registerVersions() {
	scoped(a, operation{
		id: "listVersions", method: http.MethodGet, path: "/v1/prompts/{name}/versions", tag: "prompts",
		summary: "List the versions of a prompt, newest first",
	}, listVersions)
	scoped(a, operation{
		id: "listHistory", method: http.MethodGet, path: "/v1/prompts/{name}/history", tag: "prompts",
		summary: "List what was published and deleted under a name, newest first",
	}, listHistory)
	scoped(a, operation{
		id: "diffVersions", method: http.MethodGet, path: "/v1/prompts/{name}/diff", tag: "prompts",
		summary: "Compare two versions of a prompt", faults: []int{http.StatusNotFound},
	}, diffVersions)
	posted(a, operation{
		id: "setActiveVersion", method: http.MethodPost, path: "/v1/prompts/{name}/active", tag: "prompts",
		summary: "Pin the version that is served by default, or unpin with null", faults: []int{http.StatusNotFound},
	}, setActiveVersion)
	posted(a, operation{
		id: "promoteVersion", method: http.MethodPost, path: "/v1/prompts/{name}/promote", tag: "prompts",
		summary: "Publish a version of one workspace in another; needs a master key",
		faults:  []int{http.StatusNotFound, http.StatusConflict},
	}, promoteVersion)
	scoped(a, operation{
		id: "deletePrompt", method: http.MethodDelete, path: "/v1/prompts/{name}", tag: "prompts",
		summary: "Delete all versions of a prompt; history keeps them", status: http.StatusNoContent,
		faults: []int{http.StatusNotFound, http.StatusConflict},
	}, deletePrompt)
	scoped(a, operation{
		id: "deleteVersion", method: http.MethodDelete, path: "/v1/prompts/{name}/versions/{version}", tag: "prompts",
		summary: "Delete a version of a prompt; history keeps it", status: http.StatusNoContent,
		faults: []int{http.StatusNotFound, http.StatusConflict},
	}, deleteVersion)
}

type promotionBody struct {
	From    string `json:"from" doc:"The workspace that has the version, or the branch that it follows."`
	To      string `json:"to,omitempty" doc:"The workspace that gets it, or the branch that it follows. Default: the request's own."`
	Version string `json:"version,omitempty" doc:"A version or a SemVer range. Default: the pinned version, else the latest."`
	Label   string `json:"label,omitempty" doc:"A label in the workspace that has the version; not together with version."`
	Author  string `json:"author,omitempty" maxLength:"256" doc:"Author of the commit. Default: the name of the API key."`
	Message string `json:"commit_message,omitempty" maxLength:"10000" doc:"Message of the commit."`
}

// promoteVersion brings a version from one workspace to another. The key must
// belong to both, as only a master key does.
func promoteVersion(ctx context.Context, ws *promptmetrics.Workspace, in *promptName, b promotionBody) (registry.Promoted, error) {
	if b.From == "" {
		return registry.Promoted{}, pmerr.Invalid("from must name the workspace, or the branch, that has the version")
	}
	x := exchangeOf(ctx)
	from, err := x.named("from", b.From)
	if err != nil {
		return registry.Promoted{}, err
	}
	to := ws
	if b.To != "" {
		if to, err = x.named("to", b.To); err != nil {
			return registry.Promoted{}, err
		}
	}
	return to.Registry.Promote(ctx, from.Registry, in.Name, registry.Query{Version: b.Version, Label: b.Label},
		registry.Signature{Author: b.Author, Message: b.Message})
}

type promptListing struct {
	Name string `path:"name" doc:"Name of the prompt."`
	query.Listing
}

func listVersions(ctx context.Context, ws *promptmetrics.Workspace, in *promptListing) (page.Of[registry.VersionItem], error) {
	return ws.Registry.Versions(ctx, in.Name, in.Request())
}

func listHistory(ctx context.Context, ws *promptmetrics.Workspace, in *promptListing) (page.Of[registry.HistoryItem], error) {
	return ws.Registry.History(ctx, in.Name, in.Request())
}

type versionPair struct {
	Name string `path:"name" doc:"Name of the prompt."`
	From string `query:"from" required:"true" maxLength:"256" doc:"A version or a SemVer range."`
	To   string `query:"to" required:"true" maxLength:"256" doc:"A version or a SemVer range."`
}

func diffVersions(ctx context.Context, ws *promptmetrics.Workspace, in *versionPair) (registry.Comparison, error) {
	return ws.Registry.Diff(ctx, in.Name, in.From, in.To)
}

type activeBody struct {
	Version *string `json:"version_tag" doc:"The version to pin, or null to serve the latest again."`
}

// UnmarshalJSON tells null, which unpins, from a version that was forgotten.
func (b *activeBody) UnmarshalJSON(data []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return pmerr.Invalid("body must be an object")
	}
	raw, given := members["version_tag"]
	if given && bytes.Equal(raw, []byte("null")) {
		return nil
	}
	if !given || json.Unmarshal(raw, &b.Version) != nil || *b.Version == "" {
		return pmerr.Invalid("version_tag must be a version, or null to unpin")
	}
	return nil
}

type activeVersion struct {
	Name   string  `json:"name"`
	Active *string `json:"active_version"`
}

func setActiveVersion(ctx context.Context, ws *promptmetrics.Workspace, in *promptName, b activeBody) (activeVersion, error) {
	version := ""
	if b.Version != nil {
		version = *b.Version
	}
	return activeVersion{Name: in.Name, Active: b.Version}, ws.Registry.Activate(ctx, in.Name, version)
}

type promptRemoval struct {
	Name    string `path:"name" doc:"Name of the prompt."`
	Author  string `query:"author" maxLength:"256" doc:"Author of the commit. Default: the name of the API key."`
	Message string `query:"commit_message" maxLength:"10000" doc:"Message of the commit."`
}

func deletePrompt(ctx context.Context, ws *promptmetrics.Workspace, in *promptRemoval) (nothing, error) {
	return nothing{}, ws.Registry.Delete(ctx, in.Name, registry.Signature{Author: in.Author, Message: in.Message})
}

type versionRemoval struct {
	Name    string `path:"name" doc:"Name of the prompt."`
	Version string `path:"version" doc:"An exact version."`
	Author  string `query:"author" maxLength:"256" doc:"Author of the commit. Default: the name of the API key."`
	Message string `query:"commit_message" maxLength:"10000" doc:"Message of the commit."`
}

func deleteVersion(ctx context.Context, ws *promptmetrics.Workspace, in *versionRemoval) (nothing, error) {
	by := registry.Signature{Author: in.Author, Message: in.Message}
	return nothing{}, ws.Registry.DeleteVersion(ctx, in.Name, in.Version, by)
}
