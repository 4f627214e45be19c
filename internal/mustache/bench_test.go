package mustache_test

import (
	"bytes"
	"testing"

	oracle "github.com/cbroglie/mustache"

	"github.com/promptmetrics-go/promptmetrics/internal/mustache"
)

// benchmarks are rendered by both engines, so one run shows the ratio.
var benchmarks = []struct {
	name string
	text string
	data map[string]any
}{
	{
		name: "two variables",
		text: "You are a helpful assistant for {{company}}. Answer the customer named {{customer}} politely.",
		data: map[string]any{"company": "Northwind", "customer": "Ada Lovelace"},
	},
	{
		name: "dotted names",
		text: "Order {{order.id}} of {{order.buyer.name}} goes to {{order.buyer.city}}.",
		data: map[string]any{"order": map[string]any{
			"id": 4711, "buyer": map[string]any{"name": "Ada", "city": "London"},
		}},
	},
	{
		name: "section of ten items",
		text: "Documents:\n{{#docs}}\n- {{title}} ({{lang}}): {{body}}\n{{/docs}}\n{{^docs}}\nnone\n{{/docs}}\nAnswer {{question}}.",
		data: map[string]any{"question": "why?", "lang": "en", "docs": tenDocs()},
	},
}

func tenDocs() []any {
	docs := make([]any, 10)
	for i := range docs {
		docs[i] = map[string]any{"title": "A document", "body": "One sentence of it, and another one."}
	}
	return docs
}

func BenchmarkAppend(b *testing.B) {
	for _, bb := range benchmarks {
		b.Run(bb.name+"/ours", func(b *testing.B) {
			t, err := mustache.Parse(bb.text, mustache.Limits{})
			if err != nil {
				b.Fatal(err)
			}
			var out []byte
			b.ReportAllocs()
			for b.Loop() {
				if out, err = t.Append(out[:0], bb.data, mustache.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(bb.name+"/cbroglie", func(b *testing.B) {
			t, err := oracle.ParseStringPartialsRaw(bb.text, &oracle.StaticProvider{}, true)
			if err != nil {
				b.Fatal(err)
			}
			var out bytes.Buffer
			b.ReportAllocs()
			for b.Loop() {
				out.Reset()
				if err := t.FRender(&out, bb.data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	for _, bb := range benchmarks {
		b.Run(bb.name+"/ours", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := mustache.Parse(bb.text, mustache.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(bb.name+"/cbroglie", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := oracle.ParseStringPartialsRaw(bb.text, &oracle.StaticProvider{}, true); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNormalize(b *testing.B) {
	for _, bb := range benchmarks {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := mustache.Normalize(bb.data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHostile is the worst that the step limit lets through: as many looks
// at as many objects as possible, and no output that would end it sooner.
func BenchmarkHostile(b *testing.B) {
	list := make([]any, 1000)
	for i := range list {
		list[i] = map[string]any{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7, "h": 8, "i": 9}
	}
	t, err := mustache.Parse("{{#l}}{{#l}}{{#l}}{{nothing}}{{/l}}{{/l}}{{/l}}", mustache.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	data := map[string]any{"l": list}
	for b.Loop() {
		if _, err := t.Append(nil, data, mustache.Limits{}); err == nil {
			b.Fatal("the step limit did not hold")
		}
	}
}
