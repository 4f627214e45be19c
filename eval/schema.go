package eval

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/promptmetrics-go/promptmetrics/internal/jsontext"
)

// Schema is what the rows of a dataset look like: the JSON types, sorted, that
// each member of input and expectedOutput takes.
type Schema struct {
	Input          map[string][]string `json:"input"`
	ExpectedOutput map[string][]string `json:"expectedOutput"`
}

// maxSchemaMembers is how many members of one object a schema tells. Rows that
// use texts as names would make it as large as themselves.
const maxSchemaMembers = 200

// SchemaOf reads the schema of rows.
func SchemaOf(rows []Row) Schema {
	s := Schema{Input: map[string][]string{}, ExpectedOutput: map[string][]string{}}
	for _, r := range rows {
		learn(s.Input, r.Input)
		learn(s.ExpectedOutput, r.ExpectedOutput)
	}
	return s
}

// Join is the schema of the rows of both.
func (s Schema) Join(other Schema) Schema {
	out := SchemaOf(nil)
	for _, of := range []Schema{s, other} {
		join(out.Input, of.Input)
		join(out.ExpectedOutput, of.ExpectedOutput)
	}
	return out
}

func join(into, from map[string][]string) {
	for _, name := range slices.Sorted(maps.Keys(from)) {
		for _, t := range from[name] {
			note(into, name, t)
		}
	}
}

func learn(types map[string][]string, object json.RawMessage) {
	if len(object) == 0 {
		return
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return // rows are checked before; what is no object has no members
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		note(types, name, typeOf(members[name]))
	}
}

func note(types map[string][]string, name, t string) {
	known, there := types[name]
	if !there && len(types) >= maxSchemaMembers {
		return
	}
	if at, found := slices.BinarySearch(known, t); !found {
		types[name] = slices.Insert(known, at, t)
	}
}

// typeOf names the type of a JSON value as JSON Schema does.
func typeOf(value json.RawMessage) string {
	switch jsontext.Kind(value) {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}
