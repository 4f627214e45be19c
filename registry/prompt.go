package registry

import (
	"encoding/json"

	"github.com/promptmetrics-go/promptmetrics/internal/decode"
)

// Prompt is one version of a prompt, as it lies in the prompt store and as it
// travels: the file's content. Fields that this struct does not know are kept
// in Extra, here and in the parts that have one, and come back unchanged.
type Prompt struct {
	// Name is 1 to 128 letters, digits, "_" or "-".
	Name string `json:"name"`
	// Version is a SemVer 2.0.0 version of at most 64 characters.
	Version string `json:"version"`
	// Messages are rendered in order; at least one.
	Messages []Message `json:"messages"`
	// Variables declares what the templates read.
	Variables map[string]Variable `json:"variables,omitzero"`
	// ModelConfig suggests how to call the model.
	ModelConfig *ModelConfig `json:"model_config,omitempty"`
	// Ollama holds settings for an Ollama server.
	Ollama *Ollama `json:"ollama,omitempty"`
	// Tags group prompts; at most 20 of at most 64 characters.
	Tags []string `json:"tags,omitzero"`
	// Extra holds the top-level fields that are none of the above.
	Extra map[string]json.RawMessage `json:"-"`
}

// Role says who speaks a message.
type Role string

// The roles of a message.
const (
	System    Role = "system"
	User      Role = "user"
	Assistant Role = "assistant"
)

// Message is one message of a prompt. The content of system and user messages
// is a Mustache template; assistant messages are literal text.
type Message struct {
	Role    Role   `json:"role"`
	Content string `json:"content"`
	// Name tells speakers of one role apart; at most 64 characters.
	Name  string                     `json:"name,omitempty"`
	Extra map[string]json.RawMessage `json:"-"`
}

// VariableType is the JSON type that a variable's value must have.
type VariableType string

// The types of a variable.
const (
	String  VariableType = "string"
	Number  VariableType = "number"
	Boolean VariableType = "boolean"
	Array   VariableType = "array"
	Object  VariableType = "object"
)

// Variable declares a variable of the templates.
type Variable struct {
	Type     VariableType `json:"type"`
	Required bool         `json:"required,omitempty"`
	// Default is the JSON value that is used when none is given; empty means
	// that there is no default.
	Default json.RawMessage            `json:"default,omitempty"`
	Extra   map[string]json.RawMessage `json:"-"`
}

// ModelConfig suggests how to call the model. A nil field was not set.
type ModelConfig struct {
	Model string `json:"model,omitempty"`
	// Temperature is 0 to 2.
	Temperature *float64 `json:"temperature,omitempty"`
	// MaxTokens is at least 1.
	MaxTokens *int64 `json:"max_tokens,omitempty"`
	// TopP is 0 to 1.
	TopP *float64 `json:"top_p,omitempty"`
	// FrequencyPenalty is -2 to 2.
	FrequencyPenalty *float64 `json:"frequency_penalty,omitempty"`
	// PresencePenalty is -2 to 2.
	PresencePenalty *float64                   `json:"presence_penalty,omitempty"`
	Extra           map[string]json.RawMessage `json:"-"`
}

// Ollama holds settings for an Ollama server.
type Ollama struct {
	Options map[string]json.RawMessage `json:"options,omitzero"`
	// KeepAlive is a duration such as "5m"; at most 16 characters.
	KeepAlive string `json:"keep_alive,omitempty"`
	// Format is "json" or a JSON schema object.
	Format json.RawMessage            `json:"format,omitempty"`
	Extra  map[string]json.RawMessage `json:"-"`
}

// The methods below keep unknown fields through a round trip.

type (
	plainPrompt      Prompt
	plainMessage     Message
	plainVariable    Variable
	plainModelConfig ModelConfig
	plainOllama      Ollama
)

// MarshalJSON writes the known fields in order, then Extra by name.
func (p Prompt) MarshalJSON() ([]byte, error) { return decode.EncodeOpen(plainPrompt(p), p.Extra) }

// UnmarshalJSON reads the known fields and keeps the others in Extra.
func (p *Prompt) UnmarshalJSON(data []byte) (err error) {
	p.Extra, err = decode.Open(data, (*plainPrompt)(p))
	return err
}

// MarshalJSON writes the known fields in order, then Extra by name.
func (m Message) MarshalJSON() ([]byte, error) { return decode.EncodeOpen(plainMessage(m), m.Extra) }

// UnmarshalJSON reads the known fields and keeps the others in Extra.
func (m *Message) UnmarshalJSON(data []byte) (err error) {
	m.Extra, err = decode.Open(data, (*plainMessage)(m))
	return err
}

// MarshalJSON writes the known fields in order, then Extra by name.
func (v Variable) MarshalJSON() ([]byte, error) { return decode.EncodeOpen(plainVariable(v), v.Extra) }

// UnmarshalJSON reads the known fields and keeps the others in Extra.
func (v *Variable) UnmarshalJSON(data []byte) (err error) {
	v.Extra, err = decode.Open(data, (*plainVariable)(v))
	return err
}

// MarshalJSON writes the known fields in order, then Extra by name.
func (c ModelConfig) MarshalJSON() ([]byte, error) {
	return decode.EncodeOpen(plainModelConfig(c), c.Extra)
}

// UnmarshalJSON reads the known fields and keeps the others in Extra.
func (c *ModelConfig) UnmarshalJSON(data []byte) (err error) {
	c.Extra, err = decode.Open(data, (*plainModelConfig)(c))
	return err
}

// MarshalJSON writes the known fields in order, then Extra by name.
func (o Ollama) MarshalJSON() ([]byte, error) { return decode.EncodeOpen(plainOllama(o), o.Extra) }

// UnmarshalJSON reads the known fields and keeps the others in Extra.
func (o *Ollama) UnmarshalJSON(data []byte) (err error) {
	o.Extra, err = decode.Open(data, (*plainOllama)(o))
	return err
}
