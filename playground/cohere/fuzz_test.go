package cohere

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// FuzzDecoder reads a line as an event: nothing that a server sends may make the
// decoder panic or give a text that is none.
func FuzzDecoder(f *testing.F) {
	f.Add(`{"type":"message-start","id":"i"}
{"type":"content-delta","delta":{"message":{"content":{"text":"x"}}}}
{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"a","function":{"name":"f","arguments":"{"}}}}}
{"type":"tool-call-end"}
{"type":"message-end","delta":{"finish_reason":"COMPLETE"}}`)
	f.Add(`{"message":"m"}`)
	f.Add(`{"message":{"content":[{"text":"x"}]},"finish_reason":"ERROR"}`)
	f.Fuzz(func(t *testing.T, stream string) {
		check := func(parts []playground.Part) {
			for i, p := range parts {
				if !utf8.ValidString(p.Content) || (p.Done && i != len(parts)-1) || (p.ToolCall != nil && p.ToolCall.ID == "") {
					t.Fatalf("%+v of %q", p, stream)
				}
			}
		}
		d := &decoder{model: "m"}
		for line := range strings.Lines(stream) {
			parts, err := d.Decode(wire.Event{Data: []byte(strings.TrimSpace(line))})
			if err != nil {
				break
			}
			check(parts)
		}
		if last, ok := d.End(); ok && !last.Done {
			t.Fatalf("%+v is no end", last)
		}
		if parts, err := d.Whole([]byte(stream)); err == nil {
			check(parts)
			if !parts[len(parts)-1].Done {
				t.Fatalf("%+v has no end", parts)
			}
		}
	})
}
