package eval

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/internal/decode"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// maxColumns is how many columns a file has at most. Objects with more members
// are written whole.
const maxColumns = 1_000

// part is what of a row a column holds.
type part int

const (
	inputPart part = iota
	expectedPart
	outputPart
)

// column says what the cells of a column are.
type column struct {
	header string
	part   part
	// member of the object; of no meaning for whole columns and the output.
	member string
	whole  bool
	// json cells hold JSON, all others texts.
	json bool
	// key is the member's name as JSON.
	key []byte
}

const jsonSuffix = ":json"

// parseColumn reads the name of a column.
func parseColumn(header string) column {
	name, isJSON := strings.CutSuffix(header, jsonSuffix)
	c := column{header: header, json: isJSON}
	trimmed := strings.TrimSpace(name)
	switch trimmed {
	case "output":
		c.part = outputPart
		return c
	case "expected", "expected_output", "expectedOutput":
		c.part, c.member, c.whole = expectedPart, "output", isJSON
		return c
	case "input":
		c.member, c.whole = trimmed, isJSON
		return c
	}
	c.member = trimmed
	for prefix, part := range map[string]part{
		"input.": inputPart, "expected.": expectedPart, "expected_output.": expectedPart, "expectedOutput.": expectedPart,
	} {
		if member, ok := strings.CutPrefix(name, prefix); ok {
			c.part, c.member = part, member
		}
	}
	return c
}

// parseHeader reads the names of all columns and says what is wrong with them.
func (t *taker) parseHeader(record []string) []column {
	t.prefix = "line 1: "
	columns := make([]column, len(record))
	type place struct {
		part   part
		member string
	}
	seen := map[place]bool{}
	members, wholes := map[part]int{}, map[part]int{}
	for i, header := range record {
		if i == 0 {
			header = strings.TrimPrefix(header, byteOrderMark)
		}
		t.check(strings.TrimSpace(header) != "", "column %d has no name", i+1)
		t.check(storable(header), "the name of column %d must be UTF-8 without NUL", i+1)
		c := parseColumn(header)
		at := place{c.part, c.member}
		t.check(!seen[at] || c.whole, "column %d names the same as another one", i+1)
		seen[at] = true
		if c.whole {
			wholes[c.part]++
		} else {
			members[c.part]++
		}
		var key bytes.Buffer
		_ = decode.EncodePlain(&key, c.member) // a text always encodes
		c.key = key.Bytes()
		columns[i] = c
	}
	for name, part := range map[string]part{"input": inputPart, "expected": expectedPart} {
		t.check(wholes[part] == 0 || wholes[part]+members[part] == 1, "%s:json stands beside other columns of %s", name, name)
	}
	return columns
}

func readCSV(r io.Reader, t *taker) error {
	in := csv.NewReader(&narrow{in: r})
	in.ReuseRecord = true
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return pmerr.Invalid("line 1: the file has no header")
	}
	if err != nil {
		return t.unreadable(err)
	}
	columns := t.parseHeader(header)
	if t.list != nil {
		return nil
	}
	for len(t.list) < maxFaults {
		record, err := in.Read()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, csv.ErrFieldCount):
			n, _ := in.FieldPos(0)
			t.prefix = fmt.Sprintf("line %d: ", n)
			t.check(false, "has %d cells, the header has %d", len(record), len(columns))
			continue
		case err != nil:
			return t.unreadable(err)
		}
		n, _ := in.FieldPos(0)
		t.prefix = fmt.Sprintf("line %d: ", n)
		if more, err := t.take(t.recordRow(columns, record)); !more {
			return err
		}
	}
	return nil
}

// unreadable says why the file ends here.
func (t *taker) unreadable(err error) error {
	var wrong *csv.ParseError
	if !errors.As(err, &wrong) {
		return err
	}
	t.prefix = fmt.Sprintf("line %d: ", wrong.Line)
	t.check(false, "column %d is not CSV: %s", wrong.Column, wrong.Err)
	return nil
}

// recordRow makes a row of a record.
func (t *taker) recordRow(columns []column, record []string) Row {
	var row Row
	input, expected := []byte{'{'}, []byte(nil)
	for i, c := range columns {
		cell := record[i]
		if !storable(cell) {
			t.check(false, "column %d must be UTF-8 without NUL", i+1)
			continue
		}
		if c.json {
			if cell = strings.TrimSpace(cell); cell != "" && !json.Valid([]byte(cell)) {
				t.check(false, "column %d must hold JSON", i+1)
				continue
			}
		} else {
			cell = exposed(cell)
		}
		switch {
		case cell == "":
		case c.part == outputPart && c.json:
			var text string
			t.check(json.Unmarshal([]byte(cell), &text) == nil, "column %d must hold a JSON string", i+1)
			row.Output = &text
		case c.part == outputPart:
			text := strings.Clone(cell)
			row.Output = &text
		case c.part == inputPart && c.whole:
			row.Input = json.RawMessage(cell)
		case c.part == inputPart:
			input = c.append(input, cell)
		case c.whole:
			row.ExpectedOutput = json.RawMessage(cell)
		default:
			if expected == nil {
				expected = []byte{'{'}
			}
			expected = c.append(expected, cell)
		}
	}
	if row.Input == nil {
		row.Input = append(input, '}')
	}
	if expected != nil {
		row.ExpectedOutput = append(expected, '}')
	}
	return row
}

// append adds the column's member to an object that is open.
func (c column) append(object []byte, cell string) []byte {
	if len(object) > 1 {
		object = append(object, ',')
	}
	object = append(append(object, c.key...), ':')
	if c.json {
		return append(object, cell...)
	}
	var text bytes.Buffer
	_ = decode.EncodePlain(&text, cell) // a text always encodes
	return append(object, text.Bytes()...)
}

// narrow ends a file whose records have far more cells than columns may be:
// the reader of CSV would keep a hundred bytes for each comma.
type narrow struct {
	in     io.Reader
	commas int
	quoted bool
}

func (n *narrow) Read(p []byte) (int, error) {
	read, err := n.in.Read(p)
	for _, c := range p[:read] {
		switch {
		case c == '"':
			n.quoted = !n.quoted
		case n.quoted:
		case c == '\n':
			n.commas = 0
		case c == ',':
			n.commas++
		}
		if n.commas >= maxColumns {
			return 0, pmerr.Invalid(fmt.Sprintf("a line of the file has more than %d cells", maxColumns))
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("read the file: %w", err)
	}
	return read, err
}
