package anthropic

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
	f.Add(`{"type":"message_start","message":{"id":"m","usage":{"input_tokens":1}}}
{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f"}}
{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{"}}
{"type":"content_block_stop"}
{"type":"message_delta","delta":{"stop_reason":"end_turn"}}
{"type":"message_stop"}`)
	f.Add(`{"type":"error","error":{"type":"overloaded_error"}}`)
	f.Add(`{"content":[{"type":"text","text":"x"}],"stop_reason":"refusal"}`)
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
