package openai

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGeneration(t *testing.T) {
	t.Parallel()
	old, chat, thinker := generation{}, generation{newer: true}, generation{newer: true, reasons: true}
	idle := generation{newer: true, reasons: true, idleTools: true}
	for name, want := range map[string]generation{
		"gpt-4o": old, "gpt-4.1-mini": old, "gpt-3.5-turbo": old, "gpt-oss-120b": old, "llama-3": old, "": old, "gpt-": old, "o": old, "olmo-2": old, "chatgpt-4o-latest": old,
		"o1": thinker, "o3-mini": thinker, "o4-mini-2025-04-16": thinker, "ft:o4-mini:acme": thinker, "openai/o3": thinker, "O3": thinker,
		"gpt-5": thinker, "gpt-5-nano-2025-08-07": thinker, "gpt-5.4-pro": thinker, "gpt-5-chat-latest": chat, "gpt-5.2-chat-latest": chat,
		"gpt-5.6": idle, "gpt-5.6-luna": idle, "gpt-5.10": idle, "gpt-6-sol": idle, "gpt-6.2-sol": idle, "gpt-10": idle,
	} {
		require.Equal(t, want, generationOf(name), name)
	}
}
