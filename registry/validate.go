package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/internal/decode"
	"github.com/promptmetrics-go/promptmetrics/internal/mustache"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Bounds of a prompt's fields.
const (
	maxName        = 128
	maxContent     = 100_000
	maxMessageName = 64
	maxTags        = 20
	maxTag         = 64
	maxKeepAlive   = 16
	maxLabel       = 128
)

// ValidName reports whether a name may name a prompt: 1 to 128 letters,
// digits, "_" or "-".
func ValidName(name string) bool { return len(name) <= maxName && only(name, "_-") }

// ValidLabel reports whether a name may name a label: 1 to 128 letters,
// digits, "_", "." or "-".
func ValidLabel(name string) bool { return len(name) <= maxLabel && only(name, "_.-") }

func only(s, marks string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(marks, rune(c)) {
			return false
		}
	}
	return s != ""
}

// Validate checks a prompt. It returns nil or an ErrValidation that lists
// every fault, each by the name of its field.
func Validate(p Prompt) error {
	var f faults
	f.check(ValidName(p.Name), "name must be 1 to 128 letters, digits, '_' or '-'")
	f.check(ValidVersion(p.Version), "version must be semantic (e.g. 1.0.0) and at most 64 characters")
	f.check(len(p.Messages) > 0, "messages must have at least one message")
	for i, m := range p.Messages {
		f.message(fmt.Sprintf("messages[%d]", i), m)
	}
	f.variables(p.Variables)
	f.extra("", plainPrompt{}, p.Extra)
	if c := p.ModelConfig; c != nil {
		f.extra("model_config.", plainModelConfig{}, c.Extra)
		f.within("model_config.temperature", c.Temperature, 0, 2)
		f.within("model_config.top_p", c.TopP, 0, 1)
		f.within("model_config.frequency_penalty", c.FrequencyPenalty, -2, 2)
		f.within("model_config.presence_penalty", c.PresencePenalty, -2, 2)
		f.check(c.MaxTokens == nil || *c.MaxTokens >= 1, "model_config.max_tokens must be at least 1")
	}
	if o := p.Ollama; o != nil {
		f.extra("ollama.", plainOllama{}, o.Extra)
		f.check(utf8.RuneCountInString(o.KeepAlive) <= maxKeepAlive, "ollama.keep_alive must be at most 16 characters")
		f.check(IsStringOrObject(o.Format), "ollama.format must be a string or an object")
	}
	f.check(len(p.Tags) <= maxTags, "tags must be at most 20")
	for i, tag := range p.Tags {
		f.check(plainText(tag, 1, maxTag), fmt.Sprintf("tags[%d] must be 1 to 64 characters", i))
	}
	if f != nil {
		return pmerr.Invalid(f...)
	}
	return nil
}

// faults collects what is wrong.
type faults []string

func (f *faults) check(ok bool, fault string) {
	if !ok {
		*f = append(*f, fault)
	}
}

func (f *faults) within(field string, v *float64, low, high float64) {
	f.check(v == nil || (*v >= low && *v <= high), fmt.Sprintf("%s must be %v to %v", field, low, high))
}

// extra refuses unknown fields that have the name of a known one: the file
// would hold it twice.
func (f *faults) extra(path string, known any, members map[string]json.RawMessage) {
	for _, key := range sortedKeys(members) {
		f.check(!decode.HasField(reflect.TypeOf(known), key), path+key+" has a field of its own and cannot be in Extra")
	}
}

func (f *faults) message(path string, m Message) {
	f.check(slices.Contains([]Role{System, User, Assistant}, m.Role), path+".role must be one of system, user, assistant")
	f.check(plainText(m.Content, 1, maxContent), path+".content must be 1 to 100000 characters")
	f.extra(path+".", plainMessage{}, m.Extra)
	f.check(m.Name == "" || plainText(m.Name, 1, maxMessageName), path+".name must be at most 64 characters")
	if m.Role == Assistant {
		return
	}
	if _, err := mustache.Parse(m.Content, mustache.Limits{}); err != nil {
		var syntax *mustache.SyntaxError
		if errors.As(err, &syntax) {
			f.check(false, fmt.Sprintf("%s.content is no valid template: line %d: %s", path, syntax.Line, syntax.Message))
		}
	}
}

func (f *faults) variables(declared map[string]Variable) {
	for _, name := range sortedKeys(declared) {
		v := declared[name]
		path := "variables." + name
		f.extra(path+".", plainVariable{}, v.Extra)
		f.check(plainText(name, 1, maxName), "variables must have names of 1 to 128 characters")
		if !slices.Contains([]VariableType{String, Number, Boolean, Array, Object}, v.Type) {
			f.check(false, path+".type must be one of string, number, boolean, array, object")
			continue
		}
		if len(v.Default) > 0 {
			value, err := decodeValue(v.Default)
			if err == nil && value != nil {
				_, ok := v.Type.fit(value)
				f.check(ok, fmt.Sprintf("%s.default must be %s", path, v.Type.article()))
			}
		}
	}
}

// plainText reports that s is UTF-8 of so many characters and has no NUL,
// which PostgreSQL cannot store.
func plainText(s string, low, high int) bool {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return false
	}
	n := utf8.RuneCountInString(s)
	return n >= low && n <= high
}

// IsStringOrObject reports that a JSON value is absent, null, a string or an
// object.
func IsStringOrObject(raw json.RawMessage) bool {
	if len(raw) == 0 {
		return true
	}
	return raw[0] == '"' || raw[0] == '{' || string(raw) == "null"
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
