package httpapi

import (
	"context"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func (a *api) registerLabels() {
	posted(a, operation{
		id: "setLabel", method: http.MethodPost, path: "/v1/prompts/{name}/labels", tag: "labels",
		summary: "Point a label at a version; protected labels need the scope admin", status: http.StatusCreated,
		faults: []int{http.StatusNotFound},
	}, setLabel)
	scoped(a, operation{
		id: "listLabels", method: http.MethodGet, path: "/v1/prompts/{name}/labels", tag: "labels",
		summary: "List the labels of a prompt by name",
	}, listLabels)
	scoped(a, operation{
		id: "getLabel", method: http.MethodGet, path: "/v1/prompts/{name}/labels/{label}", tag: "labels",
		summary: "Find the version that a label points at", faults: []int{http.StatusNotFound},
	}, getLabel)
	scoped(a, operation{
		id: "deleteLabel", method: http.MethodDelete, path: "/v1/prompts/{name}/labels/{label}", tag: "labels",
		summary: "Delete a label; protected labels need the scope admin", status: http.StatusNoContent,
		faults: []int{http.StatusNotFound},
	}, deleteLabel)
	scoped(a, operation{
		id: "getProtectedLabels", method: http.MethodGet, path: "/v1/settings/protected-labels", tag: "labels",
		summary: "List the labels that only admins move",
	}, getProtectedLabels)
	posted(a, operation{
		id: "setProtectedLabels", method: http.MethodPut, path: "/v1/settings/protected-labels", tag: "labels",
		summary: "Choose the labels that only admins move", scope: access.Admin,
	}, setProtectedLabels)
}

type labelBody struct {
	Name    string `json:"name" pattern:"^[a-zA-Z0-9_.-]{1,128}$"`
	Version string `json:"version_tag,omitempty" doc:"Default: the latest version."`
}

func setLabel(ctx context.Context, ws *promptmetrics.Workspace, in *promptName, b labelBody) (registry.Label, error) {
	return ws.Registry.SetLabel(ctx, in.Name, b.Name, b.Version)
}

func listLabels(ctx context.Context, ws *promptmetrics.Workspace, in *promptListing) (page.Of[registry.Label], error) {
	return ws.Registry.Labels(ctx, in.Name, in.Request())
}

type labelName struct {
	Name  string `path:"name" doc:"Name of the prompt."`
	Label string `path:"label" doc:"Name of the label."`
}

func getLabel(ctx context.Context, ws *promptmetrics.Workspace, in *labelName) (registry.Label, error) {
	return ws.Registry.Label(ctx, in.Name, in.Label)
}

func deleteLabel(ctx context.Context, ws *promptmetrics.Workspace, in *labelName) (nothing, error) {
	return nothing{}, ws.Registry.DeleteLabel(ctx, in.Name, in.Label)
}

type protectedLabels struct {
	Labels []string `json:"labels" maxItems:"100"`
}

func getProtectedLabels(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}) (protectedLabels, error) {
	labels, err := ws.Registry.ProtectedLabels(ctx)
	if labels == nil {
		labels = []string{}
	}
	return protectedLabels{Labels: labels}, err
}

func setProtectedLabels(ctx context.Context, ws *promptmetrics.Workspace, in *struct{}, b protectedLabels) (protectedLabels, error) {
	if b.Labels == nil { // forgetting the field must not lift all protection
		return protectedLabels{}, pmerr.Invalid("labels must be an array of label names")
	}
	if err := ws.Registry.SetProtectedLabels(ctx, b.Labels); err != nil {
		return protectedLabels{}, err
	}
	return getProtectedLabels(ctx, ws, in)
}
