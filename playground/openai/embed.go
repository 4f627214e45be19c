package openai

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// mostTexts is how many texts go into one request; OpenAI takes 2,048 with
// 300,000 tokens in all, smaller servers less.
const mostTexts = 128

// Embed gives a vector for each text.
func (p *Provider) Embed(ctx context.Context, model string, texts []string) ([][]float64, error) {
	vectors := make([][]float64, 0, len(texts))
	for start := 0; start < len(texts); start += mostTexts {
		batch := texts[start:min(start+mostTexts, len(texts))]
		answer := embeddings{vectors: make([][]float64, len(batch))}
		body := map[string]any{"model": model, "input": batch, "encoding_format": "float"}
		if err := p.wire.JSON(ctx, p.post("/embeddings", model, body), &answer); err != nil {
			return nil, err
		}
		vectors = append(vectors, answer.vectors...)
	}
	return vectors, nil
}

type embeddings struct {
	Data []struct {
		Index     *int      `json:"index"`
		Embedding []float64 `json:"embedding"`
	} `json:"data"`
	Error json.RawMessage `json:"error"`

	vectors [][]float64
}

// Check puts the vectors into the order of the texts.
func (e *embeddings) Check() error {
	if wire.Present(e.Error) {
		return wire.Said(e.Error)
	}
	for i, d := range e.Data {
		at := i
		if d.Index != nil {
			at = *d.Index
		}
		if at < 0 || at >= len(e.vectors) || e.vectors[at] != nil {
			return errors.New("a vector of no text, or two of one")
		}
		e.vectors[at] = d.Embedding
	}
	return wire.Vectors(e.vectors, len(e.vectors))
}
