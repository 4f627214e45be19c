package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"

	"github.com/promptmetrics-go/promptmetrics/playground"
)

// Format is what the answer of a call has to look like.
type Format struct {
	// JSON says that it is JSON; Schema is the JSON schema that it follows, if
	// there is one.
	JSON   bool
	Schema json.RawMessage
}

// ParseFormat reads playground.Call.ResponseFormat: nothing, "json" or a
// schema.
func ParseFormat(raw []byte) Format {
	raw = bytes.TrimSpace(raw)
	switch string(raw) {
	case "", "null":
		return Format{}
	case `"json"`, "json":
		return Format{JSON: true}
	}
	return Format{JSON: true, Schema: raw}
}

// Count is a number of tokens. What is no whole number from 0 on is not known,
// and fails no answer.
type Count struct{ N *int64 }

// UnmarshalJSON never fails.
func (c *Count) UnmarshalJSON(b []byte) error {
	var f float64
	if json.Unmarshal(b, &f) == nil && f >= 0 && f < math.MaxInt32*1024 && f == math.Trunc(f) {
		n := int64(f)
		c.N = &n
	}
	return nil
}

// Max is the larger of two counts that may be unknown.
func (c Count) Max(d Count) Count {
	if c.N == nil || (d.N != nil && *d.N > *c.N) {
		return d
	}
	return c
}

// Or is the first of two counts that is known.
func (c Count) Or(d Count) Count {
	if c.N == nil {
		return d
	}
	return c
}

// Present reports whether a member is there and not null.
func Present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// ErrNothing is an answer without what it is for.
var ErrNothing = errors.New("the answer holds no answer")

// Arguments gives the arguments of a call as JSON text, whether a server sends
// a text or a value.
func Arguments(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	if !Present(raw) {
		return ""
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

// Quoted gives the arguments of a call as a JSON string, for [Fragment].
func Quoted(raw json.RawMessage) []byte {
	if !Present(raw) || raw[0] == '"' {
		return raw
	}
	b, err := json.Marshal(Arguments(raw))
	if err != nil {
		return nil
	}
	return b
}

// Object gives the arguments of a call as a JSON value: an empty object if
// there are none, and a text if the model wrote no JSON.
func Object(arguments string) json.RawMessage {
	if arguments == "" {
		return json.RawMessage("{}")
	}
	if json.Valid([]byte(arguments)) {
		return json.RawMessage(arguments)
	}
	b, err := json.Marshal(map[string]string{"arguments": arguments})
	if err != nil {
		return json.RawMessage("{}")
	}
	return b
}

// Schema gives the parameters of a tool, which the providers want as a schema
// of an object.
func Schema(parameters json.RawMessage) json.RawMessage {
	if !Present(parameters) {
		return json.RawMessage(`{"type":"object","properties":{}}`)
	}
	return parameters
}

// Parts gives a whole answer as the parts of a stream.
func Parts(r playground.Reply) []playground.Part {
	parts := []playground.Part{{Content: r.Output}}
	for _, c := range r.ToolCalls {
		parts = append(parts, playground.Part{ToolCall: &c})
	}
	return append(parts, playground.Part{Done: true, ID: r.ID, Model: r.Model, Usage: r.Usage, FinishReason: r.FinishReason})
}

// Vectors checks that there is a vector for each text, all of one length and of
// finite numbers.
func Vectors(vectors [][]float64, texts int) error {
	if len(vectors) != texts {
		return errors.New("not a vector for each text")
	}
	for _, v := range vectors {
		if len(v) == 0 || len(v) != len(vectors[0]) {
			return errors.New("vectors of different lengths")
		}
	}
	return nil
}
