package telemetry

// RoleOf gives the role of a span by what it does, in the words of the GenAI
// conventions of OpenTelemetry.
func RoleOf(operation string) SpanRole {
	switch operation {
	case "chat", "text_completion", "generate_content", "embeddings":
		return CallSpan
	case "execute_tool", "invoke_agent":
		return BoundarySpan
	}
	return PlainSpan
}

// PlacedSpan is a span among others of its trace, as [CountedCalls] sees it.
type PlacedSpan struct {
	// ParentID is empty for a root.
	ParentID string
	Role     SpanRole
	// Tokens tells that the span says how many there were, or what they cost.
	Tokens bool
	// Logged is a call that has a log, Candidate one that may get one.
	Logged, Candidate bool
}

// CountedCalls chooses which calls of one trace become logs. A framework makes
// a span for a call, and the client library below it another: of calls inside
// of each other the innermost counts that carries tokens, and if none does the
// innermost. A call that has a log already keeps it, so that what arrives later
// around it or below it is not counted again. Spans that are no calls may stand
// in between, but not tools and agents: calls below those are calls of their
// own.
func CountedCalls(spans map[string]PlacedSpan) map[string]bool {
	// What is below each call.
	below := map[string]struct{ any, tokens bool }{}
	for id, s := range spans {
		if !s.call() {
			continue
		}
		for above := range ancestors(spans, id) {
			b := below[above]
			b.any, b.tokens = true, b.tokens || s.Tokens
			below[above] = b
		}
	}
	counted := map[string]bool{}
	for _, tokens := range []bool{true, false} {
		for id, s := range spans {
			if !s.Candidate || s.Tokens != tokens || below[id].tokens || !tokens && below[id].any {
				continue
			}
			free := true
			for above := range ancestors(spans, id) {
				a := spans[above]
				switch {
				case a.Logged:
					free = free && tokens && !a.Tokens
				case a.Candidate && !tokens:
					free = free && !counted[above]
				}
			}
			if free {
				counted[id] = true
			}
		}
	}
	return counted
}

func (s PlacedSpan) call() bool { return s.Logged || s.Candidate }

// MaxClimb is how far above a call others are looked for.
const MaxClimb = 64

// ancestors gives the calls above a span, up to a boundary.
func ancestors(spans map[string]PlacedSpan, id string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		at := spans[id].ParentID
		for range MaxClimb {
			s, known := spans[at]
			if !known || at == id || s.Role == BoundarySpan {
				return
			}
			if s.call() && !yield(at) {
				return
			}
			at = s.ParentID
		}
	}
}
