package secret

import (
	"testing"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/internal/hostile"
)

// TestHostileText has spans checked by find. What such texts cost is measured
// by BenchmarkHostile and by internal/bench.
func TestHostileText(t *testing.T) {
	t.Parallel()
	for name, text := range hostile.Secrets() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			find(t, text[:hostile.Size/4])
		})
	}
}

func BenchmarkHostile(b *testing.B) {
	d := shared()
	for name, text := range hostile.Secrets() {
		norm := detect.NewText(text)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				d.Find(norm, func(detect.Finding) {})
			}
		})
	}
}

// FuzzFind has spans checked by find.
func FuzzFind(f *testing.F) {
	for _, text := range hostile.Secrets() {
		f.Add(text[:min(len(text), 200)])
	}
	for _, seed := range formats() {
		f.Add("key " + invent(f, seed.template, 1))
	}
	f.Fuzz(func(t *testing.T, text string) { find(t, text) })
}
