package otelexport

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/metric"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// The buckets that the conventions advise.
var (
	tokenBuckets    = []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864}
	durationBuckets = []float64{0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}
)

// maxNames is how many different operations, providers, models and errors the
// metrics tell apart, each. Callers choose these words: a fault of theirs must
// not make a series of each call.
const maxNames = 100

// instruments are the metrics of model calls.
type instruments struct {
	tokens   metric.Int64Histogram
	duration metric.Float64Histogram

	operations, providers, models, responses, failures names
}

func newInstruments(m metric.Meter) (*instruments, error) {
	i := &instruments{operations: names{}, providers: names{}, models: names{}, responses: names{}, failures: names{}}
	var err error
	if i.tokens, err = m.Int64Histogram("gen_ai.client.token.usage", metric.WithUnit("{token}"),
		metric.WithDescription("Number of input and output tokens used."),
		metric.WithExplicitBucketBoundaries(tokenBuckets...)); err != nil {
		return nil, fmt.Errorf("Options.MeterProvider: %w", err)
	}
	if i.duration, err = m.Float64Histogram("gen_ai.client.operation.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of model calls."),
		metric.WithExplicitBucketBoundaries(durationBuckets...)); err != nil {
		return nil, fmt.Errorf("Options.MeterProvider: %w", err)
	}
	return i, nil
}

// record counts a model call.
func (i *instruments) record(ctx context.Context, r *telemetry.Recorded) {
	c := callOfLog(r)
	c.operation, c.provider, c.model = i.operations.bounded(c.operation), i.providers.bounded(c.provider), i.models.bounded(c.model)
	c.responseModel, c.failure = i.responses.bounded(c.responseModel), i.failures.bounded(c.failure)
	if r.Log.LatencyMS != nil {
		i.duration.Record(ctx, float64(*r.Log.LatencyMS)/1000, metric.WithAttributes(c.attributes()...))
	}
	c.failure = "" // the conventions have errors with durations alone
	for _, used := range []struct {
		kind string
		n    *int64
	}{{"input", r.Log.TokensIn}, {"output", r.Log.TokensOut}} {
		if used.n != nil {
			i.tokens.Record(ctx, *used.n, metric.WithAttributes(append(c.attributes(), tokenType.String(used.kind))...))
		}
	}
}

// names are the words that were seen in one place, up to maxNames.
type names map[string]struct{}

// bounded gives a word back, or what stands for all others.
func (n names) bounded(word string) string {
	if word == "" {
		return ""
	}
	if _, seen := n[word]; !seen {
		if len(n) >= maxNames {
			return otherError
		}
		n[word] = struct{}{}
	}
	return word
}
