package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/promptmetrics-go/promptmetrics/internal/decode"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// maxFile is the largest prompt file that is read, in bytes.
const maxFile = 10 << 20

// FormatFile writes a prompt as it lies in the prompt store: JSON with two
// spaces, fields in a fixed order, so that people can read and compare it.
func FormatFile(p Prompt) ([]byte, error) {
	var compact, pretty bytes.Buffer
	if err := decode.EncodePlain(&compact, p); err != nil {
		return nil, err
	}
	if err := json.Indent(&pretty, compact.Bytes(), "", "  "); err != nil {
		return nil, err
	}
	pretty.WriteByte('\n')
	return pretty.Bytes(), nil
}

// ParseFile reads and validates a prompt file: YAML if its name ends in .yaml
// or .yml, else JSON. What is neither is ErrBadRequest; faults of the prompt
// are ErrValidation.
func ParseFile(name string, data []byte) (Prompt, error) {
	if len(data) > maxFile {
		return Prompt{}, pmerr.New(pmerr.TooLarge, "the prompt file is larger than 10 MiB")
	}
	if ext := path.Ext(name); ext == ".yaml" || ext == ".yml" {
		converted, err := yamlToJSON(data)
		if err != nil {
			return Prompt{}, pmerr.New(pmerr.BadRequest, "the prompt file is no valid YAML: %v", err)
		}
		data = converted
	}
	// Without the white space that people need, which would stay in the parts
	// that are kept as they are. What is no JSON is reported below.
	var compact bytes.Buffer
	if json.Compact(&compact, data) == nil {
		data = compact.Bytes()
	}
	var p Prompt
	if err := decode.JSON(data, &p); err != nil {
		return Prompt{}, err
	}
	return p, Validate(p)
}

// yamlToJSON converts one YAML document. The YAML library bounds what aliases
// may blow up to.
func yamlToJSON(data []byte) ([]byte, error) {
	var value any
	if err := yaml.Unmarshal(data, &value); err != nil {
		return nil, err
	}
	plain, err := plainYAML(value, 0)
	if err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

// maxYAMLDepth keeps hostile nesting off the stack.
const maxYAMLDepth = 100

// plainYAML turns what only YAML has into JSON: keys that are no strings, and
// timestamps.
func plainYAML(value any, depth int) (any, error) {
	if depth > maxYAMLDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxYAMLDepth)
	}
	switch v := value.(type) {
	case map[string]any:
		for key, item := range v {
			plain, err := plainYAML(item, depth+1)
			if err != nil {
				return nil, err
			}
			v[key] = plain
		}
		return v, nil
	case map[any]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			plain, err := plainYAML(item, depth+1)
			if err != nil {
				return nil, err
			}
			out[fmt.Sprint(key)] = plain
		}
		return out, nil
	case []any:
		for i, item := range v {
			plain, err := plainYAML(item, depth+1)
			if err != nil {
				return nil, err
			}
			v[i] = plain
		}
		return v, nil
	case time.Time:
		if v.Equal(v.Truncate(24 * time.Hour)) {
			return v.Format(time.DateOnly), nil
		}
		return v.Format(time.RFC3339Nano), nil
	}
	return value, nil
}
