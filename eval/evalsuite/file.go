package evalsuite

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func export(tb testing.TB, e eval.Files, id int64, f eval.Format) string {
	tb.Helper()
	var out bytes.Buffer
	require.NoError(tb, e.ExportDataset(tb.Context(), id, f, &out))
	return out.String()
}

func imported(tb testing.TB, e Evals, f eval.Format, text string) []eval.Row {
	tb.Helper()
	d, err := e.ImportDataset(tb.Context(), "imported", f, strings.NewReader(text))
	require.NoError(tb, err)
	require.Equal(tb, "imported", d.Name)
	rows := rowsOf(tb, e, d.ID)
	require.Len(tb, rows, d.RowCount)
	return rows
}

func fileCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"what goes out comes in as it was": func(t *testing.T, e Env) {
			for _, rows := range [][]eval.Row{
				oddRows(),
				{},
				{row(`{}`, "", "")},
				{row(`{}`, `{}`, "")},
				{row(`{"a":"x"}`, "", ""), row(`{}`, "", ""), row(`{"a":"y"}`, "", "")},
				{row(`{}`, "", ""), row(`{}`, `{"a":1}`, "=out")},
				{row(`{"x":"1"}`, "", ""), row(`{"x":1}`, "", "")},
			} {
				id := createDataset(t, e.Mine, rows...).ID
				for _, f := range []eval.Format{eval.JSONL, eval.CSV} {
					text := export(t, e.Mine, id, f)
					sameRows(t, rows, imported(t, e.Mine, f, text))
				}
			}
		},

		"more rows than are read at once": func(t *testing.T, e Env) {
			var rows []eval.Row
			for i := range 1234 {
				rows = append(rows, row(`{"i":`+itoa(int64(i))+`}`, "", "out"))
			}
			id := createDataset(t, e.Mine, rows...).ID
			lines := strings.Split(strings.TrimSuffix(export(t, e.Mine, id, eval.JSONL), "\n"), "\n")
			require.Len(t, lines, 1234)
			require.Contains(t, lines[1233], `"input":{"i":1233}`)
			records, err := csv.NewReader(strings.NewReader(export(t, e.Mine, id, eval.CSV))).ReadAll()
			require.NoError(t, err)
			require.Len(t, records, 1235)
			require.Equal(t, []string{"input.i:json", "output"}, records[0])
			require.Equal(t, []string{"1233", "out"}, records[1234])
		},

		"a spreadsheet finds no formula": func(t *testing.T, e Env) {
			formulas := []string{"=1+1", "+1", "-1", "@x", "\tx", "\nx", "'=x"}
			var rows []eval.Row
			for _, f := range formulas {
				rows = append(rows, eval.Row{Input: raw(asJSON(t, map[string]string{"a": f})), ExpectedOutput: raw(asJSON(t, map[string]string{f: f})), Output: &f})
			}
			records, err := csv.NewReader(strings.NewReader(export(t, e.Mine, createDataset(t, e.Mine, rows...).ID, eval.CSV))).ReadAll()
			require.NoError(t, err)
			for _, record := range records {
				for _, cell := range record {
					require.False(t, cell != "" && strings.ContainsRune("=+-@\t\n", rune(cell[0])), "%q", cell)
				}
			}
		},

		"a table as people write it": func(t *testing.T, e Env) {
			sameRows(t, []eval.Row{
				row(`{"question":"2+2?","context":"math"}`, `{"output":"4"}`, ""),
				row(`{"question":"Hi, \"you\"\nthere"}`, "", "answered"),
				row(`{"question":"=1"}`, "", ""),
			}, imported(t, e.Mine, eval.CSV, "\uFEFF question , context ,expected_output,output\r\n2+2?,math,4,\r\n\r\n\"Hi, \"\"you\"\"\nthere\",,,answered\r\n'=1,,,\r\n"))
			sameRows(t, []eval.Row{row(`{"input":"x","n":[1, 2]}`, `{"a":"1","output":"y"}`, "")},
				imported(t, e.Mine, eval.CSV, "input,n:json,expected.a,expected\nx,\"[1, 2]\",1,y\n"))
			sameRows(t, []eval.Row{row(`{"a":1}`, `{"b":2}`, "-3")},
				imported(t, e.Mine, eval.CSV, "expected:json,input:json,output:json\n\"{\"\"b\"\":2}\",\"{\"\"a\"\":1}\",\"\"\"-3\"\"\"\n"))
		},

		"lines as other tools write them": func(t *testing.T, e Env) {
			sameRows(t, []eval.Row{
				row(`{"a":1}`, `{"output":"text"}`, ""), row(`{"a":2}`, `{"b":1}`, "o"), row(`{"a":3}`, `{"c":1}`, ""), row(`{"a":4}`, "", ""),
			}, imported(t, e.Mine, eval.JSONL, "\uFEFF{\"input\":{\"a\":1},\"expected\":\"text\",\"id\":5}\r\n\n"+
				"{\"input\":{\"a\":2},\"expected_output\":{\"b\":1},\"output\":\"o\",\"other\":[]}\n  "+
				"{\"input\":{\"a\":3},\"expectedOutput\":{\"c\":1},\"expected\":\"no\"}\n"+
				"{\"input\":{\"a\":4},\"expectedOutput\":null,\"output\":null}"))
			require.Empty(t, imported(t, e.Mine, eval.JSONL, ""))
		},

		"what is wrong is named by its line, and nothing is kept": func(t *testing.T, e Env) {
			for name, test := range map[string]struct {
				format eval.Format
				text   string
				faults []string
			}{
				"no JSON":            {eval.JSONL, "{\"input\":{}}\n{\"input\":\n[]\n", []string{"line 2: ", "line 3: "}},
				"no input":           {eval.JSONL, "\n{}\n{\"input\":[]}\n", []string{"line 2: input", "line 3: input"}},
				"an output":          {eval.JSONL, `{"input":{},"output":5}`, []string{"line 1: output"}},
				"an expected list":   {eval.JSONL, `{"input":{},"expected":[5]}`, []string{"line 1: expectedOutput"}},
				"NUL":                {eval.JSONL, `{"input":{"a":"\u0000"}}`, []string{"line 1: input"}},
				"half a character":   {eval.JSONL, "{\"input\":{\"a\":\"\xff\"}}", []string{"line 1: input"}},
				"no header":          {eval.CSV, "", []string{"line 1: "}},
				"a nameless column":  {eval.CSV, "a,,c\n1,2,3\n", []string{"line 1: column 2"}},
				"a column twice":     {eval.CSV, "a,input.a\n1,2\n", []string{"line 1: column 2"}},
				"whole and parts":    {eval.CSV, "input:json,a\n{},1\n", []string{"line 1: input:json"}},
				"cells that lack":    {eval.CSV, "a,b\n1\n1,2\n1,2,3\n", []string{"line 2: ", "line 4: "}},
				"a quote":            {eval.CSV, "a,b\n\"x\ny\",1\nx\"y,2\n", []string{"line 4: "}},
				"no JSON in a cell":  {eval.CSV, "a:json,b\n1,2\n{,2\n", []string{"line 3: column 1"}},
				"a list as input":    {eval.CSV, "input:json\n[1]\n", []string{"line 2: input"}},
				"an output in JSON":  {eval.CSV, "a,output:json\n1,5\n", []string{"line 2: column 2"}},
				"not UTF-8":          {eval.CSV, "a,b\n\xff,2\n", []string{"line 2: column 1"}},
				"far too many cells": {eval.CSV, "a" + strings.Repeat(",", 500_000) + "\n", []string{"a line of the file"}},
			} {
				_, err := e.Mine.ImportDataset(t.Context(), "d", test.format, strings.NewReader(test.text))
				require.ErrorIs(t, err, pmerr.ErrValidation, name)
				got := pmerr.From(err).Fields
				require.Len(t, got, len(test.faults), "%s: %v", name, got)
				for i, want := range test.faults {
					require.True(t, strings.HasPrefix(got[i], want), "%s: %v", name, got)
				}
			}
			_, err := e.Mine.ImportDataset(t.Context(), "d", eval.JSONL, strings.NewReader(strings.Repeat("x\n", 20_000)))
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.LessOrEqual(t, len(pmerr.From(err).Fields), 101)
			_, err = e.Mine.ImportDataset(t.Context(), strings.Repeat("x", 129), eval.JSONL, strings.NewReader("{}"))
			require.ErrorIs(t, err, pmerr.ErrValidation)
			_, err = e.Mine.ImportDataset(t.Context(), "d", "xlsx", strings.NewReader("{}"))
			fault(t, err, "format")
			require.Empty(t, pagetest.Keys(t, datasetsOf(e.Mine), datasetKey))
			fault(t, e.Mine.ExportDataset(t.Context(), 1, "xlsx", &strings.Builder{}), "format")
		},

		"a writer that fails ends the export": func(t *testing.T, e Env) {
			id := createDataset(t, e.Mine, oddRows()...).ID
			for _, f := range []eval.Format{eval.JSONL, eval.CSV} {
				require.ErrorIs(t, e.Mine.ExportDataset(t.Context(), id, f, broken{}), errBroken)
			}
			require.NoError(t, e.Mine.DeleteDataset(t.Context(), id), "nothing is left locked")
		},
	}
}

var errBroken = errors.New("the disk is full")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }
