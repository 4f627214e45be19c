package otlp

import (
	"strings"
	"sync"
)

// meaning is what an attribute says of a span.
type meaning int

// The meanings.
const (
	operation meaning = iota
	provider
	requestModel
	responseModel
	tokensIn
	tokensOut
	tokensTotal
	cacheRead
	cacheWrite
	reasoning
	cost
	costIn
	costOut
	instructions
	input
	output
	finishReasons
	responseID
	promptName
	promptVersion
	session
	user
	traceName
	tags
	statusText
	errorType
	httpStatus

	meanings
)

// Row says that an attribute has a meaning.
type Row struct {
	means meaning
	// Attribute is the key. One that ends in ".N." is the beginning of a list
	// that was taken apart: gen_ai.prompt.0.role, gen_ai.prompt.0.content.
	Attribute string
	// Members are those of an object that the attribute holds as JSON, in the
	// order in which they count.
	Members []string
	// words translates the values of an operation.
	words func() map[string]string
}

// Dialect is how a family of instrumentations names things.
type Dialect struct {
	Name string
	Rows []Row
}

// Dialects is the table of what is understood. Where several attributes of a
// span have one meaning, that which stands first in the table counts: a dialect
// before those below it, a row before those below it. A value that cannot be
// what the row means, such as a negative number of tokens, does not count.
func Dialects() []Dialect {
	return []Dialect{
		{"GenAI", []Row{
			{means: operation, Attribute: "gen_ai.operation.name", words: genAIWords},
			{means: provider, Attribute: "gen_ai.provider.name"},
			{means: requestModel, Attribute: "gen_ai.request.model"},
			{means: responseModel, Attribute: "gen_ai.response.model"},
			{means: tokensIn, Attribute: "gen_ai.usage.input_tokens"},
			{means: tokensOut, Attribute: "gen_ai.usage.output_tokens"},
			{means: cacheRead, Attribute: "gen_ai.usage.cache_read.input_tokens"},
			{means: cacheWrite, Attribute: "gen_ai.usage.cache_write.input_tokens"},
			{means: reasoning, Attribute: "gen_ai.usage.reasoning.output_tokens"},
			{means: instructions, Attribute: "gen_ai.system_instructions"},
			{means: input, Attribute: "gen_ai.input.messages"},
			{means: output, Attribute: "gen_ai.output.messages"},
			{means: finishReasons, Attribute: "gen_ai.response.finish_reasons"},
			{means: responseID, Attribute: "gen_ai.response.id"},
			{means: promptName, Attribute: "gen_ai.prompt.name"},
			{means: promptVersion, Attribute: "gen_ai.prompt.version"},
			{means: session, Attribute: "gen_ai.conversation.id"},
			{means: user, Attribute: "enduser.id"},
			{means: errorType, Attribute: "error.type"},
			{means: httpStatus, Attribute: "http.response.status_code"},
			{means: input, Attribute: "gen_ai.tool.call.arguments"},
			{means: output, Attribute: "gen_ai.tool.call.result"},
		}},
		{"GenAI, older", []Row{
			{means: provider, Attribute: "gen_ai.system"},
			{means: tokensIn, Attribute: "gen_ai.usage.prompt_tokens"},
			{means: tokensOut, Attribute: "gen_ai.usage.completion_tokens"},
			{means: tokensTotal, Attribute: "gen_ai.usage.total_tokens"},
			{means: cacheRead, Attribute: "gen_ai.usage.cache_read_input_tokens"},
			{means: cacheWrite, Attribute: "gen_ai.usage.cache_creation.input_tokens"},
			{means: cacheWrite, Attribute: "gen_ai.usage.cache_creation_input_tokens"},
			{means: reasoning, Attribute: "gen_ai.usage.reasoning_tokens"},
			{means: cost, Attribute: "gen_ai.usage.cost"},
			{means: input, Attribute: "gen_ai.prompt.N."},
			{means: output, Attribute: "gen_ai.completion.N."},
			{means: input, Attribute: "gen_ai.prompt"},
			{means: output, Attribute: "gen_ai.completion"},
			{means: httpStatus, Attribute: "http.status_code"},
		}},
		{"OpenInference", []Row{
			{means: operation, Attribute: "openinference.span.kind", words: openInferenceWords},
			{means: provider, Attribute: "llm.provider"},
			{means: provider, Attribute: "llm.system"},
			{means: requestModel, Attribute: "llm.request.model_name"},
			{means: responseModel, Attribute: "llm.response.model_name"},
			{means: requestModel, Attribute: "llm.model_name"},
			{means: requestModel, Attribute: "embedding.model_name"},
			{means: tokensIn, Attribute: "llm.token_count.prompt"},
			{means: tokensOut, Attribute: "llm.token_count.completion"},
			{means: tokensTotal, Attribute: "llm.token_count.total"},
			{means: cacheRead, Attribute: "llm.token_count.prompt_details.cache_read"},
			{means: cacheWrite, Attribute: "llm.token_count.prompt_details.cache_write"},
			{means: reasoning, Attribute: "llm.token_count.completion_details.reasoning"},
			{means: cost, Attribute: "llm.cost.total"},
			{means: costIn, Attribute: "llm.cost.prompt"},
			{means: costOut, Attribute: "llm.cost.completion"},
			{means: input, Attribute: "llm.input_messages.N."},
			{means: output, Attribute: "llm.output_messages.N."},
			{means: input, Attribute: "llm.prompts.N."},
			{means: output, Attribute: "llm.choices.N."},
			{means: input, Attribute: "input.value"},
			{means: output, Attribute: "output.value"},
			{means: finishReasons, Attribute: "llm.finish_reason"},
			{means: promptName, Attribute: "prompt.id"},
			{means: promptVersion, Attribute: "llm.prompt_template.version"},
			{means: session, Attribute: "session.id"},
			{means: user, Attribute: "user.id"},
			{means: tags, Attribute: "tag.tags"},
		}},
		{"Traceloop", []Row{
			{means: operation, Attribute: "llm.request.type", words: traceloopWords},
			{means: operation, Attribute: "traceloop.span.kind", words: traceloopWords},
			{means: tokensTotal, Attribute: "llm.usage.total_tokens"},
			{means: input, Attribute: "traceloop.entity.input"},
			{means: output, Attribute: "traceloop.entity.output"},
			{means: finishReasons, Attribute: "llm.response.finish_reason"},
			{means: promptName, Attribute: "traceloop.prompt.key"},
			{means: promptVersion, Attribute: "traceloop.prompt.version"},
			{means: session, Attribute: "traceloop.association.properties.session_id"},
			{means: user, Attribute: "traceloop.association.properties.user_id"},
			{means: user, Attribute: "llm.user"},
		}},
		{"Langfuse", []Row{
			{means: operation, Attribute: "langfuse.observation.type", words: langfuseWords},
			{means: requestModel, Attribute: "langfuse.observation.model.name"},
			{means: tokensIn, Attribute: "langfuse.observation.usage_details", Members: []string{"input", "input_tokens", "prompt_tokens"}},
			{means: tokensOut, Attribute: "langfuse.observation.usage_details", Members: []string{"output", "output_tokens", "completion_tokens"}},
			{means: tokensTotal, Attribute: "langfuse.observation.usage_details", Members: []string{"total", "total_tokens"}},
			{means: cacheRead, Attribute: "langfuse.observation.usage_details", Members: []string{"cache_read_input_tokens", "input_cached_tokens", "input_cache_read"}},
			{means: cacheWrite, Attribute: "langfuse.observation.usage_details", Members: []string{"cache_creation_input_tokens", "input_cache_creation"}},
			{means: reasoning, Attribute: "langfuse.observation.usage_details", Members: []string{"output_reasoning_tokens", "output_reasoning", "reasoning_tokens"}},
			{means: cost, Attribute: "langfuse.observation.cost_details", Members: []string{"total"}},
			{means: costIn, Attribute: "langfuse.observation.cost_details", Members: []string{"input"}},
			{means: costOut, Attribute: "langfuse.observation.cost_details", Members: []string{"output"}},
			{means: input, Attribute: "langfuse.observation.input"},
			{means: output, Attribute: "langfuse.observation.output"},
			{means: promptName, Attribute: "langfuse.observation.prompt.name"},
			{means: promptVersion, Attribute: "langfuse.observation.prompt.version"},
			{means: session, Attribute: "langfuse.session.id"},
			{means: user, Attribute: "langfuse.user.id"},
			{means: traceName, Attribute: "langfuse.trace.name"},
			{means: tags, Attribute: "langfuse.trace.tags"},
			{means: statusText, Attribute: "langfuse.observation.status_message"},
		}},
	}
}

