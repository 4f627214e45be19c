package otlp

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// OTLP in JSON is the JSON form of protobuf but for this: ids are hexadecimal,
// enums are numbers (names are taken, too), and fields that nobody knows are
// passed over. 64-bit numbers are texts, or numbers.

func (r *Request) decodeJSON(body []byte) error {
	if !utf8.Valid(body) || !json.Valid(body) {
		return pmerr.New(pmerr.BadRequest, "Invalid JSON body")
	}
	if count(body) > maxTokens {
		return pmerr.New(pmerr.TooLarge, "The body has more than %d values", maxTokens)
	}
	// What comes in lists is taken apart one by one, and counted before memory
	// is taken for it.
	var top struct {
		ResourceSpans []json.RawMessage `json:"resourceSpans"`
	}
	if err := decode(body, &top, "resourceSpans"); err != nil {
		return err
	}
	for _, raw := range top.ResourceSpans {
		if err := r.countValue(); err != nil {
			return err
		}
		if err := r.resourceJSON(raw); err != nil {
			return err
		}
	}
	return nil
}

// maxTokens bounds the values of a body, names of members left out.
const maxTokens = 2_000_000

// count counts the values of a JSON document, a few too many.
func count(data []byte) (values int) {
	quoted := false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',' || c == '{' || c == '[':
			values++
		}
	}
	return values
}

// decode reads valid JSON; what is wrong is then the type of a value.
func decode(raw []byte, v any, of string) error {
	err := json.Unmarshal(raw, v)
	if err == nil {
		return nil
	}
	message := "The body is no ExportTraceServiceRequest in JSON: " + of + " has a value of the wrong type"
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) && wrong.Field != "" {
		message += " in " + wrong.Field
	}
	return pmerr.New(pmerr.BadRequest, "%s", message).Because(err)
}

func (r *Request) resourceJSON(raw []byte) error {
	var in struct {
		Resource *struct {
			Attributes []keyValue `json:"attributes"`
		} `json:"resource"`
		ScopeSpans []json.RawMessage `json:"scopeSpans"`
		// The name of before 2022, which old collectors still send.
		Libraries []json.RawMessage `json:"instrumentationLibrarySpans"`
		SchemaURL string            `json:"schemaUrl"`
	}
	if err := decode(raw, &in, "resourceSpans"); err != nil {
		return err
	}
	of := ResourceSpans{SchemaURL: clean(in.SchemaURL)}
	var err error
	if in.Resource != nil {
		if of.Attributes, err = r.attributesJSON(in.Resource.Attributes); err != nil {
			return err
		}
	}
	for _, raw := range append(in.ScopeSpans, in.Libraries...) {
		if err := r.countValue(); err != nil {
			return err
		}
		scope, err := r.scopeJSON(raw)
		if err != nil {
			return err
		}
		of.Scopes = append(of.Scopes, scope)
	}
	r.Resources = append(r.Resources, of)
	return nil
}

type scopeName struct {
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	Attributes []keyValue `json:"attributes"`
}

func (r *Request) scopeJSON(raw []byte) (of ScopeSpans, err error) {
	var in struct {
		Scope     *scopeName        `json:"scope"`
		Library   *scopeName        `json:"instrumentationLibrary"`
		Spans     []json.RawMessage `json:"spans"`
		SchemaURL string            `json:"schemaUrl"`
	}
	if err := decode(raw, &in, "scopeSpans"); err != nil {
		return of, err
	}
	of.SchemaURL = clean(in.SchemaURL)
	if in.Scope == nil {
		in.Scope = in.Library
	}
	if in.Scope != nil {
		of.Name, of.Version = clean(in.Scope.Name), clean(in.Scope.Version)
		if of.Attributes, err = r.attributesJSON(in.Scope.Attributes); err != nil {
			return of, err
		}
	}
	for _, raw := range in.Spans {
		if err := r.countSpan(); err != nil {
			return of, err
		}
		s, err := r.spanJSON(raw)
		if err != nil {
			return of, err
		}
		of.Spans = append(of.Spans, s)
	}
	return of, nil
}

