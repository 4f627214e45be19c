package demo

import (
	"encoding/json"

	"github.com/promptmetrics-go/promptmetrics/registry"
)

// The names of the prompts.
const (
	supportReply    = "support-reply"
	ticketSummary   = "ticket-summary"
	sqlAssistant    = "sql-assistant"
	productHeadline = "product-headline"
)

// publication is a version and the change that brought it.
type publication struct {
	prompt          registry.Prompt
	author, message string
}

// labelled is a label and where it points.
type labelled struct{ prompt, name, version string }

func labels() []labelled {
	return []labelled{
		{supportReply, "production", "1.1.0"},
		{supportReply, "staging", "2.0.0-beta.1"},
		{ticketSummary, "production", "1.0.1"},
		{sqlAssistant, "production", "1.0.0"},
		{sqlAssistant, "canary", "1.1.0"},
		{productHeadline, "production", "1.0.0"},
	}
}

func versions() []publication {
	required := registry.Variable{Type: registry.String, Required: true}
	support := map[string]registry.Variable{
		"customer": required, "question": required, "tone": text("friendly"),
	}
	return []publication{
		{
			prompt: registry.Prompt{
				Name: supportReply, Version: "1.0.0", Tags: []string{"support", "customer-facing"},
				Messages: []registry.Message{
					system("You answer customers of a web shop. Be {{tone}} and short."),
					user("{{customer}} asks:\n\n{{question}}"),
				},
				Variables: support, ModelConfig: model("gpt-4o-mini", 0.4, 400),
			},
			author: "Ada Lovelace <ada@example.com>", message: "Answer customers in two or three sentences",
		},
		{
			prompt: registry.Prompt{
				Name: supportReply, Version: "1.1.0", Tags: []string{"support", "customer-facing"},
				Messages: []registry.Message{
					system("You answer customers of a web shop. Be {{tone}} and short.\n" +
						"Never promise a refund; say that a colleague will look at it."),
					user("{{customer}} asks:\n\n{{question}}"),
				},
				Variables: support, ModelConfig: model("gpt-4o-mini", 0.3, 400),
			},
			author: "Grace Hopper <grace@example.com>", message: "Do not promise refunds\n\nTwo replies last week did.",
		},
		{
			prompt: registry.Prompt{
				Name: supportReply, Version: "2.0.0-beta.1", Tags: []string{"support", "customer-facing", "experiment"},
				Messages: []registry.Message{
					system("You answer customers of a web shop. Be {{tone}} and short.\n" +
						"Never promise a refund; say that a colleague will look at it.\n" +
						"{{#orders}}The customer ordered {{item}} on {{date}}.\n{{/orders}}"),
					user("{{customer}} asks:\n\n{{question}}"),
				},
				Variables: map[string]registry.Variable{
					"customer": required, "question": required, "tone": text("friendly"), "orders": {Type: registry.Array},
				},
				ModelConfig: model("gpt-4o", 0.3, 500),
			},
			author: "Ada Lovelace <ada@example.com>", message: "Try with the customer's orders",
		},
		{
			prompt: registry.Prompt{
				Name: ticketSummary, Version: "1.0.0", Tags: []string{"support", "internal"},
				Messages: []registry.Message{
					system("Summarize the ticket for the next colleague: problem, what was tried, what is open."),
					user("{{ticket}}"),
				},
				Variables: map[string]registry.Variable{"ticket": required}, ModelConfig: model("claude-3-5-haiku-20241022", 0, 300),
			},
			author: "Katherine Johnson <katherine@example.com>", message: "Summaries for handovers",
		},
		{
			prompt: registry.Prompt{
				Name: ticketSummary, Version: "1.0.1", Tags: []string{"support", "internal"},
				Messages: []registry.Message{
					system("Summarize the ticket for the next colleague: problem, what was tried, what is open.\n" +
						"Leave out names, addresses and card numbers."),
					user("{{ticket}}"),
				},
				Variables: map[string]registry.Variable{"ticket": required}, ModelConfig: model("claude-3-5-haiku-20241022", 0, 300),
			},
			author: "Katherine Johnson <katherine@example.com>", message: "Leave personal data out",
		},
		{
			prompt: registry.Prompt{
				Name: sqlAssistant, Version: "1.0.0", Tags: []string{"analytics", "internal"},
				Messages: []registry.Message{
					system("Write one PostgreSQL query and nothing else. Tables:\n{{schema}}"),
					user("How many orders were paid in January?"),
					{Role: registry.Assistant, Content: "SELECT count(*) FROM orders WHERE paid_at >= '2026-01-01' AND paid_at < '2026-02-01';"},
					user("{{question}}"),
				},
				Variables: map[string]registry.Variable{"schema": required, "question": required}, ModelConfig: model("gpt-4o", 0, 600),
			},
			author: "Edgar Codd <edgar@example.com>", message: "Questions about orders in SQL",
		},
		{
			prompt: registry.Prompt{
				Name: sqlAssistant, Version: "1.1.0", Tags: []string{"analytics", "internal"},
				Messages: []registry.Message{
					system("Write one PostgreSQL query that only reads, and nothing else. At most {{limit}} rows. Tables:\n{{schema}}"),
					user("{{question}}"),
				},
				Variables: map[string]registry.Variable{
					"schema": required, "question": required, "limit": {Type: registry.Number, Default: json.RawMessage("100")},
				},
				ModelConfig: model("gpt-4o", 0, 600),
			},
			author: "Edgar Codd <edgar@example.com>", message: "Read only, and not too much",
		},
		{
			prompt: registry.Prompt{
				Name: productHeadline, Version: "1.0.0", Tags: []string{"marketing"},
				Messages: []registry.Message{
					user("Five headlines for {{product}}, each under {{words}} words."),
				},
				Variables: map[string]registry.Variable{
					"product": required, "words": {Type: registry.Number, Default: json.RawMessage("8")},
				},
				ModelConfig: model("gpt-4o-mini", 0.9, 200),
			},
			author: "Margaret Hamilton <margaret@example.com>", message: "Headlines for product pages",
		},
	}
}

func system(content string) registry.Message {
	return registry.Message{Role: registry.System, Content: content}
}

func user(content string) registry.Message {
	return registry.Message{Role: registry.User, Content: content}
}

func text(otherwise string) registry.Variable {
	// Marshalling a string cannot fail.
	value, _ := json.Marshal(otherwise)
	return registry.Variable{Type: registry.String, Default: value}
}

func model(name string, temperature float64, tokens int64) *registry.ModelConfig {
	return &registry.ModelConfig{Model: name, Temperature: &temperature, MaxTokens: &tokens}
}
