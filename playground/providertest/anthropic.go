package providertest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/playground"
)

// Anthropic plays the messages and models of Anthropic.
type Anthropic struct {
	// Answer says what to answer. Default: empty answers.
	Answer func(Question) Answer
	// Models are what the server offers. Default: two models of Claude.
	Models []playground.Model
	Record
}

// NewAnthropic plays the answers of a function.
func NewAnthropic(answer func(Question) Answer) *Anthropic { return &Anthropic{Answer: answer} }

// ServeHTTP answers one request.
func (o *Anthropic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/v1/messages"):
		player{dialect: anthropicDialect{}, record: &o.Record, answer: o.Answer}.chat(w, r)
	case strings.HasSuffix(r.URL.Path, "/v1/models"):
		q, err := o.add(r, false)
		if err != nil {
			return
		}
		o.models(w, q)
	default:
		writeJSON(w, http.StatusNotFound, anthropicDialect{}.failure(http.StatusNotFound, "", "Not Found"))
	}
}

// models pages by the id of the last model seen.
func (o *Anthropic) models(w http.ResponseWriter, q Question) {
	models := defaultModels(o.Models, "claude-sonnet-4-5", "claude-haiku-4-5")
	after := slices.IndexFunc(models, func(m playground.Model) bool { return m.ID == q.Query.Get("after_id") })
	models = models[after+1:]
	limit, err := strconv.Atoi(q.Query.Get("limit"))
	if err != nil {
		limit = 20
	}
	page := models[:min(limit, len(models))]
	data := []object{}
	for _, m := range page {
		data = append(data, object{
			"type": "model", "id": m.ID, "display_name": m.Name, "created_at": "2025-10-01T00:00:00Z",
			"max_input_tokens": m.ContextWindow, "max_tokens": 64000,
		})
	}
	out := object{"data": data, "has_more": len(page) < len(models), "first_id": nil, "last_id": nil}
	if len(page) > 0 {
		out["first_id"], out["last_id"] = page[0].ID, page[len(page)-1].ID
	}
	writeJSON(w, http.StatusOK, out)
}

type anthropicDialect struct{}

func (anthropicDialect) contentType() string { return "text/event-stream; charset=utf-8" }
func (anthropicDialect) keepAlive() string   { return "event: ping\ndata: {\"type\": \"ping\"}\n\n" }

// anthropicReason puts a finish reason into Anthropic's words.
func anthropicReason(a Answer) string {
	reason := a.finish()
	if word, ok := map[string]string{"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}[reason]; ok {
		return word
	}
	return reason
}

func (anthropicDialect) whole(q Question, a Answer) any {
	content := []object{}
	if text := a.text(); text != "" {
		content = append(content, object{"type": "text", "text": text})
	}
	for _, c := range a.ToolCalls {
		content = append(content, object{"type": "tool_use", "id": c.ID, "name": c.Name, "input": parse(c.Arguments)})
	}
	out := object{
		"id": id("msg", q), "type": "message", "role": "assistant", "model": q.Model, "content": content,
		"stop_reason": anthropicReason(a), "stop_sequence": nil,
	}
	if !a.NoUsage {
		in, produced := a.usage(q)
		out["usage"] = object{"input_tokens": in, "output_tokens": produced, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
	}
	return out
}

func anthropicFrame(kind string, members object) frame {
	members["type"] = kind
	return frame{event: kind, data: members}
}

func (anthropicDialect) opening(q Question, a Answer) []frame {
	message := object{
		"id": id("msg", q), "type": "message", "role": "assistant", "model": q.Model, "content": []object{},
		"stop_reason": nil, "stop_sequence": nil,
	}
	if !a.NoUsage {
		in, _ := a.usage(q)
		message["usage"] = object{"input_tokens": in, "output_tokens": 1}
	}
	return []frame{
		anthropicFrame("message_start", object{"message": message}),
		anthropicFrame("content_block_start", object{"index": 0, "content_block": object{"type": "text", "text": ""}}),
		anthropicFrame("ping", object{}),
	}
}

func (anthropicDialect) piece(_ Question, text string) []frame {
	return []frame{anthropicFrame("content_block_delta", object{"index": 0, "delta": object{"type": "text_delta", "text": text}})}
}

func (anthropicDialect) calls(_ Question, a Answer) []frame {
	frames := []frame{anthropicFrame("content_block_stop", object{"index": 0})}
	for i, c := range a.ToolCalls {
		frames = append(frames, anthropicFrame("content_block_start", object{
			"index": i + 1, "content_block": object{"type": "tool_use", "id": c.ID, "name": c.Name, "input": object{}},
		}))
		for _, part := range append([]string{""}, halves(c.Arguments)...) {
			frames = append(frames, anthropicFrame("content_block_delta", object{
				"index": i + 1, "delta": object{"type": "input_json_delta", "partial_json": part},
			}))
		}
		frames = append(frames, anthropicFrame("content_block_stop", object{"index": i + 1}))
	}
	return frames
}

func (anthropicDialect) closing(q Question, a Answer) []frame {
	delta := object{"delta": object{"stop_reason": anthropicReason(a), "stop_sequence": nil}}
	if !a.NoUsage {
		_, out := a.usage(q)
		delta["usage"] = object{"output_tokens": out}
	}
	frames := []frame{anthropicFrame("message_delta", delta)}
	if !a.NoEnd {
		frames = append(frames, anthropicFrame("message_stop", object{}))
	}
	return frames
}

func (anthropicDialect) failure(status int, kind, message string) any {
	if kind == "" {
		kind = map[int]string{
			400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
			413: "request_too_large", 429: "rate_limit_error", 529: "overloaded_error",
		}[status]
	}
	if kind == "" {
		kind = "api_error"
	}
	return object{"type": "error", "error": object{"type": kind, "message": message}, "request_id": "req_played"}
}

func (d anthropicDialect) broken(kind, message string) []frame {
	if kind == "" {
		kind = "overloaded_error"
	}
	return []frame{{event: "error", data: d.failure(0, kind, message)}}
}
