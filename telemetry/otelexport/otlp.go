package otelexport

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
)

func encodedResource(as []attribute.KeyValue) *resourcepb.Resource {
	return &resourcepb.Resource{Attributes: encodedAttributes(as)}
}

func encodedScope(version string) *commonpb.InstrumentationScope {
	return &commonpb.InstrumentationScope{Name: scope, Version: version}
}

// encodedAttributes gives each name once: of two the later counts.
func encodedAttributes(as []attribute.KeyValue) []*commonpb.KeyValue {
	all := make([]*commonpb.KeyValue, 0, len(as))
	at := make(map[attribute.Key]int, len(as))
	for _, kv := range as {
		one := &commonpb.KeyValue{Key: text(string(kv.Key)), Value: encodedValue(kv.Value)}
		if i, twice := at[kv.Key]; twice {
			all[i] = one
			continue
		}
		at[kv.Key] = len(all)
		all = append(all, one)
	}
	return all
}

func encodedValue(v attribute.Value) *commonpb.AnyValue {
	switch v.Type() {
	case attribute.BOOL:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: v.AsBool()}}
	case attribute.INT64:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v.AsInt64()}}
	case attribute.FLOAT64:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: v.AsFloat64()}}
	case attribute.STRING:
		return stringValue(v.AsString())
	case attribute.STRINGSLICE:
		list := &commonpb.ArrayValue{}
		for _, s := range v.AsStringSlice() {
			list.Values = append(list.Values, stringValue(s))
		}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: list}}
	default: // we make no others
		return stringValue(v.String())
	}
}

func stringValue(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: text(s)}}
}

// text is what a string of protobuf can hold: one of another encoding would
// refuse the whole message.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
