package otlp

import (
	"encoding/json"
	"strings"
)

// facts are what the attributes of a span mean, whatever the dialect.
type facts struct {
	found [meanings]finding
	span  *Span
}

// finding is the attribute that counts for a meaning.
type finding struct {
	// rank is the row's place in the table, from 1; 0 is nothing found.
	rank  int
	value Value
	// attribute is where it stands; -1 if the attribute stays where it is.
	attribute int
	// prefix is the beginning of the list that it was taken from.
	prefix string
}

// understand finds what the attributes of a span mean.
func understand(s *Span) facts {
	l := loadedLexicon()
	f := facts{span: s}
	for i := range s.Attributes {
		a := &s.Attributes[i]
		for _, row := range l.byName[a.Key] {
			if v, ok := l.usable(row, a.Value); ok {
				f.offer(l.rows[row].means, finding{rank: row + 1, value: v, attribute: i})
			}
		}
		for _, list := range l.lists {
			if rest, found := strings.CutPrefix(a.Key, list.prefix); found && rest != "" && rest[0] >= '0' && rest[0] <= '9' {
				f.offer(l.rows[list.row].means, finding{rank: list.row + 1, attribute: -1, prefix: list.prefix})
			}
		}
	}
	return f
}

// offer takes a finding if nothing that counts more is there. Of two attributes
// with one name the last counts.
func (f *facts) offer(m meaning, found finding) {
	if now := f.found[m].rank; now == 0 || found.rank <= now {
		f.found[m] = found
	}
}

// usable tells whether a value can be what its row means, and gives it in the
// form of the meaning.
func (l *lexicon) usable(row int, v Value) (Value, bool) {
	r := &l.rows[row]
	if r.Members != nil {
		var ok bool
		if v, ok = member(v, r.Members); !ok {
			return v, false
		}
	}
	switch r.means {
	case operation:
		word, known := l.words[row][strings.ToLower(v.string())]
		return Value{kind: textValue, text: word}, known
	case tokensIn, tokensOut, tokensTotal, cacheRead, cacheWrite, reasoning:
		n, ok := v.count()
		return Value{kind: intValue, whole: n}, ok
	case httpStatus:
		n, ok := v.count()
		return Value{kind: intValue, whole: n}, ok && n <= 999
	case cost, costIn, costOut:
		n, ok := v.number()
		return Value{kind: floatValue, float: n}, ok && n >= 0 && n <= maxCost
	case input, output, instructions, finishReasons, tags:
		return v, v.kind != absent && !(v.kind == textValue && v.text == "")
	default:
		return v, strings.TrimSpace(v.string()) != ""
	}
}

// maxCost is what a log may cost at most.
const maxCost = 1e9

// member finds a number in an object that an attribute holds as JSON.
func member(v Value, names []string) (Value, bool) {
	var object map[string]json.RawMessage
	if json.Unmarshal(v.parsed(), &object) != nil {
		return v, false
	}
	for _, name := range names {
		var n json.Number
		if raw, there := object[name]; there && json.Unmarshal(raw, &n) == nil && n != "" {
			return Value{kind: textValue, text: n.String()}, true
		}
	}
	return v, false
}

func (f *facts) has(m meaning) bool { return f.found[m].rank > 0 }

// text is what was found, with no more than so many characters.
func (f *facts) text(m meaning, most int) string {
	return clip(strings.TrimSpace(f.found[m].value.string()), most)
}

// clip shortens a text to so many characters.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	n := 0
	for i := range s {
		if n++; n > most {
			return s[:i]
		}
	}
	return s
}

func (f *facts) count(m meaning) *int64 {
	if !f.has(m) {
		return nil
	}
	return &f.found[m].value.whole
}

// tokens gives what went in and came out. Where one of them and the sum are
// known, so is the other.
func (f *facts) tokens() (in, out *int64) {
	in, out = f.count(tokensIn), f.count(tokensOut)
	if total := f.count(tokensTotal); total != nil {
		switch {
		case in != nil && out == nil && *total >= *in:
			rest := *total - *in
			out = &rest
		case out != nil && in == nil && *total >= *out:
			rest := *total - *out
			in = &rest
		}
	}
	return in, out
}

// cost is the whole cost, or what its known parts add up to.
func (f *facts) cost() *float64 {
	if f.has(cost) {
		return &f.found[cost].value.float
	}
	if !f.has(costIn) && !f.has(costOut) {
		return nil
	}
	sum := f.found[costIn].value.float + f.found[costOut].value.float
	if sum > maxCost {
		return nil
	}
	return &sum
}

// model is the one that answered, else the one that was asked.
func (f *facts) model() string {
	if f.has(responseModel) {
		return f.text(responseModel, maxModel)
	}
	return f.text(requestModel, maxModel)
}

// operation is what the span does, "" if it does not say so. A span with a
// model and tokens is a call of that model even if it says nothing.
func (f *facts) operation() string {
	if f.has(operation) {
		return f.found[operation].value.text
	}
	in, out := f.tokens()
	if (f.has(requestModel) || f.has(responseModel)) && (in != nil || out != nil) {
		return chat
	}
	return ""
}

// taken tells that an attribute stands elsewhere in the metadata.
func (f *facts) taken(i int) bool {
	for _, m := range []meaning{input, output, instructions} {
		found := &f.found[m]
		switch {
		case found.rank == 0:
		case found.prefix != "":
			rest, below := strings.CutPrefix(f.span.Attributes[i].Key, found.prefix)
			if below && rest != "" && rest[0] >= '0' && rest[0] <= '9' {
				return true
			}
		case found.attribute == i:
			return true
		}
	}
	return false
}

// texts is a list of texts, or one, as JSON.
func (v Value) texts() []string {
	var list []string
	if json.Unmarshal(v.parsed(), &list) == nil {
		return list
	}
	if s := v.string(); s != "" {
		return []string{s}
	}
	return nil
}

// provided gives a provider by the name that the price table and the playground
// have for it.
func provided(name string) string {
	lower := strings.ToLower(name)
	switch lower {
	case "azure.ai.openai", "az.ai.openai", "azure", "azureopenai":
		return "azure_openai"
	case "aws_bedrock", "bedrock", "aws":
		return "aws.bedrock"
	case "gcp.gemini", "gemini", "google_genai", "google_generativeai":
		return "google"
	case "vertex_ai", "vertexai", "gcp.gen_ai":
		return "gcp.vertex_ai"
	case "mistral_ai", "mistralai":
		return "mistral"
	case "x_ai", "x-ai", "x.ai":
		return "xai"
	}
	return lower
}
