package registrytest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func createCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"a version comes back as it was published": func(t *testing.T, e Env) {
			p := everyField()
			before := time.Now().Add(-2 * time.Second)
			v := create(t, e.Mine, p)
			require.Equal(t, p.Name, v.Name)
			require.Equal(t, p.Version, v.Version)
			require.WithinRange(t, v.CreatedAt.Time, before, time.Now().Add(2*time.Second))

			got, err := e.Mine.Get(t.Context(), p.Name, registry.Query{Raw: true})
			require.NoError(t, err)
			require.JSONEq(t, text(t, p), text(t, got.Content), "unknown fields are kept")
			require.Equal(t, v.CreatedAt, got.Version.CreatedAt)
			require.Equal(t, v.Commit, got.Version.Commit)
			require.Equal(t, e.Commits, v.Commit != "", "%q", v.Commit)
			require.Equal(t, "Ada <ada@example.com>", got.Version.Author)
			require.Contains(t, text(t, got.Content), `12345678901234567890`, "numbers keep their digits")
			require.Contains(t, text(t, got.Content), `1.50`)
		},

		"who published and why is remembered": func(t *testing.T, e Env) {
			_, err := e.Mine.Create(t.Context(), prompt("p", "1.0.0", "x"), registry.Signature{Author: "Grace Hopper", Message: "First\n\nbecause."})
			require.NoError(t, err)
			versions, err := e.Mine.Versions(t.Context(), "p", page.Request{})
			require.NoError(t, err)
			require.Equal(t, "Grace Hopper", versions.Items[0].Author)
			require.Equal(t, "First\n\nbecause.", versions.Items[0].Message)
		},

		"without a signature the actor is the author": func(t *testing.T, e Env) {
			_, err := e.Mine.Create(t.Context(), prompt("p", "1.0.0", "x"), registry.Signature{})
			require.NoError(t, err)
			got, err := e.Mine.Get(t.Context(), "p", registry.Query{})
			require.NoError(t, err)
			require.Equal(t, e.Actor, got.Version.Author)
		},

		"the same version again is refused, the same content too": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			for _, again := range []registry.Prompt{prompt("p", "1.0.0", "1.0.0"), prompt("p", "1.0.0", "other")} {
				_, err := e.Mine.Create(t.Context(), again, registry.Signature{})
				require.ErrorIs(t, err, pmerr.ErrBadRequest)
				got := pmerr.From(err)
				require.Equal(t, "Prompt already exists", got.Message)
				require.Equal(t, map[string]any{"name": "p", "version": "1.0.0"}, got.Details)
			}
			got, err := e.Mine.Get(t.Context(), "p", registry.Query{Version: "1.0.0"})
			require.NoError(t, err)
			require.Equal(t, "1.0.0", got.Content.Messages[0].Content, "the first content stands")
			require.EqualValues(t, 1, total(t, func(ctx context.Context, r page.Request) (page.Of[registry.VersionItem], error) {
				return e.Mine.Versions(ctx, "p", r)
			}))
		},

		"versions that differ in the build only are two versions": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0", "1.0.0+a", "1.0.0+b")
			for _, version := range []string{"1.0.0", "1.0.0+a", "1.0.0+b"} {
				require.Equal(t, version, served(t, e.Mine, "p", registry.Query{Version: version}))
			}
		},

		"names that differ in case only are two prompts": func(t *testing.T, e Env) {
			create(t, e.Mine, prompt("Hello", "1.0.0", "upper"))
			create(t, e.Mine, prompt("hello", "1.0.0", "lower"))
			got, err := e.Mine.Get(t.Context(), "Hello", registry.Query{})
			require.NoError(t, err)
			require.Equal(t, "upper", got.Content.Messages[0].Content)
		},

		"of many who publish one version at once exactly one succeeds": func(t *testing.T, e Env) {
			const many = 12
			errs := make([]error, many)
			var calls sync.WaitGroup
			for i := range many {
				calls.Go(func() {
					_, errs[i] = e.Mine.Create(t.Context(), prompt("p", "1.0.0", fmt.Sprint("text", i)), registry.Signature{})
				})
			}
			calls.Wait()
			winner := -1
			for i, err := range errs {
				if err == nil {
					require.Equal(t, -1, winner, "two succeeded")
					winner = i
					continue
				}
				require.ErrorIs(t, err, pmerr.ErrBadRequest)
			}
			require.NotEqual(t, -1, winner)
			got, err := e.Mine.Get(t.Context(), "p", registry.Query{})
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint("text", winner), got.Content.Messages[0].Content)
		},

		"many publish different versions at once": func(t *testing.T, e Env) {
			const many = 24
			var calls sync.WaitGroup
			for i := range many {
				calls.Go(func() {
					p := prompt("p", fmt.Sprintf("1.%d.0", i), "x")
					if _, err := e.Mine.Create(t.Context(), p, registry.Signature{Author: fmt.Sprint("author", i%3)}); err != nil {
						t.Errorf("%s: %v", p.Version, err)
					}
				})
			}
			calls.Wait()
			require.Equal(t, "1.23.0", served(t, e.Mine, "p", registry.Query{}))
			require.EqualValues(t, many, total(t, func(ctx context.Context, r page.Request) (page.Of[registry.VersionItem], error) {
				return e.Mine.Versions(ctx, "p", r)
			}))
		},

		"faults are named all at once and nothing is published": func(t *testing.T, e Env) {
			_, err := e.Mine.Create(t.Context(), registry.Prompt{
				Name: "p", Version: "1", Messages: []registry.Message{{Role: "tool", Content: "{{> /etc/passwd}}"}, {Role: "user"}},
			}, registry.Signature{})
			require.ErrorIs(t, err, pmerr.ErrValidation)
			fields := strings.Join(pmerr.From(err).Fields, "\n")
			require.Contains(t, fields, "version must be semantic (e.g. 1.0.0)")
			require.Contains(t, fields, "messages[0].role must be")
			require.Contains(t, fields, "messages[0].content is no valid template")
			require.Contains(t, fields, "messages[1].content must be 1 to 100000 characters")
			_, err = e.Mine.Get(t.Context(), "p", registry.Query{})
			require.ErrorIs(t, err, pmerr.ErrNotFound)
		},

		"malformed templates and partials are refused": func(t *testing.T, e Env) {
			for _, content := range []string{"{{> header}}", "{{>/etc/passwd}}", "{{#a}}", "{{/a}}", "{{a", "{{<p}}{{/p}}"} {
				_, err := e.Mine.Create(t.Context(), prompt("p", "1.0.0", content), registry.Signature{})
				require.ErrorIs(t, err, pmerr.ErrValidation, content)
			}
			p := prompt("p", "1.0.0", "x")
			p.Messages = append(p.Messages, registry.Message{Role: registry.Assistant, Content: "{{> fine here}}"})
			create(t, e.Mine, p)
		},

		"a signature that is too long is refused": func(t *testing.T, e Env) {
			for _, by := range []registry.Signature{{Author: strings.Repeat("x", 257)}, {Message: strings.Repeat("x", 10_001)}} {
				_, err := e.Mine.Create(t.Context(), prompt("p", "1.0.0", "x"), by)
				require.ErrorIs(t, err, pmerr.ErrValidation)
			}
		},

		"what was given can be changed afterwards": func(t *testing.T, e Env) {
			p := prompt("p", "1.0.0", "before")
			p.Tags = []string{"before"}
			p.Extra = map[string]json.RawMessage{"owner": raw(`"before"`)}
			create(t, e.Mine, p)
			p.Messages[0].Content, p.Tags[0], p.Extra["owner"] = "after", "after", raw(`"after"`)
			got, err := e.Mine.Get(t.Context(), "p", registry.Query{Raw: true})
			require.NoError(t, err)
			require.NotContains(t, text(t, got.Content), "after")
		},

		"a large prompt is kept whole": func(t *testing.T, e Env) {
			p := prompt("p", "1.0.0")
			for i := range 20 {
				p.Messages = append(p.Messages, registry.Message{Role: registry.User, Content: strings.Repeat(fmt.Sprint("ü", i%10), 50_000)})
			}
			create(t, e.Mine, p)
			got, err := e.Mine.Get(t.Context(), "p", registry.Query{Raw: true})
			require.NoError(t, err)
			require.Equal(t, p.Messages, got.Content.Messages)
		},
	}
}

