package otlp

import (
	"encoding/base64"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// The fields are those of opentelemetry/proto/trace/v1/trace.proto and
// common/v1/common.proto. They are read one by one, and counted before memory
// is taken for them: the generated types would turn ten megabytes of empty
// spans into more than a gigabyte. Fields of unknown numbers or of another wire
// type are passed over, as protobuf has it.

func errProtobuf() error {
	return pmerr.New(pmerr.BadRequest, "The body is no ExportTraceServiceRequest in protobuf")
}

// field is one field of a message.
type field struct {
	number protowire.Number
	kind   protowire.Type
	// scalar is the value of a varint, fixed32 or fixed64; bytes that of
	// anything with a length.
	scalar uint64
	bytes  []byte
}

func (f field) is(n protowire.Number, kind protowire.Type) bool {
	return f.number == n && f.kind == kind
}

// each calls fn for every field of a message.
func each(data []byte, fn func(field) error) error {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return errProtobuf()
		}
		data = data[n:]
		f := field{number: number, kind: kind}
		switch kind {
		case protowire.VarintType:
			f.scalar, n = protowire.ConsumeVarint(data)
		case protowire.Fixed64Type:
			f.scalar, n = protowire.ConsumeFixed64(data)
		case protowire.Fixed32Type:
			var short uint32
			short, n = protowire.ConsumeFixed32(data)
			f.scalar = uint64(short)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(data)
		default: // groups, which no field of ours is
			n = protowire.ConsumeFieldValue(number, kind, data)
		}
		if n < 0 {
			return errProtobuf()
		}
		data = data[n:]
		if err := fn(f); err != nil {
			return err
		}
	}
	return nil
}

func (r *Request) decodeProtobuf(body []byte) error {
	return each(body, func(f field) error {
		if !f.is(1, protowire.BytesType) {
			return nil
		}
		if err := r.countValue(); err != nil {
			return err
		}
		var of ResourceSpans
		err := r.resource(&of, f.bytes)
		r.Resources = append(r.Resources, of)
		return err
	})
}

func (r *Request) resource(of *ResourceSpans, data []byte) error {
	return each(data, func(f field) error {
		switch {
		case f.is(1, protowire.BytesType): // Resource
			return each(f.bytes, func(f field) error {
				if f.is(1, protowire.BytesType) {
					return r.attribute(&of.Attributes, f.bytes)
				}
				return nil
			})
		case f.is(2, protowire.BytesType):
			if err := r.countValue(); err != nil {
				return err
			}
			var scope ScopeSpans
			err := r.scope(&scope, f.bytes)
			of.Scopes = append(of.Scopes, scope)
			return err
		case f.is(3, protowire.BytesType):
			of.SchemaURL = clean(string(f.bytes))
		}
		return nil
	})
}

func (r *Request) scope(of *ScopeSpans, data []byte) error {
	return each(data, func(f field) error {
		switch {
		case f.is(1, protowire.BytesType): // InstrumentationScope
			return each(f.bytes, func(f field) error {
				switch {
				case f.is(1, protowire.BytesType):
					of.Name = clean(string(f.bytes))
				case f.is(2, protowire.BytesType):
					of.Version = clean(string(f.bytes))
				case f.is(3, protowire.BytesType):
					return r.attribute(&of.Attributes, f.bytes)
				}
				return nil
			})
		case f.is(2, protowire.BytesType):
			if err := r.countSpan(); err != nil {
				return err
			}
			var s Span
			err := r.span(&s, f.bytes)
			of.Spans = append(of.Spans, s)
			return err
		case f.is(3, protowire.BytesType):
			of.SchemaURL = clean(string(f.bytes))
		}
		return nil
	})
}

func (r *Request) span(s *Span, data []byte) error {
	return each(data, func(f field) error {
		switch f.kind {
		case protowire.BytesType:
			return r.spanBytes(s, f)
		case protowire.VarintType:
			switch f.number {
			case 6:
				s.Kind = int64(int32(f.scalar))
			case 10:
				s.DroppedAttributes = uint64(uint32(f.scalar))
			case 12:
				s.DroppedEvents = uint64(uint32(f.scalar))
			case 14:
				s.DroppedLinks = uint64(uint32(f.scalar))
			default:
			}
		case protowire.Fixed64Type:
			switch f.number {
			case 7:
				s.Start = f.scalar
			case 8:
				s.End = f.scalar
			default:
			}
		case protowire.Fixed32Type:
			if f.number == 16 {
				s.Flags = f.scalar
			}
		default:
		}
		return nil
	})
}

func (r *Request) spanBytes(s *Span, f field) error {
	switch f.number {
	case 1:
		s.TraceID = f.bytes
	case 2:
		s.ID = f.bytes
	case 3:
		s.TraceState = clean(string(f.bytes))
	case 4:
		s.ParentID = f.bytes
	case 5:
		s.Name = clean(string(f.bytes))
	case 9:
		return r.attribute(&s.Attributes, f.bytes)
	case 11:
		return r.event(s, f.bytes)
	case 13:
		return r.link(s, f.bytes)
	case 15:
		return each(f.bytes, func(f field) error {
			switch {
			case f.is(2, protowire.BytesType):
				s.StatusMessage = clean(string(f.bytes))
			case f.is(3, protowire.VarintType):
				s.StatusCode = int64(int32(f.scalar))
			}
			return nil
		})
	default:
	}
	return nil
}

