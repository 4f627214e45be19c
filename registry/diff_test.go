package registry_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/registry"
)

func TestDifferences(t *testing.T) {
	t.Parallel()
	number := func(text string) any { return json.Number(text) }
	for name, test := range map[string]struct {
		change   func(*registry.Prompt)
		messages []registry.MessageDiff
		settings []registry.SettingDiff
	}{
		"nothing": {change: func(*registry.Prompt) {}},
		"a message": {
			change: func(p *registry.Prompt) { p.Messages[1].Content = "one\n2\nthree" },
			messages: []registry.MessageDiff{{
				Index: 1, Change: "changed", FromRole: "user", ToRole: "user",
				Unified: "--- 1.0.0/messages[1]\n+++ 1.1.0/messages[1]\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n",
			}},
		},
		"the end of a text without a line end": {
			change: func(p *registry.Prompt) { p.Messages[1].Content = "one\ntwo\nthree\n" },
			messages: []registry.MessageDiff{{
				Index: 1, Change: "changed", FromRole: "user", ToRole: "user", Unified: "",
			}},
		},
		"a role": {
			change: func(p *registry.Prompt) { p.Messages[0].Role = registry.Assistant },
			messages: []registry.MessageDiff{{
				Index: 0, Change: "changed", FromRole: "system", ToRole: "assistant", Unified: "",
			}},
		},
		"a message more": {
			change: func(p *registry.Prompt) {
				p.Messages = append(p.Messages, registry.Message{Role: registry.User, Content: "new"})
			},
			messages: []registry.MessageDiff{{
				Index: 2, Change: "added", ToRole: "user",
				Unified: "--- 1.0.0/messages[2]\n+++ 1.1.0/messages[2]\n@@ -0,0 +1 @@\n+new\n",
			}},
		},
		"a message less": {
			change: func(p *registry.Prompt) { p.Messages = p.Messages[:1] },
			messages: []registry.MessageDiff{{
				Index: 1, Change: "removed", FromRole: "user",
				Unified: "--- 1.0.0/messages[1]\n+++ 1.1.0/messages[1]\n@@ -1,3 +0,0 @@\n-one\n-two\n-three\n",
			}},
		},
		"settings": {
			change: func(p *registry.Prompt) {
				p.ModelConfig = config(`{"temperature":0.5,"max_tokens":10,"provider":"azure"}`)
				p.Tags = []string{"b"}
				p.Variables = declare(`{"x":{"type":"number"}}`)
				p.Extra = extra(`{"owner":{"team":"b"}}`)
				p.Messages[0].Name = "who"
			},
			settings: []registry.SettingDiff{
				{Path: "messages[0].name", From: nil, To: "who"},
				{Path: "model_config.max_tokens", From: nil, To: number("10")},
				{Path: "model_config.model", From: "gpt-4o", To: nil},
				{Path: "model_config.provider", From: "openai", To: "azure"},
				{Path: "owner.team", From: "a", To: "b"},
				{Path: "tags", From: []any{"a"}, To: []any{"b"}},
				{Path: "variables.x.type", From: "string", To: "number"},
			},
		},
		"a setting that goes": {
			change: func(p *registry.Prompt) { p.ModelConfig, p.Extra = nil, nil },
			settings: []registry.SettingDiff{
				{Path: "model_config", From: map[string]any{"model": "gpt-4o", "temperature": number("0.5"), "provider": "openai"}},
				{Path: "owner", From: map[string]any{"team": "a"}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := func(version string) registry.Prompt {
				return registry.Prompt{
					Name: "p", Version: version,
					Messages: []registry.Message{
						{Role: registry.System, Content: "be kind"}, {Role: registry.User, Content: "one\ntwo\nthree"},
					},
					ModelConfig: config(`{"model":"gpt-4o","temperature":0.5,"provider":"openai"}`),
					Variables:   declare(`{"x":{"type":"string"}}`), Tags: []string{"a"}, Extra: extra(`{"owner":{"team":"a"}}`),
				}
			}
			from, to := base("1.0.0"), base("1.1.0")
			test.change(&to)
			got, err := registry.Differences(from, to)
			require.NoError(t, err)
			want := registry.Comparison{
				Name: "p", From: "1.0.0", To: "1.1.0", Messages: []registry.MessageDiff{}, Settings: []registry.SettingDiff{},
			}
			want.Messages = append(want.Messages, test.messages...)
			want.Settings = append(want.Settings, test.settings...)
			require.Equal(t, want, got)
		})
	}
}
