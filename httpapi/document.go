package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// config sets huma up without its own documents, pages and content types.
func (a *api) config() huma.Config {
	schemas := huma.NewMapRegistry("#/components/schemas/", schemaName)
	schemas.RegisterTypeAlias(reflect.TypeFor[timestamp.Time](), reflect.TypeFor[unixSeconds]())
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "PromptMetrics", Version: a.options.Version,
				Description: "Prompts under version control, and the telemetry of what was done with them.",
			},
			Components: &huma.Components{
				Schemas: schemas, Parameters: sharedParameters(), Headers: sharedHeaders(),
			},
		},
		Formats:      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		Transformers: []huma.Transformer{encloseForeign},
	}
	if a.options.Prefix != "" {
		c.Servers = []*huma.Server{{URL: a.options.Prefix}}
	}
	c.AllowAdditionalPropertiesByDefault = true
	c.Components.Responses = map[string]*huma.Response{}
	schema := schemas.Schema(reflect.TypeFor[envelope](), true, "")
	for _, k := range kinds() {
		if c.Components.Responses[faultName(k.status)] != nil {
			continue // the first line of a status speaks for it
		}
		c.Components.Responses[faultName(k.status)] = &huma.Response{
			Description: k.text, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}},
		}
	}
	if a.options.Authenticate == nil {
		c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
			"apiKey": {Type: "apiKey", In: "header", Name: "X-API-Key", Description: "An API key, pm_ and 64 hexadecimal digits."},
			"bearer": {Type: "http", Scheme: "bearer", Description: "The same API key as a bearer token."},
		}
		c.Security = []map[string][]string{{"apiKey": {}}, {"bearer": {}}}
	}
	return c
}

// encloseForeign is the last net: an error that huma answers by itself still
// leaves in our envelope. All others are written by [exchange.fail].
func encloseForeign(ctx huma.Context, status string, v any) (any, error) {
	if _, isError := v.(error); !isError {
		return v, nil
	}
	n, _ := strconv.Atoi(status)
	k := kindOfStatus(n)
	ctx.SetHeader("Content-Type", jsonType)
	id := ""
	if x, ok := ctx.Context().Value(exchangeKey{}).(*exchange); ok {
		id = x.id
	}
	return enclose(pmerr.New(k.code, "%s", k.text), id), nil
}

// unixSeconds documents a [timestamp.Time].
type unixSeconds int64

// Schema implements [huma.SchemaProvider].
func (unixSeconds) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeInteger, Format: "int64", Description: "Unix seconds."}
}

func (a *api) schemaOf(t reflect.Type) *huma.Schema {
	return a.huma.OpenAPI().Components.Schemas.Schema(t, true, "")
}

const ownModule = "github.com/promptmetrics-go/promptmetrics"

// schemaName names a type in the document: Prompt, PromptPage for a page of
// them. A type of a foreign package, which can only be the host program's own
// error type, must not take a name of ours.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.PkgPath() != "" && !strings.HasPrefix(t.PkgPath(), ownModule) {
		return "Foreign" + huma.DefaultSchemaNamer(t, hint)
	}
	if item, ok := strings.CutPrefix(t.Name(), "Of["); ok {
		path, name := cutLast(strings.TrimSuffix(item, "]"), '.')
		return qualified(path, name) + "Page"
	}
	return qualified(t.PkgPath(), huma.DefaultSchemaNamer(t, hint))
}

// qualified puts the room before the name of a type, EvalRun, since rooms have
// names in common. The first three rooms were there before, and keep theirs.
func qualified(path, name string) string {
	room, found := strings.CutPrefix(path, ownModule+"/")
	room, _, _ = strings.Cut(room, "/")
	switch room {
	case "registry", "telemetry", "access", "httpapi", "page", "pmerr", "timestamp":
		return name
	}
	if title := strings.ToUpper(room[:min(1, len(room))]) + room[min(1, len(room)):]; found && !strings.HasPrefix(name, title) {
		return title + name
	}
	return name
}

// cutLast splits a text at the last separator.
func cutLast(s string, separator byte) (before, after string) {
	i := strings.LastIndexByte(s, separator)
	return s[:max(i, 0)], s[i+1:]
}

