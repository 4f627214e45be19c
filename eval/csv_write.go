package eval

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/internal/jsontext"
)

// writeCSV goes over the rows twice: once for the columns, once for the cells.
func writeCSV(w io.Writer, rows iter.Seq2[Row, error]) error {
	l := newLayout()
	for row, err := range rows {
		if err != nil {
			return err
		}
		l.learn(row)
	}
	columns := l.columns()
	out := csv.NewWriter(w)
	record := make([]string, len(columns))
	for i, c := range columns {
		record[i] = c.header
	}
	if err := out.Write(record); err != nil {
		return fmt.Errorf("write the header: %w", err)
	}
	left := l.rows
	for row, err := range rows {
		if err != nil {
			return err
		}
		if left == 0 {
			break
		}
		left--
		input, expected := membersOf(row.Input), membersOf(row.ExpectedOutput)
		for i, c := range columns {
			record[i] = c.cell(row, input, expected)
		}
		if err := out.Write(record); err != nil {
			return fmt.Errorf("write a row: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write the rows: %w", err)
	}
	return nil
}

// layout is what the columns of rows will be.
type layout struct {
	rows int
	// members of input and of expectedOutput: true if all values are texts
	// that a cell can hold.
	input, expected map[string]bool
	// whole objects are written as JSON.
	wholeInput, wholeExpected bool
	// output tells whether there is one, and plain whether a cell can hold all.
	output, plain bool
}

func newLayout() *layout {
	return &layout{input: map[string]bool{}, expected: map[string]bool{}, plain: true}
}

func (l *layout) learn(r Row) {
	l.rows++
	l.wholeInput = learnMembers(l.input, r.Input) || l.wholeInput
	if len(r.ExpectedOutput) > 0 {
		whole := learnMembers(l.expected, r.ExpectedOutput)
		// An empty object would read back as none.
		l.wholeExpected = whole || l.wholeExpected || len(membersOf(r.ExpectedOutput)) == 0
	}
	if r.Output != nil {
		l.output = true
		l.plain = l.plain && fitsCell(*r.Output)
	}
}

// learnMembers notes the members of an object, and tells whether there are
// too many of them for columns, or a name that a header cannot hold.
func learnMembers(known map[string]bool, object json.RawMessage) (whole bool) {
	for name, value := range membersOf(object) {
		plain, seen := known[name]
		if !seen && len(known) >= maxColumns/3 {
			return true
		}
		known[name] = (plain || !seen) && isPlain(value)
		whole = whole || strings.ContainsRune(name, '\r')
	}
	return whole
}

func membersOf(object json.RawMessage) (members map[string]json.RawMessage) {
	if len(object) > 0 {
		_ = json.Unmarshal(object, &members) // rows are checked before
	}
	return members
}

// isPlain tells whether a JSON value is a text that reads back from a cell as
// it was.
func isPlain(value json.RawMessage) bool {
	var text string
	// Halves of characters, which JSON can spell, are no text.
	return jsontext.Kind(value) == '"' && !strings.Contains(strings.ToLower(string(value)), `\ud`) &&
		json.Unmarshal(value, &text) == nil && fitsCell(text)
}

// fitsCell tells whether a text reads back as it was: an empty cell is none,
// and readers of CSV change line ends.
func fitsCell(text string) bool { return text != "" && !strings.ContainsRune(text, '\r') }

func (l *layout) columns() (columns []column) {
	if l.wholeInput || len(l.input) == 0 {
		columns = append(columns, column{header: "input" + jsonSuffix, part: inputPart, whole: true, json: true})
	} else {
		columns = appendMembers(columns, inputPart, "input.", l.input)
	}
	if l.wholeExpected {
		columns = append(columns, column{header: "expected" + jsonSuffix, part: expectedPart, whole: true, json: true})
	} else {
		columns = appendMembers(columns, expectedPart, "expected.", l.expected)
	}
	// A file of one column could have empty lines, which readers skip.
	if l.output || len(columns) == 1 && !columns[0].whole {
		c := column{header: "output", part: outputPart, json: !l.plain}
		if c.json {
			c.header += jsonSuffix
		}
		columns = append(columns, c)
	}
	return columns
}

func appendMembers(columns []column, of part, prefix string, members map[string]bool) []column {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		c := column{header: prefix + name, part: of, member: name}
		if !members[name] || strings.HasSuffix(name, jsonSuffix) {
			c.json = true
			c.header += jsonSuffix
		}
		columns = append(columns, c)
	}
	return columns
}

// cell is what a row has in the column.
func (c column) cell(r Row, input, expected map[string]json.RawMessage) string {
	var value json.RawMessage
	switch {
	case c.part == outputPart && r.Output == nil:
		return ""
	case c.part == outputPart && !c.json:
		return protected(*r.Output)
	case c.part == outputPart:
		value, _ = json.Marshal(*r.Output) //nolint:errchkjson // a text always encodes.
	case c.whole && c.part == inputPart:
		value = r.Input
	case c.whole:
		value = r.ExpectedOutput
	case c.part == inputPart:
		value = input[c.member]
	default:
		value = expected[c.member]
	}
	if c.json {
		return string(value)
	}
	var text string
	if len(value) > 0 {
		_ = json.Unmarshal(value, &text) // learn has seen that it is one
	}
	return protected(text)
}

// protected keeps a spreadsheet from running a text as a formula: an
// apostrophe makes it a text there. Texts that look as if this had been done
// to them get one more, so that [exposed] gives back all of them as they were.
func protected(text string) string {
	if isFormula(strings.TrimLeft(text, "'")) {
		return "'" + text
	}
	return text
}

// exposed undoes protected.
func exposed(cell string) string {
	if strings.HasPrefix(cell, "'") && isFormula(strings.TrimLeft(cell, "'")) {
		return cell[1:]
	}
	return cell
}

func isFormula(text string) bool {
	return text != "" && strings.IndexByte("=+-@\t\r\n", text[0]) >= 0
}
