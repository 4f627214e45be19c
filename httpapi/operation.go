package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
)

// operation describes one method of one path.
type operation struct {
	// id names it in the document, as a verb and a noun.
	id           string
	method, path string
	tag, summary string
	// scope that a key needs; by default read for GET and write for the rest.
	scope access.Scope
	// status of a success; by default 200.
	status int
	// faults are the statuses that can be met beside those that every
	// operation has.
	faults []int
	// parameters that the input struct cannot describe.
	parameters []*huma.Param
	// content of a success that is no JSON of the result's type.
	content map[string]*huma.MediaType
	// bodyOptional lets a request come without a body.
	bodyOptional bool
	// batch names the one list of a body that records many things at once.
	batch string
	// tooMany is the error for a list that is too long to be read at all;
	// by default 413.
	tooMany func() error
}

const scopeKey = "scope"

// scoped registers an operation that works in a workspace. I describes the
// parameters as huma reads them, O is the JSON of the answer, or an [answer].
func scoped[I, O any](a *api, op operation, serve func(context.Context, *promptmetrics.Workspace, *I) (O, error)) {
	register(a, op, nil, resultOf[O](a, op), func(ctx context.Context, x *exchange, in *I) error {
		out, err := serve(ctx, x.workspace, in)
		if err != nil {
			return err
		}
		return x.reply(op.success(), out)
	})
}

// posted registers an operation as scoped does, with a body of type B. The
// body is decoded once; what its values may be is for the domain to say.
func posted[I, B, O any](a *api, op operation, serve func(context.Context, *promptmetrics.Workspace, *I, B) (O, error)) {
	op.faults = append(op.faults, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	body := &huma.RequestBody{Required: !op.bodyOptional, Content: map[string]*huma.MediaType{
		"application/json": {Schema: a.schemaOf(reflect.TypeFor[B]())},
	}}
	register(a, op, body, resultOf[O](a, op), func(ctx context.Context, x *exchange, in *I) error {
		var b B
		if err := x.decode(&b, op); err != nil {
			return err
		}
		out, err := serve(ctx, x.workspace, in, b)
		if err != nil {
			return err
		}
		return x.reply(op.success(), out)
	})
}

func register[I any](
	a *api, op operation, body *huma.RequestBody, result map[string]*huma.MediaType,
	run func(context.Context, *exchange, *I) error,
) {
	done := &huma.StreamResponse{Body: func(huma.Context) {}}
	huma.Register(a.huma, op.huma(result), func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
		x := exchangeOf(ctx)
		if err := run(ctx, x, in); err != nil {
			x.fail(err)
		}
		return done, nil
	})
	registered := methodOf(a.huma.OpenAPI().Paths[op.path], op.method)
	if slices.ContainsFunc(registered.Parameters, func(p *huma.Param) bool { return p.In == "query" }) {
		registered.Responses[strconv.Itoa(http.StatusUnprocessableEntity)] = faultRef(http.StatusUnprocessableEntity)
	}
	// Only now: a body that huma knew of it would read and decode by itself.
	registered.RequestBody = body
}

// success is the status of a success.
func (op operation) success() int {
	if op.status == 0 {
		return http.StatusOK
	}
	return op.status
}

// needs is the scope that a key needs.
func (op operation) needs() access.Scope {
	switch {
	case op.scope != "":
		return op.scope
	case op.method == http.MethodGet:
		return access.Read
	}
	return access.Write
}

// huma gives the operation in huma's terms.
func (op operation) huma(result map[string]*huma.MediaType) huma.Operation {
	responses := map[string]*huma.Response{
		strconv.Itoa(op.success()): {Description: http.StatusText(op.success()), Headers: answerHeaders(), Content: result},
	}
	faults := []int{
		http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden,
		http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable,
	}
	for _, status := range append(faults, op.faults...) {
		responses[strconv.Itoa(status)] = faultRef(status)
	}
	return huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Tags: []string{op.tag}, Summary: op.summary,
		Description:   "Needs the scope " + string(op.needs()) + ".",
		DefaultStatus: op.success(), Responses: responses,
		Parameters: append(baseParameters(), op.parameters...),
		Metadata:   map[string]any{scopeKey: op.needs()},
		// The adapter has checked them, see query.Rules.
		SkipValidateParams: true,
	}
}

// resultOf documents what a success holds.
func resultOf[O any](a *api, op operation) map[string]*huma.MediaType {
	t := reflect.TypeFor[O]()
	switch {
	case op.content != nil:
		return op.content
	case t == reflect.TypeFor[nothing]():
		return nil
	}
	if wrapped, ok := any(*new(O)).(interface{ schema() reflect.Type }); ok {
		t = wrapped.schema()
	}
	return map[string]*huma.MediaType{"application/json": {Schema: a.schemaOf(t)}}
}

// open registers an operation that needs no key.
func open(a *api, op operation, content map[string]*huma.MediaType, run func(*exchange) error) {
	h := op.huma(content)
	h.Parameters, h.Description = nil, ""
	h.Security = []map[string][]string{{}}
	for _, status := range []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		delete(h.Responses, strconv.Itoa(status))
	}
	for _, status := range op.faults {
		h.Responses[strconv.Itoa(status)] = faultRef(status)
	}
	h.Responses[strconv.Itoa(op.success())].Headers = nil
	a.huma.OpenAPI().AddOperation(&h)
	a.routes.HandleFunc(op.method+" "+a.options.Prefix+op.path, func(w http.ResponseWriter, r *http.Request) {
		x := w.(*exchange) //nolint:forcetypeassert // the door hands over nothing else.
		x.request = r
		if err := run(x); err != nil {
			x.fail(err)
		}
	})
}
