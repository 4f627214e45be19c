package eval

import (
	"io"
	"iter"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Format is a kind of file that holds a dataset.
type Format string

// The formats of files.
const (
	// JSONL is a row a line, as JSON: {"input": {…}, "expectedOutput": {…},
	// "output": "…"}. A reader also takes expected_output and expected, which
	// may be a text: that becomes {"output": text}.
	JSONL Format = "jsonl"
	// CSV has a header and a row a record (RFC 4180). The columns are
	//
	//	input.x      the member x of input
	//	expected.x   the member x of expectedOutput
	//	expected     a text: the member "output" of expectedOutput
	//	output       the recorded output
	//	x            any other name: the member x of input
	//
	// Cells are texts; an empty one is no member at all. A column whose name
	// ends in ":json" holds JSON instead, as in input.n:json, and input:json
	// and expected:json hold a whole object. A text that a spreadsheet would
	// run as a formula is led by an apostrophe, which a reader takes away.
	CSV Format = "csv"
)

func (f Format) check() error {
	if f != JSONL && f != CSV {
		return pmerr.Invalid("format must be one of jsonl, csv")
	}
	return nil
}

// byteOrderMark is what some programs put before UTF-8.
const byteOrderMark = "\uFEFF"

// ReadRows reads the rows of a file as the loop asks for them. What is wrong
// with the file comes as one ErrValidation at the end, each fault with its
// line; beyond MaxRows or MaxDatasetBytes the sequence ends with ErrBadRequest.
// After the first fault no rows are given out any more.
func ReadRows(r io.Reader, f Format) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		if err := f.check(); err != nil {
			yield(Row{}, err)
			return
		}
		t := taker{yield: yield}
		read := readJSONL
		if f == CSV {
			read = readCSV
		}
		err := read(r, &t)
		if err == nil {
			err = t.err()
		}
		if err != nil && !t.left {
			yield(Row{}, err)
		}
	}
}

// taker checks rows as they are read and hands them on.
type taker struct {
	faults
	yield func(Row, error) bool
	rows  int
	size  int64
	// left is set when the loop was left.
	left bool
}

// take hands a row on. It returns false when reading is over: the loop was
// left, or there is more wrong than anybody wants to know.
func (t *taker) take(row Row) (more bool, err error) {
	t.row(&row)
	t.rows++
	t.size += row.size()
	switch {
	case t.rows > MaxRows:
		return false, ErrTooManyRows()
	case t.size > MaxDatasetBytes:
		return false, ErrTooLarge()
	case t.list == nil:
		t.left = !t.yield(row, nil)
		return !t.left, nil
	}
	return len(t.list) < maxFaults, nil
}

// WriteRows writes rows as a file, in memory that does not grow with them.
// For CSV it goes over the rows twice, to know the columns; rows that were
// added meanwhile are left out.
func WriteRows(w io.Writer, f Format, rows iter.Seq2[Row, error]) error {
	if err := f.check(); err != nil {
		return err
	}
	if f == CSV {
		return writeCSV(w, rows)
	}
	return writeJSONL(w, rows)
}
