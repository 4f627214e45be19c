package pii_test

import (
	"strings"
	"testing"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect/pii"
)

// BenchmarkProse is the cost of this package's detectors, and of the
// normalisation, over text without anything to find.
func BenchmarkProse(b *testing.B) {
	s := detect.NewScanner(detect.Options{Detectors: pii.Detectors(pii.Options{})})
	for name, unit := range map[string]string{
		"English": "The river rose in the night; by morning, 12 of the 15 houses on the bank stood in water. ",
		"French":  "La rivière a débordé dans la nuit ; au matin, 12 des 15 maisons étaient dans l’eau. ",
		"Chinese": "河水在夜里上涨，到了早晨，岸边十五座房子中有十二座浸在水里。",
	} {
		text := strings.Repeat(unit, 100_000/len(unit))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				s.Scan(text)
			}
		})
	}
}
