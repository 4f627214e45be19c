package compliance

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Bounds of fields, in characters but for counts.
const (
	maxName       = 128
	maxVersion    = 64
	maxEntity     = 64
	maxPattern    = 512
	maxKeywords   = 20
	maxKeyword    = 64
	maxSamples    = 20
	maxSample     = 1000
	maxEntities   = 200
	maxAllowValue = 512
	maxReason     = 256

	// MaxRules is how many rules a workspace may have.
	MaxRules = 200
	// MaxAllowances is how many entries the allow-list of a workspace may have.
	MaxAllowances = 1000
)

// faults collects what is wrong with an input, each by the name of its field.
type faults []string

func (f *faults) check(ok bool, format string, args ...any) {
	if !ok {
		*f = append(*f, fmt.Sprintf(format, args...))
	}
}

func (f faults) err() error {
	if f == nil {
		return nil
	}
	return pmerr.Invalid(f...)
}

func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// text checks the length of a text and that every database can store it.
func (f *faults) text(field, s string, low, high int) {
	n := utf8.RuneCountInString(s)
	switch {
	case !storable(s):
		f.check(false, "%s must be UTF-8 without NUL", field)
	case low > 0:
		f.check(n >= low && n <= high, "%s is required and must be at most %d characters", field, high)
	default:
		f.check(n <= high, "%s must be at most %d characters", field, high)
	}
}

// scanned checks a text to scan, which is not stored.
func (f *faults) scanned(field, s string) {
	f.check(utf8.ValidString(s), "%s must be UTF-8", field)
	f.check(len(s) <= MaxText || utf8.RuneCountInString(s) <= MaxText, "%s must be at most %d characters", field, MaxText)
}

// entity checks a name such as "EMAIL_ADDRESS".
func (f *faults) entity(field string, e detect.Entity) {
	ok := e != "" && len(e) <= maxEntity
	for i := range len(e) {
		c := e[i]
		ok = ok && (c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' && i > 0 || c == '_')
	}
	f.check(ok, "%s must be 1 to %d capital letters, digits or '_', such as EMAIL_ADDRESS", field, maxEntity)
}

func (f *faults) severity(field string, s detect.Severity) {
	f.check(s.Weight() > 0, "%s must be one of critical, high, medium, low, info", field)
}

func (f *faults) fraction(field string, n float64) {
	f.check(n >= 0 && n <= 1, "%s must be a number from 0 to 1", field)
}

// printable reports that a name can stand in a line of a log.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
