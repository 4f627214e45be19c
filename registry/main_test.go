package registry_test

import (
	"encoding/json"
	"testing"

	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// prompt makes a prompt of user messages.
func prompt(name, version string, contents ...string) registry.Prompt {
	p := registry.Prompt{Name: name, Version: version}
	for _, content := range contents {
		p.Messages = append(p.Messages, registry.Message{Role: registry.User, Content: content})
	}
	return p
}

// declare makes declarations of variables from JSON.
func declare(text string) (declared map[string]registry.Variable) {
	if err := json.Unmarshal([]byte(text), &declared); err != nil {
		panic(err)
	}
	return declared
}

func ptr[T any](v T) *T { return &v }