// everyField is a prompt that uses every field, and unknown ones everywhere.
func everyField() registry.Prompt {
	return registry.Prompt{
		Name: "every_field-1", Version: "1.2.0-rc.1+build.5",
		Messages: []registry.Message{
			{Role: registry.System, Content: "You are <kind> & \"helpful\".\n{{language}}", Extra: map[string]json.RawMessage{"cache": raw(`true`)}},
			{Role: registry.User, Content: "{{question}} 🌱", Name: "customer"},
			{Role: registry.Assistant, Content: "{{not rendered}}"},
		},
		Variables: map[string]registry.Variable{
			"question": {Type: registry.String, Required: true},
			"language": {Type: registry.String, Default: raw(`"English"`), Extra: map[string]json.RawMessage{"description": raw(`"x"`)}},
			"limits":   {Type: registry.Object, Default: raw(`{"big":12345678901234567890,"small":1.50}`)},
		},
		ModelConfig: &registry.ModelConfig{
			Model: "gpt-4o", Temperature: ptr(0.0), MaxTokens: ptr(int64(512)), TopP: ptr(1.0), FrequencyPenalty: ptr(-0.5),
			PresencePenalty: ptr(0.25), Extra: map[string]json.RawMessage{"provider": raw(`"openai"`), "stop": raw(`["<end>"]`)},
		},
		Ollama: &registry.Ollama{
			Options: map[string]json.RawMessage{"num_ctx": raw(`4096`)}, KeepAlive: "5m", Format: raw(`{"type":"object"}`),
			Extra: map[string]json.RawMessage{"raw": raw(`false`)},
		},
		Tags:  []string{"support", "a & b"},
		Extra: map[string]json.RawMessage{"owner": raw(`{"team":"growth"}`), "none": raw(`null`)},
	}
}

func text(tb testing.TB, p registry.Prompt) string {
	tb.Helper()
	data, err := json.Marshal(p)
	require.NoError(tb, err)
	return string(data)
}
