package otlp

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// What logs, traces and spans have room for, in characters.
const (
	maxPrompt   = 128
	maxVersion  = 64
	maxProvider = 64
	maxModel    = 128
	maxName     = 256
	maxError    = 256
	maxText     = 1024
)

// What a call is logged under whose span names no prompt, or no version.
const (
	NoPrompt  = "otlp"
	NoVersion = "unversioned"
)

// Converted is a request as telemetry.
type Converted struct {
	telemetry.Ingestion
	// Rejected is how many spans cannot be stored, Reason why.
	Rejected int
	Reason   string
}

// Convert turns a request into telemetry. Spans without a usable id are left
// out and counted; nothing else is.
func Convert(r *Request) Converted {
	c := conversion{traces: map[string]int{}, around: map[[2]string]circumstances{}, judged: map[[2]string][]score{}, starts: map[[2]string]uint64{}}
	for i := range r.Resources {
		resource := &r.Resources[i]
		at := origin{resource: object(resource.Attributes, nil), schema: resource.SchemaURL, service: serviceName(resource.Attributes)}
		for j := range resource.Scopes {
			scope := &resource.Scopes[j]
			at.scope = scope.json()
			for k := range scope.Spans {
				c.span(&scope.Spans[k], &at)
			}
		}
	}
	c.sort()
	c.inherit()
	for i := range c.out.Spans {
		s := &c.out.Spans[i]
		s.Scores = usableScores(c.judged[keyOf(s)], s)
	}
	if c.out.Rejected > 0 {
		c.out.Reason = fmt.Sprintf("%d spans were not stored: a trace id must have 16 bytes and a span id 8, and not all of them 0", c.out.Rejected)
	}
	return c.out
}

// origin is where spans come from.
type origin struct {
	resource, scope json.RawMessage
	schema, service string
}

// circumstances are what a span says that also holds for those below it.
type circumstances struct{ prompt, version, session, user string }

type conversion struct {
	out    Converted
	traces map[string]int // places in out.Traces
	// around is what spans say for those below them, by trace and span.
	around map[[2]string]circumstances
	// judged are the scores of spans, by trace and span.
	judged map[[2]string][]score
	// starts are when spans began, by trace and span, in nanoseconds.
	starts map[[2]string]uint64
}

func serviceName(attributes []Attribute) string {
	for i := range attributes {
		if attributes[i].Key == "service.name" {
			return clip(attributes[i].Value.string(), maxText)
		}
	}
	return ""
}

func (s *ScopeSpans) json() json.RawMessage {
	if s.Name == "" && s.Version == "" && len(s.Attributes) == 0 && s.SchemaURL == "" {
		return nil
	}
	m := members{}
	m.text("name", s.Name)
	m.text("version", s.Version)
	m.text("schema_url", s.SchemaURL)
	m.raw("attributes", object(s.Attributes, nil))
	return m.json()
}

// traceID gives the UUID of a trace, or "" for bytes that name none.
func traceID(id []byte) string {
	if len(id) != 16 || zero(id) {
		return ""
	}
	s := hex.EncodeToString(id)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// spanID gives the id of a span, or "" for bytes that name none.
func spanID(id []byte) string {
	if len(id) != 8 || zero(id) {
		return ""
	}
	return hex.EncodeToString(id)
}

func zero(id []byte) bool {
	for _, b := range id {
		if b != 0 {
			return false
		}
	}
	return true
}

func keyOf(s *telemetry.IngestedSpan) [2]string { return [2]string{s.TraceID, s.ID} }

// sort puts spans in the order in which they began. They come in the order in
// which they ended, and milliseconds do not tell those of one apart.
func (c *conversion) sort() {
	slices.SortStableFunc(c.out.Spans, func(a, b telemetry.IngestedSpan) int {
		return cmp.Compare(c.starts[keyOf(&a)], c.starts[keyOf(&b)])
	})
}

// span converts a span.
func (c *conversion) span(s *Span, at *origin) {
	trace, id := traceID(s.TraceID), spanID(s.ID)
	if trace == "" || id == "" {
		c.out.Rejected++
		return
	}
	f := understand(s)
	heard := f.hear()
	out := telemetry.IngestedSpan{Span: telemetry.Span{TraceID: trace, ID: id, Name: s.Name}}
	if parent := spanID(s.ParentID); parent != "" && parent != id {
		out.ParentID = &parent
	}
	if out.Name == "" {
		out.Name = "unnamed"
	}
	out.Name = clip(out.Name, maxName)
	setTimes(&out.Span, s)
	switch {
	case out.EndTime == nil:
		out.Status = telemetry.SpanRunning
	case s.StatusCode == statusError:
		out.Status = telemetry.SpanError
	case s.StatusCode == statusOK:
		out.Status = telemetry.SpanOK
	default:
		out.Status = telemetry.SpanUnset
	}
	doing := f.operation()
	out.Role = telemetry.RoleOf(doing)
	says := circumstances{
		prompt: f.text(promptName, maxPrompt), version: f.text(promptVersion, maxVersion),
		session: f.text(session, maxText), user: f.text(user, maxText),
	}
	if says != (circumstances{}) {
		c.around[keyOf(&out)] = says
	}
	fault := f.failure()
	if out.Role == telemetry.CallSpan && out.EndTime != nil {
		out.Call = f.log(&out, doing, fault, at)
	}
	scores := f.scores()
	out.Metadata = f.metadata(&out, heard, scores, doing, fault, at)
	c.starts[keyOf(&out)] = s.Start
	if len(scores) > 0 {
		c.judged[keyOf(&out)] = scores
	}
	c.trace(&f, &out, says, at)
	c.out.Spans = append(c.out.Spans, out)
}