// The operations, in the words of the GenAI conventions as far as they have
// one. What they mean to others is for [telemetry.RoleOf] to say.
const (
	chat         = "chat"
	completion   = "text_completion"
	generation   = "generate_content"
	embeddings   = "embeddings"
	tool         = "execute_tool"
	agent        = "invoke_agent"
	workflow     = "invoke_workflow"
	retrieval    = "retrieval"
	rerank       = "rerank"
	guardrail    = "guardrail"
	evaluation   = "evaluation"
	taskStep     = "task"
	promptRender = "prompt"
	decision     = "decision"
)

func genAIWords() map[string]string {
	return map[string]string{
		"chat": chat, "text_completion": completion, "generate_content": generation, "embeddings": embeddings,
		"execute_tool": tool, "invoke_agent": agent, "create_agent": "create_agent", "invoke_workflow": workflow,
		"retrieval": retrieval, "rerank": rerank, "plan": "plan",
	}
}

func openInferenceWords() map[string]string {
	return map[string]string{
		"llm": chat, "embedding": embeddings, "tool": tool, "agent": agent, "chain": workflow, "retriever": retrieval,
		"reranker": rerank, "guardrail": guardrail, "evaluator": evaluation, "prompt": promptRender, "decision": decision,
	}
}

func traceloopWords() map[string]string {
	return map[string]string{
		"chat": chat, "completion": completion, "embedding": embeddings, "rerank": rerank,
		"workflow": workflow, "task": taskStep, "agent": agent, "tool": tool,
	}
}

func langfuseWords() map[string]string {
	return map[string]string{
		"generation": chat, "embedding": embeddings, "agent": agent, "tool": tool, "chain": workflow,
		"retriever": retrieval, "evaluator": evaluation, "guardrail": guardrail, "span": "", "event": "",
	}
}

// lexicon is the table made ready for looking up.
type lexicon struct {
	rows   []Row
	words  []map[string]string
	byName map[string][]int
	lists  []listed
}

// listed is a row whose attribute is a list that was taken apart.
type listed struct {
	prefix string
	row    int
}

// loadedLexicon is made once; it is never written to.
var loadedLexicon = sync.OnceValue(func() *lexicon {
	l := &lexicon{byName: map[string][]int{}}
	for _, d := range Dialects() {
		for _, row := range d.Rows {
			at := len(l.rows)
			l.rows = append(l.rows, row)
			var words map[string]string
			if row.words != nil {
				words = row.words()
			}
			l.words = append(l.words, words)
			if prefix, found := strings.CutSuffix(row.Attribute, "N."); found {
				l.lists = append(l.lists, listed{prefix, at})
				continue
			}
			l.byName[row.Attribute] = append(l.byName[row.Attribute], at)
		}
	}
	return l
})