// finishDocument corrects what huma cannot know and writes the document.
func (a *api) finishDocument() []byte {
	schemas := a.huma.OpenAPI().Components.Schemas
	for name, s := range schemas.Map() {
		if strings.HasPrefix(name, "Foreign") {
			delete(schemas.Map(), name) // huma's error type, which we never send
			continue
		}
		correctNulls(s, schemas.TypeFromRef("#/components/schemas/"+name))
	}
	data, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		panic(fmt.Sprintf("httpapi: the OpenAPI document cannot be written: %v", err))
	}
	return data
}

// correctNulls says of each field whether it can be null: pointers and maps
// that are always written can, lists cannot.
func correctNulls(s *huma.Schema, t reflect.Type) {
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := s.Properties[name]
		if p == nil {
			continue
		}
		kind := f.Type.Kind()
		nullable := (kind == reflect.Pointer || kind == reflect.Map) && !strings.Contains(options, "omit")
		switch {
		case p.Ref != "" && nullable: // beside a reference nothing else counts
			s.Properties[name] = &huma.Schema{AnyOf: []*huma.Schema{p, {Type: "null"}}}
		case p.Ref == "" && p.Type != "":
			p.Nullable = nullable
		}
	}
}

func (a *api) registerDocument() {
	open(a, operation{
		id: "getDocument", method: http.MethodGet, path: "/openapi.json", tag: "service",
		summary: "This document",
	}, map[string]*huma.MediaType{"application/json": {}}, func(x *exchange) error {
		x.send(http.StatusOK, jsonType, a.document)
		return nil
	})
}

// methodOf finds an operation in the document.
func methodOf(item *huma.PathItem, method string) *huma.Operation {
	switch method {
	case http.MethodGet:
		return item.Get
	case http.MethodPost:
		return item.Post
	case http.MethodPut:
		return item.Put
	case http.MethodPatch:
		return item.Patch
	case http.MethodDelete:
		return item.Delete
	}
	panic("httpapi: operations are GET, POST, PUT, PATCH or DELETE, not " + method)
}

// faultName is "NotFound" for 404.
func faultName(status int) string { return strings.ReplaceAll(http.StatusText(status), " ", "") }

func faultRef(status int) *huma.Response {
	return &huma.Response{Ref: "#/components/responses/" + faultName(status)}
}

// baseParameters are those of every operation in a workspace.
func baseParameters() []*huma.Param {
	return []*huma.Param{
		{Ref: "#/components/parameters/Workspace"},
		{Ref: "#/components/parameters/RequestId"},
	}
}

func sharedParameters() map[string]*huma.Param {
	most := 128
	return map[string]*huma.Param{
		"Workspace": {
			Name: "X-Workspace-Id", In: "header",
			Description: "The workspace to work in. Default: that of the key; default for a master key.",
			Schema:      &huma.Schema{Type: huma.TypeString, Pattern: "^[a-zA-Z0-9_-]{1,128}$"},
		},
		"RequestId": {
			Name: "X-Request-Id", In: "header", Description: "An id for this request, echoed in the answer. Default: a UUID.",
			Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &most},
		},
	}
}

// answerHeaders are those of every answer in a workspace.
func answerHeaders() map[string]*huma.Param {
	headers := map[string]*huma.Param{}
	for name := range sharedHeaders() {
		headers[name] = &huma.Param{Ref: "#/components/headers/" + name}
	}
	return headers
}

func sharedHeaders() map[string]*huma.Header {
	return map[string]*huma.Header{
		"X-Request-Id":        {Description: "The id of this request.", Schema: &huma.Schema{Type: huma.TypeString}},
		"RateLimit-Limit":     {Description: "Requests in a window.", Schema: &huma.Schema{Type: huma.TypeInteger}},
		"RateLimit-Remaining": {Description: "Requests that are left.", Schema: &huma.Schema{Type: huma.TypeInteger}},
		"RateLimit-Reset":     {Description: "Unix second at which the whole limit is there again.", Schema: &huma.Schema{Type: huma.TypeInteger}},
	}
}
