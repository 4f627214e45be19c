// Package builtin lists the detectors that a scanner has unless it is told
// otherwise. It exists so that package detect imports none of them.
package builtin

import (
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect/injection"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect/pii"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect/secret"
)

// Options says which conventions apply to the texts. The zero value is good.
type Options struct {
	// PII configures the detectors of personal data.
	PII pii.Options
}

// Detectors returns the built-in detectors, in the order in which they run.
func Detectors(o Options) []detect.Detector {
	return append(pii.Detectors(o.PII), secret.New(), injection.New())
}

// Driver makes a driver of the built-in detectors. They are prepared at its
// first scan.
func Driver(o Options) compliance.Driver {
	return compliance.Builtin(func() []detect.Detector { return Detectors(o) })
}
