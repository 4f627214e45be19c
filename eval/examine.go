package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// Prompts renders prompts; a registry does.
type Prompts interface {
	Get(ctx context.Context, name string, q registry.Query) (registry.Entry, error)
}

// Bounds of what a row keeps.
const (
	// MaxOutput is how many bytes a text may have that a model or a task gave.
	MaxOutput    = 1 << 20
	maxRowReason = 1024
)

// answered is a text to score, and what it took.
type answered struct {
	source Source
	Output
}

// examiner answers rows and judges the answers.
type examiner struct {
	// answer gives the text of a row that has no output of its own.
	answer func(ctx context.Context, row Row) (answered, error)
	rubric *Rubric // nil scores nothing
	meter  *meter
	now    func() time.Time
}

// examine gives the result of one row. What goes wrong with the row is in the
// result; the error means that there is none, because the context ended or the
// run is over.
func (x *examiner) examine(ctx context.Context, row Row) (RowResult, error) {
	ctx = x.meter.on(ctx)
	result := RowResult{RowID: row.ID, Rules: []Verdict{}, Source: Recorded}
	got, err := answered{source: Recorded}, error(nil)
	if row.Output != nil {
		got.Text = *row.Output
	} else {
		got, err = x.answer(ctx, row)
	}
	result.Source, result.Output = got.source, keepable(got.Text)
	result.LatencyMS, result.TokensIn, result.TokensOut, result.CostUSD = got.LatencyMS, got.TokensIn, got.TokensOut, got.CostUSD
	if err == nil && row.Output == nil && len(got.Text) > MaxOutput {
		err = fmt.Errorf("the output has %d bytes; at most %d are scored", len(got.Text), MaxOutput)
		result.Output = ""
	}
	if err == nil && x.rubric != nil {
		result.Score, result.Passed, result.Rules, err = x.rubric.Judge(ctx, Case{
			Row: row, Output: result.Output,
			LatencyMS: got.LatencyMS, TokensIn: got.TokensIn, TokensOut: got.TokensOut, CostUSD: got.CostUSD,
		})
		if result.Rules == nil {
			result.Rules = []Verdict{}
		}
	}
	if over := x.over(ctx, err); over != nil {
		return RowResult{}, over
	}
	if err != nil {
		result.Score, result.Passed, result.Error = 0, false, clipped(explain(err))
	}
	result.CreatedAt = timestamp.Of(x.now())
	return result, nil
}

// over finds what ends the run in an error of a row.
func (x *examiner) over(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var s *stop
	if errors.As(err, &s) {
		return s
	}
	// The budget may have been spent between our look at it and the model's.
	var e *pmerr.Error
	if errors.As(err, &e) && e.Details["code"] == budgetExceeded {
		return &stop{reason: explain(err)}
	}
	return x.meter.refusal()
}

// prompted answers rows by a version of a prompt: a model's answer to it, or,
// if no provider is named, the prompt itself.
type prompted struct {
	prompts             Prompts
	model               Model // metered
	name, version       string
	provider, modelName string
}

func (p *prompted) answer(ctx context.Context, row Row) (answered, error) {
	source := FromModel
	if p.provider == "" {
		source = Rendered
	}
	entry, err := p.render(ctx, row)
	if err != nil {
		return answered{source: source}, err
	}
	if source == Rendered {
		text, err := lastUserMessage(entry.Content)
		return answered{source: source, Output: Output{Text: text}}, err
	}
	reply, err := p.model.Ask(ctx, p.question(entry.Content))
	if err != nil {
		return answered{source: source}, err
	}
	return answered{source: source, Output: Output{
		Text: reply.Output, LatencyMS: &reply.LatencyMS, TokensIn: reply.TokensIn, TokensOut: reply.TokensOut, CostUSD: reply.CostUSD,
	}}, nil
}

// render fills the prompt with the row. A version that is gone ends the run.
func (p *prompted) render(ctx context.Context, row Row) (entry registry.Entry, err error) {
	var variables map[string]any
	if len(row.Input) > 0 {
		d := json.NewDecoder(strings.NewReader(string(row.Input)))
		d.UseNumber()
		if err := d.Decode(&variables); err != nil {
			return entry, errors.New("the row's input is no JSON object")
		}
	}
	err = insistAWhile(ctx, func() error {
		entry, err = p.prompts.Get(ctx, p.name, registry.Query{Version: p.version, Variables: variables})
		return err
	})
	if errors.Is(err, pmerr.ErrNotFound) {
		return entry, &stop{reason: fmt.Sprintf("the prompt %s in version %s does not exist any more", p.name, p.version)}
	}
	return entry, err
}

func (p *prompted) question(content registry.Prompt) Question {
	q := Question{Provider: p.provider, Model: p.modelName, PromptName: p.name, VersionTag: p.version}
	for _, m := range content.Messages {
		q.Messages = append(q.Messages, Message{Role: string(m.Role), Content: m.Content})
	}
	if c := content.ModelConfig; c != nil {
		q.Temperature, q.TopP, q.MaxTokens = c.Temperature, c.TopP, c.MaxTokens
	}
	return q
}

func lastUserMessage(content registry.Prompt) (string, error) {
	for i := len(content.Messages) - 1; i >= 0; i-- {
		if content.Messages[i].Role == registry.User {
			return content.Messages[i].Content, nil
		}
	}
	return "", errors.New("the prompt has no user message to score; name a provider so that a model answers it")
}

// explain says what went wrong in words that any caller may see.
func explain(err error) string {
	var e *pmerr.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	text := e.Message
	if text == "" {
		text = string(e.Code)
	}
	if len(e.Fields) > 0 {
		text += ": " + strings.Join(e.Fields, "; ")
	}
	return text
}

// keepable replaces what not every database can keep.
func keepable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// clipped bounds a reason, at a whole character.
func clipped(text string) string {
	text = keepable(text)
	if len(text) <= maxRowReason {
		return text
	}
	text = text[:maxRowReason]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text + "…"
}
