package playground

import (
	"context"
	"iter"
)

// Provider is a service that runs models, or one address of it. Its errors are
// [pmerr.Error]s of the kinds that [Chat] names; their messages never hold a
// key. A call ends promptly with its context and leaves no goroutine behind.
type Provider interface {
	// Name is what requests call it, such as "openai".
	Name() string
	// Models asks which models there are.
	Models(ctx context.Context) ([]Model, error)
	// Call makes exactly one logical call; a rate limit or an overload that was
	// met before anything was answered is tried again within the context.
	Call(ctx context.Context, c Call) (Reply, error)
	// Stream makes one call and gives its parts as they arrive.
	Stream(ctx context.Context, c Call) iter.Seq2[Part, error]
}

// Embedder is a Provider that makes embeddings.
type Embedder interface {
	// Embed gives a vector for each text.
	Embed(ctx context.Context, model string, texts []string) ([][]float64, error)
}

// Call is a request whose templates are rendered.
type Call struct {
	Model          string
	Messages       []Message
	Temperature    *float64
	TopP           *float64
	MaxTokens      *int64
	Stop           []string
	Tools          []ToolDefinition
	ToolChoice     string
	ResponseFormat []byte
}

// Reply is a whole answer of a provider.
type Reply struct {
	// ID is the provider's; Model is the one that answered.
	ID, Model    string
	Output       string
	ToolCalls    []ToolCall
	Usage        Usage
	FinishReason string
}

// Usage is what the provider counted; nil where it did not.
type Usage struct{ TokensIn, TokensOut *int64 }

// Part is a part of a streamed answer. The last one has Done set, with the
// usage if the provider tells it.
type Part struct {
	Content  string
	ToolCall *ToolCall // whole, once its arguments are complete
	Done     bool
	// The rest is set with Done.
	ID, Model    string
	Usage        Usage
	FinishReason string
}
