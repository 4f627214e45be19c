package providertest

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/playground"
)

// OpenAI plays chat completions, models and embeddings of OpenAI, of Azure
// OpenAI and of servers that are compatible with them, under any path before
// "chat/completions".
type OpenAI struct {
	// Answer says what to answer. Default: empty answers.
	Answer func(Question) Answer
	// Models are what the server offers. Default: gpt-4o and gpt-4o-mini.
	Models []playground.Model
	Record
}

// NewOpenAI plays the answers of a function.
func NewOpenAI(answer func(Question) Answer) *OpenAI { return &OpenAI{Answer: answer} }

// ServeHTTP answers one request.
func (o *OpenAI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/chat/completions"):
		player{dialect: openaiDialect{}, record: &o.Record, answer: o.Answer}.chat(w, r)
	case strings.HasSuffix(r.URL.Path, "/embeddings"):
		o.embed(w, r)
	case strings.HasSuffix(r.URL.Path, "/models"):
		if _, err := o.add(r, false); err != nil {
			return
		}
		data := []object{}
		for _, m := range defaultModels(o.Models, "gpt-4o", "gpt-4o-mini") {
			data = append(data, object{"id": m.ID, "object": "model", "created": 1700000000, "owned_by": "played"})
		}
		writeJSON(w, http.StatusOK, object{"object": "list", "data": data})
	default:
		writeJSON(w, http.StatusNotFound, openaiDialect{}.failure(http.StatusNotFound, "", "Invalid URL"))
	}
}

func (o *OpenAI) embed(w http.ResponseWriter, r *http.Request) {
	q, err := o.add(r, false)
	if err != nil {
		return
	}
	var body struct {
		Model string   `json:"model"`
		Input []string `json:"input"`
	}
	if err := json.Unmarshal(q.Body, &body); err != nil {
		writeJSON(w, http.StatusBadRequest, openaiDialect{}.failure(http.StatusBadRequest, "", err.Error()))
		return
	}
	data := []object{}
	for i := len(body.Input) - 1; i >= 0; i-- { // not in order: the index counts
		data = append(data, object{"object": "embedding", "index": i, "embedding": Vector(body.Input[i])})
	}
	writeJSON(w, http.StatusOK, object{"object": "list", "data": data, "model": body.Model})
}

type openaiDialect struct{}

func (openaiDialect) contentType() string { return "text/event-stream; charset=utf-8" }
func (openaiDialect) keepAlive() string   { return ": PROCESSING\n\n" }

func (d openaiDialect) whole(q Question, a Answer) any {
	message := object{"role": "assistant", "content": a.text(), "refusal": nil}
	if len(a.ToolCalls) > 0 {
		calls := []object{}
		for _, c := range a.ToolCalls {
			calls = append(calls, object{"id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": c.Arguments}})
		}
		message["tool_calls"] = calls
		if a.text() == "" {
			message["content"] = nil
		}
	}
	out := object{
		"id": id("chatcmpl", q), "object": "chat.completion", "created": 1700000000, "model": q.Model, "system_fingerprint": "fp_played",
		"choices": []object{{"index": 0, "message": message, "logprobs": nil, "finish_reason": a.finish()}},
	}
	if !a.NoUsage {
		out["usage"] = d.usage(q, a)
	}
	return out
}

func (openaiDialect) usage(q Question, a Answer) object {
	in, out := a.usage(q)
	return object{"prompt_tokens": in, "completion_tokens": out, "total_tokens": in + out}
}

func (openaiDialect) chunk(q Question, delta object, finish any) frame {
	return frame{data: object{
		"id": id("chatcmpl", q), "object": "chat.completion.chunk", "created": 1700000000, "model": q.Model,
		"choices": []object{{"index": 0, "delta": delta, "finish_reason": finish}},
	}}
}

func (d openaiDialect) opening(q Question, _ Answer) []frame {
	return []frame{d.chunk(q, object{"role": "assistant", "content": ""}, nil)}
}

func (d openaiDialect) piece(q Question, text string) []frame {
	return []frame{d.chunk(q, object{"content": text}, nil)}
}

func (d openaiDialect) calls(q Question, a Answer) []frame {
	var frames []frame
	for i, c := range a.ToolCalls {
		frames = append(frames, d.chunk(q, object{"tool_calls": []object{{
			"index": i, "id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": ""},
		}}}, nil))
		for _, part := range halves(c.Arguments) {
			frames = append(frames, d.chunk(q, object{"tool_calls": []object{{"index": i, "function": object{"arguments": part}}}}, nil))
		}
	}
	return frames
}

func (d openaiDialect) closing(q Question, a Answer) []frame {
	frames := []frame{d.chunk(q, object{}, a.finish())}
	var asked struct {
		StreamOptions struct {
			IncludeUsage bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	if json.Unmarshal(q.Body, &asked) == nil && asked.StreamOptions.IncludeUsage && !a.NoUsage {
		frames = append(frames, frame{data: object{
			"id": id("chatcmpl", q), "object": "chat.completion.chunk", "created": 1700000000, "model": q.Model,
			"choices": []object{}, "usage": d.usage(q, a),
		}})
	}
	if !a.NoEnd {
		frames = append(frames, frame{data: "[DONE]"})
	}
	return frames
}

func (openaiDialect) failure(status int, kind, message string) any {
	code := any(kind)
	if kind == "" {
		code = map[int]any{401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}[status]
	}
	typ := "invalid_request_error"
	if status >= 500 {
		typ = "server_error"
	}
	return object{"error": object{"message": message, "type": typ, "param": nil, "code": code}}
}

func (openaiDialect) broken(kind, message string) []frame {
	if kind == "" {
		kind = "server_error"
	}
	return []frame{{data: object{"error": object{"message": message, "type": kind, "code": nil}}}}
}