func (r *Request) spanJSON(raw []byte) (s Span, err error) {
	var in struct {
		TraceID      hexID             `json:"traceId"`
		SpanID       hexID             `json:"spanId"`
		ParentSpanID hexID             `json:"parentSpanId"`
		TraceState   string            `json:"traceState"`
		Flags        number            `json:"flags"`
		Name         string            `json:"name"`
		Kind         spanKind          `json:"kind"`
		Start        number            `json:"startTimeUnixNano"`
		End          number            `json:"endTimeUnixNano"`
		Attributes   []keyValue        `json:"attributes"`
		Events       []json.RawMessage `json:"events"`
		Links        []json.RawMessage `json:"links"`
		Status       struct {
			Message string     `json:"message"`
			Code    statusCode `json:"code"`
		} `json:"status"`
		DroppedAttributes number `json:"droppedAttributesCount"`
		DroppedEvents     number `json:"droppedEventsCount"`
		DroppedLinks      number `json:"droppedLinksCount"`
	}
	if err := decode(raw, &in, "spans"); err != nil {
		return s, err
	}
	s = Span{
		TraceID: in.TraceID, ID: in.SpanID, ParentID: in.ParentSpanID, TraceState: clean(in.TraceState), Flags: uint64(in.Flags),
		Name: clean(in.Name), Kind: int64(in.Kind), Start: uint64(in.Start), End: uint64(in.End),
		StatusCode: int64(in.Status.Code), StatusMessage: clean(in.Status.Message),
		DroppedAttributes: uint64(in.DroppedAttributes), DroppedEvents: uint64(in.DroppedEvents), DroppedLinks: uint64(in.DroppedLinks),
	}
	if s.Attributes, err = r.attributesJSON(in.Attributes); err != nil {
		return s, err
	}
	for _, raw := range in.Events {
		if err := r.eventJSON(&s, raw); err != nil {
			return s, err
		}
	}
	for _, raw := range in.Links {
		if err := r.linkJSON(&s, raw); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (r *Request) eventJSON(s *Span, raw []byte) error {
	if err := r.countValue(); err != nil {
		return err
	}
	var in struct {
		Time       number     `json:"timeUnixNano"`
		Name       string     `json:"name"`
		Attributes []keyValue `json:"attributes"`
		Dropped    number     `json:"droppedAttributesCount"`
	}
	if err := decode(raw, &in, "events"); err != nil {
		return err
	}
	attributes, err := r.attributesJSON(in.Attributes)
	s.Events = append(s.Events, Event{Time: uint64(in.Time), Name: clean(in.Name), Attributes: attributes, Dropped: uint64(in.Dropped)})
	return err
}

func (r *Request) linkJSON(s *Span, raw []byte) error {
	if err := r.countValue(); err != nil {
		return err
	}
	var in struct {
		TraceID    hexID      `json:"traceId"`
		SpanID     hexID      `json:"spanId"`
		TraceState string     `json:"traceState"`
		Attributes []keyValue `json:"attributes"`
		Dropped    number     `json:"droppedAttributesCount"`
		Flags      number     `json:"flags"`
	}
	if err := decode(raw, &in, "links"); err != nil {
		return err
	}
	attributes, err := r.attributesJSON(in.Attributes)
	s.Links = append(s.Links, Link{
		TraceID: in.TraceID, SpanID: in.SpanID, TraceState: clean(in.TraceState), Attributes: attributes,
		Dropped: uint64(in.Dropped), Flags: uint64(in.Flags),
	})
	return err
}

// keyValue is an attribute whose value is looked at later.
type keyValue struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

func (r *Request) attributesJSON(in []keyValue) ([]Attribute, error) {
	out := make([]Attribute, 0, min(len(in), MaxValues))
	for _, kv := range in {
		if err := r.countValue(); err != nil {
			return nil, err
		}
		v, err := r.valueJSON(kv.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, Attribute{Key: clean(kv.Key), Value: v})
	}
	return out, nil
}

// anyValue is an AnyValue.
type anyValue struct {
	String *string  `json:"stringValue"`
	Bool   *bool    `json:"boolValue"`
	Int    *integer `json:"intValue"`
	Double *double  `json:"doubleValue"`
	Bytes  *string  `json:"bytesValue"`
	Array  *struct {
		Values []json.RawMessage `json:"values"`
	} `json:"arrayValue"`
	Map *struct {
		Values []keyValue `json:"values"`
	} `json:"kvlistValue"`
}

func (r *Request) valueJSON(raw []byte) (v Value, err error) {
	if len(raw) == 0 {
		return v, nil
	}
	var in anyValue
	if err := decode(raw, &in, "attributes"); err != nil {
		return v, err
	}
	switch {
	case in.String != nil:
		return Value{kind: textValue, text: clean(*in.String)}, nil
	case in.Bool != nil:
		v.kind = boolValue
		if *in.Bool {
			v.whole = 1
		}
		return v, nil
	case in.Int != nil:
		return Value{kind: intValue, whole: int64(*in.Int)}, nil
	case in.Double != nil:
		return Value{kind: floatValue, float: float64(*in.Double)}, nil
	case in.Bytes != nil:
		b, err := unbase64(*in.Bytes)
		return bytesValueOf(b), err
	case in.Array != nil, in.Map != nil:
		out, err := r.appendJSONComposite(nil, &in, 1)
		return Value{kind: jsonValue, text: string(out)}, err
	}
	return v, nil
}

// unbase64 takes the standard alphabet and that of URLs, as protobuf does.
func unbase64(text string) ([]byte, error) {
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if b, err := e.DecodeString(text); err == nil {
			return b, nil
		}
	}
	return nil, pmerr.New(pmerr.BadRequest, "The body is no ExportTraceServiceRequest in JSON: bytesValue must be base64")
}

// appendJSONComposite appends a list or a map as plain JSON.
func (r *Request) appendJSONComposite(out []byte, in *anyValue, depth int) (_ []byte, err error) {
	if depth > MaxDepth {
		return nil, errDepth()
	}
	if in.Array != nil {
		out = append(out, '[')
		for i, raw := range in.Array.Values {
			if i > 0 {
				out = append(out, ',')
			}
			if out, err = r.appendJSONItem(out, raw, depth); err != nil {
				return nil, err
			}
		}
		return append(out, ']'), nil
	}
	out = append(out, '{')
	for i, kv := range in.Map.Values {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendText(out, clean(kv.Key)), ':')
		if out, err = r.appendJSONItem(out, kv.Value, depth); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

func (r *Request) appendJSONItem(out, raw []byte, depth int) ([]byte, error) {
	if err := r.countValue(); err != nil {
		return nil, err
	}
	var in anyValue
	if len(raw) > 0 {
		if err := decode(raw, &in, "attributes"); err != nil {
			return nil, err
		}
	}
	if in.Array != nil || in.Map != nil {
		return r.appendJSONComposite(out, &in, depth+1)
	}
	v, err := r.valueJSON(raw)
	return v.appendJSON(out), err
}
