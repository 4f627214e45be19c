package otelexport

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// metricExporter is below the SDK's periodic reader. It reports its faults
// itself: the SDK would tell a global handler.
type metricExporter struct {
	resource []attribute.KeyValue
	version  string
	to       *sender
}

var _ metric.Exporter = (*metricExporter)(nil)

// Temporality implements [metric.Exporter]: sums since the start, so that a
// round that is lost loses nothing.
func (e *metricExporter) Temporality(metric.InstrumentKind) metricdata.Temporality {
	return metricdata.CumulativeTemporality
}

// Aggregation implements [metric.Exporter].
func (e *metricExporter) Aggregation(k metric.InstrumentKind) metric.Aggregation {
	return metric.DefaultAggregationSelector(k)
}

// Export implements [metric.Exporter]. It sends an
// ExportMetricsServiceRequest: MetricsData is the same message.
func (e *metricExporter) Export(ctx context.Context, m *metricdata.ResourceMetrics) error {
	var all []*metricspb.Metric
	for _, scoped := range m.ScopeMetrics {
		for _, one := range scoped.Metrics {
			if h := encodedHistogram(one.Data); h != nil && len(h.DataPoints) > 0 {
				all = append(all, &metricspb.Metric{
					Name: one.Name, Description: one.Description, Unit: one.Unit, Data: &metricspb.Metric_Histogram{Histogram: h},
				})
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	message, err := proto.Marshal(&metricspb.MetricsData{ResourceMetrics: []*metricspb.ResourceMetrics{{
		Resource:     encodedResource(e.resource),
		ScopeMetrics: []*metricspb.ScopeMetrics{{Scope: encodedScope(e.version), Metrics: all}},
	}}})
	if err == nil {
		_, err = e.to.send(ctx, message)
	}
	if err != nil {
		e.to.report.failed(e.to.what, withoutQuery(e.to.url), 0, err)
	}
	return nil
}

// ForceFlush implements [metric.Exporter]: nothing waits here.
func (e *metricExporter) ForceFlush(context.Context) error { return nil }

// Shutdown implements [metric.Exporter]; the pipeline owns what there is to
// close.
func (e *metricExporter) Shutdown(context.Context) error { return nil }

// encodedHistogram encodes the histograms of ours; nil for anything else.
func encodedHistogram(data metricdata.Aggregation) *metricspb.Histogram {
	switch h := data.(type) {
	case metricdata.Histogram[int64]:
		return &metricspb.Histogram{AggregationTemporality: cumulative, DataPoints: encodedPoints(h.DataPoints)}
	case metricdata.Histogram[float64]:
		return &metricspb.Histogram{AggregationTemporality: cumulative, DataPoints: encodedPoints(h.DataPoints)}
	}
	return nil
}

const cumulative = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE

func encodedPoints[N int64 | float64](points []metricdata.HistogramDataPoint[N]) []*metricspb.HistogramDataPoint {
	all := make([]*metricspb.HistogramDataPoint, len(points))
	for i, p := range points {
		sum := float64(p.Sum)
		all[i] = &metricspb.HistogramDataPoint{
			Attributes:        encodedAttributes(p.Attributes.ToSlice()),
			StartTimeUnixNano: nanos(p.StartTime), TimeUnixNano: nanos(p.Time),
			Count: p.Count, Sum: &sum, BucketCounts: p.BucketCounts, ExplicitBounds: p.Bounds,
		}
		if low, ok := p.Min.Value(); ok {
			v := float64(low)
			all[i].Min = &v
		}
		if high, ok := p.Max.Value(); ok {
			v := float64(high)
			all[i].Max = &v
		}
	}
	return all
}

func nanos(t time.Time) uint64 { return uint64(max(0, t.UnixNano())) } //nolint:gosec // not negative.
