// Package httpapi serves a [promptmetrics.Client] over HTTP: the /v1 API, its
// OpenAPI document, a page to read it on, health reports and the webhook that
// brings pushed prompts in at once.
//
// [Mount] puts it on a mux beside the routes of your own program:
//
//	mux := http.NewServeMux()
//	mux.HandleFunc("/", home)
//	httpapi.Mount(mux, pm, httpapi.Options{Prefix: "/prompts-api"})
//
// [Handler] gives the same as one handler, for any router or a server of its
// own.
//
// A request goes one way: the door gives it an id and a shield against panics;
// its route lets it in (who is it, which workspace, within the rate limit, with
// the needed scope); a handler reads the input, makes one call on the domain
// and wraps the answer. Every error leaves through one place, in one envelope.
package httpapi
