package compliance

import (
	"context"
	"sync"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// Driver finds sensitive data: the detectors that are built in, or a foreign
// scanner. It is safe for concurrent use.
type Driver interface {
	// Name is what reports call it, such as "builtin".
	Name() string
	// Scan gives findings with byte offsets in text, and whether there were
	// more. A finding on the text as a whole has no span: Start and End are 0.
	// Errors: ErrProvider, ErrTimeout, ErrProviderRateLimited, ErrBadRequest,
	// and the context's own.
	Scan(ctx context.Context, text string) (found []detect.Finding, truncated bool, err error)
}

// Builtin makes a driver of detectors that run in this process. They are asked
// for at the first scan: to prepare them takes time and memory that a program
// which never scans need not spend.
func Builtin(detectors func() []detect.Detector) Driver {
	return builtin{sync.OnceValue(func() *detect.Scanner {
		return detect.NewScanner(detect.Options{Detectors: detectors(), MaxFindings: -1})
	})}
}

type builtin struct{ scanner func() *detect.Scanner }

func (builtin) Name() string { return "builtin" }

func (b builtin) Scan(ctx context.Context, text string) ([]detect.Finding, bool, error) {
	r := b.scanner().Scan(text)
	return r.Findings, r.Truncated, ctx.Err()
}