func (r *Request) event(s *Span, data []byte) error {
	if err := r.countValue(); err != nil {
		return err
	}
	var e Event
	err := each(data, func(f field) error {
		switch {
		case f.is(1, protowire.Fixed64Type):
			e.Time = f.scalar
		case f.is(2, protowire.BytesType):
			e.Name = clean(string(f.bytes))
		case f.is(3, protowire.BytesType):
			return r.attribute(&e.Attributes, f.bytes)
		case f.is(4, protowire.VarintType):
			e.Dropped = uint64(uint32(f.scalar))
		}
		return nil
	})
	s.Events = append(s.Events, e)
	return err
}

func (r *Request) link(s *Span, data []byte) error {
	if err := r.countValue(); err != nil {
		return err
	}
	var l Link
	err := each(data, func(f field) error {
		switch {
		case f.is(1, protowire.BytesType):
			l.TraceID = f.bytes
		case f.is(2, protowire.BytesType):
			l.SpanID = f.bytes
		case f.is(3, protowire.BytesType):
			l.TraceState = clean(string(f.bytes))
		case f.is(4, protowire.BytesType):
			return r.attribute(&l.Attributes, f.bytes)
		case f.is(5, protowire.VarintType):
			l.Dropped = uint64(uint32(f.scalar))
		case f.is(6, protowire.Fixed32Type):
			l.Flags = f.scalar
		}
		return nil
	})
	s.Links = append(s.Links, l)
	return err
}

// attribute reads a KeyValue.
func (r *Request) attribute(into *[]Attribute, data []byte) error {
	if err := r.countValue(); err != nil {
		return err
	}
	var a Attribute
	err := each(data, func(f field) (err error) {
		switch {
		case f.is(1, protowire.BytesType):
			a.Key = clean(string(f.bytes))
		case f.is(2, protowire.BytesType):
			a.Value, err = r.value(f.bytes)
		}
		return err
	})
	*into = append(*into, a)
	return err
}

// value reads an AnyValue. Lists and maps become JSON at once.
func (r *Request) value(data []byte) (v Value, err error) {
	err = each(data, func(f field) (err error) {
		switch {
		case f.is(1, protowire.BytesType):
			v = Value{kind: textValue, text: clean(string(f.bytes))}
		case f.is(2, protowire.VarintType):
			v = Value{kind: boolValue}
			if f.scalar != 0 {
				v.whole = 1
			}
		case f.is(3, protowire.VarintType):
			v = Value{kind: intValue, whole: int64(f.scalar)}
		case f.is(4, protowire.Fixed64Type):
			v = Value{kind: floatValue, float: math.Float64frombits(f.scalar)}
		case f.is(5, protowire.BytesType), f.is(6, protowire.BytesType):
			var out []byte
			if out, err = r.appendComposite(nil, f, 1); err == nil {
				v = Value{kind: jsonValue, text: string(out)}
			}
		case f.is(7, protowire.BytesType):
			v = bytesValueOf(f.bytes)
		}
		return err
	})
	return v, err
}

// appendComposite appends an ArrayValue or a KeyValueList as JSON.
func (r *Request) appendComposite(out []byte, f field, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return nil, errDepth()
	}
	list := f.number == 5
	bracket := [2]byte{'{', '}'}
	if list {
		bracket = [2]byte{'[', ']'}
	}
	out = append(out, bracket[0])
	first := true
	err := each(f.bytes, func(item field) (err error) {
		if !item.is(1, protowire.BytesType) {
			return nil
		}
		if err := r.countValue(); err != nil {
			return err
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		if list {
			out, err = r.appendValue(out, item.bytes, depth)
			return err
		}
		var key string
		var value []byte
		if err := each(item.bytes, func(f field) error {
			switch {
			case f.is(1, protowire.BytesType):
				key = clean(string(f.bytes))
			case f.is(2, protowire.BytesType):
				value = f.bytes
			}
			return nil
		}); err != nil {
			return err
		}
		out = append(appendText(out, key), ':')
		out, err = r.appendValue(out, value, depth)
		return err
	})
	return append(out, bracket[1]), err
}

// oneof tells a field that AnyValue has.
func oneof(f field) bool {
	switch f.number {
	case 1, 5, 6, 7:
		return f.kind == protowire.BytesType
	case 2, 3:
		return f.kind == protowire.VarintType
	case 4:
		return f.kind == protowire.Fixed64Type
	default:
		return false
	}
}

// appendValue appends an AnyValue inside of a list or map as JSON.
func (r *Request) appendValue(out, data []byte, depth int) ([]byte, error) {
	start := len(out)
	err := each(data, func(f field) (err error) {
		if !oneof(f) {
			return nil
		}
		out = out[:start] // of several the last counts
		switch {
		case f.is(1, protowire.BytesType):
			out = appendText(out, clean(string(f.bytes)))
		case f.is(2, protowire.VarintType):
			out = strconv.AppendBool(out, f.scalar != 0)
		case f.is(3, protowire.VarintType):
			out = strconv.AppendInt(out, int64(f.scalar), 10)
		case f.is(4, protowire.Fixed64Type):
			out = appendFloat(out, math.Float64frombits(f.scalar))
		case f.is(5, protowire.BytesType), f.is(6, protowire.BytesType):
			out, err = r.appendComposite(out, f, depth+1)
		case f.is(7, protowire.BytesType):
			out = append(out, '"')
			out = base64.StdEncoding.AppendEncode(out, f.bytes)
			out = append(out, '"')
		}
		return err
	})
	if len(out) == start {
		out = append(out, "null"...)
	}
	return out, err
}
