package providertest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/playground"
)

// Cohere plays chat (version 2), models and embeddings of Cohere.
type Cohere struct {
	// Answer says what to answer. Default: empty answers.
	Answer func(Question) Answer
	// Models are what the server offers. Default: two models of Command.
	Models []playground.Model
	Record
}

// NewCohere plays the answers of a function.
func NewCohere(answer func(Question) Answer) *Cohere { return &Cohere{Answer: answer} }

// ServeHTTP answers one request.
func (o *Cohere) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/v2/chat"):
		player{dialect: cohereDialect{}, record: &o.Record, answer: o.Answer}.chat(w, r)
	case strings.HasSuffix(r.URL.Path, "/v2/embed"):
		o.embed(w, r)
	case strings.HasSuffix(r.URL.Path, "/v1/models"):
		q, err := o.add(r, false)
		if err != nil {
			return
		}
		o.models(w, q)
	default:
		writeJSON(w, http.StatusNotFound, cohereDialect{}.failure(http.StatusNotFound, "", "not found"))
	}
}

// models pages by a token, which is the number of models seen.
func (o *Cohere) models(w http.ResponseWriter, q Question) {
	models := defaultModels(o.Models, "command-a-03-2025", "command-r7b-12-2024")
	seen, _ := strconv.Atoi(q.Query.Get("page_token"))
	models = models[min(max(seen, 0), len(models)):]
	size, err := strconv.Atoi(q.Query.Get("page_size"))
	if err != nil {
		size = 20
	}
	page := models[:min(size, len(models))]
	list := []object{}
	for _, m := range page {
		list = append(list, object{"name": m.ID, "endpoints": []string{"chat"}, "finetuned": false, "context_length": m.ContextWindow})
	}
	out := object{"models": list}
	if len(page) < len(models) {
		out["next_page_token"] = strconv.Itoa(seen + len(page))
	}
	writeJSON(w, http.StatusOK, out)
}

func (o *Cohere) embed(w http.ResponseWriter, r *http.Request) {
	q, err := o.add(r, false)
	if err != nil {
		return
	}
	var body struct {
		Texts []string `json:"texts"`
	}
	if err := json.Unmarshal(q.Body, &body); err != nil || len(body.Texts) > 96 {
		writeJSON(w, http.StatusBadRequest, object{"message": "invalid request: total number of texts must be at most 96"})
		return
	}
	vectors := [][]float64{}
	for _, text := range body.Texts {
		vectors = append(vectors, Vector(text))
	}
	writeJSON(w, http.StatusOK, object{"id": id("embed", q), "embeddings": object{"float": vectors}, "texts": body.Texts})
}

type cohereDialect struct{}

func (cohereDialect) contentType() string { return "text/event-stream" }
func (cohereDialect) keepAlive() string   { return ": keep-alive\n\n" }

// cohereReason puts a finish reason into Cohere's words.
func cohereReason(a Answer) string {
	reason := a.finish()
	if word, ok := map[string]string{"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_calls": "TOOL_CALL", "content_filter": "ERROR_TOXIC"}[reason]; ok {
		return word
	}
	return reason
}

func cohereUsage(q Question, a Answer) object {
	in, out := a.usage(q)
	return object{
		"billed_units": object{"input_tokens": in, "output_tokens": out},
		"tokens":       object{"input_tokens": in + 60, "output_tokens": out + 2},
	}
}

func cohereCall(c playground.ToolCall, arguments string) object {
	return object{"id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": arguments}}
}

func (cohereDialect) whole(q Question, a Answer) any {
	message := object{"role": "assistant"}
	if text := a.text(); text != "" {
		message["content"] = []object{{"type": "text", "text": text}}
	}
	if len(a.ToolCalls) > 0 {
		calls := []object{}
		for _, c := range a.ToolCalls {
			calls = append(calls, cohereCall(c, c.Arguments))
		}
		message["tool_plan"], message["tool_calls"] = "I will use a tool.", calls
	}
	out := object{"id": id("msg", q), "finish_reason": cohereReason(a), "message": message}
	if !a.NoUsage {
		out["usage"] = cohereUsage(q, a)
	}
	return out
}

func cohereFrame(kind string, members object) frame {
	members["type"] = kind
	return frame{event: kind, data: members}
}

func cohereDelta(message object) object { return object{"message": message} }

func (cohereDialect) opening(q Question, _ Answer) []frame {
	return []frame{
		cohereFrame("message-start", object{"id": id("msg", q), "delta": cohereDelta(object{
			"role": "assistant", "content": []object{}, "tool_plan": "", "tool_calls": []object{}, "citations": []object{},
		})}),
		cohereFrame("content-start", object{"index": 0, "delta": cohereDelta(object{"content": object{"type": "text", "text": ""}})}),
	}
}

func (cohereDialect) piece(_ Question, text string) []frame {
	return []frame{cohereFrame("content-delta", object{"index": 0, "delta": cohereDelta(object{"content": object{"text": text}})})}
}

func (cohereDialect) calls(_ Question, a Answer) []frame {
	frames := []frame{cohereFrame("content-end", object{"index": 0})}
	if len(a.ToolCalls) > 0 {
		frames = append(frames, cohereFrame("tool-plan-delta", object{"delta": cohereDelta(object{"tool_plan": "I will use a tool."})}))
	}
	for i, c := range a.ToolCalls {
		frames = append(frames, cohereFrame("tool-call-start", object{"index": i, "delta": cohereDelta(object{"tool_calls": cohereCall(c, "")})}))
		for _, part := range halves(c.Arguments) {
			frames = append(frames, cohereFrame("tool-call-delta", object{
				"index": i, "delta": cohereDelta(object{"tool_calls": object{"function": object{"arguments": part}}}),
			}))
		}
		frames = append(frames, cohereFrame("tool-call-end", object{"index": i}))
	}
	return frames
}

func (cohereDialect) closing(q Question, a Answer) []frame {
	if a.NoEnd {
		return nil
	}
	delta := object{"finish_reason": cohereReason(a)}
	if !a.NoUsage {
		delta["usage"] = cohereUsage(q, a)
	}
	return []frame{cohereFrame("message-end", object{"id": id("msg", q), "delta": delta})}
}

func (cohereDialect) failure(_ int, _, message string) any {
	return object{"id": "played", "message": message}
}

func (cohereDialect) broken(_, message string) []frame {
	return []frame{cohereFrame("message-end", object{"delta": object{"finish_reason": "ERROR", "error": message}})}
}
