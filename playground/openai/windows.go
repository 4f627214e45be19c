package openai

import "strings"

// windows are the context windows of OpenAI's models in tokens, which its API
// does not tell. Each was looked up on 2026-11-23 on the page that its line
// names. Models whose number was not at hand are left out: 0 is "unknown".
var windows = map[string]int64{
	// docs.litellm.ai/blog/gpt_6_sol_luna
	"gpt-6-sol": 1050000, "gpt-6-luna": 1050000,
	// vercel.com/ai-gateway/models/openai/gpt-5.6-sol-fast
	"gpt-5.6-sol": 1050000,
	// vercel.com/ai-gateway/models/gpt-5.4-mini-fast, openrouter.ai/openai/gpt-5.4-nano
	"gpt-5.4-mini": 400000, "gpt-5.4-nano": 400000,
	// vercel.com/ai-gateway/models/openai/gpt-5.2-fast
	"gpt-5.2": 400000,
	// developers.openai.com/api/docs/models/gpt-5.1
	"gpt-5.1": 400000,
	// vercel.com/ai-gateway/models/gpt-5-fast, …/gpt-5-nano, openrouter.ai/openai/gpt-5-mini
	"gpt-5": 400000, "gpt-5-mini": 400000, "gpt-5-nano": 400000,
	// developer.puter.com/ai/openai/gpt-5-chat
	"gpt-5-chat-latest": 128000,
	// vercel.com/ai-gateway/models/gpt-4.1-fast, …/gpt-4.1-mini-fast, …/gpt-4.1-nano-fast
	"gpt-4.1": 1047576, "gpt-4.1-mini": 1047576, "gpt-4.1-nano": 1047576,
	// vercel.com/ai-gateway/models/gpt-4o-fast, …/gpt-4o-mini-fast
	"gpt-4o": 128000, "gpt-4o-mini": 128000,
	// rageagainstthepixel.github.io/OpenAI-DotNet/api/OpenAI.Models.Model.html
	"chatgpt-4o-latest": 128000,
	// developers.openai.com/api/docs/models/gpt-4-turbo, …/gpt-4, …/gpt-3.5-turbo
	"gpt-4-turbo": 128000, "gpt-4": 8192, "gpt-3.5-turbo": 16385,
	// vercel.com/ai-gateway/models/o1, …/o3-mini/faq (of o3, too), …/o4-mini-fast
	"o1": 200000, "o3": 200000, "o3-mini": 200000, "o4-mini": 200000,
}

// window finds a model, or the one that a dated name ("gpt-4o-2024-08-06") is a
// snapshot of.
func window(id string) int64 {
	id = strings.ToLower(id)
	if n, ok := windows[id]; ok {
		return n
	}
	const date = "-2006-01-02"
	if n := len(id) - len(date); n > 0 && dated(id[n:]) {
		return windows[id[:n]]
	}
	return 0
}

// dated reports whether a text is -YYYY-MM-DD.
func dated(s string) bool {
	for i := range len(s) {
		if i == 0 || i == 5 || i == 8 {
			if s[i] != '-' {
				return false
			}
		} else if !digit(s[i]) {
			return false
		}
	}
	return true
}
