package client

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// BenchmarkGet measures a Get that the cache answers, rendering included.
func BenchmarkGet(b *testing.B) {
	s := play(b, sequence(ok(`{"content":{"name":"welcome","version":"1.0.0","messages":[`+
		`{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Hello {{name}}!"}],`+
		`"variables":{"name":{"type":"string","required":true}}},"version":{"name":"welcome","version_tag":"1.0.0","created_at":9}}`)))
	c, _ := setup(b, s.url, Options{})
	for name, q := range map[string]registry.Query{
		"rendered": {Label: "production", Variables: map[string]any{"name": "Ada"}},
		"raw":      {Label: "production", Raw: true},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Registry.Get(b.Context(), "welcome", q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("rendered, in parallel", func(b *testing.B) {
		b.ReportAllocs()
		q := registry.Query{Label: "production", Variables: map[string]any{"name": "Ada"}}
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if _, err := c.Registry.Get(b.Context(), "welcome", q); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
	require.Equal(b, 1, s.count())
}

// BenchmarkBatcherLog measures what a caller pays for a log.
func BenchmarkBatcherLog(b *testing.B) {
	batch, err := NewBatcher(&discard{}, BatcherOptions{MaxQueue: 1 << 30})
	require.NoError(b, err)
	l := logNamed("welcome")
	b.ReportAllocs()
	for b.Loop() {
		if err := batch.Log(l); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, batch.Close(b.Context()))
}

// discard takes every batch.
type discard struct{}

func (discard) LogBatch(_ context.Context, logs []telemetry.Log) ([]int64, error) {
	return make([]int64, len(logs)), nil
}
