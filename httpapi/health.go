package httpapi

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/promptmetrics-go/promptmetrics"
)

type alive struct {
	Status string `json:"status" enum:"ok"`
}

func (a *api) registerHealth() {
	open(a, operation{
		id: "getHealth", method: http.MethodGet, path: "/health", tag: "service",
		summary: "Whether the server answers",
	}, a.jsonOf(reflect.TypeFor[alive]()), func(x *exchange) error {
		x.send(http.StatusOK, jsonType, []byte(`{"status":"ok"}`))
		return nil
	})
	open(a, operation{
		id: "getDeepHealth", method: http.MethodGet, path: "/health/deep", tag: "service",
		summary: "Whether database and prompt store can be written and read; 503 if not",
	}, a.jsonOf(reflect.TypeFor[promptmetrics.Health]()), a.deepHealth)
	deep := a.huma.OpenAPI().Paths["/health/deep"].Get
	degraded := *deep.Responses["200"]
	degraded.Description = "Degraded"
	deep.Responses["503"] = &degraded
}

func (a *api) deepHealth(x *exchange) error {
	x.set("Cache-Control", "no-store")
	h := a.pm.Health(x.context())
	status := http.StatusOK
	if h.Status != "ok" {
		status = http.StatusServiceUnavailable
	}
	return x.json(status, h)
}

func (a *api) jsonOf(t reflect.Type) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: a.schemaOf(t)}}
}
