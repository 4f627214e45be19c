package playground

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/internal/jsontext"
	"github.com/promptmetrics-go/promptmetrics/internal/mustache"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// prepare checks a request and renders its templates: what comes back is ready
// for a provider.
func prepare(q Request, limits mustache.Limits) (Call, error) {
	if err := q.validate(); err != nil {
		return Call{}, err
	}
	messages, err := render(q.Messages, q.Variables, limits)
	if err != nil {
		return Call{}, err
	}
	return q.call(messages), nil
}

// call is the request with other messages, in the terms of providers.
func (q Request) call(messages []Message) Call {
	return Call{
		Model: q.Model, Messages: messages, Temperature: q.Temperature, TopP: q.TopP, MaxTokens: q.MaxTokens,
		Stop: q.Stop, Tools: q.Tools, ToolChoice: q.ToolChoice, ResponseFormat: q.ResponseFormat,
	}
}

// render fills the templates of system and user messages. What the model and
// tools have said is never a template. Every variable that a message always
// reads must be there.
func render(messages []Message, variables map[string]any, limits mustache.Limits) ([]Message, error) {
	values, err := mustache.Normalize(variables)
	if err != nil {
		return nil, pmerr.Invalid("variables must be plain JSON data: " + err.Error())
	}
	given, _ := values.(map[string]any)
	rendered := slices.Clone(messages)
	left := limits
	var f faults
	for i, m := range messages {
		if m.Role != System && m.Role != User {
			continue
		}
		template, err := mustache.Parse(m.Content, limits)
		if err != nil {
			f.add("messages[%d].content is no valid template: %v", i, err)
			continue
		}
		for _, name := range template.Required() {
			if given[name] == nil {
				f.add("variables.%s is required by messages[%d]", name, i)
			}
		}
		if f.list != nil {
			continue
		}
		text, err := template.Append(nil, given, left)
		if err != nil {
			return nil, tooLarge(i, err)
		}
		rendered[i].Content = string(text)
		// A limit of zero would mean the default.
		left.MaxOutput = max(1, left.MaxOutput-len(text))
	}
	return rendered, f.err()
}

func tooLarge(message int, err error) error {
	var limit *mustache.LimitError
	if errors.As(err, &limit) {
		return pmerr.Invalid(fmt.Sprintf("variables make messages[%d] too large: %v", message, limit))
	}
	return pmerr.Invalid(fmt.Sprintf("variables do not fit messages[%d]: %v", message, err))
}

// texts are what a guard looks at: everything that a provider would read and
// the caller has written.
func (c Call) texts() []string {
	texts := make([]string, 0, len(c.Messages))
	add := func(text string) {
		if strings.TrimSpace(text) != "" {
			texts = append(texts, text)
		}
	}
	for _, m := range c.Messages {
		add(m.Name)
		add(m.Content)
		for _, t := range m.ToolCalls {
			add(t.Name)
			add(plain([]byte(t.Arguments)))
		}
	}
	for _, t := range c.Tools {
		add(t.Name)
		add(t.Description)
		add(plain(t.Parameters))
	}
	add(plain(c.ResponseFormat))
	for _, s := range c.Stop {
		add(s)
	}
	return texts
}

// plain gives JSON as it reads without escapes. What is no JSON stays as it is.
func plain(raw []byte) string {
	if text, ok := jsontext.Plain(raw); ok {
		return text
	}
	return string(raw)
}
