package stats

import (
	"fmt"
	"math"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Limits of what is compared.
const (
	// MaxScore bounds the size of a score: above it a difference may overflow.
	MaxScore = 1e300

	// MinResamples and MaxResamples bound Options.Resamples.
	MinResamples = 100
	MaxResamples = 1_000_000

	maxPlannedN = 1_000_000_000
	// maxFaults are listed: a long array of nonsense gets a short answer.
	maxFaults = 20
)

// faults collects what is wrong with the input; the first ones are listed.
type faults struct {
	list []string
	more int
}

func (f *faults) check(ok bool, format string, args ...any) {
	switch {
	case ok:
	case len(f.list) < maxFaults:
		f.list = append(f.list, fmt.Sprintf(format, args...))
	default:
		f.more++
	}
}

func (f *faults) err() error {
	if f.list == nil {
		return nil
	}
	if f.more > 0 {
		f.list = append(f.list, fmt.Sprintf("and %d more faults like these", f.more))
	}
	return pmerr.Invalid(f.list...)
}

// scores checks every score of an array.
func (f *faults) scores(field string, xs []float64, kind Kind) {
	f.check(len(xs) > 0, "%s must not be empty", field)
	for i, x := range xs {
		if kind == Proportion {
			if x != 0 && x != 1 {
				f.check(false, "%s[%d] must be 0 or 1", field, i)
			}
			continue
		}
		// A NaN fails the comparison, too.
		if !(math.Abs(x) <= MaxScore) {
			f.check(false, "%s[%d] must be a number between -1e300 and 1e300", field, i)
		}
	}
}

func (f *faults) kind(k Kind) {
	f.check(k == Mean || k == Proportion, "kind must be %s or %s", Mean, Proportion)
}

// withDefaults fills in what is left out and checks the rest.
func (o Options) withDefaults(f *faults) Options {
	f.kind(o.Kind)
	if o.Resamples == 0 {
		o.Resamples = 10_000
	}
	f.check(o.Resamples >= MinResamples && o.Resamples <= MaxResamples,
		"resamples must be between %d and %d", MinResamples, MaxResamples)
	if o.PlannedN == 0 {
		o.PlannedN = 500
	}
	f.check(o.PlannedN >= 1 && o.PlannedN <= maxPlannedN, "planned_n must be between 1 and %d", maxPlannedN)
	if p := o.PreviousSequentialP; p != nil {
		f.check(*p >= 0 && *p <= 1, "previous sequential_p must be between 0 and 1")
	}
	return o
}

// number is nil for what is not finite: JSON has no such numbers.
func number(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}
