package otlp

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
)

var (
	uint64Type  = reflect.TypeFor[uint64]()
	int64Type   = reflect.TypeFor[int64]()
	float64Type = reflect.TypeFor[float64]()
)

func asTypeError(err error, into **json.UnmarshalTypeError) bool { return errors.As(err, into) }

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
