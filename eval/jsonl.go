package eval

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/promptmetrics-go/promptmetrics/internal/decode"
	"github.com/promptmetrics-go/promptmetrics/internal/jsontext"
)

// line is a row as it stands in a file.
type line struct {
	Input         json.RawMessage `json:"input"`
	Expected      json.RawMessage `json:"expectedOutput"`
	ExpectedSnake json.RawMessage `json:"expected_output"`
	ExpectedShort json.RawMessage `json:"expected"`
	Output        json.RawMessage `json:"output"`
}

func readJSONL(r io.Reader, t *taker) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), MaxDatasetBytes+1)
	for n := 1; lines.Scan(); n++ {
		data := lines.Bytes()
		if n == 1 {
			data = bytes.TrimPrefix(data, []byte(byteOrderMark))
		}
		if data = bytes.TrimSpace(data); len(data) == 0 {
			continue
		}
		t.prefix = fmt.Sprintf("line %d: ", n)
		var l line
		if jsontext.Kind(data) != '{' || decode.JSON(data, &l) != nil {
			if t.check(false, "must be a JSON object"); len(t.list) >= maxFaults {
				break
			}
			continue
		}
		if more, err := t.take(t.lineRow(l)); !more {
			return err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return ErrTooLarge()
	case err != nil:
		return fmt.Errorf("read the file: %w", err)
	}
	return nil
}

// lineRow makes a row of a line.
func (t *taker) lineRow(l line) Row {
	row := Row{Input: l.Input, ExpectedOutput: l.Expected}
	for _, other := range []json.RawMessage{l.ExpectedSnake, l.ExpectedShort} {
		if jsontext.Absent(row.ExpectedOutput) {
			row.ExpectedOutput = other
		}
	}
	if jsontext.Kind(row.ExpectedOutput) == '"' {
		row.ExpectedOutput = expectedText(row.ExpectedOutput)
	}
	if !jsontext.Absent(l.Output) {
		var text string
		t.check(json.Unmarshal(l.Output, &text) == nil, "output must be a string")
		row.Output = &text
	}
	return row
}

// expectedText makes an object of an expected text, which is JSON.
func expectedText(text json.RawMessage) json.RawMessage {
	return append(append(json.RawMessage(`{"output":`), text...), '}')
}

func writeJSONL(w io.Writer, rows iter.Seq2[Row, error]) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for row, err := range rows {
		if err != nil {
			return err
		}
		if err := out.Encode(row); err != nil {
			return fmt.Errorf("write a row: %w", err)
		}
	}
	return nil
}
