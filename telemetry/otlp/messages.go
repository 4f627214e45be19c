package otlp

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// content gives what was said to a model, or by it, as JSON.
func (f *facts) content(m meaning) json.RawMessage {
	found := &f.found[m]
	switch {
	case found.rank == 0:
		return nil
	case found.prefix != "":
		return f.assemble(found.prefix)
	}
	return found.value.parsed()
}

// maxSteps is how deep a list that was taken apart may be nested; what is
// deeper keeps the rest of its name.
const maxSteps = 12

// branch is a part of a list that was taken apart into attributes.
type branch struct {
	value    *Value
	names    []string
	children map[string]*branch
}

func (b *branch) child(name string) *branch {
	if b.children == nil {
		b.children = map[string]*branch{}
	}
	c := b.children[name]
	if c == nil {
		c = &branch{}
		b.children[name], b.names = c, append(b.names, name)
	}
	return c
}

// assemble puts a list together again: x.0.role and x.0.content become the
// first object of a list.
func (f *facts) assemble(prefix string) json.RawMessage {
	root := &branch{}
	for i := range f.span.Attributes {
		a := &f.span.Attributes[i]
		rest, found := strings.CutPrefix(a.Key, prefix)
		if !found || rest == "" || rest[0] < '0' || rest[0] > '9' {
			continue
		}
		at := root
		for _, step := range strings.SplitN(rest, ".", maxSteps) {
			if !wrapping(step) {
				at = at.child(step)
			}
		}
		at.value = &a.Value
	}
	return root.appendJSON(nil)
}

// wrapping tells a step that says no more than the one before it: OpenInference
// puts the name of the thing behind its place in the list.
func wrapping(step string) bool {
	switch step {
	case "message", "message_content", "tool_call":
		return true
	}
	return false
}

func (b *branch) appendJSON(out []byte) []byte {
	if b.children == nil {
		if b.value == nil {
			return append(out, "null"...)
		}
		return b.value.appendJSON(out)
	}
	places := make([]int, 0, len(b.names))
	for _, name := range b.names {
		if n, err := strconv.Atoi(name); err == nil && strconv.Itoa(n) == name {
			places = append(places, n)
		}
	}
	if len(places) == len(b.names) && b.value == nil {
		slices.Sort(places)
		out = append(out, '[')
		for i, n := range places {
			if i > 0 {
				out = append(out, ',')
			}
			out = b.children[strconv.Itoa(n)].appendJSON(out)
		}
		return append(out, ']')
	}
	out = append(out, '{')
	if b.value != nil {
		out = b.value.appendJSON(append(out, `"value":`...))
	}
	for i, name := range b.names {
		if i > 0 || b.value != nil {
			out = append(out, ',')
		}
		out = b.children[name].appendJSON(append(appendText(out, name), ':'))
	}
	return append(out, '}')
}

// heard is what events of a span say that its attributes do not.
type heard struct {
	content [meanings]json.RawMessage
	// taken are attributes of events that stand elsewhere in the metadata, by
	// the place of the event.
	taken map[int]func(key string) bool
}

// Of the generations of events that carry messages: one event for a message,
// one for all that went in or came out, and one for everything.
const (
	detailsEvent    = "gen_ai.client.inference.operation.details"
	promptEvent     = "gen_ai.content.prompt"
	completionEvent = "gen_ai.content.completion"
	choiceEvent     = "gen_ai.choice"
)

// hear reads the messages that events carry.
func (f *facts) hear() heard {
	h := heard{taken: map[int]func(string) bool{}}
	messages := map[meaning][]json.RawMessage{}
	for i := range f.span.Events {
		e := &f.span.Events[i]
		switch role, isMessage := messageRole(e.Name); {
		case isMessage && !f.has(input):
			messages[input] = append(messages[input], e.message(role))
			h.taken[i] = isContent
		case e.Name == choiceEvent && !f.has(output):
			messages[output] = append(messages[output], e.message("assistant"))
			h.taken[i] = isContent
		case e.Name == promptEvent && !f.has(input):
			h.whole(i, e, input, "gen_ai.prompt")
		case e.Name == completionEvent && !f.has(output):
			h.whole(i, e, output, "gen_ai.completion")
		case e.Name == detailsEvent:
			f.hearDetails(&h, i, e)
		}
	}
	for m, list := range messages {
		if data, err := json.Marshal(list); err == nil && h.content[m] == nil {
			h.content[m] = data
		}
	}
	return h
}

// whole takes an attribute of an event for all that was said.
func (h *heard) whole(i int, e *Event, m meaning, key string) {
	if v, found := e.get(key); found {
		h.content[m] = v.parsed()
		h.taken[i] = func(name string) bool { return name == key }
	}
}

func (f *facts) hearDetails(h *heard, i int, e *Event) {
	keys := map[string]bool{}
	for m, key := range map[meaning]string{
		input: "gen_ai.input.messages", output: "gen_ai.output.messages", instructions: "gen_ai.system_instructions",
	} {
		if v, found := e.get(key); found && !f.has(m) {
			h.content[m], keys[key] = v.parsed(), true
		}
	}
	h.taken[i] = func(name string) bool { return keys[name] }
}

// messageRole tells an event such as gen_ai.user.message.
func messageRole(name string) (role string, ok bool) {
	switch name {
	case "gen_ai.system.message", "gen_ai.user.message", "gen_ai.assistant.message", "gen_ai.tool.message":
		return strings.Split(name, ".")[1], true
	}
	return "", false
}

// bodyKey is where an event has its body, if it was made for the logs of
// OpenTelemetry.
const bodyKey = "gen_ai.event.content"

// isContent tells the attributes of a message event that are in the message.
func isContent(key string) bool {
	return key == bodyKey || !strings.HasPrefix(key, "gen_ai.")
}

// message puts the message of an event together.
func (e *Event) message(role string) json.RawMessage {
	out := []byte(`{"role":`)
	members := map[string]json.RawMessage{}
	if v, found := e.get(bodyKey); found {
		body := v.parsed()
		if json.Unmarshal(body, &members) != nil || members == nil { // null is no object
			members = map[string]json.RawMessage{"content": body}
		}
	}
	for i := range e.Attributes {
		if a := &e.Attributes[i]; a.Key != bodyKey && isContent(a.Key) {
			members[a.Key] = a.Value.parsed()
		}
	}
	if given, ok := members["role"]; ok {
		out = append(out, given...)
		delete(members, "role")
	} else {
		out = appendText(out, role)
	}
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		out = append(appendText(append(out, ','), clean(name)), ':')
		out = append(out, members[name]...)
	}
	return append(out, '}')
}

func (e *Event) get(key string) (Value, bool) {
	for i := range e.Attributes {
		if e.Attributes[i].Key == key {
			return e.Attributes[i].Value, true
		}
	}
	return Value{}, false
}
