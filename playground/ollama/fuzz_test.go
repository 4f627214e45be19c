package ollama

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
	f.Add(`{"model":"m","message":{"content":"x","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]}}
{"done":true,"done_reason":"stop","eval_count":3}`)
	f.Add(`{"error":"m"}`)
	f.Add(`{"message":{"content":"x"},"done":true}`)
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
