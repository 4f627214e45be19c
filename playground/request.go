package playground

import "encoding/json"

// Role says who speaks a message.
type Role string

// The roles of a message.
const (
	System    Role = "system"
	User      Role = "user"
	Assistant Role = "assistant"
	Tool      Role = "tool"
)

// Message is one turn of a conversation.
type Message struct {
	Role Role `json:"role"`
	// Content may be empty on an assistant's message that calls tools.
	Content string `json:"content"`
	Name    string `json:"name,omitempty"`
	// ToolCalls are what an assistant's message asked for.
	ToolCalls []ToolCall `json:"tool_calls,omitempty"`
	// ToolCallID names the call that a tool's message answers.
	ToolCallID string `json:"tool_call_id,omitempty"`
}

// ToolDefinition describes a function that the model may call.
type ToolDefinition struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Parameters is a JSON schema.
	Parameters json.RawMessage `json:"parameters,omitempty"`
}

// ToolCall is a call that the model asks for.
type ToolCall struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Arguments is JSON as the model wrote it; it may be no JSON at all.
	Arguments string `json:"arguments"`
}

// Request is what is asked of a model.
type Request struct {
	// Provider (at most 64 characters), such as "openai", and Model (128).
	Provider string    `json:"provider"`
	Model    string    `json:"model"`
	Messages []Message `json:"messages"`
	// Variables fill the templates in system and user messages. Without any,
	// and without tags in the messages, they go as they are.
	Variables map[string]any `json:"variables,omitempty"`
	// Temperature is 0 to 2, TopP 0 to 1, MaxTokens at least 1.
	Temperature *float64 `json:"temperature,omitempty"`
	TopP        *float64 `json:"topP,omitempty"`
	MaxTokens   *int64   `json:"maxTokens,omitempty"`
	// Stop sequences; at most 16.
	Stop  []string         `json:"stop,omitempty"`
	Tools []ToolDefinition `json:"tools,omitempty"`
	// ToolChoice is "auto", "none", "required" or a tool's name.
	ToolChoice string `json:"toolChoice,omitempty"`
	// ResponseFormat is a JSON schema that the answer must follow, where the
	// provider can do so; or "json".
	ResponseFormat json.RawMessage `json:"responseFormat,omitempty"`
	// PromptName and VersionTag say in the log which prompt this was; default
	// "playground" and "latest".
	PromptName string `json:"promptName,omitempty"`
	VersionTag string `json:"versionTag,omitempty"`
}

// Completion is a request with one prompt.
type Completion struct {
	Prompt string `json:"prompt"`
	// Request without messages.
	Request
}

// Answer is what a model said.
type Answer struct {
	ID     string `json:"id"`
	Model  string `json:"model"`
	Output string `json:"output"`
	// TokensIn and TokensOut are what the provider counted; nil if it did not.
	TokensIn  *int64 `json:"tokensIn"`
	TokensOut *int64 `json:"tokensOut"`
	LatencyMS int64  `json:"latencyMs"`
	// CostUSD is nil for a model without a price.
	CostUSD *float64 `json:"costUsd"`
	// FinishReason is "stop", "length", "tool_calls" or "content_filter", else
	// as the provider calls it.
	FinishReason string     `json:"finishReason"`
	ToolCalls    []ToolCall `json:"toolCalls,omitempty"`
}

// EventType tells the events of a stream apart.
type EventType string

// The types of events. A stream is tokens and tool calls, then metrics, then
// done.
const (
	EventToken    EventType = "token"
	EventToolCall EventType = "tool_call"
	EventMetrics  EventType = "metrics"
	EventDone     EventType = "done"
)

// Event is one part of a streamed answer; fields that its type does not use
// are empty.
type Event struct {
	Type         EventType `json:"type"`
	Content      string    `json:"content,omitempty"`
	ToolCall     *ToolCall `json:"toolCall,omitempty"`
	TokensIn     *int64    `json:"tokensIn,omitempty"`
	TokensOut    *int64    `json:"tokensOut,omitempty"`
	LatencyMS    int64     `json:"latencyMs,omitempty"`
	CostUSD      *float64  `json:"costUsd,omitempty"`
	FinishReason string    `json:"finishReason,omitempty"`
}

// Model is a model that a provider offers.
type Model struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Provider string `json:"provider"`
	// ContextWindow is in tokens; 0 if unknown.
	ContextWindow int64 `json:"contextWindow"`
}
