package otlp

import (
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// Answer gives an ExportTraceServiceResponse. Spans that were rejected make it
// a partial success, which tells exporters not to send them again.
func Answer(e Encoding, rejected int, reason string) []byte {
	if e == JSON {
		if rejected == 0 && reason == "" {
			return []byte("{}")
		}
		out := []byte(`{"partialSuccess":{"rejectedSpans":"` + strconv.Itoa(rejected) + `","errorMessage":`)
		return append(appendText(out, clean(reason)), "}}"...)
	}
	if rejected == 0 && reason == "" {
		return []byte{} // the message without fields
	}
	var partial []byte
	partial = protowire.AppendTag(partial, 1, protowire.VarintType)
	partial = protowire.AppendVarint(partial, uint64(max(rejected, 0)))
	partial = protowire.AppendTag(partial, 2, protowire.BytesType)
	partial = protowire.AppendString(partial, clean(reason))
	out := protowire.AppendTag(nil, 1, protowire.BytesType)
	return protowire.AppendBytes(out, partial)
}

// Fault gives a google.rpc.Status in protobuf, as OTLP wants it for every
// failure. The code is the one of gRPC that stands for the status of HTTP.
func Fault(status int, message string) []byte {
	out := protowire.AppendTag(nil, 1, protowire.VarintType)
	out = protowire.AppendVarint(out, rpcCode(status))
	out = protowire.AppendTag(out, 2, protowire.BytesType)
	return protowire.AppendString(out, clean(message))
}

// rpcCode gives the code of gRPC.
func rpcCode(status int) uint64 {
	switch status {
	case 400, 415, 422:
		return 3 // INVALID_ARGUMENT
	case 401:
		return 16 // UNAUTHENTICATED
	case 403:
		return 7 // PERMISSION_DENIED
	case 404:
		return 5 // NOT_FOUND
	case 405:
		return 12 // UNIMPLEMENTED
	case 409:
		return 6 // ALREADY_EXISTS
	case 413, 429:
		return 8 // RESOURCE_EXHAUSTED
	case 503:
		return 14 // UNAVAILABLE
	case 504:
		return 4 // DEADLINE_EXCEEDED
	}
	return 13 // INTERNAL
}
