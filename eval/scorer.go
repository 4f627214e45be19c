package eval

import (
	"context"
	"encoding/json"
)

// Case is what scorers judge: a row and the output that was given for it.
type Case struct {
	Row    Row
	Output string
	// Baseline is the output that a pairwise judge compares with; nil takes
	// the row's expected output.
	Baseline *string
	// What the call cost; nil where there was none.
	LatencyMS           *int64
	TokensIn, TokensOut *int64
	CostUSD             *float64
}

// Scorer judges one case by one rule. An error means that it could not judge,
// for example because a judge's provider is down.
type Scorer interface {
	Score(ctx context.Context, c Case) (Verdict, error)
}

// Compiler makes scorers of rules. A rule that cannot be is ErrValidation and
// each fault starts with "criteria.rules[i]".
type Compiler interface {
	Compile(c Criteria) (*Rubric, error)
}

// Rubric is compiled criteria.
type Rubric struct {
	MinScore *float64
	Rules    []CompiledRule
}

// CompiledRule is a rule that is ready to judge.
type CompiledRule struct {
	Name, Type string
	Weight     float64
	Scorer     Scorer
	// Provider that the rule asks, so that a run can be refused while it has no
	// key; empty for rules that ask no model.
	Provider string
}

// Model answers for runs and judges; the playground is one.
type Model interface {
	// Ask calls a model once. Rate limits and outages have been tried again
	// already.
	Ask(ctx context.Context, q Question) (Reply, error)
	// Embed gives a vector for each text.
	Embed(ctx context.Context, provider, model string, texts []string) ([][]float64, error)
	// Check tells whether a provider is there and usable: ErrBadRequest if not,
	// naming the variable to set.
	Check(provider string) error
}

// Question is one call of a model.
type Question struct {
	Provider, Model string
	Messages        []Message
	Temperature     *float64
	TopP            *float64
	MaxTokens       *int64
	// ResponseFormat is a JSON schema for the answer, or nil.
	ResponseFormat json.RawMessage
	// PromptName and VersionTag go into the log of the call.
	PromptName, VersionTag string
}

// Message is one turn of a conversation.
type Message struct{ Role, Content string }

// Reply is the answer to a Question.
type Reply struct {
	Output              string
	LatencyMS           int64
	TokensIn, TokensOut *int64
	CostUSD             *float64
}
