package registry_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("ü", n) }
	for name, test := range map[string]struct {
		change func(*registry.Prompt)
		fields []string // none: it is valid
	}{
		"the smallest prompt":         {func(*registry.Prompt) {}, nil},
		"the longest name":            {func(p *registry.Prompt) { p.Name = strings.Repeat("a", 128) }, nil},
		"no name":                     {func(p *registry.Prompt) { p.Name = "" }, []string{"name must be 1 to 128 letters, digits, '_' or '-'"}},
		"a name that is too long":     {func(p *registry.Prompt) { p.Name = strings.Repeat("a", 129) }, []string{"name must be 1 to 128 letters, digits, '_' or '-'"}},
		"a name that is a path":       {func(p *registry.Prompt) { p.Name = "../x" }, []string{"name must be 1 to 128 letters, digits, '_' or '-'"}},
		"a name beyond ASCII":         {func(p *registry.Prompt) { p.Name = "grün" }, []string{"name must be 1 to 128 letters, digits, '_' or '-'"}},
		"a version that is none":      {func(p *registry.Prompt) { p.Version = "v1" }, []string{"version must be semantic (e.g. 1.0.0) and at most 64 characters"}},
		"no messages":                 {func(p *registry.Prompt) { p.Messages = nil }, []string{"messages must have at least one message"}},
		"an unknown role":             {func(p *registry.Prompt) { p.Messages[0].Role = "tool" }, []string{"messages[0].role must be one of system, user, assistant"}},
		"no content":                  {func(p *registry.Prompt) { p.Messages[0].Content = "" }, []string{"messages[0].content must be 1 to 100000 characters"}},
		"the longest content":         {func(p *registry.Prompt) { p.Messages[0].Content = long(100_000) }, nil},
		"content that is too long":    {func(p *registry.Prompt) { p.Messages[0].Content = long(100_001) }, []string{"messages[0].content must be 1 to 100000 characters"}},
		"content with NUL":            {func(p *registry.Prompt) { p.Messages[0].Content = "a\x00b" }, []string{"messages[0].content must be 1 to 100000 characters"}},
		"content that is no UTF-8":    {func(p *registry.Prompt) { p.Messages[0].Content = "\xff" }, []string{"messages[0].content must be 1 to 100000 characters"}},
		"the longest speaker":         {func(p *registry.Prompt) { p.Messages[0].Name = long(64) }, nil},
		"a speaker that is too long":  {func(p *registry.Prompt) { p.Messages[0].Name = long(65) }, []string{"messages[0].name must be at most 64 characters"}},
		"a variable without a type":   {func(p *registry.Prompt) { p.Variables = declare(`{"x":{}}`) }, []string{"variables.x.type must be one of string, number, boolean, array, object"}},
		"a variable without a name":   {func(p *registry.Prompt) { p.Variables = declare(`{"":{"type":"string"}}`) }, []string{"variables must have names of 1 to 128 characters"}},
		"a default of the wrong type": {func(p *registry.Prompt) { p.Variables = declare(`{"x":{"type":"number","default":[]}}`) }, []string{"variables.x.default must be a number"}},
		"a default of the right type": {func(p *registry.Prompt) { p.Variables = declare(`{"x":{"type":"object","default":{}}}`) }, nil},
		"the bounds of the settings": {func(p *registry.Prompt) {
			p.ModelConfig = config(`{"temperature":2,"top_p":0,"frequency_penalty":-2,"presence_penalty":2,"max_tokens":1}`)
		}, nil},
		"a temperature that is hot":    {func(p *registry.Prompt) { p.ModelConfig = config(`{"temperature":2.01}`) }, []string{"model_config.temperature must be 0 to 2"}},
		"a temperature that is no one": {func(p *registry.Prompt) { p.ModelConfig = &registry.ModelConfig{Temperature: ptr(math.NaN())} }, []string{"model_config.temperature must be 0 to 2"}},
		"a top_p above one":            {func(p *registry.Prompt) { p.ModelConfig = config(`{"top_p":1.1}`) }, []string{"model_config.top_p must be 0 to 1"}},
		"a frequency_penalty too low":  {func(p *registry.Prompt) { p.ModelConfig = config(`{"frequency_penalty":-2.1}`) }, []string{"model_config.frequency_penalty must be -2 to 2"}},
		"a presence_penalty too high":  {func(p *registry.Prompt) { p.ModelConfig = config(`{"presence_penalty":2.1}`) }, []string{"model_config.presence_penalty must be -2 to 2"}},
		"no tokens":                    {func(p *registry.Prompt) { p.ModelConfig = config(`{"max_tokens":0}`) }, []string{"model_config.max_tokens must be at least 1"}},
		"a keep_alive that is long":    {func(p *registry.Prompt) { p.Ollama = &registry.Ollama{KeepAlive: strings.Repeat("1", 17)} }, []string{"ollama.keep_alive must be at most 16 characters"}},
		"a format that is a text":      {func(p *registry.Prompt) { p.Ollama = &registry.Ollama{Format: json.RawMessage(`"json"`)} }, nil},
		"a format that is an object":   {func(p *registry.Prompt) { p.Ollama = &registry.Ollama{Format: json.RawMessage(`{"type":"object"}`)} }, nil},
		"a format that is a number":    {func(p *registry.Prompt) { p.Ollama = &registry.Ollama{Format: json.RawMessage(`5`)} }, []string{"ollama.format must be a string or an object"}},
		"twenty tags":                  {func(p *registry.Prompt) { p.Tags = strings.Split(strings.Repeat("t ", 19)+"t", " ") }, nil},
		"twenty-one tags":              {func(p *registry.Prompt) { p.Tags = strings.Split(strings.Repeat("t ", 20)+"t", " ") }, []string{"tags must be at most 20"}},
		"an empty tag":                 {func(p *registry.Prompt) { p.Tags = []string{"a", ""} }, []string{"tags[1] must be 1 to 64 characters"}},
		"a tag that is too long":       {func(p *registry.Prompt) { p.Tags = []string{long(65)} }, []string{"tags[0] must be 1 to 64 characters"}},
		"an unknown field":             {func(p *registry.Prompt) { p.Extra = extra(`{"owner":"team a"}`) }, nil},
		"a known field among unknown": {func(p *registry.Prompt) {
			p.Extra = extra(`{"Name":"other","tags":[]}`)
			p.Messages[0].Extra = extra(`{"role":"user"}`)
			p.ModelConfig = &registry.ModelConfig{Extra: extra(`{"model":"m"}`)}
			p.Ollama = &registry.Ollama{Extra: extra(`{"options":{}}`)}
			p.Variables = map[string]registry.Variable{"x": {Type: registry.String, Extra: extra(`{"required":true}`)}}
		}, []string{
			"messages[0].role has a field of its own and cannot be in Extra",
			"variables.x.required has a field of its own and cannot be in Extra",
			"Name has a field of its own and cannot be in Extra", "tags has a field of its own and cannot be in Extra",
			"model_config.model has a field of its own and cannot be in Extra",
			"ollama.options has a field of its own and cannot be in Extra",
		}},
		"everything at once": {func(p *registry.Prompt) {
			*p = registry.Prompt{Name: "a b", Version: "1", Messages: []registry.Message{{Role: "x", Content: "{{#a}}"}}}
		}, []string{
			"name must be 1 to 128 letters, digits, '_' or '-'",
			"version must be semantic (e.g. 1.0.0) and at most 64 characters",
			"messages[0].role must be one of system, user, assistant",
			"messages[0].content is no valid template: line 1: ",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := prompt("p", "1.0.0", "hello")
			test.change(&p)
			err := registry.Validate(p)
			if test.fields == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, pmerr.ErrValidation)
			got := pmerr.From(err).Fields
			require.Len(t, got, len(test.fields), "%q", got)
			for i, want := range test.fields {
				require.True(t, strings.HasPrefix(got[i], want), "%q should be %q", got[i], want)
			}
		})
	}
}

func TestValidLabel(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"production", "a", "v1.2", "A_b-c.9", strings.Repeat("x", 128)} {
		require.True(t, registry.ValidLabel(name), name)
	}
	for _, name := range []string{"", "a b", "a/b", "grün", "a\x00", strings.Repeat("x", 129)} {
		require.False(t, registry.ValidLabel(name), "%q", name)
	}
}

func config(text string) *registry.ModelConfig {
	var c registry.ModelConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		panic(err)
	}
	return &c
}

func extra(text string) (members map[string]json.RawMessage) {
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		panic(err)
	}
	return members
}
