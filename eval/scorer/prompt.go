package scorer

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strings"
)

// prompt is the text that a judge is asked to judge by: the rubric, and in
// fences what it is about. A fence has a marker that the text inside cannot
// hold: it is a hash of that very text. So no output can close its fence.
type prompt struct {
	rubric template
	data   map[string]any
	marker string
	// blocks are fenced below the rubric.
	blocks []string
}

// newPrompt begins with what the rubric does not name itself: the judge should
// know the question and, with expected, the expected answer.
func newPrompt(rubric template, c *subject, expected bool) (*prompt, error) {
	for _, part := range []struct{ what, text string }{
		{"the output", c.Output},
		{"the row's input", string(c.Row.Input)},
		{"the row's expectedOutput", string(c.Row.ExpectedOutput)},
	} {
		if len(part.text) > maxJudged {
			return nil, tooLong(part.what, maxJudged)
		}
	}
	data, err := c.rowData()
	if err != nil {
		return nil, err
	}
	p := &prompt{rubric: rubric, data: maps.Clone(data), marker: markerOf(rubric.text, c)}
	if len(c.Row.Input) > 0 && !rubric.names["input"] {
		p.add("INPUT", string(c.Row.Input))
	}
	if expected && !isNull(c.Row.ExpectedOutput) && !rubric.names["expected"] && !rubric.names["expectedOutput"] {
		text, _, err := expectedText(c.Row.ExpectedOutput)
		if err != nil {
			return nil, err
		}
		p.add("EXPECTED", text)
	}
	return p, nil
}

// block fences a text: where the rubric names it, else below the rubric.
func (p *prompt) block(name, label, text string) {
	if p.rubric.names[name] {
		p.data[name] = fenced(label, p.marker, text)
		return
	}
	p.add(label, text)
}

func (p *prompt) add(label, text string) {
	p.blocks = append(p.blocks, fenced(label, p.marker, text))
}

// render gives the whole text.
func (p *prompt) render() (string, error) {
	text, err := p.rubric.over(p.data)
	if err != nil {
		return "", err
	}
	return strings.Join(append([]string{"Rubric:\n" + text}, p.blocks...), "\n\n"), nil
}

// markerOf depends on all that goes into fences and on nothing else, so that
// the same row asks the same question twice.
func markerOf(rubric string, c *subject) string {
	h := sha256.New()
	parts := []string{rubric, string(c.Row.Input), string(c.Row.ExpectedOutput), c.Output}
	if c.Baseline != nil {
		parts = append(parts, *c.Baseline)
	}
	for _, part := range parts {
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

func openFence(label, marker string) string  { return "<<<" + label + " " + marker + ">>>" }
func closeFence(label, marker string) string { return "<<<END " + label + " " + marker + ">>>" }

func fenced(label, marker, text string) string {
	return openFence(label, marker) + "\n" + text + "\n" + closeFence(label, marker)
}
