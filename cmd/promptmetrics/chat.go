package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/playground"
)

func (p *program) chat() *cobra.Command {
	var q playground.Request
	var message, system string
	var temperature float64
	var maxTokens int64
	var stream bool
	var variables *values
	cmd := &cobra.Command{
		Use:   "chat --provider PROVIDER --model MODEL",
		Short: "Ask a model, and print its answer as it comes",
		Long: "Asks a model through the server, which has the provider's key, and prints the answer: on a\n" +
			"terminal token by token. Without --message the question is read from standard input. Tokens,\n" +
			"time and cost follow on standard error, and the call is in the logs. Messages are templates:\n" +
			"--var fills in {{name}}. An interruption cancels the call.",
		Example: "  promptmetrics chat --provider openai --model gpt-4o-mini -m \"Why is the sky blue?\"\n" +
			"  git diff | promptmetrics chat --provider openai --model gpt-4o --system \"Review this change\"",
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&q.Provider, "provider", "", "such as openai; see: promptmetrics models")
	flags.StringVar(&q.Model, "model", "", "such as gpt-4o-mini")
	flags.StringVarP(&message, "message", "m", "", "the question (default: standard input)")
	flags.StringVar(&system, "system", "", "what the model is told first")
	flags.Float64Var(&temperature, "temperature", 0, "0 to 2 (default: the model's)")
	flags.Int64Var(&maxTokens, "max-tokens", 0, "the most tokens to answer with (default: the model's)")
	flags.BoolVar(&stream, "stream", false, "print tokens as they come (default on a terminal)")
	for _, name := range []string{"provider", "model"} {
		_ = cmd.MarkFlagRequired(name) // the flag exists
	}
	variables = valueFlags(flags, "var", "value of a variable")
	cmd.RunE = p.asking(func(ctx context.Context, c *client.Client, _ []string) (err error) {
		if q.Variables, err = variables.variables(); err != nil {
			return err
		}
		if p.json && stream {
			return usage("--json and --stream exclude each other: an answer is one JSON object")
		}
		if !flags.Changed("message") {
			if message, err = p.question(ctx); err != nil {
				return err
			}
		}
		if strings.TrimSpace(message) == "" {
			return usage("the message is empty: give --message, or write it to standard input")
		}
		q.Temperature, q.MaxTokens = given(flags, "temperature", temperature), given(flags, "max-tokens", maxTokens)
		if system != "" {
			q.Messages = append(q.Messages, playground.Message{Role: playground.System, Content: system})
		}
		q.Messages = append(q.Messages, playground.Message{Role: playground.User, Content: message})
		if stream || p.draws && !p.json && !flags.Changed("stream") {
			return p.streamed(ctx, c, q)
		}
		return p.answered(ctx, c, q)
	})
	return cmd
}

// question reads the message from standard input.
func (p *program) question(ctx context.Context) (string, error) {
	if p.asks {
		p.note("Type the message; end it with Ctrl-D on a line of its own.")
	}
	text, err := waiting(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(p.in, maxInput+1)) })
	switch {
	case err != nil:
		return "", err
	case len(text) > maxInput:
		return "", fmt.Errorf("standard input has more than %d bytes", maxInput)
	}
	return string(text), nil
}

// answered prints a whole answer.
func (p *program) answered(ctx context.Context, c *client.Client, q playground.Request) error {
	a, err := c.Playground.Chat(ctx, q)
	if err != nil {
		return err
	}
	if p.json {
		return p.print(a)
	}
	if _, err := io.WriteString(p.out, p.shown(a.Output)+"\n"); err != nil {
		return err
	}
	for _, call := range a.ToolCalls {
		p.toolCall(call)
	}
	p.dim(usageLine(a.Model, playground.Event{TokensIn: a.TokensIn, TokensOut: a.TokensOut, LatencyMS: a.LatencyMS, CostUSD: a.CostUSD}, a.FinishReason))
	return nil
}

// streamed prints an answer as it comes. What has come stays on its own lines,
// whatever happens afterwards.
func (p *program) streamed(ctx context.Context, c *client.Client, q playground.Request) (err error) {
	begun, metrics := false, playground.Event{}
	for event, err := range c.Playground.Stream(ctx, q) {
		if err != nil {
			if begun {
				_, _ = io.WriteString(p.out, "\n")
			}
			return err
		}
		switch event.Type {
		case playground.EventToken:
			begun = true
			if _, err := io.WriteString(p.out, p.shown(event.Content)); err != nil {
				return err
			}
		case playground.EventToolCall:
			p.toolCall(*event.ToolCall)
		case playground.EventMetrics:
			metrics = event
		case playground.EventDone:
			if _, err := io.WriteString(p.out, "\n"); err != nil {
				return err
			}
			p.dim(usageLine(q.Model, metrics, event.FinishReason))
			return nil
		}
	}
	return errors.New("the answer ended before it was complete")
}

// toolCall tells of a function that the model would like to have called.
func (p *program) toolCall(call playground.ToolCall) {
	p.note("The model asks for %s(%s).", oneLine(call.Name), oneLine(call.Arguments))
}

// usageLine says what an answer took. What is not known is left out.
func usageLine(model string, m playground.Event, finish string) string {
	parts := []string{oneLine(model)}
	if m.TokensIn != nil && m.TokensOut != nil {
		parts = append(parts, fmt.Sprintf("tokens: %d in, %d out", *m.TokensIn, *m.TokensOut))
	}
	parts = append(parts, fmt.Sprintf("%d ms", m.LatencyMS))
	if m.CostUSD != nil {
		parts = append(parts, money(*m.CostUSD))
	}
	if finish != "" && finish != "stop" {
		parts = append(parts, "ended by "+oneLine(finish))
	}
	return strings.Join(parts, " · ")
}

// dim writes a line to standard error that does not draw attention.
func (p *program) dim(line string) {
	if plain, set := p.lookup("NO_COLOR"); p.shows && (!set || plain == "") {
		line = "\x1b[2m" + line + "\x1b[0m"
	}
	p.note("%s", line)
}

// shown is a text of a model as a terminal may get it: without the characters
// that control one. Files and other programs get it as it is.
func (p *program) shown(text string) string {
	if !p.draws {
		return text
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return -1
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
