package otelexport

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/promptmetrics-go/promptmetrics/internal/jsontext"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// Attributes of the conventions for generative AI in their newest generation,
// https://github.com/open-telemetry/semantic-conventions-genai, and general ones.
const (
	operationName  = attribute.Key("gen_ai.operation.name")
	providerName   = attribute.Key("gen_ai.provider.name")
	requestModel   = attribute.Key("gen_ai.request.model")
	temperature    = attribute.Key("gen_ai.request.temperature")
	topP           = attribute.Key("gen_ai.request.top_p")
	maxTokens      = attribute.Key("gen_ai.request.max_tokens")
	responseModel  = attribute.Key("gen_ai.response.model")
	responseID     = attribute.Key("gen_ai.response.id")
	finishReasons  = attribute.Key("gen_ai.response.finish_reasons")
	inputTokens    = attribute.Key("gen_ai.usage.input_tokens")
	outputTokens   = attribute.Key("gen_ai.usage.output_tokens")
	tokenType      = attribute.Key("gen_ai.token.type")
	promptName     = attribute.Key("gen_ai.prompt.name")
	promptVersion  = attribute.Key("gen_ai.prompt.version")
	inputMessages  = attribute.Key("gen_ai.input.messages")
	outputMessages = attribute.Key("gen_ai.output.messages")
	errorType      = attribute.Key("error.type")
	httpStatus     = attribute.Key("http.response.status_code")
)

// Attributes of our own, for what the conventions have no name for.
const (
	workspaceName = attribute.Key("promptmetrics.workspace")
	logID         = attribute.Key("promptmetrics.log.id")
	runID         = attribute.Key("promptmetrics.run.id")
	costUSD       = attribute.Key("promptmetrics.cost.usd")
	costSource    = attribute.Key("promptmetrics.cost.source")
	// omitted names attributes that were too long.
	omitted = attribute.Key("promptmetrics.omitted")
	// freely is before the names of metadata that are no names of attributes.
	freely = "promptmetrics.metadata."
)

// otherError stands for an error without a code.
const otherError = "_OTHER"

// providerNames are those of the conventions that differ from ours.
var providerNames = map[string]string{"azure_openai": "azure.ai.openai"}

func conventional(provider string) string {
	if name, ok := providerNames[provider]; ok {
		return name
	}
	return provider
}

// free gives metadata as attributes, in the order of their names. A name with a
// dot is that of an attribute already.
func free(m telemetry.Metadata, content bool) []attribute.KeyValue {
	all := make([]attribute.KeyValue, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !content && namesContent(name) {
			continue
		}
		key := name
		if !strings.Contains(name, ".") {
			key = freely + name
		}
		if kv, ok := freeValue(attribute.Key(key), m[name]); ok {
			all = append(all, kv)
		}
	}
	return all
}

// freeValue gives a JSON value the type of an attribute; objects and lists stay
// JSON, for backends take little else. null is no value.
func freeValue(key attribute.Key, raw json.RawMessage) (kv attribute.KeyValue, ok bool) {
	var v any
	switch jsontext.Kind(raw) {
	case '{', '[':
		return key.String(string(raw)), true
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		var n int64
		if json.Unmarshal(raw, &n) == nil {
			return key.Int64(n), true
		}
		var x float64
		if json.Unmarshal(raw, &x) == nil {
			return key.Float64(x), true
		}
		return key.String(string(raw)), true // a number that no type holds
	}
	if json.Unmarshal(raw, &v) != nil {
		return kv, false
	}
	switch v := v.(type) {
	case string:
		return key.String(v), true
	case bool:
		return key.Bool(v), true
	}
	return kv, false
}

// contentNames are the names under which instrumentations put what was said, in
// all dialects that there are; a name that ends with a dot stands for all that
// begin with it.
var contentNames = []string{
	"gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions",
	"gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "gen_ai.retrieval.query.text", "gen_ai.retrieval.documents",
	"gen_ai.prompt", "gen_ai.completion", "gen_ai.content.",
	"input.value", "output.value", "llm.input_messages", "llm.output_messages", "llm.prompts", "llm.completions",
	"llm.prompt_template.template", "llm.prompt_template.variables", "retrieval.documents", "embedding.text", "embedding.embeddings",
	"traceloop.entity.input", "traceloop.entity.output", "traceloop.prompt.template", "traceloop.prompt.template_variables",
	"langfuse.observation.input", "langfuse.observation.output", "langfuse.trace.input", "langfuse.trace.output",
	"input", "output", "prompt", "completion", "messages", "response", "question", "answer", "content",
}

// contentExceptions look like content and are not.
var contentExceptions = []string{
	"gen_ai.prompt.name", "gen_ai.prompt.version", "gen_ai.prompt.id",
}

// namesContent tells whether a name is one for what was said.
func namesContent(name string) bool {
	name = strings.ToLower(name)
	if slices.Contains(contentExceptions, name) {
		return false
	}
	for _, one := range contentNames {
		if rest, ok := strings.CutPrefix(name, one); ok && (rest == "" || rest[0] == '.' || strings.HasSuffix(one, ".")) {
			return true
		}
	}
	return false
}
