// Package otelexport sends what PromptMetrics records to an observability stack,
// by OpenTelemetry: each model call and each ended span as a span, and two
// histograms of tokens and durations, all in the conventions for generative AI.
//
//	exporter, err := otelexport.New(otelexport.Options{
//		TracesURL:  "http://localhost:4318/v1/traces",
//		MetricsURL: "http://localhost:4318/v1/metrics",
//	})
//	pm, err := promptmetrics.New(promptmetrics.Options{Observers: []telemetry.Observer{exporter}})
//	…
//	err = pm.Close()
//	err = exporter.Close(ctx)
//
// A program that has providers of OpenTelemetry already gives them instead of
// addresses; see [Options]. Nothing global of OpenTelemetry is set or used.
//
// What is recorded goes through a bounded queue to a goroutine of the exporter:
// who records never waits for it. A collector that is down or slow costs what
// does not fit into the queue; see [Stats].
//
// What another program's exporter has sent to PromptMetrics is not exported, so
// that no span can travel in a circle.
package otelexport
