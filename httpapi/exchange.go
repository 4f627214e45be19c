package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
)

// exchange is one request and the answer to it. As the response writer of the
// request it knows whether and how it was answered.
type exchange struct {
	http.ResponseWriter
	request *http.Request
	api     *api
	// id of the request, for the answer and the log.
	id string

	// Set by admit.
	who       access.Identity
	actsIn    string // the name of the workspace
	workspace *promptmetrics.Workspace
	own       promptmetrics.Workspace // what workspace points to

	// routed is set once the request is led to our own routes, and patient
	// where an answer may take longer than others.
	routed, patient bool

	status int // 0 until the answer has begun
	size   int64

	// values is where set keeps header values, so that they cost no memory of
	// their own.
	values [12]string
	used   int
}

// set sets a header of the answer by its canonical name.
func (x *exchange) set(name, value string) {
	if x.used == len(x.values) {
		x.Header()[name] = []string{value}
		return
	}
	slot := x.values[x.used : x.used+1 : x.used+1]
	slot[0] = value
	x.used++
	x.Header()[name] = slot
}

// WriteHeader begins the answer.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the answer.
func (x *exchange) Write(p []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := x.ResponseWriter.Write(p)
	x.size += int64(n)
	return n, err
}

// Unwrap leads [http.ResponseController] to the writer of the server.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

type exchangeKey struct{}

// exchangeOf finds the exchange that a handler works for.
func exchangeOf(ctx context.Context) *exchange {
	return ctx.Value(exchangeKey{}).(*exchange) //nolint:forcetypeassert // the adapter puts it there, for every handler.
}

const jsonType = "application/json; charset=utf-8"

// json answers with a value as JSON.
func (x *exchange) json(status int, v any) error {
	b := x.api.buffer()
	defer x.api.release(b)
	if err := b.encode(v); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	x.send(status, jsonType, b.Bytes())
	return nil
}

// send answers with bytes. That the caller went away is not a failure of ours.
func (x *exchange) send(status int, contentType string, data []byte) {
	x.set("Content-Type", contentType)
	x.set("Content-Length", strconv.Itoa(len(data)))
	x.WriteHeader(status)
	_, _ = x.Write(data)
}

// answer is a result that writes itself, where plain JSON is not the answer.
type answer interface {
	answer(x *exchange) error
}

// nothing is the result of operations that answer 204.
type nothing struct{}

func (nothing) answer(x *exchange) error { //nolint:unparam // the interface lets others fail.
	x.WriteHeader(http.StatusNoContent)
	return nil
}

// reply answers with the result of an operation.
func (x *exchange) reply(status int, result any) error {
	if own, ok := result.(answer); ok {
		return own.answer(x)
	}
	return x.json(status, result)
}

// extendDeadline gives a part of an answer the time that the server allows for
// a whole one, which an export of any size, or the answer of a model, may not
// fit into.
func (x *exchange) extendDeadline() {
	x.patient = true
	server, ok := x.request.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok || server.WriteTimeout <= 0 {
		return
	}
	// A writer without deadlines has none to extend.
	_ = http.NewResponseController(x).SetWriteDeadline(x.api.options.Now().Add(server.WriteTimeout))
}
