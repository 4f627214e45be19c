package httpapi

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/registry"
)

// entryWriter writes a prompt as encoding/json does, byte for byte, at a
// fraction of the cost: this is the answer that is asked for most, and nearly
// all of it is texts. Parts that are small and seldom are left to encoding/json.
type entryWriter struct {
	data []byte
	err  error
	// scratch is for what encoding/json writes.
	scratch *buffer
}

// appendEntry appends the JSON of an entry. It needs an empty buffer.
func appendEntry(data []byte, scratch *buffer, e *registry.Entry) ([]byte, error) {
	w := entryWriter{data: data, scratch: scratch}
	w.raw(`{"content":`)
	w.prompt(&e.Content)
	w.raw(`,"version":`)
	w.version(&e.Version)
	w.raw(`}`)
	return w.data, w.err
}

func (w *entryWriter) raw(s string) { w.data = append(w.data, s...) }

func (w *entryWriter) text(key, s string) {
	w.raw(key)
	w.data = appendText(w.data, s)
}

// optional leaves an empty text out.
func (w *entryWriter) optional(key, s string) {
	if s != "" {
		w.text(key, s)
	}
}

func (w *entryWriter) prompt(p *registry.Prompt) {
	w.text(`{"name":`, p.Name)
	w.text(`,"version":`, p.Version)
	w.raw(`,"messages":`)
	w.messages(p.Messages)
	if p.Variables != nil {
		w.raw(`,"variables":`)
		w.variables(p.Variables)
	}
	if p.ModelConfig != nil {
		w.other(`,"model_config":`, p.ModelConfig)
	}
	if p.Ollama != nil {
		w.other(`,"ollama":`, p.Ollama)
	}
	if p.Tags != nil {
		w.other(`,"tags":`, p.Tags)
	}
	w.extra(p.Extra)
	w.raw(`}`)
}

func (w *entryWriter) messages(messages []registry.Message) {
	if messages == nil {
		w.raw("null")
		return
	}
	w.raw("[")
	for i := range messages {
		m := &messages[i]
		if i > 0 {
			w.raw(",")
		}
		w.text(`{"role":`, string(m.Role))
		w.text(`,"content":`, m.Content)
		w.optional(`,"name":`, m.Name)
		w.extra(m.Extra)
		w.raw("}")
	}
	w.raw("]")
}

func (w *entryWriter) variables(variables map[string]registry.Variable) {
	var few [8]string
	names := few[:0]
	for name := range variables {
		names = append(names, name)
	}
	slices.Sort(names)
	w.raw("{")
	for i, name := range names {
		v := variables[name]
		if i > 0 {
			w.raw(",")
		}
		w.text("", name)
		w.text(`:{"type":`, string(v.Type))
		if v.Required {
			w.raw(`,"required":true`)
		}
		if len(v.Default) > 0 {
			w.other(`,"default":`, v.Default)
		}
		w.extra(v.Extra)
		w.raw("}")
	}
	w.raw("}")
}

// extra appends the fields that no struct knows, by name.
func (w *entryWriter) extra(fields map[string]json.RawMessage) {
	if len(fields) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		w.text(",", name)
		w.other(":", fields[name])
	}
}

func (w *entryWriter) version(v *registry.Version) {
	w.text(`{"name":`, v.Name)
	w.text(`,"version_tag":`, v.Version)
	w.raw(`,"created_at":`)
	w.data = strconv.AppendInt(w.data, v.CreatedAt.Unix(), 10)
	w.optional(`,"commit_sha":`, v.Commit)
	w.optional(`,"author":`, v.Author)
	w.optional(`,"message":`, v.Message)
	w.raw("}")
}

// other leaves a value to encoding/json.
func (w *entryWriter) other(key string, v any) {
	w.raw(key)
	w.scratch.Reset()
	if err := w.scratch.encode(v); err != nil {
		w.err = err
	}
	w.data = append(w.data, w.scratch.Bytes()...)
}

const hexDigits = "0123456789abcdef"

// appendText appends a JSON string without HTML escapes. Bytes that are not
// UTF-8 become U+FFFD; the line ends of JavaScript are escaped.
func appendText(data []byte, s string) []byte {
	data = append(data, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		size, escaped := 1, ""
		if c >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				escaped = `\ufffd`
			case r == '\u2028':
				escaped = `\u2028`
			case r == '\u2029':
				escaped = `\u2029`
			default:
				i += size
				continue
			}
		}
		data = append(data, s[start:i]...)
		if escaped == "" {
			data = appendEscaped(data, c)
		} else {
			data = append(data, escaped...)
		}
		i += size
		start = i
	}
	return append(append(data, s[start:]...), '"')
}

// appendEscaped appends an ASCII character that cannot stand in a string.
func appendEscaped(data []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(data, '\\', c)
	case '\n':
		return append(data, `\n`...)
	case '\r':
		return append(data, `\r`...)
	case '\t':
		return append(data, `\t`...)
	case '\b':
		return append(data, `\b`...)
	case '\f':
		return append(data, `\f`...)
	}
	return append(data, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}
