package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

// crashWriter is one caller. What it adds to, it has seen acknowledged.
type crashWriter struct {
	// send sends a request, as whoever this is, to a server that may be gone.
	send func(context.Context, servertest.Request) (servertest.Answer, error)
	name string
	book *ledger
	// stubborn writers record under an idempotency key, and come again with it
	// until they are heard, and sometimes once more.
	stubborn           bool
	prompt, trace, run string
}

// with sends to one server with a key.
func with(s *servertest.Server, key string) func(context.Context, servertest.Request) (servertest.Answer, error) {
	return func(ctx context.Context, r servertest.Request) (servertest.Answer, error) {
		r.Key = key
		return s.Send(ctx, r)
	}
}

// step makes one mutation, and reports false when it was not acknowledged.
func (w *crashWriter) step(ctx context.Context, n int) bool {
	op := fmt.Sprintf("%s-%d", w.name, n)
	log := func(i int) string {
		return fmt.Sprintf(`{"prompt_name":"p","version_tag":"1.0.0","tokens_in":%d,"metadata":{"op":%q}}`, i, op)
	}
	switch n % 8 {
	case 0:
		w.prompt = ""
		return w.do(ctx, aPrompt, op+" 1.0.0", 201, "POST", "/v1/prompts",
			fmt.Sprintf(`{"name":%q,"version":"1.0.0","messages":[{"role":"user","content":"Hello {{name}}, this is %s"}]}`, op, op),
			func() { w.prompt = op })
	case 1:
		if w.prompt == "" {
			return true
		}
		return w.do(ctx, aLabel, w.prompt, 201, "POST", "/v1/prompts/"+w.prompt+"/labels", `{"name":"production","version_tag":"1.0.0"}`, nil)
	case 2:
		return w.do(ctx, aLog, op, 202, "POST", "/v1/logs", log(0), nil)
	case 3:
		var logs []string
		for i := range batchSize {
			logs = append(logs, log(i))
		}
		return w.do(ctx, aBatch, op, 202, "POST", "/v1/logs/batch", `{"logs":[`+strings.Join(logs, ",")+`]}`, nil)
	case 4:
		w.trace = ""
		id := uuid.NewString()
		return w.do(ctx, aTrace, id, 201, "POST", "/v1/traces", fmt.Sprintf(`{"trace_id":%q}`, id), func() { w.trace = id })
	case 5:
		if w.trace == "" {
			return true
		}
		var spans []string
		for i := range batchSize {
			spans = append(spans, fmt.Sprintf(`{"name":"step %d"}`, i))
		}
		return w.do(ctx, someSpans, w.trace, 201, "POST", "/v1/traces/"+w.trace+"/spans/batch", `{"spans":[`+strings.Join(spans, ",")+`]}`, nil)
	case 6:
		w.run = ""
		id := uuid.NewString()
		return w.do(ctx, aRun, id, 201, "POST", "/v1/runs", fmt.Sprintf(`{"run_id":%q,"workflow_name":"crash"}`, id), func() { w.run = id })
	}
	if w.run == "" {
		return true
	}
	return w.do(ctx, aRunEnd, w.run, 200, "PATCH", "/v1/runs/"+w.run, `{"status":"completed","output":{"done":true}}`, nil)
}

// do sends one mutation; an answer to it acknowledges it.
func (w *crashWriter) do(ctx context.Context, kind, name string, want int, method, path, body string, then func()) bool {
	w.book.attempt(kind, name)
	r := servertest.Request{Method: method, Path: path, Body: body}
	again := w.stubborn && (kind == aLog || kind == aBatch)
	if again {
		r.Header = map[string]string{"Idempotency-Key": name}
	}
	answer, err := w.send(ctx, r)
	for again && (err != nil || answer.Status != want) && ctx.Err() == nil {
		answer, err = w.send(ctx, r)
	}
	if err != nil || answer.Status != want {
		return false // killed, or about to be
	}
	var made struct {
		ID int64 `json:"id"`
	}
	if json.Unmarshal([]byte(answer.Body), &made) != nil {
		return false
	}
	w.book.acknowledge(kind, name, made.ID)
	if again && strings.HasSuffix(name, "0") {
		if once, err := w.send(ctx, r); err == nil && once.Status == want && once.Body != answer.Body {
			w.book.accuse("%s %s was answered %s and then %s", kind, name, answer.Body, once.Body)
		}
	}
	if then != nil {
		then()
	}
	return true
}
