package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/httpapi/internal/query"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/playground"
)

func (a *api) registerPlayground() {
	providerFaults := []int{http.StatusBadGateway, http.StatusGatewayTimeout}
	scoped(a, operation{
		id: "listModels", method: http.MethodGet, path: "/v1/playground/models", tag: "playground",
		summary: "List the models of all providers",
	}, listModels)
	scoped(a, operation{
		id: "refreshModels", method: http.MethodPost, path: "/v1/playground/models/refresh", tag: "playground",
		summary: "Ask the providers anew which models they offer", scope: access.Admin,
	}, refreshModels)
	posted(a, operation{
		id: "chat", method: http.MethodPost, path: "/v1/playground/chat", tag: "playground",
		summary: "Call a model and wait for the whole answer", faults: providerFaults,
	}, chat)
	posted(a, operation{
		id: "complete", method: http.MethodPost, path: "/v1/playground/completions", tag: "playground",
		summary: "Call a model with one prompt", faults: providerFaults,
	}, complete)
	posted(a, operation{
		id: "streamChat", method: http.MethodPost, path: "/v1/playground/chat/stream", tag: "playground",
		summary: "Call a model and stream its answer, a line of JSON for each part", faults: providerFaults,
		content: ndjsonContent(a),
	}, streamChat)
}

type modelListing struct{ query.Listing }

func listModels(ctx context.Context, ws *promptmetrics.Workspace, in *modelListing) (page.Of[playground.Model], error) {
	return ws.Playground.Models(ctx, in.Request())
}

func refreshModels(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}) (playground.Refreshed, error) {
	return ws.Playground.RefreshModels(ctx)
}

// callBody is what both forms of a call share.
type callBody struct {
	Provider       string                      `json:"provider" minLength:"1" maxLength:"64"`
	Model          string                      `json:"model" minLength:"1" maxLength:"128"`
	Variables      variables                   `json:"variables,omitempty" doc:"Values for the templates; one that is missing is refused."`
	Temperature    *float64                    `json:"temperature,omitempty" minimum:"0" maximum:"2"`
	MaxTokens      *int64                      `json:"maxTokens,omitempty" minimum:"1"`
	TopP           *float64                    `json:"topP,omitempty" minimum:"0" maximum:"1"`
	Stop           []string                    `json:"stop,omitempty" maxItems:"16"`
	Tools          []playground.ToolDefinition `json:"tools,omitempty" maxItems:"128"`
	ToolChoice     string                      `json:"toolChoice,omitempty" doc:"auto, none, required or the name of a tool."`
	ResponseFormat json.RawMessage             `json:"responseFormat,omitempty" doc:"\"json\", or a JSON schema."`
	PromptName     string                      `json:"promptName,omitempty" maxLength:"128" doc:"The prompt that the log names. Default: playground."`
	VersionTag     string                      `json:"versionTag,omitempty" maxLength:"64" doc:"The version that the log names. Default: latest."`
}

func (b callBody) request() playground.Request {
	return playground.Request{
		Provider: b.Provider, Model: b.Model, Variables: b.Variables, Temperature: b.Temperature, MaxTokens: b.MaxTokens,
		TopP: b.TopP, Stop: b.Stop, Tools: b.Tools, ToolChoice: b.ToolChoice, ResponseFormat: given(b.ResponseFormat),
		PromptName: b.PromptName, VersionTag: b.VersionTag,
	}
}

type chatBody struct {
	callBody
	Messages []playground.Message `json:"messages" minItems:"1" maxItems:"1000"`
}

func (b chatBody) request() playground.Request {
	q := b.callBody.request()
	q.Messages = b.Messages
	return q
}

type completionBody struct {
	callBody
	Prompt string `json:"prompt" minLength:"1"`
}

func chat(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}, b chatBody) (late[playground.Answer], error) {
	a, err := ws.Playground.Chat(ctx, b.request())
	return late[playground.Answer]{a}, err
}

func complete(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}, b completionBody) (late[playground.Answer], error) {
	a, err := ws.Playground.Complete(ctx, playground.Completion{Prompt: b.Prompt, Request: b.request()})
	return late[playground.Answer]{a}, err
}

func streamChat(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}, b chatBody) (eventStream, error) {
	return eventStream{ws.Playground.Stream(ctx, b.request())}, nil
}
