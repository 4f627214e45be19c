// Package pii detects personal data and network addresses. Each entity has a
// file with its rules and its table; every detector looks first for a byte that
// its entity cannot do without and validates what stands around it.
package pii

import (
	"slices"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// Options says what is looked for. The zero value is good.
type Options struct {
	// Without are entities that are not looked for at all. Default: none.
	Without []detect.Entity
}

// Detectors returns the detectors of this package, in the order in which they
// must run. Telephone numbers come last and lose what overlaps.
func Detectors(o Options) []detect.Detector {
	all := []detect.Detector{
		email{},
		url{},
		ipv6{},
		ipv4{},
		mac{},
		iban{},
		wallet{},
		letters{},
		numbers{recognisers: []func(*chain, func(detect.Finding)){card, ssn, nationalDigits, phone}},
	}
	if len(o.Without) == 0 {
		return all
	}
	for i, d := range all {
		all[i] = without{d, slices.Clone(o.Without)}
	}
	return all
}

// without drops the entities that nobody wants.
type without struct {
	detect.Detector
	entities []detect.Entity
}

// Find implements [detect.Detector].
func (w without) Find(t *detect.Text, report func(detect.Finding)) {
	w.Detector.Find(t, func(f detect.Finding) {
		if !slices.Contains(w.entities, f.Entity) {
			report(f)
		}
	})
}
