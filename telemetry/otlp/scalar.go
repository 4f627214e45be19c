package otlp

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

var (
	uint64Type  = reflect.TypeFor[uint64]()
	int64Type   = reflect.TypeFor[int64]()
	float64Type = reflect.TypeFor[float64]()
)

// spanKind is an opentelemetry.proto.trace.v1.Span.SpanKind, by number or name.
type spanKind int64

// kindNames are the kinds of spans by number.
func kindNames() []string {
	return []string{"unspecified", "internal", "server", "client", "producer", "consumer"}
}

func (k *spanKind) UnmarshalJSON(raw []byte) error {
	return enum(raw, (*int64)(k), "SPAN_KIND_", kindNames())
}

// statusCode is an opentelemetry.proto.trace.v1.Status.StatusCode.
type statusCode int64

// The codes of a status.
const (
	statusOK    = 1
	statusError = 2
)

func (c *statusCode) UnmarshalJSON(raw []byte) error {
	return enum(raw, (*int64)(c), "STATUS_CODE_", []string{"unset", "ok", "error"})
}

// enum reads a number, or a name; a name that nobody knows is 0.
func enum(raw []byte, into *int64, prefix string, names []string) error {
	var text string
	if len(raw) > 0 && raw[0] != '"' {
		text = string(raw)
	} else if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	if n, err := strconv.ParseInt(text, 10, 32); err == nil {
		*into = n
		return nil
	}
	if raw[0] != '"' && text != "null" {
		return &json.UnmarshalTypeError{Value: "value", Type: int64Type}
	}
	for i, name := range names {
		if strings.EqualFold(strings.TrimPrefix(text, prefix), name) {
			*into = int64(i)
		}
	}
	return nil
}

// hexID is an id in hexadecimal digits. One that is no such text becomes an id
// of the wrong length, so that its span alone is refused.
type hexID []byte

func (h *hexID) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		*h = hexID{0}
		return nil
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		b = hexID{0}
	}
	*h = b
	return nil
}

// number is an unsigned number of 64 bits, as a number or a text.
type number uint64

func (n *number) UnmarshalJSON(raw []byte) error {
	text := string(bytes.Trim(raw, `"`))
	if text == "null" || text == "" {
		return nil
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		// 1.7e18 is how some languages write a large number.
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f < 0 || f >= 1<<64 {
			return &json.UnmarshalTypeError{Value: "number", Type: uint64Type}
		}
		v = uint64(f)
	}
	*n = number(v)
	return nil
}

// integer is a number of 64 bits, as a number or a text.
type integer int64

func (n *integer) UnmarshalJSON(raw []byte) error {
	text := string(bytes.Trim(raw, `"`))
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f < -(1<<63) || f >= 1<<63 {
			return &json.UnmarshalTypeError{Value: "number", Type: int64Type}
		}
		v = int64(f)
	}
	*n = integer(v)
	return nil
}

// double is a number, or the name of one that JSON does not have.
type double float64

func (d *double) UnmarshalJSON(raw []byte) error {
	v, err := strconv.ParseFloat(string(bytes.Trim(raw, `"`)), 64)
	if err != nil {
		return &json.UnmarshalTypeError{Value: "number", Type: float64Type}
	}
	*d = double(v)
	return nil
}
