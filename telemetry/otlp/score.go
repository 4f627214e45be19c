package otlp

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// score is what an evaluation said of a span.
type score struct {
	Name        string   `json:"name"`
	Score       *float64 `json:"score,omitempty"`
	Label       string   `json:"label,omitempty"`
	Explanation string   `json:"explanation,omitempty"`
}

// evaluationEvent carries a score in the GenAI conventions.
const evaluationEvent = "gen_ai.evaluation.result"

// maxScores bounds how many scores of a span are recorded; the rest is in its
// attributes and events.
const maxScores = 50

// scores finds what evaluations said: in events of the GenAI conventions, in
// attributes of the same names, and in the feedback of OpenInference.
func (f *facts) scores() []score {
	var all []score
	for i := range f.span.Events {
		if e := &f.span.Events[i]; e.Name == evaluationEvent {
			all = add(all, scoreOf(e.Attributes, "gen_ai.evaluation.", "score.value", "score.label"))
		}
	}
	all = add(all, scoreOf(f.span.Attributes, "gen_ai.evaluation.", "score.value", "score.label"))
	for _, group := range feedback() {
		for _, attributes := range f.group(group.prefix) {
			all = add(all, scoreOf(attributes, group.inner, "score", "label"))
		}
	}
	return all
}

// feedback lists how OpenInference names judgements: annotations.0.annotation.name.
func feedback() []struct{ prefix, inner string } {
	return []struct{ prefix, inner string }{
		{"annotations.", "annotation."},
		{"evaluations.", "evaluation."},
		{"trace.annotations.", "annotation."},
		{"trace.evaluations.", "evaluation."},
	}
}

func add(all []score, s score) []score {
	if s.Name == "" || s.Score == nil && s.Label == "" || len(all) == maxScores {
		return all
	}
	return append(all, s)
}

// group gives the attributes of each item of a list that was taken apart.
func (f *facts) group(prefix string) [][]Attribute {
	var groups [][]Attribute
	places := map[string]int{}
	for i := range f.span.Attributes {
		rest, found := strings.CutPrefix(f.span.Attributes[i].Key, prefix)
		if !found {
			continue
		}
		place, name, found := strings.Cut(rest, ".")
		if _, err := strconv.Atoi(place); err != nil || !found {
			continue
		}
		at, known := places[place]
		if !known {
			if len(groups) == maxScores {
				continue
			}
			at = len(groups)
			places[place], groups = at, append(groups, nil)
		}
		groups[at] = append(groups[at], Attribute{Key: name, Value: f.span.Attributes[i].Value})
	}
	return groups
}

func scoreOf(attributes []Attribute, prefix, value, label string) (s score) {
	for i := range attributes {
		name, found := strings.CutPrefix(attributes[i].Key, prefix)
		if !found {
			continue
		}
		v := attributes[i].Value
		switch name {
		case "name":
			s.Name = clip(v.string(), maxPrompt)
		case value:
			if n, ok := v.number(); ok {
				s.Score = &n
			}
		case label:
			s.Label = v.string()
		case "explanation":
			s.Explanation = v.string()
		}
	}
	return s
}

// usableScores are those that an evaluation of ours has room for: a number, of
// a span that names its prompt.
func usableScores(all []score, s *telemetry.IngestedSpan) []telemetry.SpanScore {
	var name, version string
	if json.Unmarshal(s.Metadata["prompt_name"], &name) != nil {
		return nil
	}
	_ = json.Unmarshal(s.Metadata["version_tag"], &version)
	var out []telemetry.SpanScore
	for _, one := range all {
		if one.Score == nil || *one.Score < 0 || *one.Score > maxScore {
			continue
		}
		m := members{}
		m.text("trace_id", s.TraceID)
		m.text("span_id", s.ID)
		m.text("label", clip(one.Label, maxText))
		m.text("explanation", clip(one.Explanation, maxText))
		m.text("source", "otlp")
		out = append(out, telemetry.SpanScore{
			Evaluation: one.Name, PromptName: name, VersionTag: optional(version), Score: *one.Score, Metadata: telemetry.Metadata(m),
		})
	}
	return out
}

// maxScore is the highest score that a result may have.
const maxScore = 1e12
