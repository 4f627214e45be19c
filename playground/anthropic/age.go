package anthropic

import (
	"encoding/json"
	"strconv"
	"strings"
)

// age is what a model's name tells of what it takes.
type age struct {
	line         string // such as "opus"; empty for Claude 3
	major, minor int
}

// ageOf reads names such as claude-opus-4-7, claude-sonnet-4-5-20250929 and
// claude-3-5-haiku-latest. Other names have the age 0.
func ageOf(model string) age {
	words := strings.Split(strings.ToLower(model), "-")
	if words[0] != "claude" {
		return age{}
	}
	var a age
	for i, word := range words[1:] {
		n, ok := small(word)
		if !ok {
			if i == 0 {
				a.line = word
				continue
			}
			break
		}
		a.major = n
		if i+2 < len(words) {
			if minor, ok := small(words[i+2]); ok {
				a.minor = minor
			}
		}
		break
	}
	return a
}

// small reads a part of a version, which a date is not.
func small(word string) (int, bool) {
	n, err := strconv.Atoi(word)
	return n, err == nil && len(word) <= 2 && n >= 0
}

func (a age) atLeast(major, minor int) bool {
	return a.major > major || (a.major == major && a.minor >= minor)
}

// fixed reports whether the model takes no temperature, as
// platform.claude.com/docs/en/about-claude/models/migration-guide says.
func (a age) fixed() bool {
	return a.major >= 5 || (a.line == "opus" && a.atLeast(4, 7))
}

// structured reports whether the model can be held to a schema, as
// platform.claude.com/docs/en/build-with-claude/structured-outputs says.
func (a age) structured() bool { return a.atLeast(4, 5) }

// closed gives a schema in which every object without additionalProperties
// forbids them: structured outputs want it said.
func closed(schema json.RawMessage) json.RawMessage {
	var v any
	if json.Unmarshal(schema, &v) != nil {
		return schema
	}
	shut(v)
	b, err := json.Marshal(v)
	if err != nil {
		return schema
	}
	return b
}

func shut(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			shut(e)
		}
	case map[string]any:
		for _, e := range v {
			shut(e)
		}
		// "type" may be the name of a property as well; then it is no text.
		if _, said := v["additionalProperties"]; v["type"] == "object" && !said {
			v["additionalProperties"] = false
		}
	}
}
