package registry

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/aymanbagabas/go-udiff"
)

// compare tells what differs between two versions of a prompt.
func compare(a, b Prompt) (Comparison, error) {
	c := Comparison{Name: a.Name, From: a.Version, To: b.Version, Messages: []MessageDiff{}, Settings: []SettingDiff{}}
	for i := range max(len(a.Messages), len(b.Messages)) {
		var from, to Message
		d := MessageDiff{Index: i, Change: "changed"}
		if i < len(a.Messages) {
			from = a.Messages[i]
		} else {
			d.Change = "added"
		}
		if i < len(b.Messages) {
			to = b.Messages[i]
		} else {
			d.Change = "removed"
		}
		if d.Change == "changed" && from.Role == to.Role && from.Content == to.Content {
			continue
		}
		d.FromRole, d.ToRole = from.Role, to.Role
		d.Unified = udiff.Unified(
			fmt.Sprintf("%s/messages[%d]", a.Version, i), fmt.Sprintf("%s/messages[%d]", b.Version, i),
			lined(from.Content), lined(to.Content))
		c.Messages = append(c.Messages, d)
	}
	from, err := settings(a)
	if err != nil {
		return c, err
	}
	to, err := settings(b)
	if err != nil {
		return c, err
	}
	c.Settings = appendSettings(c.Settings, "", from, to)
	return c, nil
}

// lined ends a text with a newline, so that the diff has no marks about it.
func lined(s string) string {
	if s == "" || s[len(s)-1] == '\n' {
		return s
	}
	return s + "\n"
}

// settings is the file of a prompt without what is compared elsewhere; of the
// messages only speakers' names and unknown fields are left.
func settings(p Prompt) (map[string]any, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	value, err := decodeValue(data)
	if err != nil {
		return nil, err
	}
	tree, _ := value.(map[string]any)
	delete(tree, "name")
	delete(tree, "version")
	if messages, ok := tree["messages"].([]any); ok {
		for _, m := range messages {
			if members, ok := m.(map[string]any); ok {
				delete(members, "role")
				delete(members, "content")
			}
		}
	}
	return tree, nil
}

// appendSettings walks two objects side by side.
func appendSettings(out []SettingDiff, path string, from, to map[string]any) []SettingDiff {
	keys := map[string]struct{}{}
	for key := range from {
		keys[key] = struct{}{}
	}
	for key := range to {
		keys[key] = struct{}{}
	}
	for _, key := range sortedKeys(keys) {
		a, b := from[key], to[key]
		if reflect.DeepEqual(a, b) {
			continue
		}
		at := key
		if path != "" {
			at = path + "." + key
		}
		out = appendSetting(out, at, a, b)
	}
	return out
}

func appendSetting(out []SettingDiff, at string, a, b any) []SettingDiff {
	if objA, ok := a.(map[string]any); ok {
		if objB, ok := b.(map[string]any); ok {
			return appendSettings(out, at, objA, objB)
		}
	}
	listA, okA := a.([]any)
	listB, okB := b.([]any)
	if at == "messages" && okA && okB {
		for i := range min(len(listA), len(listB)) {
			if !reflect.DeepEqual(listA[i], listB[i]) {
				out = appendSetting(out, fmt.Sprintf("messages[%d]", i), listA[i], listB[i])
			}
		}
		return out
	}
	return append(out, SettingDiff{Path: at, From: a, To: b})
}
