package scorer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Func judges a case in the program that embeds the library. The score is 0 to
// 1; an error, or a panic, means that it could not judge.
type Func func(ctx context.Context, c eval.Case) (score float64, reason string, err error)

// buildFunction: the Go function of that name says.
func buildFunction(c *Compiler, r *rule) judge {
	var config struct {
		passing
		Name string `json:"name"`
	}
	if !r.decode(&config) {
		return nil
	}
	threshold := r.threshold(config.passing, 0.5)
	f := c.functions[config.Name]
	switch {
	case config.Name == "":
		r.fault("name", " is required: the name of a registered function")
	case f == nil && len(c.functions) == 0:
		r.fault("name", " %s is not known: no function is registered", quote(config.Name))
	case f == nil:
		r.fault("name", " %s is not known: use one of %s", quote(config.Name), strings.Join(slices.Sorted(maps.Keys(c.functions)), ", "))
	}
	return func(ctx context.Context, k *subject) (outcome, error) {
		score, reason, err := protect(ctx, f, k.Case)
		if ctx.Err() != nil && err != nil {
			return outcome{}, err
		}
		var known *pmerr.Error
		if err != nil && !errors.As(err, &known) {
			err = pmerr.New(pmerr.Internal, "the function %s failed", quote(config.Name)).Because(err)
		}
		if err != nil {
			return outcome{}, err
		}
		return graded(score, threshold, "%s", reason), nil
	}
}

// protect turns a panic into an error, so that one row's trouble does not end
// the run of all.
func protect(ctx context.Context, f Func, c eval.Case) (score float64, reason string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f(ctx, c)
}
