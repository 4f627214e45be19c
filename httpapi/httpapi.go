package httpapi

import (
	"log/slog"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/promptmetrics-go/promptmetrics"
)

// Mount serves the API on a mux beside other routes. It takes the trees /v1/
// and /docs/ and the paths /health, /health/deep, /openapi.json, /docs and
// /webhooks/github, all below Options.Prefix, and nothing else. Like the mux
// itself it panics on mistakes of the program: options that cannot be, and
// paths that are taken.
func Mount(mux *http.ServeMux, pm *promptmetrics.Client, opts Options) {
	a := newAPI(pm, opts)
	for _, path := range []string{"/v1/", "/health", "/health/deep", "/openapi.json", "/docs", "/docs/", "/webhooks/github"} {
		// With a method each, since a host's "GET /" would be in conflict with
		// a pattern that has none.
		for _, method := range mounted {
			mux.Handle(method+" "+a.options.Prefix+path, a)
		}
	}
}

// mounted are the methods that reach us; GET stands for HEAD too.
var mounted = []string{
	http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// Handler serves the API as a whole: it answers every path, unknown ones with
// 404 in the envelope. It panics on options that cannot be.
func Handler(pm *promptmetrics.Client, opts Options) http.Handler { return newAPI(pm, opts) }

// api serves one client.
type api struct {
	pm      *promptmetrics.Client
	options Options
	log     *slog.Logger
	// routes leads from paths to operations; it is ours, the host's mux only
	// leads here.
	routes *http.ServeMux
	huma   huma.API
	// document is the OpenAPI document as JSON.
	document  []byte
	buffers   sync.Pool
	unzippers unzippers
}

func newAPI(pm *promptmetrics.Client, opts Options) *api {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		panic("httpapi: " + err.Error())
	}
	a := &api{pm: pm, options: opts, log: opts.Logger, routes: http.NewServeMux()}
	a.buffers.New = func() any { return newBuffer() }
	a.huma = huma.NewAPI(a.config(), adapter{a})
	a.register()
	a.routes.HandleFunc(unrouted, a.answerUnrouted)
	a.document = a.finishDocument()
	return a
}

// register is the table of contents.
func (a *api) register() {
	a.registerPrompts()
	a.registerVersions()
	a.registerLabels()
	a.registerLogs()
	a.registerTraces()
	a.registerSpans()
	a.registerOTLP()
	a.registerRuns()
	a.registerEvaluations()
	a.registerEvaluationRuns()
	a.registerDatasets()
	a.registerMetrics()
	a.registerABTests()
	a.registerPlayground()
	a.registerBudget()
	a.registerRetention()
	a.registerCompliance()
	a.registerKeys()
	a.registerAudit()
	a.registerHealth()
	a.registerWebhook()
	a.registerDocument()
	a.registerDocs()
}
