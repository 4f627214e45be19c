package main

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/spf13/pflag"

	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// values are named values of repeated flags, k=v for texts and k=JSON for
// everything else.
type values struct {
	name        string
	texts, data []string
}

// valueFlags adds the flags --name and --name-json.
func valueFlags(flags *pflag.FlagSet, name, what string) *values {
	v := &values{name: name}
	flags.StringArrayVar(&v.texts, name, nil, what+" as key=text; may be repeated")
	flags.StringArrayVar(&v.data, name+"-json", nil, what+" as key=JSON, for numbers, lists and objects")
	return v
}

// members gives the values as JSON, or nil if there are none.
func (v *values) members() (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	add := func(flag, pair string, convert func(string) (json.RawMessage, bool)) error {
		key, text, found := strings.Cut(pair, "=")
		if !found || key == "" {
			return usage("--%s must be key=value", flag)
		}
		if _, twice := members[key]; twice {
			return usage("--%s gives %q twice", flag, key)
		}
		value, ok := convert(text)
		if !ok {
			return usage("--%s %s must be valid JSON; quote it for the shell, as in --%s '%s=[1,2]'", flag, key, flag, key)
		}
		if members == nil {
			members = map[string]json.RawMessage{}
		}
		members[key] = value
		return nil
	}
	for _, pair := range v.texts {
		if err := add(v.name, pair, func(text string) (json.RawMessage, bool) {
			value, err := json.Marshal(text)
			return value, err == nil
		}); err != nil {
			return nil, err
		}
	}
	for _, pair := range v.data {
		if err := add(v.name+"-json", pair, func(text string) (json.RawMessage, bool) {
			return json.RawMessage(text), json.Valid([]byte(text))
		}); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// metadata gives the values as telemetry wants them.
func (v *values) metadata() (telemetry.Metadata, error) {
	members, err := v.members()
	return members, err
}

// object gives the values as one JSON object, or nil if there are none.
func (v *values) object() (json.RawMessage, error) {
	members, err := v.members()
	if err != nil || members == nil {
		return nil, err
	}
	return json.Marshal(members)
}

// variables gives the values as plain data. Numbers stay exact.
func (v *values) variables() (map[string]any, error) {
	object, err := v.object()
	if err != nil || object == nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.UseNumber()
	var plain map[string]any
	if err := decoder.Decode(&plain); err != nil {
		return nil, err
	}
	return plain, nil
}

// bare accepts a version as people write it, with a leading v.
func bare(version string) string {
	if rest, ok := strings.CutPrefix(version, "v"); ok && registry.ValidVersion(rest) {
		return rest
	}
	return version
}

// given is a pointer to a flag's value, or nil if the flag was not used.
func given[T any](flags *pflag.FlagSet, name string, value T) *T {
	if !flags.Changed(name) {
		return nil
	}
	return &value
}
