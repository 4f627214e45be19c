package providertest

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/playground"
)

// Ollama plays chat, models and embeddings of Ollama's own API.
type Ollama struct {
	// Answer says what to answer. Default: empty answers.
	Answer func(Question) Answer
	// Models are what the server has. Default: llama3.2 and qwen3.
	Models []playground.Model
	Record
}

// NewOllama plays the answers of a function.
func NewOllama(answer func(Question) Answer) *Ollama { return &Ollama{Answer: answer} }

// ServeHTTP answers one request.
func (o *Ollama) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/api/chat") {
		player{dialect: ollamaDialect{}, record: &o.Record, answer: o.Answer, ndjson: true, streams: true}.chat(w, r)
		return
	}
	q, err := o.add(r, false)
	if err != nil {
		return
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "/api/tags"):
		list := []object{}
		for _, m := range o.models() {
			list = append(list, object{"name": m.ID, "model": m.ID, "size": 2019393189, "details": object{"family": "llama"}})
		}
		writeJSON(w, http.StatusOK, object{"models": list})
	case strings.HasSuffix(r.URL.Path, "/api/show"):
		o.show(w, q)
	case strings.HasSuffix(r.URL.Path, "/api/embed"):
		o.embed(w, q)
	default:
		http.NotFound(w, r)
	}
}

func (o *Ollama) models() []playground.Model {
	return defaultModels(o.Models, "llama3.2:latest", "qwen3:8b")
}

func (o *Ollama) show(w http.ResponseWriter, q Question) {
	var body struct {
		Model string `json:"model"`
	}
	_ = json.Unmarshal(q.Body, &body)
	for _, m := range o.models() {
		if m.ID == body.Model {
			writeJSON(w, http.StatusOK, object{
				"capabilities": []string{"completion", "tools"},
				"model_info":   object{"general.architecture": "llama", "llama.context_length": m.ContextWindow},
			})
			return
		}
	}
	writeJSON(w, http.StatusNotFound, object{"error": "model '" + body.Model + "' not found"})
}

func (o *Ollama) embed(w http.ResponseWriter, q Question) {
	var body struct {
		Model string   `json:"model"`
		Input []string `json:"input"`
	}
	if err := json.Unmarshal(q.Body, &body); err != nil {
		writeJSON(w, http.StatusBadRequest, object{"error": err.Error()})
		return
	}
	vectors := [][]float64{}
	for _, text := range body.Input {
		vectors = append(vectors, Vector(text))
	}
	writeJSON(w, http.StatusOK, object{"model": body.Model, "embeddings": vectors})
}

type ollamaDialect struct{}

func (ollamaDialect) contentType() string { return "application/x-ndjson" }
func (ollamaDialect) keepAlive() string   { return "\n" }

func ollamaLine(q Question, message object, done bool) object {
	return object{"model": q.Model, "created_at": "2025-10-01T00:00:00Z", "message": message, "done": done}
}

func ollamaCalls(a Answer) []object {
	calls := []object{}
	for _, c := range a.ToolCalls {
		calls = append(calls, object{"function": object{"name": c.Name, "arguments": parse(c.Arguments)}})
	}
	return calls
}

func (d ollamaDialect) last(q Question, a Answer, message object) object {
	line := ollamaLine(q, message, true)
	line["done_reason"] = a.finish()
	if a.finish() == "tool_calls" {
		line["done_reason"] = "stop" // as Ollama does
	}
	if !a.NoUsage {
		in, out := a.usage(q)
		line["prompt_eval_count"], line["eval_count"], line["total_duration"] = in, out, 1234567
	}
	return line
}

func (d ollamaDialect) whole(q Question, a Answer) any {
	message := object{"role": "assistant", "content": a.text()}
	if len(a.ToolCalls) > 0 {
		message["tool_calls"] = ollamaCalls(a)
	}
	return d.last(q, a, message)
}

func (ollamaDialect) opening(Question, Answer) []frame { return nil }

func (ollamaDialect) piece(q Question, text string) []frame {
	return []frame{{data: ollamaLine(q, object{"role": "assistant", "content": text}, false)}}
}

func (ollamaDialect) calls(q Question, a Answer) []frame {
	if len(a.ToolCalls) == 0 {
		return nil
	}
	return []frame{{data: ollamaLine(q, object{"role": "assistant", "content": "", "tool_calls": ollamaCalls(a)}, false)}}
}

func (d ollamaDialect) closing(q Question, a Answer) []frame {
	if a.NoEnd {
		return nil
	}
	return []frame{{data: d.last(q, a, object{"role": "assistant", "content": ""})}}
}

func (ollamaDialect) failure(_ int, _, message string) any { return object{"error": message} }

func (ollamaDialect) broken(_, message string) []frame {
	return []frame{{data: object{"error": message}}}
}
