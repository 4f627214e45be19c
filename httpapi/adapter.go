package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/httpapi/internal/query"
)

// adapter puts huma's operations on our routes, behind the door's lock.
type adapter struct{ api *api }

var _ huma.Adapter = adapter{}

// ServeHTTP implements [huma.Adapter].
func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.api.ServeHTTP(w, r) }

// Handle implements [huma.Adapter]: a request that is admitted, and whose
// parameters are as documented, goes on to huma.
func (a adapter) Handle(op *huma.Operation, next func(huma.Context)) {
	needed := op.Metadata[scopeKey].(access.Scope) //nolint:forcetypeassert // every operation has one, see operation.huma.
	rules := query.RulesOf(op.Parameters)
	a.api.routes.HandleFunc(op.Method+" "+a.api.options.Prefix+op.Path, func(w http.ResponseWriter, r *http.Request) {
		x := w.(*exchange) //nolint:forcetypeassert // the door hands over nothing else.
		x.request = r
		if err := x.admit(needed); err != nil {
			x.fail(err)
			return
		}
		if err := rules.Check(r.URL.RawQuery); err != nil {
			x.fail(err)
			return
		}
		next(&humaContext{
			inner: humago.NewContext(op, r, x), raw: r.URL.RawQuery,
			ctx: x.context(),
		})
	})
}

// inner names the embedded interface apart from its method Context.
type inner huma.Context

// humaContext is a request as huma sees it.
type humaContext struct {
	inner
	ctx context.Context //nolint:containedctx // it is what the method Context gives.
	raw string
}

// Context leads handlers to the exchange.
func (c *humaContext) Context() context.Context { return c.ctx }

// Query reads a parameter. Unlike huma's own it takes a name without a value
// for an empty one, not for the text "true".
func (c *humaContext) Query(name string) string { return query.Value(c.raw, name) }
