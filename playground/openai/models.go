package openai

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// Models asks which models there are. Of OpenAI itself only those that chat.
func (p *Provider) Models(ctx context.Context) ([]playground.Model, error) {
	models := []playground.Model{}
	if p.flavor == azure && p.options.Deployments != nil {
		for _, name := range p.options.Deployments {
			models = append(models, playground.Model{ID: name, Name: name, Provider: p.Name(), ContextWindow: window(name)})
		}
		return models, nil
	}
	var list listing
	r := wire.Request{Method: http.MethodGet, Path: "/models", Header: p.header(), Query: p.query()}
	if err := p.wire.JSON(ctx, r, &list); err != nil {
		return nil, err
	}
	for _, m := range list.entries {
		if m.ID == "" || (p.flavor == hosted && !chats(m.ID)) {
			continue
		}
		models = append(models, playground.Model{ID: m.ID, Name: orDefault(m.Name, m.ID), Provider: p.Name(), ContextWindow: m.window(p.flavor)})
	}
	slices.SortStableFunc(models, func(a, b playground.Model) int { return strings.Compare(a.ID, b.ID) })
	return models, nil
}

// listing is {"data": […]}, or a bare list.
type listing struct {
	entries []entry
	fault   json.RawMessage
}

func (l *listing) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		return json.Unmarshal(b, &l.entries)
	}
	var object struct {
		Data  []entry         `json:"data"`
		Error json.RawMessage `json:"error"`
	}
	err := json.Unmarshal(b, &object)
	l.entries, l.fault = object.Data, object.Error
	return err
}

// Check finds errors in successful answers.
func (l *listing) Check() error {
	if wire.Present(l.fault) {
		return wire.Said(l.fault)
	}
	if l.entries == nil {
		return wire.ErrNothing
	}
	return nil
}

// entry is a model. The size of its context window is no part of OpenAI's API;
// the servers that tell it have a name each.
type entry struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Groq; vLLM; OpenRouter and Together; Mistral and LM Studio.
	ContextWindow    wire.Count `json:"context_window"`
	MaxModelLen      wire.Count `json:"max_model_len"`
	ContextLength    wire.Count `json:"context_length"`
	MaxContextLength wire.Count `json:"max_context_length"`
	// llama.cpp.
	Meta *struct {
		ContextTrained wire.Count `json:"n_ctx_train"`
	} `json:"meta"`
}

func (e entry) window(f flavor) int64 {
	told := e.ContextWindow.Or(e.MaxModelLen).Or(e.ContextLength).Or(e.MaxContextLength)
	if e.Meta != nil {
		told = told.Or(e.Meta.ContextTrained)
	}
	switch {
	case told.N != nil:
		return *told.N
	case f == compatible:
		return 0 // whoever serves a model chooses its window
	}
	return window(e.ID)
}

// chats tells OpenAI's models for chat completions from those for sounds,
// pictures, vectors and other APIs, which its list does not.
func chats(id string) bool {
	name := strings.TrimPrefix(id, "ft:")
	if !strings.HasPrefix(name, "gpt-") && !strings.HasPrefix(name, "chatgpt-") && !generationOf(name).reasons {
		return false
	}
	for _, other := range []string{
		"audio", "realtime", "transcribe", "translate", "tts", "image", "instruct", "search", "deep-research", "codex", "live", "-pro",
	} {
		if strings.Contains(name, other) {
			return false
		}
	}
	return true
}
